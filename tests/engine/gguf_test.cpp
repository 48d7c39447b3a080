// GGUF files: what is read, and what is said about files that are not right.
#include "engine/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engine/gguf_writer.h"
#include "tests/engine/memory_file.h"
#include "tests/engine/model_folder.h"
#include "tests/engine/scratch_file.h"

namespace kvasir {
namespace {

using kernels::TensorType;
using test::GgufWriter;
using test::littleEndian;
using test::MemoryFile;
using test::ScratchFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A little of everything.
GgufWriter example() {
    GgufWriter writer;
    writer.string("general.architecture", "llama")
        .u32("llama.block_count", 7)
        .i32("negative", -3)
        .u64("large", 1ULL << 40)
        .u64("too.large", ~0ULL)
        .f32("scale", 0.5F)
        .boolean("yes", true)
        .strings("texts", {"a", "", "\xE3\x81\x82"})
        .i32s("numbers", {1, -1, 2})
        .f32s("floats", {1.5F, -2})
        .add("nested", 9,
             GgufWriter::arrayStart(9, 2) + GgufWriter::arrayStart(0, 1) + "x" +
                 GgufWriter::arrayStart(8, 1) + test::ggufString("y"));
    const std::array<float, 6> values{1, 2, 3, 4, 5, 6};
    writer.tensor("first", {3, 2}, values);
    writer.tensor("second.weight", TensorType::Q4_0, {64}, std::string(36, 'q'));
    return writer;
}

Error errorOf(std::string_view content) {
    const MemoryFile memory(content);
    const auto file = GgufFile::open(memory.path());
    EXPECT_FALSE(file);
    return file ? Error{} : file.error();
}

void expectError(std::string_view content, ErrorCode code, const std::string& what,
                 const std::string& where) {
    const Error error = errorOf(content);
    EXPECT_EQ(error.code, code) << error.message();
    EXPECT_THAT(error.what, HasSubstr(what));
    EXPECT_THAT(error.where, HasSubstr(where));
    EXPECT_FALSE(error.advice.empty());
}

TEST(Gguf, ReadsMetadata) {
    const ScratchFile scratch(example().bytes());
    const auto opened = GgufFile::open(scratch.path());
    ASSERT_TRUE(opened) << opened.error().message();
    const GgufFile& file = **opened;
    EXPECT_EQ(file.string("general.architecture"), "llama");
    EXPECT_EQ(file.integer("llama.block_count"), 7);
    EXPECT_EQ(file.integer("negative"), -3);
    EXPECT_EQ(file.integer("large"), std::int64_t{1} << 40);
    EXPECT_EQ(file.integer("too.large"), std::nullopt);
    EXPECT_EQ(file.number("scale"), 0.5);
    EXPECT_EQ(file.number("llama.block_count"), 7.0);
    EXPECT_EQ(file.integer("scale"), std::nullopt);
    EXPECT_EQ(file.boolean("yes"), true);
    EXPECT_EQ(file.boolean("scale"), std::nullopt);
    EXPECT_EQ(file.string("yes"), std::nullopt);
    EXPECT_THAT(file.strings("texts"), ElementsAre("a", "", "\xE3\x81\x82"));
    EXPECT_THAT(file.integers("numbers"), ElementsAre(1, -1, 2));
    EXPECT_THAT(file.floats("floats"), ElementsAre(1.5F, -2.0F));
    EXPECT_THAT(file.integers("texts"), IsEmpty());
    EXPECT_THAT(file.integers("nested"), IsEmpty());
    EXPECT_THAT(file.strings("numbers"), IsEmpty());
    EXPECT_THAT(file.floats("numbers"), IsEmpty());
    EXPECT_TRUE(file.has("nested"));
    EXPECT_FALSE(file.has("missing"));
    EXPECT_EQ(file.string("missing"), std::nullopt);
}

TEST(Gguf, ReadsTensors) {
    const ScratchFile scratch(example().bytes(2));
    const auto opened = GgufFile::open(scratch.path());
    ASSERT_TRUE(opened) << opened.error().message();
    const GgufFile& file = **opened;
    ASSERT_EQ(file.tensors().size(), 2U);
    const GgufTensor* first = file.tensor("first");
    ASSERT_NE(first, nullptr);
    EXPECT_THAT(first->shape, ElementsAre(3, 2));
    ASSERT_EQ(first->data.size(), 24U);
    float value = 0;
    std::memcpy(&value, first->data.data() + 20, sizeof value);
    EXPECT_EQ(value, 6.0F);
    const GgufTensor* second = file.tensor("second.weight");
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->type, TensorType::Q4_0);
    EXPECT_EQ(second->data.size(), 36U);
    EXPECT_EQ(second->data[35], std::byte{'q'});
    EXPECT_EQ(file.tensor("third"), nullptr);
    EXPECT_EQ(file.bytes(), std::filesystem::file_size(scratch.path()));
    EXPECT_TRUE(file.intact());
}

TEST(Gguf, ReadsRealFiles) {
    const auto path = test::modelFile(test::kSmollm2);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model file " << path;
    const auto file = GgufFile::open(path);
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ((*file)->tensors().size(), 272U);
    EXPECT_EQ((*file)->integer("llama.block_count"), 30);
    const GgufTensor* embeddings = (*file)->tensor("token_embd.weight");
    ASSERT_NE(embeddings, nullptr);
    EXPECT_THAT(embeddings->shape, ElementsAre(576, 49152));
    EXPECT_EQ(embeddings->data.size(), std::size_t{576} * 49152 / 32 * 34);
}

TEST(Gguf, SaysWhyAPathIsNotRead) {
    const ScratchFile scratch("GGUF");
    const auto code = [](const std::filesystem::path& path) {
        const auto file = GgufFile::open(path);
        return file ? ErrorCode::Internal : file.error().code;
    };
    EXPECT_EQ(code(scratch.path().parent_path() / "missing.gguf"), ErrorCode::NotFound);
    EXPECT_EQ(code(scratch.path() / "below.gguf"), ErrorCode::NotFound);
    EXPECT_EQ(code(scratch.path().parent_path()), ErrorCode::Unreadable);
    const auto pipe = scratch.path().parent_path() / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(code(pipe), ErrorCode::Unreadable);
    scratch.write("");
    EXPECT_EQ(code(scratch.path()), ErrorCode::Empty);
    std::filesystem::permissions(scratch.path(), std::filesystem::perms::none);
    const bool root = geteuid() == 0;  // who may read every file
    if (root) {
        ASSERT_EQ(seteuid(65534), 0);
    }
    EXPECT_EQ(code(scratch.path()), ErrorCode::Unreadable);
    if (root) {
        ASSERT_EQ(seteuid(0), 0);
    }
}

TEST(Gguf, NamesWhatIsNotGguf) {
    expectError("x", ErrorCode::Unsupported, "not a GGUF", "magic");
    expectError("%PDF-1.7 and so on", ErrorCode::Unsupported, "not a GGUF", "byte offset 0");
    expectError("<!DOCTYPE html><html>", ErrorCode::Unsupported, "web page", "magic");
    expectError("version https://git-lfs.github.com/spec/v1\noid", ErrorCode::Unsupported, "Git LFS",
                "magic");
    expectError(littleEndian(std::uint64_t{20}) + "{\"__metadata__\":{}}", ErrorCode::Unsupported,
                "safetensors", "magic");
    expectError(example().bytes(1), ErrorCode::Unsupported, "version 1", "version");
    expectError(example().bytes(4), ErrorCode::Unsupported, "version 4", "byte offset 4");
    expectError(example().bytes(0x03000000), ErrorCode::Unsupported, "big-endian", "version");
}

TEST(Gguf, RefusesFilesCutAnywhere) {
    const std::string whole = example().bytes();
    const MemoryFile scratch;
    for (std::size_t length = 1; length < whole.size(); ++length) {
        scratch.write(std::string_view(whole).substr(0, length));
        const auto file = GgufFile::open(scratch.path());
        ASSERT_FALSE(file) << "cut to " << length << " bytes";
        EXPECT_EQ(file.error().code, length < 4 ? ErrorCode::Unsupported : ErrorCode::Damaged) << length;
        EXPECT_THAT(file.error().where, HasSubstr("byte offset"));
    }
}

TEST(Gguf, SurvivesEveryChangedByte) {
    const std::string whole = example().bytes();
    const MemoryFile scratch;
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const int bits : {0x01, 0x80, 0xFF}) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ bits);
            scratch.write(changed);
            const auto file = GgufFile::open(scratch.path());
            if (!file) {
                ++refused;
                EXPECT_FALSE(file.error().what.empty() || file.error().advice.empty());
                continue;
            }
            std::size_t sum = 0;  // every view lies within the file
            for (const GgufTensor& tensor : (*file)->tensors()) {
                for (const std::byte byte : tensor.data)
                    sum += static_cast<std::size_t>(byte);
            }
            for (const std::string_view text : (*file)->strings("texts"))
                sum += text.size();
            EXPECT_GT(sum, 0U);
        }
    }
    EXPECT_GT(refused, 500);
}

TEST(Gguf, RefusesAbsurdCounts) {
    const std::string start = "GGUF" + littleEndian(3U);
    const auto counts = [&](std::uint64_t tensors, std::uint64_t keys) {
        return start + littleEndian(tensors) + littleEndian(keys) + std::string(64, '\0');
    };
    expectError(counts(~0ULL, 0), ErrorCode::Damaged, "18446744073709551615 tensors", "tensor count");
    expectError(counts(0, 1ULL << 63), ErrorCode::Damaged, "metadata keys", "byte offset 16");
    expectError(start + littleEndian(std::uint64_t{70000}) + littleEndian(std::uint64_t{0}) +
                    std::string(70000 * 33, '\0'),
                ErrorCode::TooLarge, "65,536 tensors", "tensor count");
    expectError(GgufWriter().add("k", 9, GgufWriter::arrayStart(10, 1ULL << 61)).bytes(), ErrorCode::Damaged,
                "does not fit", "array length of metadata key 'k'");
    expectError(GgufWriter().add("k", 8, littleEndian(~0ULL)).bytes(), ErrorCode::Damaged, "length",
                "text of metadata key 'k'");
    std::string deep;
    for (int i = 0; i < 1000; ++i)
        deep += GgufWriter::arrayStart(9, 1);
    expectError(GgufWriter().add("k", 9, deep).bytes(), ErrorCode::Damaged, "nested", "array element type");
}

TEST(Gguf, RefusesMetadataThatBreaksTheRules) {
    expectError(GgufWriter().u32("k", 1).u32("k", 2).bytes(), ErrorCode::Damaged, "twice", "key 'k'");
    expectError(GgufWriter().u32("", 1).bytes(), ErrorCode::Damaged, "empty", "field key");
    expectError(GgufWriter().add("k", 13, "x").bytes(), ErrorCode::Damaged, "value type 13", "value type");
    expectError(GgufWriter().add("k", 7, "\2").bytes(), ErrorCode::Damaged, "truth value", "byte offset 37");
    expectError(GgufWriter().u32("general.alignment", 24).bytes(), ErrorCode::Damaged, "alignment of 24",
                "general.alignment");
    expectError(GgufWriter().u32("general.alignment", 0).bytes(), ErrorCode::Damaged, "alignment of 0",
                "value");
    expectError(GgufWriter().string("general.alignment", "x").bytes(), ErrorCode::Damaged, "32-bit", "value");
    expectError(GgufWriter().u32("a\nb", 1).u32("a\nb", 1).bytes(), ErrorCode::Damaged, "'a\\x0ab'", "key");
}

TEST(Gguf, RefusesTensorsThatBreakTheRules) {
    const auto described = [](std::uint32_t type, const std::vector<std::int64_t>& shape,
                              std::uint64_t offset) {
        return GgufWriter()
            .tensor("a", {8}, std::array<float, 8>{})
            .describe("b", type, shape, offset)
            .bytes();
    };
    constexpr auto kDamaged = ErrorCode::Damaged;
    expectError(described(0, {}, 32), kDamaged, "0 dimensions", "dimension count of tensor 'b'");
    expectError(described(0, {1, 1, 1, 1, 1}, 32), kDamaged, "5 dimensions", "dimension count");
    expectError(described(0, {0}, 32), kDamaged, "dimension of 0", "dimension");
    expectError(described(0, {-1}, 32), kDamaged, "dimension of 18446744073709551615", "dimension");
    const std::int64_t large = std::int64_t{1} << 32;
    expectError(described(0, {large, large}, 32), kDamaged, "dimension of 4294967296", "dimension");
    expectError(described(0, {large, large / 8}, 32), kDamaged, "larger than the file", "dimension");
    expectError(described(12, {300}, 32), kDamaged, "whole blocks of type Q4_K", "tensor 'b'");
    expectError(described(0, {1}, 33), kDamaged, "not a multiple of 32", "offset");
    expectError(described(0, {1}, 32), kDamaged, "beyond the file's end", "offset");
    expectError(described(0, {1}, ~0ULL - 31), kDamaged, "beyond the file's end", "offset");
    expectError(described(0, {8}, 0), kDamaged, "'a' and 'b' overlap", "offset");
    expectError(described(1000, {8}, 32), kDamaged, "no tensor type 1000", "type of tensor 'b'");
    expectError(described(23, {8}, 32), ErrorCode::Unsupported, "type IQ4_XS", "type of tensor 'b'");
    expectError(described(200, {8}, 32), ErrorCode::Unsupported, "number 200", "type of tensor 'b'");
    const std::array<float, 1> one{};
    expectError(GgufWriter().tensor("a", {1}, one).tensor("a", {1}, one).bytes(), kDamaged, "twice", "name");
    expectError(GgufWriter().tensor("", {1}, one).bytes(), kDamaged, "no name", "name");
    expectError(GgufWriter().tensor(std::string(65, 'n'), {1}, one).bytes(), ErrorCode::TooLarge, "65 bytes",
                "name");
}

TEST(Gguf, HonoursAnotherAlignment) {
    std::string bytes = GgufWriter().u32("general.alignment", 64).describe("a", 0, {1}, 64).bytes();
    bytes.resize((bytes.size() + 63) / 64 * 64 + 64);
    bytes += littleEndian(0x3F800000U);
    const ScratchFile scratch(bytes);
    const auto file = GgufFile::open(scratch.path());
    ASSERT_TRUE(file) << file.error().message();
    float value = 0;
    std::memcpy(&value, (*file)->tensor("a")->data.data(), sizeof value);
    EXPECT_EQ(value, 1.0F);
}

TEST(Gguf, OutlivesAFileThatIsShortenedWhileOpen) {
    std::vector<float> values(100000, 1.0F);
    const ScratchFile scratch(GgufWriter().string("k", "text").tensor("a", {100000}, values).bytes());
    const auto opened = GgufFile::open(scratch.path());
    ASSERT_TRUE(opened) << opened.error().message();
    const GgufFile& file = **opened;
    EXPECT_TRUE(file.intact());
    std::filesystem::resize_file(scratch.path(), 8192);
    EXPECT_FALSE(file.intact());
    const std::span<const std::byte> data = file.tensor("a")->data;
    std::array<std::size_t, 4> sums{};
    std::vector<std::thread> readers;
    readers.reserve(sums.size());
    for (std::size_t& sum : sums) {
        readers.emplace_back([&sum, data] {
            for (const std::byte byte : data)
                sum += static_cast<std::size_t>(byte);
        });
    }
    for (std::thread& reader : readers)
        reader.join();
    EXPECT_EQ(data.back(), std::byte{0});
    EXPECT_EQ(file.string("k"), "text");
    std::filesystem::resize_file(scratch.path(), file.bytes());
    EXPECT_FALSE(file.intact()) << "what was lost stays lost";
}

TEST(Gguf, LeavesOtherFaultsAlone) {
    const ScratchFile good(example().bytes());
    ASSERT_TRUE(GgufFile::open(good.path()));
    EXPECT_DEATH(raise(SIGBUS), "");
}

TEST(Gguf, RefusesMoreFilesThanItGuards) {
    const ScratchFile scratch(example().bytes());
    std::vector<std::unique_ptr<GgufFile>> files;
    for (int i = 0; i < 64; ++i) {
        auto file = GgufFile::open(scratch.path());
        ASSERT_TRUE(file) << file.error().message();
        files.push_back(std::move(*file));
    }
    const auto another = GgufFile::open(scratch.path());
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().code, ErrorCode::OutOfMemory);
    files.pop_back();
    EXPECT_TRUE(GgufFile::open(scratch.path()));
}

}  // namespace
}  // namespace kvasir
