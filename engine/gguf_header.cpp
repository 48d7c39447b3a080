#include "engine/gguf_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "engine/gguf_reader.h"

namespace kvasir {
namespace {

constexpr std::uint64_t kMaxTensors = 65536;
constexpr std::uint64_t kMaxKeys = 65536;
constexpr std::uint64_t kMaxKeyBytes = 65535;
constexpr std::uint64_t kMaxNameBytes = 64;
constexpr std::uint64_t kMaxStringBytes = 16ULL << 20;
constexpr int kMaxArrayDepth = 4;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1ULL << 20;
constexpr std::string_view kAlignmentKey = "general.alignment";

struct TypeNumber {
    std::uint32_t number;
    std::optional<kernels::TensorType> type;  ///< empty: known by name only
    std::string_view name;
};

using kernels::TensorType;
constexpr std::array kTypeNumbers{
    TypeNumber{0, TensorType::F32, "F32"},      TypeNumber{1, TensorType::F16, "F16"},
    TypeNumber{2, TensorType::Q4_0, "Q4_0"},    TypeNumber{3, TensorType::Q4_1, "Q4_1"},
    TypeNumber{4, std::nullopt, "Q4_2"},        TypeNumber{5, std::nullopt, "Q4_3"},
    TypeNumber{6, TensorType::Q5_0, "Q5_0"},    TypeNumber{7, TensorType::Q5_1, "Q5_1"},
    TypeNumber{8, TensorType::Q8_0, "Q8_0"},    TypeNumber{9, std::nullopt, "Q8_1"},
    TypeNumber{10, TensorType::Q2_K, "Q2_K"},   TypeNumber{11, TensorType::Q3_K, "Q3_K"},
    TypeNumber{12, TensorType::Q4_K, "Q4_K"},   TypeNumber{13, TensorType::Q5_K, "Q5_K"},
    TypeNumber{14, TensorType::Q6_K, "Q6_K"},   TypeNumber{15, std::nullopt, "Q8_K"},
    TypeNumber{16, std::nullopt, "IQ2_XXS"},    TypeNumber{17, std::nullopt, "IQ2_XS"},
    TypeNumber{18, std::nullopt, "IQ3_XXS"},    TypeNumber{19, std::nullopt, "IQ1_S"},
    TypeNumber{20, std::nullopt, "IQ4_NL"},     TypeNumber{21, std::nullopt, "IQ3_S"},
    TypeNumber{22, std::nullopt, "IQ2_S"},      TypeNumber{23, std::nullopt, "IQ4_XS"},
    TypeNumber{24, std::nullopt, "I8"},         TypeNumber{25, std::nullopt, "I16"},
    TypeNumber{26, std::nullopt, "I32"},        TypeNumber{27, std::nullopt, "I64"},
    TypeNumber{28, std::nullopt, "F64"},        TypeNumber{29, std::nullopt, "IQ1_M"},
    TypeNumber{30, TensorType::BF16, "BF16"},   TypeNumber{31, std::nullopt, "Q4_0_4_4"},
    TypeNumber{32, std::nullopt, "Q4_0_4_8"},   TypeNumber{33, std::nullopt, "Q4_0_8_8"},
    TypeNumber{34, std::nullopt, "TQ1_0"},      TypeNumber{35, std::nullopt, "TQ2_0"},
    TypeNumber{36, std::nullopt, "IQ4_NL_4_4"}, TypeNumber{37, std::nullopt, "IQ4_NL_4_8"},
    TypeNumber{38, std::nullopt, "IQ4_NL_8_8"}, TypeNumber{39, std::nullopt, "MXFP4"},
};
/// Beyond this a number is not a newer type but damage.
constexpr std::uint32_t kLastPlausibleType = 255;

/// A name for messages: quoted, control characters and the like as \xNN, cut at 80 bytes.
std::string quoted(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string result = "'";
    for (const char c : text.substr(0, 80)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            result += c;
        } else {
            result += "\\x";
            result += kDigits[byte >> 4];
            result += kDigits[byte & 15];
        }
    }
    return result + (text.size() > 80 ? "...'" : "'");
}

bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
    return !__builtin_mul_overflow(a, b, &product);
}

/// The steps of reading a header, in the file's order.
class HeaderParser {
public:
    HeaderParser(int descriptor, std::uint64_t size, const std::string& name)
        : m_reader(descriptor, size, name) {}

    Result<GgufHeader> parse() {
        const bool good = readStart() && readValues() && readTensors() && placeTensors();
        if (!good) return tl::unexpected(m_reader.error());
        m_header.bytes = m_reader.takeBytes();
        return std::move(m_header);
    }

private:
    bool readStart();
    bool checkMagic();
    bool checkVersion(std::uint32_t version);
    bool readValues();
    bool readKey(std::string& key);
    bool readValue(GgufValue& value);
    bool skipValue(GgufKind kind, int depth);
    bool readArrayStart(GgufKind& element, std::uint64_t& count, int depth);
    bool skipElements(GgufKind element, std::uint64_t count, int depth);
    bool readAlignment(const GgufValue& value);
    bool readTensors();
    bool readTensor(GgufTensorEntry& tensor);
    bool readShape(GgufTensorEntry& tensor, std::uint64_t& elements);
    bool readType(GgufTensorEntry& tensor);
    bool measure(GgufTensorEntry& tensor, std::uint64_t elements, std::uint64_t offset);
    bool placeTensors();

    GgufReader m_reader;
    GgufHeader m_header;
    std::uint64_t m_tensorCount = 0;
    std::uint64_t m_keyCount = 0;
    std::uint64_t m_alignment = kDefaultAlignment;
    std::unordered_set<std::string> m_names;
};

bool HeaderParser::checkMagic() {
    if (m_reader.size() < 4) {
        return m_reader.refused(ErrorCode::Unsupported, "This is not a GGUF model file.", "magic", 0,
                                "Choose a .gguf file, or download the model again.");
    }
    const auto magic = m_reader.number<std::uint32_t>("magic");
    if (m_reader.failed()) return false;
    constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
    if (magic == kMagic) return true;
    const std::string_view start = m_reader.bytes();
    std::string what = "This is not a GGUF model file.";
    std::string advice = "Choose a .gguf file.";
    if (start.starts_with("version https://git-lfs")) {
        what = "This is a Git LFS pointer, not the model file itself.";
        advice = "Download the file that it points to.";
    } else if (start.starts_with("<") && start.substr(0, 512).find("html") != std::string_view::npos) {
        what = "This is a web page, not a model file.";
        advice = "Download the model file itself.";
    } else if (start.size() > 10 && start.substr(8, 2) == "{\"") {
        what = "This is a safetensors file, not a GGUF model file.";
        advice = "Download the model in GGUF format.";
    }
    return m_reader.refused(ErrorCode::Unsupported, what, "magic", 0, advice);
}

bool HeaderParser::checkVersion(std::uint32_t version) {
    if (version == 2 || version == 3) return true;
    if (m_reader.failed()) return false;
    const bool bigEndian = (version & 0xffffU) == 0 && version != 0;
    const std::string what = bigEndian ? "This GGUF file is in big-endian byte order, which is not supported."
                                       : "This file is in version " + std::to_string(version) +
                                             " of the GGUF format; versions 2 and 3 are supported.";
    return m_reader.refused(ErrorCode::Unsupported, what, "version", 4,
                            "Choose a little-endian GGUF file of version 2 or 3.");
}

bool HeaderParser::readStart() {
    if (!checkMagic() || !checkVersion(m_reader.number<std::uint32_t>("version"))) return false;
    m_tensorCount = m_reader.number<std::uint64_t>("tensor count");
    m_keyCount = m_reader.number<std::uint64_t>("metadata count");
    if (m_reader.failed()) return false;
    // The smallest descriptions, so that a count that cannot be true is refused as damage, not as a limit.
    constexpr std::uint64_t kLeastTensor = 8 + 1 + 4 + 8 + 4 + 8;
    constexpr std::uint64_t kLeastKey = 8 + 1 + 4 + 1;
    if (m_tensorCount > m_reader.left() / kLeastTensor) {
        return m_reader.damaged(std::to_string(m_tensorCount) + " tensors cannot lie in this file",
                                "tensor count", 8);
    }
    if (m_keyCount > m_reader.left() / kLeastKey) {
        return m_reader.damaged(std::to_string(m_keyCount) + " metadata keys cannot lie in this file",
                                "metadata count", 16);
    }
    if (m_tensorCount > kMaxTensors || m_keyCount > kMaxKeys) {
        const bool tensors = m_tensorCount > kMaxTensors;
        return m_reader.refused(ErrorCode::TooLarge,
                                "The model file has more than 65,536 " +
                                    std::string(tensors ? "tensors" : "metadata keys") +
                                    ", which is not supported.",
                                tensors ? "tensor count" : "metadata count", tensors ? 8 : 16,
                                "Download the file again, or choose another model file.");
    }
    return true;
}

bool HeaderParser::readValues() {
    for (std::uint64_t i = 0; i < m_keyCount; ++i) {
        m_reader.setContext("metadata entry " + std::to_string(i + 1) + " of " + std::to_string(m_keyCount));
        std::string key;
        GgufValue value;
        if (!readKey(key) || !readValue(value)) return false;
        if (key == kAlignmentKey && !readAlignment(value)) return false;
        m_header.values.emplace(std::move(key), value);
    }
    return true;
}

bool HeaderParser::readKey(std::string& key) {
    const std::uint64_t start = m_reader.position();
    key = m_reader.string("key", kMaxKeyBytes);
    if (m_reader.failed()) return false;
    if (key.empty()) return m_reader.damaged("a metadata key is empty", "key", start);
    m_reader.setContext("metadata key " + quoted(key));
    if (m_header.values.contains(key)) {
        return m_reader.damaged("the metadata key " + quoted(key) + " is there twice", "key", start);
    }
    return true;
}

bool HeaderParser::readValue(GgufValue& value) {
    const std::uint64_t start = m_reader.position();
    const auto kind = m_reader.number<std::uint32_t>("value type");
    if (m_reader.failed()) return false;
    if (kind > static_cast<std::uint32_t>(GgufKind::F64)) {
        return m_reader.damaged("there is no value type " + std::to_string(kind), "value type", start);
    }
    value.kind = static_cast<GgufKind>(kind);
    if (value.kind != GgufKind::Array) {
        value.offset = m_reader.position();
        return skipValue(value.kind, 0);
    }
    if (!readArrayStart(value.element, value.count, 1)) return false;
    value.offset = m_reader.position();
    return skipElements(value.element, value.count, 1);
}

bool HeaderParser::skipValue(GgufKind kind, int depth) {
    if (kind == GgufKind::String) {
        m_reader.string("text", kMaxStringBytes);
    } else if (kind == GgufKind::Array) {
        GgufKind element = GgufKind::U8;
        std::uint64_t count = 0;
        return readArrayStart(element, count, depth + 1) && skipElements(element, count, depth + 1);
    } else if (kind == GgufKind::Bool) {
        const std::uint64_t start = m_reader.position();
        if (m_reader.number<std::uint8_t>("value") > 1) {
            return m_reader.damaged("a truth value is neither 0 nor 1", "value", start);
        }
    } else {
        m_reader.skip(ggufKindBytes(kind), "value");
    }
    return !m_reader.failed();
}

bool HeaderParser::readArrayStart(GgufKind& element, std::uint64_t& count, int depth) {
    const std::uint64_t start = m_reader.position();
    const auto kind = m_reader.number<std::uint32_t>("array element type");
    count = m_reader.number<std::uint64_t>("array length");
    if (m_reader.failed()) return false;
    if (kind > static_cast<std::uint32_t>(GgufKind::F64)) {
        return m_reader.damaged("there is no value type " + std::to_string(kind), "array element type",
                                start);
    }
    element = static_cast<GgufKind>(kind);
    if (depth > kMaxArrayDepth) {
        return m_reader.damaged("arrays are nested more than 4 deep", "array element type", start);
    }
    const std::uint64_t least = element == GgufKind::String  ? 8
                                : element == GgufKind::Array ? 12
                                                             : ggufKindBytes(element);
    if (count > m_reader.left() / least) {
        return m_reader.damaged(
            "an array of " + std::to_string(count) + " elements does not fit in the rest of the file",
            "array length", start + 4);
    }
    return true;
}

bool HeaderParser::skipElements(GgufKind element, std::uint64_t count, int depth) {
    const bool plain = element != GgufKind::String && element != GgufKind::Array && element != GgufKind::Bool;
    if (plain) {
        m_reader.skip(count * ggufKindBytes(element), "array elements");  // readArrayStart bounds the product
        return !m_reader.failed();
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        if (!skipValue(element, depth)) return false;
    }
    return true;
}

bool HeaderParser::readAlignment(const GgufValue& value) {
    if (value.kind != GgufKind::U32) {
        return m_reader.damaged("the alignment is not a 32-bit number", "value type", value.offset - 4);
    }
    m_alignment = ggufNumber<std::uint32_t>(m_reader.bytes(), value.offset);
    const bool powerOfTwo = m_alignment != 0 && (m_alignment & (m_alignment - 1)) == 0;
    if (powerOfTwo && m_alignment >= 8 && m_alignment <= kMaxAlignment) return true;
    return m_reader.damaged("an alignment of " + std::to_string(m_alignment) + " bytes is not possible",
                            "value", value.offset);
}

bool HeaderParser::readTensors() {
    m_header.tensors.reserve(m_tensorCount);
    for (std::uint64_t i = 0; i < m_tensorCount; ++i) {
        m_reader.setContext("tensor " + std::to_string(i + 1) + " of " + std::to_string(m_tensorCount));
        if (!readTensor(m_header.tensors.emplace_back())) return false;
    }
    return true;
}

bool HeaderParser::readTensor(GgufTensorEntry& tensor) {
    const std::uint64_t start = m_reader.position();
    tensor.name = m_reader.string("name", kMaxNameBytes);
    if (m_reader.failed()) return false;
    if (tensor.name.empty()) return m_reader.damaged("a tensor has no name", "name", start);
    m_reader.setContext("tensor " + quoted(tensor.name));
    if (!m_names.insert(tensor.name).second) {
        return m_reader.damaged("the tensor " + quoted(tensor.name) + " is there twice", "name", start);
    }
    std::uint64_t elements = 1;
    if (!readShape(tensor, elements) || !readType(tensor)) return false;
    const std::uint64_t offsetPosition = m_reader.position();
    const auto offset = m_reader.number<std::uint64_t>("offset");
    if (m_reader.failed()) return false;
    if (offset % m_alignment != 0) {
        return m_reader.damaged(
            "the offset " + std::to_string(offset) + " is not a multiple of " + std::to_string(m_alignment),
            "offset", offsetPosition);
    }
    return measure(tensor, elements, offset);
}

bool HeaderParser::readShape(GgufTensorEntry& tensor, std::uint64_t& elements) {
    const std::uint64_t start = m_reader.position();
    const auto dimensions = m_reader.number<std::uint32_t>("dimension count");
    if (m_reader.failed()) return false;
    if (dimensions < 1 || dimensions > kMaxDimensions) {
        return m_reader.damaged(std::to_string(dimensions) + " dimensions instead of 1 to 4",
                                "dimension count", start);
    }
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const std::uint64_t position = m_reader.position();
        const auto length = m_reader.number<std::uint64_t>("dimension");
        if (m_reader.failed()) return false;
        constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (length == 0 || !multiply(elements, length, elements) || elements > kMost) {
            return m_reader.damaged("a dimension of " + std::to_string(length) + " is not possible",
                                    "dimension", position);
        }
        tensor.shape.push_back(static_cast<std::int64_t>(length));
    }
    return true;
}

bool HeaderParser::readType(GgufTensorEntry& tensor) {
    const std::uint64_t start = m_reader.position();
    const auto number = m_reader.number<std::uint32_t>("type");
    if (m_reader.failed()) return false;
    const auto* known = std::find_if(kTypeNumbers.begin(), kTypeNumbers.end(),
                                     [&](const TypeNumber& entry) { return entry.number == number; });
    if (known != kTypeNumbers.end() && known->type) {
        tensor.type = *known->type;
        return true;
    }
    if (number > kLastPlausibleType) {
        return m_reader.damaged("there is no tensor type " + std::to_string(number), "type", start);
    }
    const std::string name =
        known != kTypeNumbers.end() ? std::string(known->name) : "number " + std::to_string(number);
    return m_reader.refused(ErrorCode::Unsupported,
                            "The model file holds weights of type " + name +
                                ", which is not supported; supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, "
                                "Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K and Q6_K.",
                            "type", start,
                            "Choose a file of the same model in one of these types, for example Q4_K_M.");
}

bool HeaderParser::measure(GgufTensorEntry& tensor, std::uint64_t elements, std::uint64_t offset) {
    const kernels::TensorTypeInfo& type = kernels::info(tensor.type);
    const auto block = static_cast<std::uint64_t>(type.block);
    const std::uint64_t position = m_reader.position();
    if (tensor.shape[0] % type.block != 0) {
        return m_reader.damaged("rows of " + std::to_string(tensor.shape[0]) +
                                    " elements are not whole blocks of type " + std::string(type.name),
                                "dimension", position);
    }
    if (!multiply(elements / block, static_cast<std::uint64_t>(type.bytes), tensor.bytes) ||
        tensor.bytes > m_reader.size()) {
        return m_reader.damaged("the tensor is larger than the file", "dimension", position);
    }
    tensor.begin = offset;
    return true;
}

bool HeaderParser::placeTensors() {
    m_reader.setContext("");
    std::vector<GgufTensorEntry>& tensors = m_header.tensors;
    const std::uint64_t start = (m_reader.position() + m_alignment - 1) / m_alignment * m_alignment;
    for (GgufTensorEntry& tensor : tensors) {
        const std::uint64_t room = m_reader.size() > start ? m_reader.size() - start : 0;
        if (tensor.begin > room || tensor.bytes > room - tensor.begin) {
            return m_reader.damaged(
                "the data of tensor " + quoted(tensor.name) + " (" + std::to_string(tensor.bytes) +
                    " bytes at " + std::to_string(tensor.begin) + " after byte " + std::to_string(start) +
                    ") lie beyond the file's end at byte " + std::to_string(m_reader.size()),
                "offset", m_reader.size());
        }
        tensor.begin += start;
    }
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return tensors[a].begin < tensors[b].begin; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const GgufTensorEntry& before = tensors[order[i - 1]];
        const GgufTensorEntry& after = tensors[order[i]];
        if (before.begin + before.bytes <= after.begin) continue;
        return m_reader.damaged(
            "the data of tensors " + quoted(before.name) + " and " + quoted(after.name) + " overlap",
            "offset", after.begin);
    }
    return true;
}

}  // namespace

std::uint64_t ggufKindBytes(GgufKind kind) {
    constexpr std::array<std::uint64_t, 13> kBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return kBytes[static_cast<std::size_t>(kind)];
}

Result<GgufHeader> readGgufHeader(int descriptor, std::uint64_t size, const std::string& name) {
    return HeaderParser(descriptor, size, name).parse();
}

}  // namespace kvasir
