#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "app/reader/layout.h"

namespace kvasir::reader {
namespace {

constexpr float kWidth = 600;
constexpr float kHeight = 800;

/// Writes words as a typesetter would: letters of half an em, a quarter em between words.
class Sheet {
public:
    Sheet& line(const std::string& text, float x, float y, float size = 10) {
        std::istringstream words(text);
        for (std::string word; words >> word;) {
            const float width = 0.5F * size * static_cast<float>(word.size());
            m_runs.push_back({word, {x, y, x + width, y + size}, 0, {}});
            x += width + 0.25F * size;
        }
        return *this;
    }

    Sheet& run(const std::string& text, Box box, int rotation = 0) {
        m_runs.push_back({text, box, rotation, {}});
        return *this;
    }

    std::vector<TextRun>& runs() { return m_runs; }
    PageText page() const { return layoutPage(m_runs, kWidth, kHeight); }

    /// The page's text as the document will have it.
    std::string text() const {
        const PageText laid = page();
        std::string out;
        for (const PageWord& word : laid.words) {
            constexpr const char* kJoins[] = {"", " ", "\n", "\n\n"};
            if (!out.empty()) out += kJoins[static_cast<int>(word.join)];
            out += laid.text.substr(word.begin, word.end - word.begin);
        }
        return out;
    }

private:
    std::vector<TextRun> m_runs;
};

std::string numbered(std::string text, int number) {
    return text.append(std::to_string(number));
}

std::string prose(int line) {
    return numbered("line ", line) + " of a column with enough words to fill it";
}

TEST(Layout, AnEmptyPageHasNoWords) {
    const PageText page = layoutPage({}, kWidth, kHeight);
    EXPECT_TRUE(page.words.empty());
    EXPECT_EQ(page.status, PageStatus::Text);
    EXPECT_TRUE(Sheet().run("   ", {1, 1, 5, 5}).run("", {1, 1, 5, 5}).page().words.empty());
}

TEST(Layout, SortsWordsWhateverOrderTheyComeIn) {
    Sheet sheet;
    sheet.line("second line here", 50, 214).line("the first line", 50, 200);
    std::reverse(sheet.runs().begin(), sheet.runs().end());
    EXPECT_EQ(sheet.text(), "the first line\nsecond line here");
}

TEST(Layout, DividesParagraphsAtGapsIndentsAndSizes) {
    Sheet sheet;
    sheet.line("Heading", 50, 100, 16);
    sheet.line("one two three four five", 50, 130).line("six seven.", 50, 142);
    sheet.line("after a gap of some height", 50, 166).line("it goes on and ends.", 50, 178);
    sheet.line("indented first line of a third", 70, 190).line("paragraph at the margin", 50, 202);
    EXPECT_EQ(sheet.text(),
              "Heading\n\none two three four five\nsix seven.\n\nafter a gap of some height\nit goes on and "
              "ends.\n\n"
              "indented first line of a third\nparagraph at the margin");
}

TEST(Layout, HangingSecondLinesStayInTheirParagraph) {
    Sheet sheet;
    sheet.line("(a) an item that is so long that it takes", 50, 100).line("a second line", 70, 112);
    sheet.line("(b) another item that is long and takes", 50, 124).line("a second line", 70, 136);
    EXPECT_EQ(sheet.text().find("\n\n"), std::string::npos) << sheet.text();
}

TEST(Layout, ReadsColumnsOneAfterAnother) {
    for (const float shift : {0.0F, 5.0F}) {
        SCOPED_TRACE(shift);
        Sheet sheet;
        sheet.line("A title across the whole of the page and its two columns below", 120, 60, 14);
        for (int i = 0; i < 12; ++i) {
            const auto y = 100 + 12 * static_cast<float>(i);
            sheet.line("left " + prose(i), 50, y).line("right " + prose(i), 320, y + shift);
        }
        sheet.line("A footer over both", 240, 780);
        const std::string text = sheet.text();
        EXPECT_LT(text.find("A title"), text.find("left line 0"));
        EXPECT_LT(text.find("left line 11"), text.find("right line 0"));
        EXPECT_LT(text.find("right line 11"), text.find("A footer"));
        EXPECT_EQ(text.find("it right"), std::string::npos);
    }
}

TEST(Layout, ReadsThreeColumns) {
    Sheet sheet;
    for (int i = 0; i < 15; ++i) {
        const auto y = 100 + 12 * static_cast<float>(i);
        for (int column = 0; column < 3; ++column) {
            sheet.line(numbered("c", column) + numbered("r", i) + " words that fill it",
                       40 + 190.F * static_cast<float>(column), y + static_cast<float>(column) * 3);
        }
    }
    const std::string text = sheet.text();
    EXPECT_LT(text.find("c0r14"), text.find("c1r0"));
    EXPECT_LT(text.find("c1r14"), text.find("c2r0"));
}

TEST(Layout, HeadersInBothCornersComeBeforeTheColumns) {
    Sheet sheet;
    sheet.line("Left header", 50, 30).line("Page 7", 520, 30);
    for (int i = 0; i < 12; ++i) {
        const auto y = 100 + 12 * static_cast<float>(i);
        sheet.line("left " + prose(i), 50, y).line("right " + prose(i), 320, y);
    }
    EXPECT_TRUE(sheet.text().starts_with("Left header Page 7\n\nleft line 0")) << sheet.text();
}

TEST(Layout, ReadsTablesRowByRow) {
    Sheet sheet;
    for (int i = 0; i < 10; ++i) {
        const auto y = 100 + 14 * static_cast<float>(i);
        const std::string row = std::to_string(i);
        sheet.line("Item " + row, 50, y)
            .line(row + ".50", 250, y)
            .line("each", 350, y)
            .line(row + "1", 450, y);
    }
    const std::string text = sheet.text();
    EXPECT_TRUE(text.starts_with("Item 0 0.50 each 01\nItem 1 1.50 each 11\n")) << text;
}

TEST(Layout, ReadsPriceListsRowByRow) {
    // Two halves of like width, as an index has them; but names stand on the left and amounts on the right.
    Sheet sheet;
    for (int i = 0; i < 16; ++i) {
        const auto y = 100 + 14 * static_cast<float>(i);
        sheet.line(numbered("NS-", 200 + i) + " Split-case pump, " + std::to_string(110 + i) + " kW", 50, y)
            .line(std::to_string(720 + i), 330, y)
            .line(std::to_string(27 + i) + ",450", 400, y)
            .line(std::to_string(6 + i) + " weeks", 470, y);
    }
    EXPECT_TRUE(sheet.text().starts_with("NS-200 Split-case pump, 110 kW 720 27,450 6 weeks\n"))
        << sheet.text();
}

TEST(Layout, ReadsTermsWithTheirDescriptions) {
    Sheet sheet;
    for (int i = 0; i < 10; ++i) {
        const auto y = 100 + 24 * static_cast<float>(i);
        sheet.line(numbered("Term", i), 50, y);
        sheet.line(numbered("means number ", i) + " of a description that wraps", 150, y);
        sheet.line("onto a second line of some length", 150, y + 12);
    }
    EXPECT_NE(sheet.text().find("Term4 means number 4"), std::string::npos) << sheet.text();
}

TEST(Layout, RaisedAndLoweredLettersStayInTheirLine) {
    Sheet sheet;
    sheet.line("See note", 50, 100).run("3", {93, 97, 97, 103}).line("and H", 102, 100);
    sheet.run("2", {124.7F, 105, 128, 111})
        .line("O here", 128.3F, 100)
        .line("next line of the text", 50, 112);
    EXPECT_EQ(sheet.text(), "See note 3 and H2O here\nnext line of the text");
}

TEST(Layout, AnInitialDoesNotSwallowTheLinesBesideIt) {
    Sheet sheet;
    sheet.run("T", {50, 100, 74, 124});
    sheet.line("he first line beside it", 76, 100)
        .line("second line beside it", 76, 112)
        .line("third line", 50, 126);
    EXPECT_NE(sheet.text().find("he first line beside it\nsecond line"), std::string::npos) << sheet.text();
}

TEST(Layout, PiecesOfAWordInTwoFontsAreOneWord) {
    Sheet sheet;
    sheet.run("bold", {50, 100, 70, 110}).run("ly,", {70.2F, 100, 80, 110}).run("so", {84, 100, 92, 110});
    const PageText page = sheet.page();
    EXPECT_EQ(sheet.text(), "boldly, so");
    ASSERT_EQ(page.words.size(), 2U);
    EXPECT_FLOAT_EQ(page.words[0].box.right, 80);
}

TEST(Layout, WritesLigaturesAndDownwardMarksPlainly) {
    Sheet sheet;
    sheet.run("o\uFB03ce", {50, 100, 90, 110}).run("\uFB01ve\u00AD", {95, 100, 120, 110});
    sheet.run("\uFE41港\uFE42\uFE12", {300, 100, 340, 110});
    EXPECT_EQ(sheet.text(), "office five- 「港」。");
}

TEST(Layout, DividesJapaneseWhereTheKindOfCharacterChanges) {
    const PageText page = Sheet().run("契約書のコピーを24部", {50, 100, 160, 110}).page();
    std::vector<std::string> words;
    words.reserve(page.words.size());
    for (const PageWord& word : page.words)
        words.push_back(page.text.substr(word.begin, word.end - word.begin));
    EXPECT_EQ(words, (std::vector<std::string>{"契約書", "の", "コピー", "を", "24", "部"}));
    EXPECT_NEAR(page.words[0].box.right, 80, 0.01F) << "boxes are divided like the characters";
}

TEST(Layout, PutsNoSpaceBetweenJapaneseCharacters) {
    Sheet sheet;
    // One by one, with the gaps of a justified line; then a column of a table.
    sheet.run("契", {50, 100, 60, 110}).run("約", {62, 100, 72, 110}).run("は", {74, 100, 84, 110});
    sheet.run("数量", {120, 100, 140, 110});
    EXPECT_EQ(sheet.text(), "契約は 数量");
}

TEST(Layout, ReadsDownwardLinesFromTheRight) {
    Sheet sheet;
    sheet.run("二行目", {476, 60, 488, 96}, 1).run("一行目", {500, 60, 512, 96}, 1);
    EXPECT_EQ(sheet.text(), "一行目\n二行目");
}

TEST(Layout, ReadsTurnedTextAfterTheRest) {
    Sheet sheet;
    sheet.run("number", {20, 300, 30, 340}, 3).run("Copy", {20, 345, 30, 370}, 3);
    sheet.line("The text of the page itself", 100, 400);
    sheet.run("down", {300, 300, 330, 310}, 2).run("upside", {335, 300, 370, 310}, 2);
    EXPECT_EQ(sheet.text(), "The text of the page itself\n\nupside down\n\nCopy number");
}

TEST(Layout, CutsPagesThatHoldTooMuch) {
    std::vector<TextRun> runs(kMaxPageWords + 10, TextRun{"x", {1, 1, 2, 2}, 0, {}});
    const PageText words = layoutPage(runs, kWidth, kHeight);
    EXPECT_TRUE(words.cut);
    EXPECT_LE(words.words.size(), kMaxPageWords);
    const PageText characters =
        layoutPage({{std::string(kMaxPageCharacters + 1, 'x'), {1, 1, 9, 9}, 0, {}}}, 9, 9);
    EXPECT_TRUE(characters.cut);
    EXPECT_EQ(characters.text.size(), kMaxPageCharacters);
}

TEST(Layout, TakesAnyBoxes) {
    std::mt19937 random(7);
    const float values[] = {
        std::nanf(""), std::numeric_limits<float>::infinity(), -1e30F, 1e30F, 0, 1, 300, -5};
    const auto value = [&] { return values[random() % std::size(values)]; };
    for (int round = 0; round < 50; ++round) {
        std::vector<TextRun> runs;
        runs.reserve(200);
        for (int i = 0; i < 200; ++i) {
            runs.push_back({numbered("w", i),
                            {value(), value(), value(), value()},
                            static_cast<int>(random() % 9) - 4,
                            {}});
        }
        const PageText page = layoutPage(runs, round % 2 == 0 ? kWidth : 0, kHeight);
        std::size_t bytes = 0;
        for (const PageWord& word : page.words) {
            bytes += word.end - word.begin;
            EXPECT_TRUE(std::isfinite(word.box.left) && std::isfinite(word.box.bottom));
        }
        EXPECT_EQ(bytes, page.text.size()) << "no word is lost or doubled";
    }
}

}  // namespace
}  // namespace kvasir::reader
