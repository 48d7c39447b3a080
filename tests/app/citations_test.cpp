#include "app/citations.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/facts.h"
#include "app/passages.h"

namespace kvasir {
namespace {

using Found = CheckedFact::Found;

/// A document of pages of text; boxes are not needed, since rows are told by their tabs or times.
Document documentOf(const std::vector<std::string>& pages, DocumentKind kind = DocumentKind::Pdf) {
    Document document;
    document.kind = kind;
    for (const std::string& text : pages) {
        if (!document.text.empty()) document.text += "\n\n";
        Page page;
        page.begin = static_cast<std::uint32_t>(document.text.size());
        document.text += text;
        page.end = static_cast<std::uint32_t>(document.text.size());
        document.pages.push_back(page);
    }
    for (std::size_t at = 0; at < document.text.size();) {
        const std::size_t stop = std::min(document.text.find('\n', at), document.text.size());
        if (stop > at) {
            document.lines.push_back(
                {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(stop), 0, 0});
        }
        at = stop + 1;
    }
    return document;
}

/// Tokens of four bytes at most, blanks with the word behind them, as a tokenizer cuts.
std::vector<TextToken> tokensOf(const std::string& text) {
    std::vector<TextToken> tokens;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        while (end < text.size() && end < at + 4 && text[end] != ' ' && text[end] != '\n')
            ++end;
        tokens.push_back({0, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
        at = end;
    }
    return tokens;
}

struct Look {
    std::string at;  ///< words of the document that are looked at
    float mass = 0;
};

/// One question and answer; every token of the answer looks at the same places.
class Case {
public:
    Case(const Document& document, std::string question, std::string answer)
        : m_document(document),
          m_question(std::move(question)),
          m_answer(std::move(answer)),
          m_documentTokens(tokensOf(document.text)) {}

    Case& looksAt(const std::vector<Look>& looks) {
        addLooks(0, static_cast<std::uint32_t>(m_answer.size()), looks);
        return *this;
    }

    /// For the tokens of `part` of the answer.
    Case& looksAt(const std::string& part, const std::vector<Look>& looks) {
        const std::size_t at = m_answer.find(part);
        addLooks(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + part.size()), looks);
        return *this;
    }

    CitationResult run() const {
        return cite({m_document, m_documentTokens, m_question, m_answer, m_evidence});
    }

    std::vector<TokenEvidence>& evidence() { return m_evidence; }

private:
    void addLooks(std::uint32_t begin, std::uint32_t end, const std::vector<Look>& looks) {
        for (const TextToken& token : tokensOf(m_answer)) {
            if (token.begin < begin || token.end > end) continue;
            TokenEvidence evidence{token.begin, token.end,
                                   std::vector<float>(m_documentTokens.size(), 1e-5F)};
            evidence.mass[0] = 0.5F;  // the first token draws attention for no reason
            for (const Look& look : looks) {
                const std::size_t at = m_document.text.find(look.at);
                EXPECT_NE(at, std::string::npos) << look.at;
                for (std::size_t i = 0; i < m_documentTokens.size(); ++i) {
                    const TextToken& seen = m_documentTokens[i];
                    if (seen.begin < at + look.at.size() && seen.end > at) evidence.mass[i] += look.mass;
                }
            }
            m_evidence.push_back(std::move(evidence));
        }
    }

    const Document& m_document;
    std::string m_question, m_answer;
    std::vector<TextToken> m_documentTokens;
    std::vector<TokenEvidence> m_evidence;
};

const Document& contract() {
    static const Document document = documentOf(
        {"Framework Supply Agreement\n\nThis Agreement is made between Northmoor Pumps Limited and "
         "Calderbeck Water\n"
         "Utilities plc.\n\n1 Payment\n\n1.1 The Purchaser shall pay each invoice within sixty (60) days of "
         "its\n"
         "receipt. Interest on late payments is 8 % a year.\n\n1.2 The Supplier may not suspend deliveries "
         "while an\n"
         "invoice is in dispute.",
         "14 Termination\n\n14.1 Either party may terminate this Agreement for convenience by giving 60 "
         "days'\n"
         "written notice to the other party. The notice must be signed by a director.\n\n"
         "14.4 On termi-\nnation the Supplier shall return all drawings by 1 April\n2025 at the latest.",
         "Schedule 2 Lead times\n\nSite\tLead time\tContact\nCritical Site\t48 hours\tdesk A\nOther Site\t10 "
         "days\tdesk B\n\n"
         "The total of all credits in a year never exceeds 1,200 EUR for each Site."});
    return document;
}

std::string cited(const Document& document, const Citation& citation) {
    return document.text.substr(citation.begin, citation.end - citation.begin);
}

void expectOne(const CitationResult& result, const Document& document, const std::string& words) {
    ASSERT_EQ(result.citations.size(), 1U);
    EXPECT_THAT(cited(document, result.citations[0]), ::testing::HasSubstr(words));
    EXPECT_TRUE(result.answerable);
}

TEST(Cite, ShortAnswerTakesThePlaceOfTheQuestion) {
    // Both clauses say 60 days; attention is of no help.
    expectOne(Case(contract(), "What is the notice period for termination?", "60 days").run(), contract(),
              "written notice");
    expectOne(Case(contract(), "When must an invoice be paid?", "60 days").run(), contract(), "each invoice");
}

TEST(Cite, AttentionDecidesBetweenEqualFacts) {
    const auto result = Case(contract(), "How many days?", "60 days")
                            .looksAt({{"sixty (60) days", 0.3F}, {"60 days'", 0.05F}})
                            .run();
    expectOne(result, contract(), "each invoice");
    EXPECT_EQ(result.citations[0].page, 0);
    ASSERT_EQ(result.facts.size(), 1U);
    EXPECT_EQ(result.facts[0].found, Found::OnCitedPage);
    EXPECT_EQ(result.facts[0].page, 0);
    EXPECT_EQ(result.facts[0].text, "60");
}

TEST(Cite, FactDecidesAgainstAttention) {
    // Most attention lies on a sentence without the number.
    const auto result =
        Case(contract(), "What interest is due on late payments?", "The interest is 8%.")
            .looksAt({{"suspend deliveries", 0.5F}, {"Interest on late payments is 8 %", 0.1F}})
            .run();
    expectOne(result, contract(), "8 % a year");
}

TEST(Cite, NumberWordsAndDatesAcrossLines) {
    expectOne(Case(contract(), "When are the drawings to be returned?", "By 2025-04-01.").run(), contract(),
              "return all drawings");
    expectOne(Case(contract(), "When must the Purchaser pay an invoice?", "Within sixty days.").run(),
              contract(), "invoice");
}

TEST(Cite, TwoFactsFromTwoPlacesAreTwoCitations) {
    const auto result =
        Case(contract(), "What are the lead times?", "Critical sites have 48 hours and other sites 10 days.")
            .looksAt({{"48 hours", 0.3F}, {"10 days", 0.3F}})
            .run();
    ASSERT_EQ(result.citations.size(), 2U);
    EXPECT_EQ(result.citations[0].number, 1);
    EXPECT_EQ(result.citations[1].number, 2);
    EXPECT_EQ(cited(contract(), result.citations[0]), "Critical Site\t48 hours\tdesk A");
    EXPECT_EQ(cited(contract(), result.citations[1]), "Other Site\t10 days\tdesk B");
    EXPECT_EQ(result.citations[0].quote, "Critical Site 48 hours desk A");
    EXPECT_EQ(result.citations[0].page, 2);
}

TEST(Cite, OnePlaceHasOneNumber) {
    const auto result =
        Case(contract(), "How can the agreement be terminated?",
             "Either party may terminate with 60 days notice. Interest is 8 %. The notice of 60 days is "
             "written.")
            .looksAt("Either party may terminate with 60 days notice.", {{"60 days'\nwritten", 0.3F}})
            .looksAt("Interest is 8 %.", {{"8 %", 0.3F}})
            .looksAt("The notice of 60 days is written.", {{"60 days'\nwritten", 0.3F}})
            .run();
    ASSERT_EQ(result.citations.size(), 3U);
    EXPECT_EQ(result.citations[0].number, 1);
    EXPECT_EQ(result.citations[1].number, 2);
    EXPECT_EQ(result.citations[2].number, 1);
    EXPECT_EQ(result.citations[2].begin, result.citations[0].begin);
}

TEST(Cite, SentenceWithoutFactsNeedsClearAttention) {
    const std::string question = "Who must sign?";
    const std::string answer = "A director must sign it.";
    expectOne(Case(contract(), question, answer).looksAt({{"signed by a director", 0.3F}}).run(), contract(),
              "director");
    const auto spread = Case(contract(), "Why?", "Because.")
                            .looksAt({{"signed by a director", 0.1F},
                                      {"suspend deliveries while an", 0.1F},
                                      {"return all drawings", 0.1F}})
                            .run();
    EXPECT_TRUE(spread.citations.empty());
    EXPECT_TRUE(Case(contract(), question, answer).run().citations.empty());
}

TEST(Cite, WordsThatEveryTokenLooksAtAreNoEvidence) {
    // A lone spike under the whole answer says nothing; what is looked at together does.
    const auto result =
        Case(contract(), "Who must sign the notice?", "A director of the party must sign the written notice.")
            .looksAt({{"receipt", 0.6F}, {"notice must be signed by a director", 0.05F}})
            .run();
    expectOne(result, contract(), "director");
}

TEST(Cite, NameIsFoundInTheQuestionsContext) {
    const auto result =
        Case(contract(), "Who are the parties the agreement is made between?", "Northmoor Pumps Limited")
            .looksAt({{"Northmoor Pumps Limited", 0.2F}})
            .run();
    expectOne(result, contract(), "made between");
}

TEST(Cite, NoPlaceNoCitation) {
    const auto result = Case(contract(), "What is the notice period?", "The notice period is 77 days.")
                            .looksAt({{"60 days'", 0.4F}})
                            .run();
    EXPECT_TRUE(result.citations.empty());
    ASSERT_EQ(result.facts.size(), 1U);
    EXPECT_EQ(result.facts[0].found, Found::Nowhere);
    EXPECT_EQ(result.facts[0].page, -1);
    EXPECT_FALSE(result.answerable);
}

TEST(Cite, FarPlaceNeedsSharedWords) {
    // '48' stands in the document, but nothing in question or answer leads there.
    EXPECT_TRUE(Case(contract(), "How old is the mayor?", "48").run().citations.empty());
    EXPECT_FALSE(Case(contract(), "What is the critical lead time?", "48 hours").run().citations.empty());
}

TEST(Facts, AreLookedUpOnTheCitedPageAndElsewhere) {
    const auto result = Case(contract(), "What is the notice period?",
                             "The notice is 60 days, not 48 hours or “written approval”; see 14.1 and P-99.")
                            .looksAt({{"60 days'\nwritten", 0.4F}})
                            .run();
    std::vector<Found> found;
    std::vector<std::string> texts;
    for (const CheckedFact& fact : result.facts) {
        found.push_back(fact.found);
        texts.push_back(fact.text);
    }
    EXPECT_THAT(texts, ::testing::ElementsAre("60", "48", "“written approval”", "14.1", "P-99"));
    EXPECT_EQ(found[0], Found::OnCitedPage);
    EXPECT_NE(found[1], Found::Nowhere);
    EXPECT_EQ(found[2], Found::Nowhere);
    EXPECT_EQ(found[3], Found::OnCitedPage);
    EXPECT_EQ(found[4], Found::Nowhere);
}

TEST(Facts, ANumberOfSomethingElseIsAnother) {
    const Document document =
        documentOf({"NS-200 split-case pump, 110 kW motor\n\nThe motor runs for 30 days.",
                    "Model\tPrice\nNS-200\t27,450"});
    const auto found = [&](const std::string& answer) {
        return Case(document, "What is the price?", answer).run().facts.front().found;
    };
    EXPECT_EQ(found("The price is £110."), Found::Nowhere);
    EXPECT_EQ(found("It takes 30 months."), Found::Nowhere);
    EXPECT_NE(found("It has 110 kW."), Found::Nowhere);
    EXPECT_NE(found("The price is £27,450."), Found::Nowhere);
}

TEST(Facts, QuotationsAcrossLinesAndWithGaps) {
    const auto result =
        Case(contract(), "What of drawings?",
             "“on termination the Supplier shall return all drawings” and “Either party … written notice”")
            .run();
    ASSERT_EQ(result.facts.size(), 2U);
    EXPECT_NE(result.facts[0].found, Found::Nowhere);
    EXPECT_NE(result.facts[1].found, Found::Nowhere);
}

TEST(Facts, OtherWaysOfWriting) {
    for (const char* answer :
         {"1200 EUR", "1.200 EUR", "twelve hundred... no: 1’200", "one thousand two hundred"}) {
        const auto result = Case(contract(), "What is the limit of credits for each site?", answer).run();
        EXPECT_TRUE(std::ranges::any_of(result.facts, [](const CheckedFact& fact) {
            return fact.found != Found::Nowhere;
        })) << answer;
    }
    const auto year =
        Case(contract(), "In which year are drawings returned at the latest?", "In 2025, in April 2025.")
            .run();
    for (const CheckedFact& fact : year.facts)
        EXPECT_NE(fact.found, Found::Nowhere) << fact.text;
}

const Document& japanese() {
    static const Document document =
        documentOf({"第1条（目的）\n\n本契約は、甲乙間の取引に共通する基本的な事項を定め、相互の信頼に基づく"
                    "公正な取引を\n長く続けることを目的とする。\n\n"
                    "第2条（支払）\n\n甲は、請求書を受領した日から六十日以内に代金四百万円を乙に支払う。遅延"
                    "損害金は年14.6パーセントとする。",
                    "第12条（解約）\n\n甲又は乙は、六十日前までに書面で通知することにより、本契約を解約するこ"
                    "とができる。\n\n"
                    "第13条（有効期間）\n\n本契約の有効期間は、令和7年4月1日から令和8年3月31日までとする。"});
    return document;
}

TEST(Cite, Japanese) {
    expectOne(Case(japanese(), "解約の通知は何日前までですか？", "60日前までです。").run(), japanese(),
              "解約することができる");
    expectOne(Case(japanese(), "代金はいくらですか？", "400万円です。").run(), japanese(), "四百万円");
    expectOne(Case(japanese(), "契約の有効期間はいつまでですか？", "2026年3月31日").run(), japanese(),
              "令和8年3月31日");
    const auto result = Case(japanese(), "支払はいつまでですか？", "請求書を受領した日から60日以内です。")
                            .looksAt({{"請求書を受領", 0.2F}})
                            .run();
    expectOne(result, japanese(), "請求書");
}

TEST(Cite, LogLines) {
    const Document log =
        documentOf({"2025-04-01 02:14:05.123 ERROR worker-3 request req-8f3a timed out after 30 s\n"
                    "2025-04-01 02:14:06.000 INFO worker-3 retry of req-8f3a\n"
                    "2025-04-01 02:15:00.000 ERROR worker-4 request req-9b11 timed out after 30 s\n"},
                   DocumentKind::Log);
    expectOne(Case(log, "When did request req-9b11 time out?", "At 02:15:00.").run(), log, "req-9b11");
    expectOne(Case(log, "Which request timed out at 02:14:05?", "req-8f3a").run(), log, "ERROR worker-3");
    EXPECT_EQ(Case(log, "Which request timed out at 02:14:05?", "req-8f3a").run().citations[0].line, 0);
}

TEST(Answerable, StatementsOfBothLanguages) {
    for (const char* answer :
         {"The document does not specify the warranty period.",
          "The warranty is not mentioned in the document.",
          "There is no information about a warranty in the text.", "The document doesn't say.",
          "Not specified.", "I could not find the warranty in the document.",
          "The warranty period cannot be found.", "It is not stated.",
          "The agreement does not explicitly provide a warranty period.",
          "The warranty is not stated. It only mentions a term of 60 days.", "I don't know.",
          "保証期間についての記載はありません。", "文書には保証期間は明記されていない。",
          "保証について言及されていません", "わかりません。", "保証期間は見当たりません。"}) {
        EXPECT_FALSE(Case(contract(), "How long is the warranty period?", answer).run().answerable) << answer;
    }
}

TEST(Answerable, StatementsAboutSomethingElse) {
    for (const char* answer :
         {"The Supplier's address is not stated, but the notice period is 60 days.",
          "The notice period is 60 days; the form of delivery is not specified in the document.",
          "The Supplier is not stated... the notice is 60 days",
          "通知期間は60日ですが、方法は記載されていません。"}) {
        const auto result = Case(contract(), "What is the notice period (通知期間)?", answer)
                                .looksAt({{"60 days'", 0.3F}})
                                .run();
        EXPECT_TRUE(result.answerable) << answer;
    }
    EXPECT_TRUE(Case(contract(), "May the Supplier suspend?",
                     "No, deliveries may not be suspended while an invoice is in dispute.")
                    .looksAt({{"suspend deliveries", 0.3F}})
                    .run()
                    .answerable);
    EXPECT_TRUE(Case(contract(), "What if the notice is not given?",
                     "If notice is not given, the Supplier does not provide drawings by the 60 days.")
                    .looksAt({{"60 days'", 0.3F}})
                    .run()
                    .answerable);
}

TEST(Robust, EmptyAndDamagedInput) {
    const Document empty;
    EXPECT_TRUE(Case(empty, "", "").run().citations.empty());
    EXPECT_TRUE(Case(contract(), "", "").run().answerable);
    EXPECT_FALSE(Case(empty, "How long?", "60 days").run().answerable);
    EXPECT_TRUE(Case(documentOf({"\n\n \n"}), "a", "60 days").run().citations.empty());
    EXPECT_EQ(Case(contract(), "x", "\xFF\xE3\x81 60 \xC0").run().facts.size(), 1U);
}

TEST(Robust, EvidenceOfTheWrongSize) {
    Case broken(contract(), "What is the notice period for termination?", "60 days");
    broken.looksAt({{"60 days'", 0.3F}});
    broken.evidence()[0].mass.resize(3);
    broken.evidence().push_back({5, 900, {}});
    broken.evidence().push_back({4, 2, std::vector<float>(1, 1.0F)});
    broken.evidence().back().mass.clear();
    for (float& mass : broken.evidence()[1].mass)
        mass = std::numeric_limits<float>::quiet_NaN();
    expectOne(broken.run(), contract(), "written notice");
}

TEST(Robust, TokensOutsideTheDocument) {
    const std::vector<TextToken> tokens{{0, 0, 4}, {0, 90000, 90004}, {0, 9, 3},
                                        {0, 5, 9}, {0, 9, 13},        {0, 9, 13}};
    const std::vector<TokenEvidence> evidence{
        {0, 2, std::vector<float>(6, std::numeric_limits<float>::max())}};
    const auto result = cite({contract(), tokens, "How long?", "60 days", evidence});
    EXPECT_EQ(result.facts.size(), 1U);
}

TEST(Quote, IsOneLineAndCutAtAWord) {
    std::string text = "The limit of liability";
    for (int i = 0; i < 40; ++i)
        text += i % 9 == 0 ? "\nreaches far" : " reaches far";
    text += " and is 77 EUR.";
    const Document document = documentOf({text});
    const auto result = Case(document, "What is the limit that reaches far?", "77 EUR").run();
    ASSERT_EQ(result.citations.size(), 1U);
    EXPECT_LE(result.citations[0].quote.size(), 240U);
    EXPECT_EQ(result.citations[0].quote.find('\n'), std::string::npos);
}

std::vector<std::string> passagesOf(const Document& document) {
    std::vector<std::string> texts;
    const Passages passages = findPassages(document);
    texts.reserve(passages.items.size());
    for (const Passage& passage : passages.items)
        texts.emplace_back(passages.text(passage));
    return texts;
}

TEST(Passages, SentencesRowsAndHyphens) {
    EXPECT_THAT(
        passagesOf(contract()),
        ::testing::IsSupersetOf(
            {"14 Termination",
             "14.4 On termination the Supplier shall return all drawings by 1 April 2025 at the latest.",
             "Interest on late payments is 8 % a year.", "Critical Site\t48 hours\tdesk A"}));
    EXPECT_THAT(passagesOf(japanese()),
                ::testing::Contains("本契約は、甲乙間の取引に共通する基本的な事項を定め、相互の信頼に基づく公"
                                    "正な取引を長く続けることを目的とする。"));
}

TEST(Passages, HangingNumbersAreNoCells) {
    const Document document =
        documentOf({"2.1     This Agreement takes effect on the Commencement Date and, unless ended\n"
                    "earlier, runs for four years.\n(a)     it asks for a Product that has been withdrawn;\n"
                    "(ii)    it names a delivery date.\n1    Casing    2 pieces"});
    EXPECT_THAT(passagesOf(document),
                ::testing::ElementsAre("2.1     This Agreement takes effect on the Commencement Date and, "
                                       "unless ended earlier, runs for four years.",
                                       "(a)     it asks for a Product that has been withdrawn;",
                                       "(ii)    it names a delivery date.", "1    Casing    2 pieces"));
}

TEST(Passages, SentenceRunsOverThePage) {
    const Document document =
        documentOf({"The Supplier shall keep all of its records for a period of",
                    "seven years after the end. Then it may destroy each and every one of them."});
    EXPECT_THAT(passagesOf(document),
                ::testing::ElementsAre(
                    "The Supplier shall keep all of its records for a period of seven years after the end.",
                    "Then it may destroy each and every one of them."));
}

TEST(Passages, LongOnesAreCutShortOnesJoined) {
    std::string text = "Yes. No. ";
    for (int i = 0; i < 300; ++i)
        text += "word ";
    const Document document = documentOf({text + std::string(900, 'x') + " 日本"});
    const Passages passages = findPassages(document);
    for (const Passage& passage : passages.items) {
        EXPECT_LE(passage.end - passage.begin, 400U);
        EXPECT_GT(passage.end, passage.begin);
    }
    EXPECT_GT(passages.items.size(), 5U);
}

TEST(Passages, CellsOfAPage) {
    Document document = documentOf({"Critical Site 48 hours\nOther Site 10 days"});
    const auto word = [&](std::uint32_t begin, std::uint32_t end, float left, float top) {
        document.words.push_back(
            {begin, end, {left, top, left + 5.0F * static_cast<float>(end - begin), top + 11}});
    };
    word(0, 8, 50, 50), word(9, 13, 93, 50), word(14, 16, 200, 50), word(17, 22, 213, 50);
    word(23, 28, 50, 64), word(29, 33, 78, 64), word(34, 36, 200, 64), word(37, 41, 213, 64);
    document.lines[0].lastWord = 4;
    document.lines[1].firstWord = 4;
    document.lines[1].lastWord = 8;
    EXPECT_THAT(passagesOf(document),
                ::testing::ElementsAre("Critical Site\t48 hours", "Other Site\t10 days"));
}

}  // namespace
}  // namespace kvasir
