#include "app/store/search_passages.h"
#include "app/utf8.h"
#include "tests/app/store/store_fixture.h"

namespace kvasir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoreSearchTest : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        open();
        m_english = addDocument("aa01");
        m_japanese = addDocument("bb02");
        ASSERT_TRUE(
            m_store
                ->indexDocument(m_english, makeDocument({{"The tenant may terminate the lease.",
                                                          "Notice is given in writing."},
                                                         {"The deposit is 2,400 euros.", "Café Zoë."}}))
                .get());
        ASSERT_TRUE(
            m_store
                ->indexDocument(m_japanese, makeDocument({{"第１条　契約期間は三年とする。"},
                                                          {"第２条　賃料は月額１２万円とする。"},
                                                          {"第３条　敷金はコンピュータの返却後に返す。"}}))
                .get());
    }
    std::vector<std::int32_t> pages(std::string_view text, RowId document) {
        std::vector<std::int32_t> found;
        const auto hits = *reader()->search(text, 10);
        for (const SearchHit& hit : hits) {
            if (hit.kind == HitKind::Page && hit.documentId == document) found.push_back(hit.page);
        }
        return found;
    }
    std::vector<std::int32_t> passages(RowId document, std::string_view query) {
        std::vector<std::int32_t> found;
        const auto hits = *reader()->searchPassages(document, query, 10);
        found.reserve(hits.size());
        for (const PassageHit& hit : hits)
            found.push_back(hit.page);
        return found;
    }
    RowId m_english = 0, m_japanese = 0;
};

/// 'And for the second year?' says nothing about rent.
TEST_F(StoreSearchTest, WordsOfEarlierQuestionsCountLess) {
    const RowId document = addDocument("cc03");
    ASSERT_TRUE(m_store
                    ->indexDocument(document, makeDocument({{"The rent of the first year is 900."},
                                                            {"The rent of the second year is 950."},
                                                            {"The service charge of the second year is 80."},
                                                            {"The rent of the third year is 990."},
                                                            {"Nobody may keep animals in the yard."}}))
                    .get());
    const auto found = [&](std::string_view query, const std::vector<std::string>& earlier) {
        std::vector<std::int32_t> pages;
        const auto hits = *reader()->searchPassages(document, query, 10, earlier);
        pages.reserve(hits.size());
        for (const PassageHit& hit : hits)
            pages.push_back(hit.page);
        return pages;
    };
    const std::string before = "What is the rent in the first year?";
    ASSERT_THAT(found("And for the second year?", {before}), SizeIs(5));
    EXPECT_EQ(found("And for the second year?", {before})[0], 1) << "the new words first, then the old ones";
    EXPECT_EQ(found("May anybody keep animals?", {before})[0], 4) << "its own words weigh more";
    EXPECT_EQ(found("And the third?", {"And for the second year?", before})[0], 3);
    EXPECT_EQ(found("???", {"animals"}), std::vector<std::int32_t>{4}) << "no words of its own";
    EXPECT_THAT(found("???", {"", "!"}), SizeIs(0));
    const auto plain = *reader()->searchPassages(document, before, 10);
    const auto same = *reader()->searchPassages(document, before, 10, std::vector<std::string>{before});
    ASSERT_EQ(same.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
        EXPECT_DOUBLE_EQ(same[i].score, plain[i].score) << "a word counts once";
    const auto japanese = *reader()->searchPassages(m_japanese, "では、敷金は？", 10,
                                                    std::vector<std::string>{"賃料は月額いくらですか。"});
    ASSERT_THAT(japanese, SizeIs(2));
    EXPECT_EQ(japanese[0].page, 2);
    EXPECT_EQ(japanese[1].page, 1);
}

TEST_F(StoreSearchTest, FindsJapaneseWordsOfAnyLength) {
    EXPECT_THAT(pages("契約", m_japanese), ElementsAre(0)) << "two characters";
    EXPECT_THAT(pages("約期", m_japanese), ElementsAre(0)) << "across words";
    EXPECT_THAT(pages("契約期間", m_japanese), ElementsAre(0));
    EXPECT_THAT(pages("敷", m_japanese), ElementsAre(2)) << "one character";
    EXPECT_THAT(pages("三年", m_japanese), ElementsAre(0));
    EXPECT_THAT(pages("コンピュータ", m_japanese), ElementsAre(2));
    EXPECT_THAT(pages("契約 三年", m_japanese), ElementsAre(0)) << "two words";
    EXPECT_THAT(pages("契約　三年", m_japanese), ElementsAre(0)) << "a wide blank";
    EXPECT_THAT(pages("期契", m_japanese), IsEmpty());
    EXPECT_THAT(pages("契約 賃料", m_japanese), IsEmpty()) << "both, but on different pages";
    EXPECT_THAT(pages("する", m_japanese), SizeIs(2));
}

TEST_F(StoreSearchTest, WideAndNarrowDigitsAreTheSame) {
    EXPECT_THAT(pages("第3条", m_japanese), ElementsAre(2));
    EXPECT_THAT(pages("第３条", m_japanese), ElementsAre(2));
    EXPECT_THAT(pages("12万円", m_japanese), ElementsAre(1));
    EXPECT_THAT(pages("月額12", m_japanese), ElementsAre(1));
}

TEST_F(StoreSearchTest, FindsWordsBeginningsAndAccents) {
    EXPECT_THAT(pages("lease", m_english), ElementsAre(0));
    EXPECT_THAT(pages("LEASE", m_english), ElementsAre(0));
    EXPECT_THAT(pages("termin", m_english), ElementsAre(0)) << "the beginning of a word";
    EXPECT_THAT(pages("deposi euros", m_english), IsEmpty()) << "only the last word may be a beginning";
    EXPECT_THAT(pages("lease termin", m_english), ElementsAre(0));
    EXPECT_THAT(pages("cafe zoe", m_english), ElementsAre(1));
    EXPECT_THAT(pages("2,400", m_english), ElementsAre(1));
    EXPECT_THAT(pages("ease", m_english), IsEmpty());
}

TEST_F(StoreSearchTest, NothingInAQueryIsSyntax) {
    for (const char* text : {"", " ", "\"", "\"\"", "*", "a* OR", "NEAR(", "question : x", "-lease ^", "AND",
                             "!!!", "\x01\x02", "{}", "(", "\xFF\xFE", "'"}) {
        const auto hits = reader()->search(text, 5);
        ASSERT_TRUE(hits) << text << ": " << hits.error().message();
        const auto passages = reader()->searchPassages(m_english, text, 5);
        ASSERT_TRUE(passages) << text << ": " << passages.error().message();
        ASSERT_TRUE(reader()->searchPassages(m_english, "lease", 5, std::vector<std::string>{text})) << text;
    }
    ASSERT_TRUE(reader()->search(std::string("lease\0writing", 13), 5));
    EXPECT_THAT(*reader()->search("lease", 0), IsEmpty());
    EXPECT_THAT(*reader()->search("lease", -1), IsEmpty());
    std::string longQuestion;
    for (int i = 0; longQuestion.size() < 10000; ++i)
        longQuestion += "word" + std::to_string(i) + " 長い質問。";
    EXPECT_TRUE(reader()->search(longQuestion, 5));
    EXPECT_TRUE(reader()->searchPassages(m_english, longQuestion + " lease", 5));
}

TEST_F(StoreSearchTest, CoversNamesQuestionsAnswersAndPagesInThisOrder) {
    const RowId conversation = addConversation(m_english);
    Exchange e = sampleExchange(conversation);
    e.id = *m_store->beginExchange(e).get();
    e.answer = "The lease\nends on 31 March.";
    e.state = ExchangeState::Complete;
    ASSERT_TRUE(m_store->finishExchange(e, {}, {}, {}).get());
    const auto hits = *reader()->search("lease", 10);
    std::vector<HitKind> kinds;
    kinds.reserve(hits.size());
    for (const SearchHit& hit : hits)
        kinds.push_back(hit.kind);
    EXPECT_THAT(kinds,
                ElementsAre(HitKind::Name, HitKind::Name, HitKind::Question, HitKind::Answer, HitKind::Page));
    EXPECT_EQ(hits[3].exchangeId, e.id);
    EXPECT_EQ(hits[3].conversationId, conversation);
    EXPECT_EQ(hits[3].documentId, m_english);
    EXPECT_EQ(hits[3].snippet, "The lease ends on 31 March.");
    EXPECT_THAT(hits[3].matches, ElementsAre(ByteRange{4, 9}));
    m_store->saveAnswer(e.id, "x");
    e.answer = "Another text.";
    ASSERT_TRUE(m_store->finishExchange(e, {}, {}, {}).get());
    EXPECT_THAT(*reader()->search("lease", 10), SizeIs(4)) << "the old answer is no longer found";
}

TEST_F(StoreSearchTest, SnippetsAreCutAroundTheMatches) {
    std::string filler;
    for (int i = 0; i < 30; ++i)
        filler += "前置きの文章です。";
    Exchange e = sampleExchange(addConversation(m_japanese));
    e.question = filler + "解約予告の期間は？" + filler;
    ASSERT_TRUE(m_store->beginExchange(e).get());
    const auto hits = *reader()->search("解約予告", 5);
    ASSERT_THAT(hits, SizeIs(1));
    const std::string& snippet = hits[0].snippet;
    EXPECT_LT(snippet.size(), 220U);
    EXPECT_TRUE(snippet.starts_with("…"));
    EXPECT_TRUE(snippet.ends_with("…"));
    ASSERT_THAT(hits[0].matches, SizeIs(1));
    const ByteRange m = hits[0].matches[0];
    EXPECT_EQ(snippet.substr(m.begin, m.end - m.begin), "解約予告");
    for (std::size_t at = 0; at < snippet.size();) {
        const utf8::CodePoint c = utf8::decode(snippet, at);
        ASSERT_NE(c.value, 0xFFFDU) << "cut inside a character at " << at;
        at = c.end;
    }
}

TEST_F(StoreSearchTest, RanksPassagesForAQuestion) {
    EXPECT_EQ(passages(m_english, "How much is the deposit?").at(0), 1);
    EXPECT_EQ(passages(m_english, "termination of a leasing contract").at(0), 0) << "by stems";
    EXPECT_EQ(passages(m_japanese, "契約期間は何年ですか").at(0), 0);
    EXPECT_EQ(passages(m_japanese, "賃料はいくらですか").at(0), 1);
    EXPECT_EQ(passages(m_japanese, "敷金はいつ返却されますか").at(0), 2);
    EXPECT_THAT(passages(m_japanese, "lease deposit"), IsEmpty()) << "words of another document";
    EXPECT_THAT(passages(999, "lease"), IsEmpty());
    const auto hits = *reader()->searchPassages(m_english, "deposit", 1);
    ASSERT_THAT(hits, SizeIs(1));
    EXPECT_GT(hits[0].score, 0);
    EXPECT_THAT(*reader()->documentText(m_english, hits[0].range), HasSubstr("The deposit is 2,400 euros."));
}

TEST_F(StoreSearchTest, IndexingAgainReplaces) {
    ASSERT_TRUE(m_store->indexDocument(m_english, makeDocument({{"Entirely new words."}})).get());
    EXPECT_THAT(pages("lease", m_english), IsEmpty());
    EXPECT_THAT(pages("entirely", m_english), ElementsAre(0));
    EXPECT_EQ(*reader()->documentText(m_english, {0, 1000}), "Entirely new words.");
}

std::string lineOf(int number) {
    return "Line " + std::to_string(number) + " says that item " + std::to_string(number * 7) +
           " costs 12 euros and 50 cents.";
}

TEST_F(StoreSearchTest, TheTextComesBackByteForByte) {
    std::vector<std::vector<std::string>> pagesOfLines(5);
    for (int i = 0; i < 200; ++i)
        pagesOfLines[static_cast<std::size_t>(i) / 40].push_back(lineOf(i));
    const auto document = makeDocument(pagesOfLines);
    ASSERT_TRUE(m_store->indexDocument(m_english, document).get());
    const std::string& text = document->text;
    const auto size = static_cast<std::uint32_t>(text.size());
    EXPECT_EQ(*reader()->documentText(m_english, {0, size}), text);
    EXPECT_EQ(*reader()->documentText(m_english, {1000, 4000}), text.substr(1000, 3000));
    EXPECT_EQ(*reader()->documentText(m_english, {size - 5, size + 100}), text.substr(size - 5));
    EXPECT_EQ(*reader()->documentText(m_english, {size, size + 5}), "");
    EXPECT_EQ(*reader()->documentText(m_english, {7, 7}), "");
}

void expectSoundPassages(const Document& document) {
    const auto list = cutForSearch(document);
    std::uint32_t covered = 0;
    for (const SearchPassage& p : list) {
        ASSERT_LE(p.range.begin, covered) << "a gap";
        ASSERT_GT(p.range.end, covered) << "no progress";
        covered = p.range.end;
        const std::string text = document.text.substr(p.range.begin, p.range.end - p.range.begin);
        std::size_t characters = 0;
        for (std::size_t at = 0; at < text.size(); ++characters)
            at = utf8::decode(text, at).end;
        ASSERT_LE(characters, 400U);
        const Page& page = document.pages[static_cast<std::size_t>(p.page)];
        ASSERT_GE(p.range.begin, page.begin);
        ASSERT_LE(p.range.end, page.end + 2);
        if (page.firstLine == page.lastLine) continue;
        const Line& line = document.lines[static_cast<std::size_t>(p.line)];
        ASSERT_GE(p.range.begin, line.begin);
        ASSERT_LE(p.range.begin, line.end);
    }
    ASSERT_EQ(covered, document.text.size());
}

TEST(PassagesTest, CoverEveryByteOverlapAndKeepToPages) {
    std::vector<std::string> lines;
    lines.reserve(50);
    for (int i = 0; i < 50; ++i)
        lines.push_back(lineOf(i));
    const auto document = makeDocument({lines, {"One."}, {}, lines});
    expectSoundPassages(*document);
    const auto list = cutForSearch(*document);
    EXPECT_LT(list[1].range.begin, list[0].range.end) << "neighbours overlap";
}

TEST(PassagesTest, CutLongLines) {
    std::string japanese, words;
    for (int i = 0; i < 400; ++i) {
        japanese += "契約は三年とする。";
        words += "some words ";
    }
    expectSoundPassages(*makeDocument({{words}}));
    expectSoundPassages(*makeDocument({{japanese}}));
    expectSoundPassages(*makeDocument({{std::string(5000, 'x')}}));
    expectSoundPassages(*makeDocument({{std::string(5000, '\xFF')}}));
    EXPECT_TRUE(cutForSearch(Document{}).empty());
    const auto document = makeDocument({{words}});
    for (const SearchPassage& p : cutForSearch(*document))
        EXPECT_TRUE(p.range.begin == 0 || document->text[p.range.begin - 1] == ' ') << "cut inside a word";
}

}  // namespace
}  // namespace kvasir
