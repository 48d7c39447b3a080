#include "engine/gguf.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <memory>
#include <new>
#include <unordered_map>
#include <vector>

#include <unistd.h>

#include "engine/gguf_header.h"
#include "engine/gguf_mapping.h"
#include "engine/sha256.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvasir {

struct GgufFile::Impl {
    std::filesystem::path path;
    std::unique_ptr<GgufMapping> mapping;
    GgufHeader header;
    std::vector<GgufTensor> tensors;
    std::unordered_map<std::string_view, std::size_t> byName;

    const GgufValue* find(std::string_view key, GgufKind kind) const {
        const auto found = header.values.find(key);
        return found != header.values.end() && found->second.kind == kind ? &found->second : nullptr;
    }
    const GgufValue* array(std::string_view key) const { return find(key, GgufKind::Array); }
    std::string_view text(std::uint64_t offset) const {
        const auto length = ggufNumber<std::uint64_t>(header.bytes, offset);
        return std::string_view(header.bytes).substr(offset + 8, length);
    }
    std::optional<std::int64_t> integer(GgufKind kind, std::uint64_t offset) const;
    void describeTensors();
};

std::optional<std::int64_t> GgufFile::Impl::integer(GgufKind kind, std::uint64_t offset) const {
    const std::string_view bytes = header.bytes;
    switch (kind) {
        case GgufKind::U8:
            return ggufNumber<std::uint8_t>(bytes, offset);
        case GgufKind::I8:
            return ggufNumber<std::int8_t>(bytes, offset);
        case GgufKind::U16:
            return ggufNumber<std::uint16_t>(bytes, offset);
        case GgufKind::I16:
            return ggufNumber<std::int16_t>(bytes, offset);
        case GgufKind::U32:
            return ggufNumber<std::uint32_t>(bytes, offset);
        case GgufKind::I32:
            return ggufNumber<std::int32_t>(bytes, offset);
        case GgufKind::I64:
            return ggufNumber<std::int64_t>(bytes, offset);
        case GgufKind::U64: {
            const auto value = ggufNumber<std::uint64_t>(bytes, offset);
            constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
            if (value <= kMost) return static_cast<std::int64_t>(value);
            return std::nullopt;
        }
        default:
            return std::nullopt;
    }
}

void GgufFile::Impl::describeTensors() {
    tensors.reserve(header.tensors.size());
    for (GgufTensorEntry& entry : header.tensors) {
        const auto data = mapping->data().subspan(entry.begin, entry.bytes);
        tensors.push_back({std::move(entry.name), entry.type, std::move(entry.shape), data});
    }
    header.tensors.clear();
    for (std::size_t i = 0; i < tensors.size(); ++i)
        byName.emplace(tensors[i].name, i);
}

GgufFile::GgufFile(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
GgufFile::~GgufFile() = default;

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::filesystem::path& path) {
    try {
        auto impl = std::make_unique<Impl>();
        impl->path = path;
        auto mapping = GgufMapping::open(path);
        if (!mapping) return tl::unexpected(mapping.error());
        impl->mapping = std::move(*mapping);
        auto header =
            readGgufHeader(impl->mapping->descriptor(), impl->mapping->data().size(), path.string());
        if (!header) return tl::unexpected(header.error());
        impl->header = std::move(*header);
        impl->describeTensors();
        return std::unique_ptr<GgufFile>(new GgufFile(std::move(impl)));
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory to read the model file's metadata.",
                    path.string(), "Close other programs and try again.");
    }
}

const std::filesystem::path& GgufFile::path() const {
    return m_impl->path;
}
std::uint64_t GgufFile::bytes() const {
    return m_impl->mapping->data().size();
}
bool GgufFile::intact() const {
    return m_impl->mapping->intact();
}

Result<std::string> GgufFile::fingerprint() const {
    // Read, not looked at through the mapping, whose pages would count as this program's memory.
    constexpr std::size_t kPart = std::size_t{1} << 20;
    std::vector<std::byte> part(kPart);
    const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                                XXH3_freeState);
    if (state == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state.get());
    std::uint64_t done = 0;
    while (done < bytes()) {
        const ssize_t n = pread(m_impl->mapping->descriptor(), part.data(),
                                std::min<std::uint64_t>(kPart, bytes() - done), static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        XXH3_128bits_update(state.get(), part.data(), static_cast<std::size_t>(n));
        done += static_cast<std::uint64_t>(n);
    }
    if (done < bytes() || !intact()) {
        return fail(ErrorCode::Damaged, "The model file has lost data since it was opened.",
                    m_impl->path.string(), "Download the model again, or choose another one.");
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
    return hexadecimal(std::as_bytes(std::span(canonical.digest)));
}

bool GgufFile::has(std::string_view key) const {
    return m_impl->header.values.contains(key);
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
    const auto found = m_impl->header.values.find(key);
    if (found == m_impl->header.values.end()) return std::nullopt;
    return m_impl->integer(found->second.kind, found->second.offset);
}

std::optional<double> GgufFile::number(std::string_view key) const {
    if (const GgufValue* value = m_impl->find(key, GgufKind::F32)) {
        return std::bit_cast<float>(ggufNumber<std::uint32_t>(m_impl->header.bytes, value->offset));
    }
    if (const GgufValue* value = m_impl->find(key, GgufKind::F64)) {
        return std::bit_cast<double>(ggufNumber<std::uint64_t>(m_impl->header.bytes, value->offset));
    }
    const auto whole = integer(key);
    return whole ? std::optional<double>(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
    const GgufValue* value = m_impl->find(key, GgufKind::Bool);
    if (value == nullptr) return std::nullopt;
    return m_impl->header.bytes[value->offset] != 0;
}

std::optional<std::string_view> GgufFile::string(std::string_view key) const {
    const GgufValue* value = m_impl->find(key, GgufKind::String);
    return value != nullptr ? std::optional(m_impl->text(value->offset)) : std::nullopt;
}

std::vector<std::string_view> GgufFile::strings(std::string_view key) const {
    std::vector<std::string_view> texts;
    const GgufValue* value = m_impl->array(key);
    if (value == nullptr || value->element != GgufKind::String) return texts;
    texts.reserve(value->count);
    std::uint64_t offset = value->offset;
    for (std::uint64_t i = 0; i < value->count; ++i) {
        texts.push_back(m_impl->text(offset));
        offset += 8 + texts.back().size();
    }
    return texts;
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
    std::vector<std::int64_t> numbers;
    const GgufValue* value = m_impl->array(key);
    if (value == nullptr) return numbers;
    const std::uint64_t width = ggufKindBytes(value->element);
    for (std::uint64_t i = 0; i < value->count; ++i) {
        const auto number = m_impl->integer(value->element, value->offset + i * width);
        if (!number) return {};
        numbers.push_back(*number);
    }
    return numbers;
}

std::vector<float> GgufFile::floats(std::string_view key) const {
    std::vector<float> numbers;
    const GgufValue* value = m_impl->array(key);
    if (value == nullptr || value->element != GgufKind::F32) return numbers;
    numbers.reserve(value->count);
    for (std::uint64_t i = 0; i < value->count; ++i) {
        numbers.push_back(
            std::bit_cast<float>(ggufNumber<std::uint32_t>(m_impl->header.bytes, value->offset + i * 4)));
    }
    return numbers;
}

std::span<const GgufTensor> GgufFile::tensors() const {
    return m_impl->tensors;
}

const GgufTensor* GgufFile::tensor(std::string_view name) const {
    const auto found = m_impl->byName.find(name);
    return found != m_impl->byName.end() ? &m_impl->tensors[found->second] : nullptr;
}

}  // namespace kvasir
