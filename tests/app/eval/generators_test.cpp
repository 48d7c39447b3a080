#include "app/eval/generators.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace kvasir::eval {
namespace {

std::string lineOf(const Document& document, std::int32_t line) {
    std::size_t begin = 0;
    for (std::int32_t i = 1; i < line; ++i)
        begin = document.text.find('\n', begin) + 1;
    return document.text.substr(begin, document.text.find('\n', begin) - begin);
}

TEST(Generators, PutEveryAnswerWhereTheySay) {
    for (const std::string_view kind : generatorKinds()) {
        const auto generated = generate(kind, {3000, 10, 7});
        ASSERT_TRUE(generated) << generated.error().message();
        ASSERT_EQ(generated->questions.size(), 10U);
        const Document& document = *generated->document;
        std::set<std::string> asked;
        for (const Question& question : generated->questions) {
            EXPECT_TRUE(asked.insert(question.text).second) << question.text;
            EXPECT_EQ(question.document, document.name);
            std::string lines;
            for (const std::int32_t place : question.places)
                lines += lineOf(document, place) + ' ';
            EXPECT_TRUE(isRight(lines, question.expected)) << kind << ": " << lines;
            EXPECT_TRUE(isRight(document.text, question.expected)) << kind;
        }
    }
}

TEST(Generators, SpreadTheAnswersFromBeginningToEnd) {
    const auto generated = generate("needles", {6000, 11, 1});
    ASSERT_TRUE(generated);
    const auto lines = static_cast<double>(std::ranges::count(generated->document->text, '\n'));
    for (std::size_t i = 0; i < 11; ++i)
        EXPECT_NEAR(generated->questions[i].places.front() / lines, static_cast<double>(i) / 10, 0.03) << i;
    const auto pairs = generate("pairs", {6000, 5, 1});
    for (const Question& question : pairs->questions)
        EXPECT_GT(std::abs(question.places[0] - question.places[1]), lines / 3) << question.text;
}

TEST(Generators, KeepTheirLengthAndRepeat) {
    for (const std::int64_t words : {200, 1000, 20000}) {
        const auto generated = generate("dates", {words, 2, 3});
        ASSERT_TRUE(generated);
        const auto count = static_cast<double>(std::ranges::count(generated->document->text, ' '));
        const auto wanted = static_cast<double>(words);
        EXPECT_NEAR(count, wanted, 0.15 * wanted + 60);
        EXPECT_EQ(generate("dates", {words, 2, 3})->document->text, generated->document->text);
        EXPECT_NE(generate("dates", {words, 2, 4})->document->text, generated->document->text);
    }
}

TEST(Generators, MixKindsInOneDocument) {
    constexpr std::string_view kKinds[] = {"needles", "paraphrase", "pairs"};
    const auto generated = generate(kKinds, {3000, 10, 7});
    ASSERT_TRUE(generated) << generated.error().message();
    ASSERT_EQ(generated->questions.size(), 30U);
    for (std::size_t i = 0; i < 30; ++i) {
        const Question& question = generated->questions[i];
        EXPECT_EQ(question.kind, kKinds[i % 3]);
        EXPECT_EQ(question.id, question.kind + '-' + std::to_string(i / 3 + 1));
        std::string lines;
        for (const std::int32_t place : question.places)
            lines += lineOf(*generated->document, place) + ' ';
        EXPECT_TRUE(isRight(lines, question.expected)) << lines;
    }
    EXPECT_EQ(generate(std::span<const std::string_view>(), {3000, 10, 7}).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(generate(kKinds, {1400, 10, 7}).error().code, ErrorCode::InvalidArgument);
}

TEST(Generators, RefuseWhatTheyCannotMake) {
    const auto codeOf = [](std::string_view kind, const GeneratorSettings& settings) {
        const auto generated = generate(kind, settings);
        EXPECT_FALSE(generated);
        return generated ? ErrorCode::Internal : generated.error().code;
    };
    EXPECT_EQ(codeOf("riddles", {}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("needles", {199, 1, 1}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("needles", {2000001, 1, 1}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("needles", {3000, 0, 1}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("needles", {3000, 51, 1}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("needles", {300, 10, 1}), ErrorCode::InvalidArgument);
    EXPECT_EQ(codeOf("paraphrase", {3000, 13, 1}), ErrorCode::InvalidArgument);
    EXPECT_TRUE(generate("paraphrase", {3000, 12, 1}));
}

}  // namespace
}  // namespace kvasir::eval
