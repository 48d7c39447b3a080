#include "app/facts.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvasir {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> values(std::string_view text, FactKind kind) {
    std::vector<std::string> found;
    for (const Fact& fact : findFacts(text)) {
        if (fact.kind == kind) found.push_back(fact.value);
    }
    return found;
}

std::vector<std::string> numbers(std::string_view text) {
    return values(text, FactKind::Number);
}
std::vector<std::string> dates(std::string_view text) {
    return values(text, FactKind::Date);
}
std::vector<std::string> quotations(std::string_view text) {
    return values(text, FactKind::Quotation);
}
std::vector<std::string> names(std::string_view text) {
    return values(text, FactKind::Name);
}

std::vector<std::string> sentences(std::string_view text) {
    std::vector<std::string> found;
    for (const TextRange& range : findSentences(text)) {
        found.emplace_back(text.substr(range.begin, range.end - range.begin));
    }
    return found;
}

TEST(Numbers, SeparatorsMeanNothing) {
    for (const char* text :
         {"1200", "1,200", "1'200", "1’200", "1 200", "1\u00A0200", "1\u202F200", "１２００", "１，２００",
          "1,200.00", "$1,200", "€1.200", "1.200 €", "EUR 1.200", "EUR1200", "千二百円"}) {
        EXPECT_THAT(numbers(text), ElementsAre("1200")) << text;
    }
    EXPECT_THAT(numbers("1.200.000,50"), ElementsAre("1200000.5"));
    EXPECT_THAT(numbers("1,00,000 rupees"), ElementsAre("100000"));
    EXPECT_THAT(numbers("1,234,567.8"), ElementsAre("1234567.8"));
}

TEST(Numbers, KnowWhatTheyCount) {
    const std::vector<std::pair<std::string, std::string>> units{{"60 days", "day"},
                                                                 {"30-day notice", "day"},
                                                                 {"ten Business Days", "day"},
                                                                 {"9 months", "month"},
                                                                 {"five full years", "year"},
                                                                 {"£110", "gbp"},
                                                                 {"EUR 1.200", "eur"},
                                                                 {"1.200 €", "eur"},
                                                                 {"110 kW", "kw"},
                                                                 {"3.5%", "%"},
                                                                 {"3.5 per cent", "%"},
                                                                 {"5kg", "kg"},
                                                                 {"has 9.4 GiB", "gib"},
                                                                 {"7年間", "year"},
                                                                 {"8か月", "month"},
                                                                 {"795,000円", "jpy"},
                                                                 {"0.2パーセント", "%"},
                                                                 {"5時間", "hour"},
                                                                 {"412 orders", ""},
                                                                 {"27,450", ""},
                                                                 {"rule 5", ""}};
    for (const auto& [text, unit] : units) {
        const std::vector<Fact> facts = findFacts(text);
        ASSERT_FALSE(facts.empty()) << text;
        EXPECT_EQ(facts.front().unit, unit) << text;
    }
}

TEST(Numbers, DecimalsPercentAndUnitsStayPlain) {
    EXPECT_THAT(numbers("0.50 %"), ElementsAre("0.5"));
    EXPECT_THAT(numbers("3,5 %"), ElementsAre("3.5"));
    EXPECT_THAT(numbers("60 days, 5kg, 30-day, 2nd, 1.5mm"), ElementsAre("60", "5", "30", "2", "1.5"));
    EXPECT_THAT(numbers("−5 °C and -7"), ElementsAre("-5", "-7"));
    EXPECT_THAT(numbers("30–45 or 30-45"), ElementsAre("30", "45", "30", "45"));
    EXPECT_THAT(numbers("007"), ElementsAre("7"));
    EXPECT_THAT(numbers("pages 3, 4 and 12."), ElementsAre("3", "4", "12"));
    EXPECT_THAT(numbers("25 m3/h at 10 m2"), ElementsAre("25", "10"));
}

TEST(Numbers, RangeHoldsCurrencyAndPercent) {
    const std::string text = "It costs ¥4,000,000 or 5 %.";
    const auto facts = findFacts(text);
    ASSERT_EQ(facts.size(), 2U);
    EXPECT_EQ(text.substr(facts[0].begin, facts[0].end - facts[0].begin), "¥4,000,000");
    EXPECT_EQ(text.substr(facts[1].begin, facts[1].end - facts[1].begin), "5 %");
}

TEST(Numbers, EnglishWords) {
    EXPECT_THAT(numbers("sixty days"), ElementsAre("60"));
    EXPECT_THAT(numbers("Twenty-five units"), ElementsAre("25"));
    EXPECT_THAT(numbers("two hundred and fifty thousand"), ElementsAre("250000"));
    EXPECT_THAT(numbers("one million two hundred thousand"), ElementsAre("1200000"));
    EXPECT_THAT(numbers("a hundred, four million"), ElementsAre("100", "4000000"));
    EXPECT_THAT(numbers("two and three"), ElementsAre("2", "3"));
    EXPECT_THAT(numbers("five six"), ElementsAre("5", "6"));
    EXPECT_THAT(numbers("4 million yen, EUR 2.5 million, £1.5bn"),
                ElementsAre("4000000", "2500000", "1500000000"));
    EXPECT_THAT(numbers("the twenty-first day, the 3rd anniversary, fifth"), ElementsAre("21", "3", "5"));
}

TEST(Numbers, WordsAndDigitsTogetherAreOne) {
    const std::string text = "within sixty (60) days";
    const auto facts = findFacts(text);
    ASSERT_EQ(facts.size(), 1U);
    EXPECT_EQ(facts[0].value, "60");
    EXPECT_EQ(text.substr(facts[0].begin, facts[0].end - facts[0].begin), "sixty (60)");
    EXPECT_THAT(numbers("60 (sixty) days"), ElementsAre("60"));
    EXPECT_THAT(numbers("sixty (90) days"), ElementsAre("60", "90"));
    EXPECT_THAT(numbers("one (1) copy"), ElementsAre("1"));
}

TEST(Numbers, WordsThatCountNothing) {
    EXPECT_THAT(numbers("one of the parties; no one; first, the third party; a second opinion; one third"),
                IsEmpty());
    EXPECT_THAT(numbers("one day, second year"), ElementsAre("1", "2"));
    EXPECT_THAT(numbers("someone often weighed tend"), IsEmpty());
}

TEST(Numbers, Japanese) {
    EXPECT_THAT(numbers("六十日"), ElementsAre("60"));
    EXPECT_THAT(numbers("金四百万円"), ElementsAre("4000000"));
    EXPECT_THAT(numbers("400万円"), ElementsAre("4000000"));
    EXPECT_THAT(numbers("4,000,000円"), ElementsAre("4000000"));
    EXPECT_THAT(numbers("3億2,000万円"), ElementsAre("320000000"));
    EXPECT_THAT(numbers("1.5億円"), ElementsAre("150000000"));
    EXPECT_THAT(numbers("第32条、第三十二条"), ElementsAre("32", "32"));
    EXPECT_THAT(numbers("３０日以内、百二十日、三か月、二〇二五年"), ElementsAre("30", "120", "3", "2025"));
    EXPECT_THAT(numbers("壱百万円"), ElementsAre("1000000"));
}

TEST(Numbers, JapaneseWordsThatCountNothing) {
    EXPECT_THAT(numbers("一部の契約、十分な検査、一般、唯一、万一の場合、千葉、三菱、一切の責任"), IsEmpty());
}

TEST(Numbers, Times) {
    EXPECT_THAT(numbers("at 02:14:05"), ElementsAre("02:14:05"));
    EXPECT_THAT(numbers("2:14:05"), ElementsAre("02:14:05"));
    EXPECT_THAT(numbers("02:14:05.123 ok"), ElementsAre("02:14:05.123"));
    EXPECT_THAT(numbers("2:30 pm; 5 p.m.; 12 am"), ElementsAre("14:30", "17:00", "00:00"));
    EXPECT_THAT(numbers("午後2時30分から17時まで、24時間"), ElementsAre("14:30", "17:00", "24"));
}

TEST(Numbers, NotFromBulletsAndReferences) {
    EXPECT_THAT(numbers("1. Pay within 30 days.\n2. Notify the other.\n"), ElementsAre("30"));
    EXPECT_THAT(numbers("(1) Pay\n(2) Notify"), IsEmpty());
    EXPECT_THAT(numbers("The notice is 60 days [1] or 90 days [2, 3]."), ElementsAre("60", "90"));
    EXPECT_THAT(numbers("60."), ElementsAre("60"));
    EXPECT_THAT(numbers("60. The notice starts at once."), ElementsAre("60"));
}

TEST(Identifiers, AreNames) {
    EXPECT_THAT(names("part P-40 or FSA-2231"), ElementsAre("p-40", "fsa-2231"));
    EXPECT_THAT(numbers("part P-40 or FSA-2231"), IsEmpty());
    EXPECT_THAT(names("reference CWU/FSA/2025/017"), ElementsAre("cwu/fsa/2025/017"));
    EXPECT_THAT(names("clause 14.4 and 14.4.2, version 2.3"), ElementsAre("14.4", "14.4.2", "2.3"));
    EXPECT_THAT(numbers("clause 14.4 and 14.4.2, version 2.3"), IsEmpty());
    EXPECT_THAT(names("req-8f3a2c 192.168.0.1 v1.2.3"), ElementsAre("req-8f3a2c", "192.168.0.1", "v1.2.3"));
    EXPECT_THAT(names("14.4 The Supplier pays."), Contains("14.4"));
    EXPECT_THAT(numbers("a pressure of 14.4 bar"), ElementsAre("14.4"));
}

TEST(Dates, EveryWayOfWriting) {
    for (const char* text : {"2025-04-01", "1 April 2025", "1st April 2025", "1st of April, 2025",
                             "April 1, 2025", "Apr. 1, 2025", "Apr 1 2025", "01-Apr-2025", "2025年4月1日",
                             "２０２５年４月１日", "2025/04/01", "2025.4.1", "01.04.2025", "令和7年4月1日",
                             "令和七年四月一日", "二〇二五年四月一日", "2025 年 4 月 1 日"}) {
        EXPECT_THAT(dates(text), ElementsAre("2025-04-01")) << text;
        EXPECT_THAT(numbers(text), IsEmpty()) << text;
    }
    EXPECT_THAT(dates("平成元年1月8日"), ElementsAre("1989-01-08"));
    EXPECT_THAT(dates("25/12/2025, 12/25/2025"), ElementsAre("2025-12-25", "2025-12-25"));
    EXPECT_THAT(dates("03/04/2025"), ElementsAre("03/04/2025"));
}

TEST(Dates, PartsOfDates) {
    EXPECT_THAT(dates("April 2025; 2025年4月; 2025-04"), ElementsAre("2025-04", "2025-04", "2025-04"));
    EXPECT_THAT(dates("1 April; April 1; 4月1日"), ElementsAre("--04-01", "--04-01", "--04-01"));
    EXPECT_THAT(dates("2025-04-01T02:14:05Z"), ElementsAre("2025-04-01"));
    EXPECT_THAT(numbers("2025-04-01T02:14:05Z"), ElementsAre("02:14:05"));
    EXPECT_THAT(numbers("令和7年度"), ElementsAre("2025"));
}

TEST(Dates, NoFalseDates) {
    EXPECT_THAT(dates("It may 5 times; 5 may be used; 45/13/2025; 2025-13-01; 10.5.3"), IsEmpty());
    EXPECT_THAT(dates("March 5%"), IsEmpty());
}

TEST(Quotations, OfBothLanguages) {
    EXPECT_THAT(quotations("It says \"sixty days.\" and “Written  Notice”"),
                ElementsAre("sixty days", "written notice"));
    EXPECT_THAT(quotations("契約には「書面による通知」とある"), ElementsAre("書面による通知"));
    EXPECT_THAT(quotations("the term 'written notice' is used"), ElementsAre("written notice"));
    EXPECT_THAT(quotations("‘written notice’"), ElementsAre("written notice"));
}

TEST(Quotations, NotFromApostrophesAndInches) {
    EXPECT_THAT(quotations("the Purchaser's and the Suppliers' rights aren't met"), IsEmpty());
    EXPECT_THAT(quotations("a 5\" pipe and a 6\" pipe"), IsEmpty());
    EXPECT_THAT(quotations("an \"open one"), IsEmpty());
    EXPECT_THAT(quotations("「甲」"), IsEmpty());
}

TEST(Names, Conservative) {
    EXPECT_THAT(names("It was made by Northmoor Pumps Limited in a hurry."),
                ElementsAre("northmoor pumps limited"));
    EXPECT_THAT(names("The Supplier pays."), IsEmpty());
    EXPECT_THAT(names("In the Framework Board it rests."), ElementsAre("framework board"));
    EXPECT_THAT(names("瑞浜化工株式会社は支払う"), ElementsAre("瑞浜化工株式会社"));
    EXPECT_THAT(names("センサーを"), ElementsAre("センサー"));
}

TEST(Facts, BrokenTextIsSkipped) {
    EXPECT_THAT(findFacts(""), IsEmpty());
    const std::string broken = "\xFF\xE3\x81 60 \xC0\x80 days \xF0\x9F";
    EXPECT_THAT(numbers(broken), ElementsAre("60"));
    EXPECT_THAT(numbers(std::string(400, '9')), ElementsAre(std::string(400, '9')));
    EXPECT_THAT(numbers("九九九九九九九九九九九九九九九九九九九九九九九九"), IsEmpty());
}

TEST(Facts, AreInOrder) {
    const auto facts = findFacts("On 1 April 2025 he said “pay 5 % now” to Northmoor Pumps.");
    for (std::size_t i = 1; i < facts.size(); ++i)
        EXPECT_LE(facts[i - 1].begin, facts[i].begin);
    EXPECT_EQ(facts.size(), 4U);
}

TEST(Sentences, English) {
    EXPECT_THAT(sentences("It ends. It starts again!  Does it? Yes."),
                ElementsAre("It ends.", "It starts again!", "Does it?", "Yes."));
    EXPECT_THAT(
        sentences("See No. 5 and Art. 6, e.g. The rule by J. Smith of A.B. Ltd. in full. Next."),
        ElementsAre("See No. 5 and Art. 6, e.g. The rule by J. Smith of A.B. Ltd. in full.", "Next."));
    EXPECT_THAT(sentences("It costs 3.5 EUR under clause 14.4. The rest is free."),
                ElementsAre("It costs 3.5 EUR under clause 14.4.", "The rest is free."));
    EXPECT_THAT(sentences("Made by Acme Ltd. The rest is free."),
                ElementsAre("Made by Acme Ltd.", "The rest is free."));
    EXPECT_THAT(sentences("No. The Supplier may not."), ElementsAre("No.", "The Supplier may not."));
    EXPECT_THAT(sentences("He said \"stop.\" Then he left."),
                ElementsAre("He said \"stop.\"", "Then he left."));
}

TEST(Sentences, Japanese) {
    EXPECT_THAT(sentences("通知は六十日前です。よろしいですか？はい！"),
                ElementsAre("通知は六十日前です。", "よろしいですか？", "はい！"));
    EXPECT_THAT(sentences("瑞浜化工（以下「甲」という。）と乙は契約する。次へ。"),
                ElementsAre("瑞浜化工（以下「甲」という。）と乙は契約する。", "次へ。"));
    EXPECT_THAT(sentences("「終わり。」"), ElementsAre("「終わり。」"));
    EXPECT_THAT(sentences("開いた（ままの文。次の文。"), ElementsAre("開いた（ままの文。", "次の文。"));
}

TEST(Sentences, LinesAndRows) {
    EXPECT_THAT(sentences("- first. Thing\n\n| a. B | c |\n1. Item one\n14.4. The rule. Next"),
                ElementsAre("- first.", "Thing", "| a. B | c |", "1. Item one", "14.4. The rule.", "Next"));
    EXPECT_THAT(sentences("  \n\t\n"), IsEmpty());
}

}  // namespace
}  // namespace kvasir
