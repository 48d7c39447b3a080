#include "app/document_builder.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace kvasir {
namespace {

class PageOf {
public:
    PageOf& word(const std::string& text, Join join, Box box = {10, 10, 20, 20}) {
        const auto begin = static_cast<std::uint32_t>(m_page.text.size());
        m_page.text += text;
        m_page.words.push_back({begin, static_cast<std::uint32_t>(m_page.text.size()), box, join});
        return *this;
    }
    PageOf& status(PageStatus status) {
        m_page.status = status;
        return *this;
    }
    operator const PageText&() const { return m_page; }  // NOLINT(google-explicit-constructor)

private:
    PageText m_page;
};

std::string textOf(const Document& document, const Word& word) {
    return document.text.substr(word.begin, word.end - word.begin);
}

/// Whatever was added: ranges ascend, fit each other, and the text between words is blanks alone.
void expectExactMap(const Document& document) {
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < document.words.size(); ++i) {
        const Word& word = document.words[i];
        ASSERT_LT(word.begin, word.end);
        ASSERT_GE(word.begin, end);
        const std::string between = document.text.substr(end, word.begin - end);
        ASSERT_EQ(between.find_first_not_of(" \n\t"), std::string::npos) << between;
        ASSERT_EQ(document.wordsIn(word.begin, word.end), std::make_pair(i, i + 1));
        const Line& line = document.lines.at(document.lineAt(word.begin));
        ASSERT_LE(line.firstWord, i);
        ASSERT_GT(line.lastWord, i);
        ASSERT_LE(line.begin, word.begin);
        ASSERT_GE(line.end, word.end);
        const Page& page = document.pages.at(document.pageAt(word.begin));
        ASSERT_LE(page.begin, word.begin);
        ASSERT_GE(page.end, word.end);
        end = word.end;
    }
    for (const Line& line : document.lines) {
        ASSERT_EQ(document.text.substr(line.begin, line.end - line.begin).find('\n'), std::string::npos);
    }
}

TEST(DocumentBuilder, JoinsWordsLinesParagraphsAndPages) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{100, 200}, {100, 200}});
    ASSERT_TRUE(builder.addPage(PageOf()
                                    .word("One", Join::Paragraph)
                                    .word("two", Join::Space)
                                    .word("three", Join::Line)
                                    .word("Four", Join::Paragraph),
                                ""));
    ASSERT_TRUE(builder.addPage(PageOf().word("漢字", Join::Paragraph).word("かな", Join::None), ""));
    const Document document = builder.finish("abc");
    EXPECT_EQ(document.text, "One two\nthree\n\nFour\n\n漢字かな");
    EXPECT_EQ(document.sha256, "abc");
    ASSERT_EQ(document.lines.size(), 4U);
    EXPECT_EQ(document.pages[0].firstLine, 0U);
    EXPECT_EQ(document.pages[0].lastLine, 3U);
    EXPECT_EQ(document.pages[1].begin, document.text.find("漢"));
    EXPECT_EQ(textOf(document, document.words[4]), "漢字");
    expectExactMap(document);
}

TEST(DocumentBuilder, LeadsFromBytesToPagesAcrossEmptyOnes) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{9, 9}, {9, 9}, {9, 9}, {9, 9}, {9, 9}});
    ASSERT_TRUE(builder.addPage(PageOf().status(PageStatus::Blank), ""));
    ASSERT_TRUE(builder.addPage(PageOf().word("abc", Join::Paragraph), ""));
    ASSERT_TRUE(builder.addPage(PageOf().status(PageStatus::Picture), "a picture"));
    ASSERT_TRUE(builder.addPage(PageOf().word("def", Join::Paragraph), ""));
    ASSERT_TRUE(builder.addPage(PageOf().status(PageStatus::Stopped), "stopped"));
    const Document document = builder.finish("");
    EXPECT_EQ(document.text, "abc\n\ndef");
    EXPECT_EQ(document.pageAt(0), 1U);
    EXPECT_EQ(document.pageAt(2), 1U);
    EXPECT_EQ(document.pageAt(3), 1U) << "the gap belongs to the page before it";
    EXPECT_EQ(document.pageAt(5), 3U);
    EXPECT_EQ(document.pages[2].note, "a picture");
    EXPECT_EQ(document.pages[4].begin, document.text.size());
    EXPECT_EQ(document.pages[4].firstLine, document.pages[4].lastLine);
    expectExactMap(document);
}

TEST(DocumentBuilder, CleansWhatNobodySees) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{100, 100}});
    PageText page = PageOf()
                        .word(std::string("a\0b", 3), Join::Paragraph)
                        .word(
                            "\xE2\x80\xAE"
                            "right",
                            Join::Space)                               // right-to-left override
                        .word("\xFF\xC0x\xED\xA0\x80", Join::Space)    // broken bytes and a surrogate
                        .word("\xE2\x80\x8B\xEF\xBB\xBF", Join::Line)  // zero width alone: no word at all
                        .word("\xF3\xA0\x81\x81ok", Join::Space)       // a tag character
                        .word("\x01\x02", Join::Paragraph)
                        .word("end", Join::Space);
    ASSERT_TRUE(builder.addPage(page, ""));
    const Document document = builder.finish("");
    EXPECT_EQ(document.text, "a b right \uFFFD\uFFFDx\uFFFD\uFFFD\uFFFD\nok\n\nend");
    EXPECT_EQ(document.words.size(), 5U);
    expectExactMap(document);
}

TEST(DocumentBuilder, ClampsBoxesThatAreNoNumbersOrOutside) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{100, 50}});
    const float nan = std::numeric_limits<float>::quiet_NaN();
    ASSERT_TRUE(builder.addPage(PageOf().word("x", Join::Paragraph, {-5, nan, 1e30F, 60}), ""));
    const Box box = builder.finish("").words[0].box;
    EXPECT_EQ(box.left, 0);
    EXPECT_EQ(box.top, 0);
    EXPECT_EQ(box.right, 100);
    EXPECT_EQ(box.bottom, 50);
}

TEST(DocumentBuilder, RefusesMorePagesThanTheDocumentHas) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{9, 9}});
    ASSERT_TRUE(builder.addPage(PageText{}, ""));
    const auto second = builder.addPage(PageText{}, "");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::InvalidArgument);
}

TEST(DocumentBuilder, KeepsLineNumbersOfTextFiles) {
    DocumentBuilder builder(DocumentKind::Log, "a.log", {{0, 0}});
    ASSERT_TRUE(builder.addText("first\r\n\n  third \tline"));
    ASSERT_TRUE(builder.addText(" goes on\r"));
    ASSERT_TRUE(builder.addText("\nlast"));
    const Document document = builder.finish("");
    EXPECT_EQ(document.text, "first\n\n  third \tline goes on\nlast");
    ASSERT_EQ(document.lines.size(), 4U);
    EXPECT_EQ(document.lines[1].begin, document.lines[1].end);
    EXPECT_EQ(document.lines[1].firstWord, document.lines[1].lastWord);
    EXPECT_EQ(document.lineAt(static_cast<std::uint32_t>(document.text.find("third"))), 2U);
    EXPECT_EQ(document.lineAt(6), 1U) << "the empty line's own break";
    EXPECT_EQ(textOf(document, document.words[1]), "third \tline goes on");
    EXPECT_EQ(document.pages[0].lastLine, 4U);
    EXPECT_EQ(document.pages[0].end, document.text.size());
    expectExactMap(document);
}

TEST(DocumentBuilder, DropsTerminalColoursAndControlCharacters) {
    DocumentBuilder builder(DocumentKind::Log, "a.log", {{0, 0}});
    ASSERT_TRUE(builder.addText("\x1B[1;31mERROR\x1B[0m disk\x07 50\r100 %\n\x1B"));
    ASSERT_TRUE(builder.addText("[32mok"));
    EXPECT_EQ(builder.finish("").text, "ERROR disk  50 100 %\nok");
}

TEST(DocumentBuilder, TextFilesWithoutWordsAreBlank) {
    DocumentBuilder builder(DocumentKind::Text, "a.txt", {{0, 0}});
    ASSERT_TRUE(builder.addText("\n \n"));
    const Document document = builder.finish("");
    EXPECT_EQ(document.pages[0].status, PageStatus::Blank);
    EXPECT_EQ(document.lines.size(), 2U);
}

TEST(Document, FindsWordsThatShareAByte) {
    DocumentBuilder builder(DocumentKind::Pdf, "a.pdf", {{9, 9}});
    ASSERT_TRUE(builder.addPage(
        PageOf().word("ab", Join::Paragraph).word("cd", Join::Space).word("ef", Join::Space), ""));
    const Document document = builder.finish("");
    using Range = std::pair<std::size_t, std::size_t>;
    EXPECT_EQ(document.wordsIn(0, 8), Range(0, 3));
    EXPECT_EQ(document.wordsIn(1, 4), Range(0, 2));
    EXPECT_EQ(document.wordsIn(2, 3), Range(1, 1)) << "a space alone";
    EXPECT_EQ(document.wordsIn(4, 4), Range(1, 1)) << "nothing";
    EXPECT_EQ(document.wordsIn(7, 1'000'000), Range(2, 3));
    EXPECT_EQ(Document{}.wordsIn(0, 10), Range(0, 0));
    EXPECT_EQ(Document{}.pageAt(3), 0U);
}

}  // namespace
}  // namespace kvasir
