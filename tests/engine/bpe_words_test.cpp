// The hand-written pre-tokenizers against their regular expressions (tests/fixtures/tokenizer/words.jsonl).
#include "engine/bpe_words.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvasir {
namespace {

using testing::ElementsAre;

std::vector<std::string> cut(BpeWords words, std::string_view text) {
    std::vector<std::string> result;
    for (std::size_t position = 0; position < text.size();) {
        const std::size_t end = bpeWordEnd(words, text, position);
        if (end <= position || end > text.size()) return {"no progress"};
        result.emplace_back(text.substr(position, end - position));
        position = end;
    }
    return result;
}

TEST(BpeWords, CutAsTheRegularExpressionsDo) {
    const char* other =
        std::getenv("KVASIR_WORDS");  // a longer file of tests/fixtures/tokenizer/make_words.py
    std::ifstream lines(other != nullptr ? other : KVASIR_FIXTURES "/tokenizer/words.jsonl");
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const auto record = nlohmann::json::parse(line);
        const auto text = record["text"].get<std::string>();
        for (const std::string name : {"smollm", "qwen2", "llama-bpe"}) {
            ASSERT_EQ(cut(*bpeWordsNamed(name), text), record[name].get<std::vector<std::string>>())
                << name << ' ' << record["text"];
        }
    }
    EXPECT_GE(count, 300);
}

TEST(BpeWords, DifferWhereTheFamiliesDiffer) {
    EXPECT_THAT(cut(BpeWords::Smollm, "It'S 1234 x"),
                ElementsAre("It", "'", "S", " ", "1", "2", "3", "4", " x"));
    EXPECT_THAT(cut(BpeWords::Qwen2, "It'S 1234 x"), ElementsAre("It", "'S", " ", "1", "2", "3", "4", " x"));
    EXPECT_THAT(cut(BpeWords::LlamaBpe, "It'S 1234 x"), ElementsAre("It", "'S", " ", "123", "4", " x"));
}

TEST(BpeWords, AreKnownByName) {
    EXPECT_EQ(bpeWordsNamed("llama-bpe"), BpeWords::LlamaBpe);
    EXPECT_EQ(bpeWordsNamed("gpt-2"), std::nullopt);
    EXPECT_EQ(bpeWordsNamed(""), std::nullopt);
}

}  // namespace
}  // namespace kvasir
