#include <cstdio>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/reader/text_file.h"

namespace kvasir::reader {
namespace {

using namespace std::string_view_literals;

/// A file without a name that holds the bytes.
class BytesFile {
public:
    explicit BytesFile(std::string_view bytes) : m_file(std::tmpfile()) { append(bytes); }
    ~BytesFile() { std::fclose(m_file); }
    BytesFile(const BytesFile&) = delete;
    BytesFile& operator=(const BytesFile&) = delete;

    void append(std::string_view bytes) {
        std::fwrite(bytes.data(), 1, bytes.size(), m_file);
        std::fflush(m_file);
        m_size += bytes.size();
    }
    int descriptor() const { return fileno(m_file); }
    std::uint64_t size() const { return m_size; }

private:
    FILE* m_file;
    std::uint64_t m_size = 0;
};

std::string readAll(const TextFile& file, std::uint64_t size) {
    std::string text;
    for (std::uint64_t at = 0; at < size;) {
        const TextFile::Piece piece = file.read(at);
        if (piece.nextOffset <= at) break;
        text += piece.text;
        at = piece.nextOffset;
    }
    return text;
}

std::string decode(std::string_view bytes) {
    const BytesFile file(bytes);
    const auto text = TextFile::open(file.descriptor(), file.size());
    return text ? readAll(*text, file.size()) : "(no text)";
}

TEST(TextFile, ReadsUtf8WithAndWithoutMark) {
    EXPECT_EQ(decode("café 漢字\n"), "café 漢字\n");
    EXPECT_EQ(decode("\xEF\xBB\xBFmarked"), "marked");
    EXPECT_EQ(decode("\xEF\xBB\xBF"), "");
}

TEST(TextFile, ReadsUtf16WithMark) {
    EXPECT_EQ(decode("\xFF\xFEh\0i\0\x3D\xD8\x00\xDE"sv), "hi😀");
    EXPECT_EQ(decode("\xFE\xFF\0h\0i"sv), "hi");
    EXPECT_EQ(decode("\xFF\xFE\x00\xD8x\0"sv), "\uFFFDx") << "half of a pair";
    EXPECT_EQ(decode("\xFF\xFEh\0i"sv), "h\uFFFD") << "half a unit at the end";
}

TEST(TextFile, ReadsShiftJis) {
    // 契約書のコピー
    EXPECT_EQ(decode("\x8C\x5F\x96\xF1\x8F\x91\x82\xCC\x83\x52\x83\x73\x81\x5B\n"), "契約書のコピー\n");
}

TEST(TextFile, ReadsWesternText) {
    EXPECT_EQ(decode("Stra\xDF"
                     "e, na\xEFve caf\xE9, \x80 5, \x93quoted\x94"),
              "Straße, naïve café, € 5, “quoted”");
    EXPECT_EQ(decode("\xE9t\xE9"), "été") << "well-formed Shift_JIS by accident";
}

TEST(TextFile, AFewBrokenBytesDoNotSpoilUtf8) {
    std::string log;
    for (int i = 0; i < 20; ++i)
        log += "größe 漢字\n";
    EXPECT_EQ(decode(log + "\xFF!"), log + "\uFFFD!");
}

TEST(TextFile, BinaryIsNoText) {
    EXPECT_EQ(decode("text\0more"sv), "(no text)");
    EXPECT_EQ(decode("\x01\x02\x03\x04zz"), "(no text)");
}

TEST(TextFile, PiecesNeverDivideACharacter) {
    for (const std::size_t shift : {0U, 1U, 2U, 3U}) {
        std::string text(shift, 'x');
        while (text.size() < kTextChunkBytes + 100)
            text += "漢é😀";
        EXPECT_TRUE(decode(text) == text) << shift;
    }
    std::string units = "\xFF\xFE";
    std::string expected;
    while (units.size() < kTextChunkBytes + 100) {
        units += "\x3D\xD8\x00\xDE"sv;
        units += "a\0"sv;
        expected += "😀a";
    }
    EXPECT_TRUE(decode(units) == expected);
    std::string shiftJis = "x";
    std::string kana = "x";
    while (shiftJis.size() < kTextChunkBytes + 100) {
        shiftJis += "\x8C\x5F\x82\xA9\x82\xCC";
        kana += "契かの";
    }
    EXPECT_TRUE(decode(shiftJis) == kana);
}

TEST(TextFile, LooksOnlyAtTheGivenSize) {
    BytesFile file("first line\n");
    const auto text = TextFile::open(file.descriptor(), file.size());
    ASSERT_TRUE(text);
    const std::uint64_t size = file.size();
    file.append("added later\n");
    EXPECT_EQ(readAll(*text, size), "first line\n");
}

TEST(TextFile, EndsWhereAFileWasCutOff) {
    BytesFile file("0123456789");
    const auto text = TextFile::open(file.descriptor(), file.size());
    ASSERT_TRUE(text);
    ASSERT_EQ(ftruncate(file.descriptor(), 4), 0);
    EXPECT_EQ(readAll(*text, file.size()), "0123");
}

TEST(FileKind, KnowsFormatsByTheirBytes) {
    EXPECT_EQ(formatOf("%PDF-1.7\n"), FileFormat::Pdf);
    EXPECT_EQ(formatOf("mail header\n%PDF-1.7\n"), FileFormat::Pdf);
    EXPECT_EQ(formatOf("PK\x03\x04...."), FileFormat::Zip);
    EXPECT_EQ(formatOf("PK\x03\x04....[Content_Types].xml...word/document.xml"), FileFormat::Word);
    EXPECT_EQ(formatOf("PK\x03\x04....xl/workbook.xml"), FileFormat::Excel);
    EXPECT_EQ(formatOf("PK\x03\x04....mimetypeapplication/epub+zip"), FileFormat::Epub);
    EXPECT_EQ(formatOf("\x89PNG\r\n\x1A\n"), FileFormat::Image);
    EXPECT_EQ(formatOf("\xFF\xD8\xFF\xE0"), FileFormat::Image);
    EXPECT_EQ(formatOf("GGUF\x03"), FileFormat::ModelFile);
    EXPECT_EQ(formatOf("{\\rtf1"), FileFormat::Rtf);
    EXPECT_EQ(formatOf("  <!DOCTYPE html>"), FileFormat::Html);
    EXPECT_EQ(formatOf("plain words"), FileFormat::Text);
    EXPECT_EQ(formatOf(""), FileFormat::Text);
}

TEST(FileKind, TellsTextsApart) {
    const std::string log =
        "2024-05-17 12:00:01 started\n2024-05-17 12:00:02 went on\n\n2024-05-17 12:00:03 ERROR ended\n";
    const std::string markdown = "# Title\n\nWords with a [link](x).\n\n- one\n- two\n";
    EXPECT_EQ(textKindOf(log, ""), FileFormat::Log);
    EXPECT_EQ(textKindOf(markdown, ""), FileFormat::Markdown);
    EXPECT_EQ(textKindOf("Dear Sir,\n\n- thank you\n", ""), FileFormat::Text);
    EXPECT_EQ(textKindOf("", ""), FileFormat::Text);
    EXPECT_EQ(textKindOf(markdown, "txt"), FileFormat::Text) << "the name says so";
    EXPECT_EQ(textKindOf("words", "md"), FileFormat::Markdown);
    EXPECT_EQ(textKindOf("words", "log"), FileFormat::Log);
}

}  // namespace
}  // namespace kvasir::reader
