#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QPainter>

#include "tests/ui/sample_scenes.h"
#include "ui/answer_text.h"
#include "ui/document_search.h"
#include "ui/heat_strip.h"
#include "ui/log_view.h"
#include "ui/mark_painter.h"
#include "ui/page_images.h"
#include "ui/page_view.h"
#include "ui/phrases.h"
#include "ui/pin_painter.h"
#include "ui/text_rows.h"

namespace kvasir {
namespace {

// One page, two lines: "aa bb cc" and "dd ee", boxes of 10 x 10 points with 5 between.
std::shared_ptr<Document> smallDocument() {
    auto document = std::make_shared<Document>();
    document->text = "aa bb cc\ndd ee";
    for (std::uint32_t i = 0; i < 5; ++i) {
        const float left = 50.0F + 15.0F * static_cast<float>(i % 3), top = i < 3 ? 100.0F : 120.0F;
        document->words.push_back({i * 3, i * 3 + 2, {left, top, left + 10, top + 10}});
    }
    document->lines = {{0, 8, 0, 3}, {9, 14, 3, 5}};
    Page page;
    page.width = 200;
    page.height = 300;
    page.end = 14;
    page.lastLine = 2;
    document->pages = {page};
    return document;
}

Citation cite(int number, std::uint32_t begin, std::uint32_t end) {
    Citation citation;
    citation.number = number;
    citation.begin = begin;
    citation.end = end;
    return citation;
}

TEST(PageMarks, JoinsEqualNeighboursOfALineAndVeilsWordsAlone) {
    const DocumentMarks marks(smallDocument(), {{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}}, {});
    const PageMarks page = pageMarks(marks, 0);
    ASSERT_EQ(page.carriedWashes.size(), 1U);
    EXPECT_DOUBLE_EQ(page.carriedWashes[0].left(), 50);
    EXPECT_DOUBLE_EQ(page.carriedWashes[0].right(), 75);
    ASSERT_EQ(page.veils.size(), 3U);
    EXPECT_EQ(page.veils[0], QRectF(80, 100, 10, 10));
    EXPECT_TRUE(page.cited.empty());
}

TEST(PageMarks, ARunDoesNotCrossALineBreak) {
    const DocumentMarks marks(smallDocument(), {{1, 1, 1, 1, 1}, {0, 0, 1, 1, 0}}, {});
    EXPECT_EQ(pageMarks(marks, 0).carriedWashes.size(), 2U);
}

TEST(PageMarks, CitedBeatsCarriedAndLooksDifferentWhenNotCarried) {
    const DocumentMarks marks(smallDocument(), {{1, 1, 1, 1, 1}, {1, 1, 0, 1, 0}}, {cite(4, 3, 8)});
    const PageMarks page = pageMarks(marks, 0);
    ASSERT_EQ(page.cited.size(), 2U);
    EXPECT_TRUE(page.cited[0].carried);
    EXPECT_FALSE(page.cited[1].carried);
    EXPECT_EQ(page.cited[0].number, 4);
    ASSERT_EQ(page.numbers.size(), 1U) << "one number a place, at its first line";
    EXPECT_DOUBLE_EQ(page.numbers[0].top, 100);
    EXPECT_EQ(page.carriedWashes.size(), 2U);
}

TEST(PageMarks, GutterSaysTheShareOfEachLine) {
    const DocumentMarks marks(smallDocument(), {{2, 2, 4, 1, 1}, {1, 2, 1, 0, 0}}, {});
    const PageMarks page = pageMarks(marks, 0);
    ASSERT_EQ(page.gutters.size(), 2U);
    EXPECT_DOUBLE_EQ(page.gutters[0].share, 0.5);
    EXPECT_DOUBLE_EQ(page.gutters[1].share, 0);
    EXPECT_NEAR(page.share, 0.4, 1e-6);
    EXPECT_NEAR(marks.share(), 0.4, 1e-6);
}

TEST(PageMarks, APageWithoutWordsHasNone) {
    auto document = std::make_shared<Document>();
    document->pages.resize(1);
    const PageMarks page = pageMarks(DocumentMarks(document, {}, {cite(1, 0, 5)}), 0);
    EXPECT_TRUE(page.text.isEmpty());
    EXPECT_TRUE(page.veils.empty());
}

TEST(PageMarks, UnknownMarksShowCitationsWithTheirWash) {
    const DocumentMarks marks(smallDocument(), {}, {cite(1, 0, 2)});
    EXPECT_FALSE(marks.known());
    const PageMarks page = pageMarks(marks, 0);
    ASSERT_EQ(page.cited.size(), 1U);
    EXPECT_TRUE(page.cited[0].carried);
    EXPECT_TRUE(page.gutters.empty());
}

TEST(PageMarks, WhereNothingWasLeftOutOnlyCitationsAreMarked) {
    const DocumentMarks marks(smallDocument(), {{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}}, {cite(1, 0, 2)});
    const PageMarks page = pageMarks(marks, 0);
    EXPECT_TRUE(page.carriedWashes.empty());
    EXPECT_TRUE(page.gutters.empty());
    EXPECT_EQ(page.cited.size(), 1U);
}

TEST(PageMarks, WhatIsNotReadYetIsNeitherCarriedNorPale) {
    // The first line was read and carried, the second not read.
    const DocumentMarks marks(smallDocument(),
                              {{1, 1, 2, 1, 1}, {1, 1, 2, 0, 0}, {false, false, false, true, true}}, {});
    EXPECT_TRUE(marks.leftSomethingOut());
    EXPECT_DOUBLE_EQ(marks.share(), 1) << "of what was read";
    EXPECT_NEAR(marks.readShare(), 0.6, 1e-6);
    const PageMarks page = pageMarks(marks, 0);
    EXPECT_TRUE(page.veils.empty());
    EXPECT_EQ(page.carriedWashes.size(), 1U);
    ASSERT_EQ(page.gutters.size(), 2U);
    EXPECT_FALSE(page.gutters[0].unread);
    EXPECT_TRUE(page.gutters[1].unread);
}

TEST(DocumentMarks, LeavesOutCitationsOutsideTheDocument) {
    const DocumentMarks marks(smallDocument(), {},
                              {cite(1, 5, 500), cite(2, 8, 8), cite(3, 9, 11), cite(3, 9, 11)});
    ASSERT_EQ(marks.cited().size(), 1U);
    EXPECT_EQ(marks.citedNumber(3), 3);
    EXPECT_EQ(marks.citedNumber(4), 0);
    EXPECT_EQ(marks.citedOnPage(0), 1);
}

TEST(DocumentMarks, MarksOfAnotherLengthAreNotKnown) {
    EXPECT_FALSE(DocumentMarks(smallDocument(), {{1, 1}, {1, 1}}, {}).known());
}

TEST(DocumentMarks, PercentKeepsTheEndsForWhatIsReallyThere) {
    EXPECT_EQ(percent(0), 0);
    EXPECT_EQ(percent(0.0001), 1);
    EXPECT_EQ(percent(0.9999), 99);
    EXPECT_EQ(percent(1), 100);
    EXPECT_EQ(percent(0.184), 18);
}

TEST(MarkPainter, CarriedWashKeepsInkAndColoursPaper) {
    QImage page(200, 300, QImage::Format_ARGB32_Premultiplied);
    page.fill(Qt::white);
    page.setPixelColor(55, 105, Qt::black);
    const DocumentMarks marks(smallDocument(), {{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}}, {cite(1, 9, 11)});
    MarkStyle style;
    style.colours = &lightColours();
    style.mode = MarkMode::Carried;
    QPainter painter(&page);
    paintPageMarks(painter, pageMarks(marks, 0), {200, 300}, style);
    painter.end();
    EXPECT_EQ(page.pixelColor(52, 103), lightColours().carriedWash);
    EXPECT_EQ(page.pixelColor(55, 105), QColor(Qt::black));
    EXPECT_EQ(page.pixelColor(55, 131), lightColours().cited) << "underline of the cited word";
    EXPECT_EQ(page.pixelColor(190, 290), QColor(Qt::white));
}

TEST(PagePins, FollowTheLinesOfTheirPage) {
    const auto document = smallDocument();
    const PagePins pins = pagePins(*document, std::vector<ByteRange>{{3, 11}}, 0);
    ASSERT_EQ(pins.pins.size(), 1U);
    ASSERT_EQ(pins.pins[0].lines.size(), 2U);
    EXPECT_EQ(pins.pins[0].lines[0], QRectF(65, 100, 25, 10)) << "bb cc";
    EXPECT_EQ(pins.pins[0].lines[1], QRectF(50, 120, 10, 10)) << "dd";
    EXPECT_TRUE(pins.pins[0].begins);
    EXPECT_EQ(pins.text, QRectF(50, 100, 40, 30));
    EXPECT_TRUE(pagePins(*document, {}, 0).pins.empty());
    EXPECT_TRUE(pagePins(*document, std::vector<ByteRange>{{100, 200}}, 0).pins.empty());
}

class PinPainter : public testing::Test {
protected:
    /// A page of 200 x 300 points at 2 pixels a point, with "bb cc / dd" pinned.
    QImage paint(MarkStyle style, const PageMarks* marks = nullptr) const {
        QImage page(400, 600, QImage::Format_ARGB32_Premultiplied);
        page.fill(Qt::white);
        style.colours = &lightColours();
        style.scale = 2;
        QPainter painter(&page);
        paintPagePins(painter, pagePins(*smallDocument(), std::vector<ByteRange>{{3, 11}}, 0), marks,
                      {200, 300}, style);
        painter.end();
        return page;
    }
    static int pinned(const QImage& page, const QRect& area) {
        int count = 0;
        for (int y = area.top(); y <= area.bottom(); ++y) {
            for (int x = area.left(); x <= area.right(); ++x) {
                const QColor colour = page.pixelColor(x, y);
                // Antialiased: on the way from white to the colour, most of it.
                count += colour.green() < 160 && colour.blue() > colour.green() + 40 ? 1 : 0;
            }
        }
        return count;
    }
    static constexpr QRect kWords{131, 203, 46, 14};  // inside the outline: nothing is painted over the words
    static constexpr QRect kAbove{130, 195, 50, 6};   // the outline's upper edge
    static constexpr QRect kMargin{190, 195, 60, 25};
};

TEST_F(PinPainter, DashesRoundTheWordsAndAPinInTheMargin) {
    MarkStyle style;
    style.mode = MarkMode::Citations;
    const QImage page = paint(style);
    EXPECT_EQ(pinned(page, kWords), 0);
    EXPECT_GT(pinned(page, kAbove), 30);
    EXPECT_LT(pinned(page, kAbove), 90) << "dashed";
    EXPECT_GT(pinned(page, {96, 240, 30, 26}), 20) << "round the second line too";
    EXPECT_EQ(pinned(page, {60, 196, 60, 20}), 0) << "not round the word before";
    EXPECT_GT(pinned(page, kMargin), 20) << "the pin";
    EXPECT_EQ(pinned(page, {190, 232, 60, 40}), 0) << "one pin a passage";
    style.mode = MarkMode::Carried;
    EXPECT_EQ(paint(style), page);
}

TEST_F(PinPainter, StandsBesideTheNumberOfACitation) {
    MarkStyle style;
    PageMarks marks;
    marks.numbers.push_back({100, 1});
    const QImage page = paint(style, &marks);
    EXPECT_EQ(pinned(page, {198, 195, 21, 25}), 0) << "there stands the number";
    EXPECT_GT(pinned(page, {222, 195, 30, 25}), 20);
}

TEST_F(PinPainter, PaintsNothingInPlainNorWhenSmall) {
    MarkStyle style;
    style.mode = MarkMode::Plain;
    EXPECT_EQ(pinned(paint(style), {0, 0, 400, 600}), 0);
    style.mode = MarkMode::Carried;
    style.zoom = 0.5;
    EXPECT_EQ(pinned(paint(style), {0, 0, 400, 600}), 0);
}

TEST(MarkPainter, PlainPaintsNothing) {
    QImage page(200, 300, QImage::Format_ARGB32_Premultiplied);
    page.fill(Qt::white);
    const QImage before = page;
    MarkStyle style;
    style.colours = &lightColours();
    style.mode = MarkMode::Plain;
    QPainter painter(&page);
    paintPageMarks(painter,
                   pageMarks(DocumentMarks(smallDocument(), {{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}}, {}), 0),
                   {200, 300}, style);
    painter.end();
    EXPECT_EQ(page, before);
}

TEST(Recoloured, MirrorsLightnessAndKeepsHue) {
    QImage image(3, 1, QImage::Format_RGB32);
    image.setPixelColor(0, 0, Qt::white);
    image.setPixelColor(1, 0, Qt::black);
    image.setPixelColor(2, 0, QColor(200, 0, 0));
    const QImage dark = recoloured(image, darkColours().paper, darkColours().ink);
    EXPECT_EQ(dark.pixelColor(0, 0), darkColours().paper);
    EXPECT_EQ(dark.pixelColor(1, 0), darkColours().ink);
    EXPECT_GT(dark.pixelColor(2, 0).red(), dark.pixelColor(2, 0).green() + 50);
}

// ------------------------------------------------------------------------------------------------- find

std::vector<ByteRange> find(const std::string& text, const QString& query) {
    const std::atomic<bool> cancel = false;
    return findAll(text, query, cancel);
}

TEST(FindAll, IgnoresCaseAndMatchesAcrossLineBreaks) {
    const std::string text = "The Buyer may\n terminate. THE BUYER MAY.";
    const auto hits = find(text, "buyer  may");
    ASSERT_EQ(hits.size(), 2U);
    EXPECT_EQ(text.substr(hits[0].begin, hits[0].end - hits[0].begin), "Buyer may");
    EXPECT_EQ(find(text, "may terminate").size(), 1U);
}

TEST(FindAll, KnowsOtherScripts) {
    const std::string text = "第32条（中途解約） ÄRGER ärger";
    EXPECT_EQ(find(text, QString::fromUtf8("中途")).size(), 1U);
    EXPECT_EQ(find(text, QString::fromUtf8("ärger")).size(), 2U);
}

TEST(FindAll, FindsNothingForBlanksAndNothingTwice) {
    EXPECT_TRUE(find("abc", "  ").empty());
    EXPECT_TRUE(find("", "a").empty());
    EXPECT_EQ(find("aaaa", "aa").size(), 2U);
    EXPECT_TRUE(find("ab", "abc").empty());
}

TEST(FindAll, StopsWhenAskedTo) {
    const std::atomic<bool> cancel = true;
    EXPECT_LT(findAll(std::string(1 << 20, 'a'), "a", cancel).size(), kMostHits + 1);
    EXPECT_EQ(find(std::string(1 << 20, 'a'), "a").size(), kMostHits);
}

// ------------------------------------------------------------------------------------------------- rows

TEST(TextRows, CountsCells) {
    EXPECT_EQ(cellsOf(std::string_view("ab")), 2);
    EXPECT_EQ(cellsOf(std::string_view("条a")), 3);
    EXPECT_EQ(cellsOf(std::string_view("a\tb")), 9);
    EXPECT_EQ(cellsOf(std::string_view("e\xCC\x81")), 1);
    EXPECT_EQ(byteInCell("条ab", 0), 0U);
    EXPECT_EQ(byteInCell("条ab", 2), 3U);
    EXPECT_EQ(byteInCell("ab", 9), 2U);
}

TEST(TextRows, WrapsAtBlanksAndNeverLosesAByte) {
    Document document;
    document.text = "one two three fourfivesixseven\n\nend";
    document.lines = {{0, 30, 0, 0}, {31, 31, 0, 0}, {32, 35, 0, 0}};
    const std::vector<TextRow> rows = textRows(document, 10);
    ASSERT_EQ(rows.size(), 6U);
    std::uint32_t at = 0;
    for (const TextRow& row : rows)
        if (row.line == 0) {
            EXPECT_EQ(row.begin, at);
            EXPECT_LE(row.end - row.begin, 10U);
            at = row.end;
        }
    EXPECT_EQ(at, 30U);
    EXPECT_EQ(textRows(document, 0).size(), 3U);
}

TEST(LevelOf, FindsTheLevelNearTheBeginning) {
    const auto level = levelOf("02:14:05.310 ERROR pool no connection");
    ASSERT_TRUE(level);
    EXPECT_EQ(level->level, LogLevel::Error);
    EXPECT_EQ(level->begin, 13U);
    EXPECT_EQ(level->end, 18U);
    EXPECT_EQ(levelOf("[WARN] x")->level, LogLevel::Warning);
    EXPECT_FALSE(levelOf("no level: ERRORS happen"));
    EXPECT_FALSE(levelOf(""));
}

// ------------------------------------------------------------------------------------------------ views

TEST(HeatStrip, BarsStandWhereTheLinesAre) {
    LogView view(nullptr);
    view.resize(600, 300);
    auto document = std::make_shared<Document>();
    document->kind = DocumentKind::Log;
    WordMarks words;
    for (std::uint32_t i = 0; i < 100; ++i) {
        document->text += i == 0 ? "x" : "\nx";
        document->words.push_back({i * 2, i * 2 + 1, {}});
        document->lines.push_back({i * 2, i * 2 + 1, i, i + 1});
        words.tokens.push_back(1);
        words.carried.push_back(i >= 50 ? 1 : 0);
    }
    Page page;
    page.end = 199;
    page.lastLine = 100;
    document->pages = {page};
    view.setDocument(document);
    view.setMarks(std::make_shared<DocumentMarks>(document, words, std::vector<Citation>()),
                  MarkMode::Carried);
    const std::vector<float> shares = stripShares(view, 200);
    EXPECT_FLOAT_EQ(shares[10], 0);
    EXPECT_FLOAT_EQ(shares[150], 1);
    EXPECT_TRUE(stripShares(view, 0).empty());
}

TEST(HeatStrip, SquaresStandWhereThePinsAre) {
    LogView view(nullptr);
    auto* strip = new HeatStrip(view, &view);
    view.setStrip(strip);
    auto document = std::make_shared<Document>();
    document->kind = DocumentKind::Log;
    for (std::uint32_t i = 0; i < 100; ++i) {
        document->text += i == 0 ? "x" : "\nx";
        document->words.push_back({i * 2, i * 2 + 1, {}});
        document->lines.push_back({i * 2, i * 2 + 1, i, i + 1});
    }
    document->pages.resize(1);
    document->pages[0].end = 199;
    document->pages[0].lastLine = 100;
    view.resize(600, 400);
    view.setDocument(document);
    view.setPins({{100, 101}});  // the line in the middle
    strip->resize(HeatStrip::kWidth, 400);
    const auto squares = [&] {
        const QImage image = strip->grab().toImage();
        std::vector<int> rows;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = image.width() * 20 / 32; x < image.width(); ++x) {
                const QColor colour = image.pixelColor(x, y);
                if (colour.green() > 140 || colour.blue() < colour.green() + 40) continue;
                rows.push_back(static_cast<int>(y / image.devicePixelRatio()));
                break;
            }
        }
        return rows;
    };
    const std::vector<int> rows = squares();
    ASSERT_FALSE(rows.empty());
    EXPECT_NEAR(rows.front(), 199, 5);
    EXPECT_NEAR(rows.back(), 205, 5);
    view.setMarks(nullptr, MarkMode::Plain);
    EXPECT_TRUE(squares().empty());
}

TEST(AnswerPieces, ChipsStandBeforeThePunctuationOfTheirSentence) {
    Citation first = cite(1, 0, 2), second = cite(2, 0, 2);
    const std::string text = "Sixty days. There is no fee.";
    first.sentenceEnd = 11;
    second.sentenceEnd = 12;  // with the blank after the sentence
    const std::vector<AnswerPiece> pieces = answerPieces(text, {first, second});
    ASSERT_EQ(pieces.size(), 2U);
    EXPECT_EQ(pieces[0].text, "Sixty days");
    EXPECT_EQ(pieces[0].citations.size(), 2U);
    EXPECT_EQ(pieces[1].text, ". There is no fee.");
}

TEST(AnswerPieces, NeverLosesText) {
    Citation late = cite(1, 0, 2);
    late.sentenceEnd = 999;
    const std::string text = "解約できます。";
    const std::vector<AnswerPiece> pieces = answerPieces(text, {late});
    EXPECT_EQ(pieces[0].text + pieces[1].text, text);
    EXPECT_EQ(answerPieces("", {}).size(), 1U);
}

TEST(Phrases, SayPagesAndTimesForPeople) {
    EXPECT_EQ(Phrases::pages({56, 195, 196, 197, 211}), QString::fromUtf8("57, 196–198, 212"));
    EXPECT_EQ(Phrases::duration(0.2), "1 s");
    EXPECT_EQ(Phrases::duration(100), "2 min");
    EXPECT_EQ(Phrases::duration(4200), "1 h 10 min");
}

}  // namespace
}  // namespace kvasir
