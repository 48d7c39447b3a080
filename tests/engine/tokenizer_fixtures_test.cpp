// Real vocabularies against the ids and texts of an independent tokenizer (tests/fixtures/tokenizer).
#include <fstream>
#include <map>
#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/tokenizer.h"
#include "tests/engine/model_folder.h"

namespace kvasir {
namespace {

using Json = nlohmann::json;

struct Family {
    std::string fixture;
    std::string_view model;
    bool byteLevel;
};

std::string fromHex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

std::string field(const Json& line, const std::string& text, const std::string& bytes) {
    return line.contains(text) ? line[text].get<std::string>() : fromHex(line[bytes].get<std::string>());
}

/// Overlong forms and surrogates, which the fixtures' tokenizer reads as characters in byte-level BPE. They
/// are not valid UTF-8; here every invalid byte is one U+FFFD.
bool readAsCharactersThere(const std::string& bytes) {
    return bytes == "\xC0\xAF" || bytes == "\xE0\x80\xAF" || bytes.starts_with("\xED\xA0");
}

class TokenizerFixtures : public testing::TestWithParam<Family> {
protected:
    void SetUp() override {
        const auto path = test::modelFile(GetParam().model);
        if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model file " << path;
        auto file = GgufFile::open(path);
        ASSERT_TRUE(file) << file.error().message();
        auto tokenizer = Tokenizer::load(**file);
        ASSERT_TRUE(tokenizer) << tokenizer.error().message();
        m_tokenizer = std::move(*tokenizer);
    }

    void check(const Json& line) const;

    std::unique_ptr<Tokenizer> m_tokenizer;
};

void TokenizerFixtures::check(const Json& line) const {
    const std::string text = field(line, "text", "bytes");
    const std::string expectedText = field(line, "detokenized", "detokenized_bytes");
    const auto specials = line["parse_special"].get<bool>() ? Specials::Control : Specials::Plain;
    std::vector<TokenId> ids;
    if (line["add_special"].get<bool>()) {
        if (const auto begin = m_tokenizer->beginOfText()) ids.push_back(*begin);
    }
    const auto tokens = m_tokenizer->encode(text, specials);
    std::size_t end = 0;
    for (const TextToken& token : tokens) {
        ids.push_back(token.id);
        EXPECT_GE(token.begin, end) << line;
        EXPECT_GE(token.end, token.begin) << line;
        end = token.end;
    }
    EXPECT_LE(end, text.size());
    if (GetParam().byteLevel && readAsCharactersThere(text)) {
        std::string replaced;
        for (std::size_t i = 0; i < text.size(); ++i)
            replaced += "\uFFFD";
        EXPECT_EQ(ids, m_tokenizer->ids(replaced, specials)) << line;
        EXPECT_EQ(m_tokenizer->decode(ids), replaced) << line;
        return;
    }
    EXPECT_EQ(ids, line["ids"].get<std::vector<TokenId>>()) << line;
    EXPECT_EQ(m_tokenizer->decode(ids), expectedText) << line;
}

TEST_P(TokenizerFixtures, GiveTheSameIdsAndTexts) {
    std::ifstream lines(std::string(KVASIR_FIXTURES) + "/tokenizer/tokenizer_" + GetParam().fixture +
                        ".jsonl");
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        check(Json::parse(line));
    EXPECT_EQ(count, 335);
}

INSTANTIATE_TEST_SUITE_P(Families, TokenizerFixtures,
                         testing::Values(Family{"smollm2", test::kSmollm2, true},
                                         Family{"qwen2", test::kQwen2, true},
                                         Family{"gemma3", test::kGemma3, false}),
                         [](const auto& family) { return family.param.fixture; });

}  // namespace
}  // namespace kvasir
