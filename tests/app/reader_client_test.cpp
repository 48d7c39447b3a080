// The application's side of the reader, with real documents and real processes.
#include "app/reader/reader_client.h"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <QtCore/QCryptographicHash>

namespace kvasir {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
namespace fs = std::filesystem;

fs::path fixture(const std::string& name) {
    return fs::path(KVASIR_FIXTURES) / "documents" / name;
}

class ReaderClientTest : public testing::Test {
protected:
    ReaderClientTest() {
        std::string pattern = (fs::temp_directory_path() / "kvasir-test-XXXXXX").string();
        m_folder = mkdtemp(pattern.data());
    }
    ~ReaderClientTest() override {
        unsetenv("KVASIR_READER");
        fs::remove_all(m_folder);
    }

    fs::path write(const std::string& name, std::string_view bytes) const {
        std::ofstream(m_folder / name, std::ios::binary)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return m_folder / name;
    }

    /// From now on the reader is one that misbehaves in this manner.
    void impersonate(const std::string& manner) const {
        const fs::path link = m_folder / manner;
        fs::create_symlink(fs::read_symlink("/proc/self/exe").parent_path() / "reader_impostor", link);
        setenv("KVASIR_READER", link.c_str(), 1);
    }

    static Result<Document> read(const fs::path& file, const std::string& password = {},
                                 ReaderLimits limits = {}) {
        auto client = ReaderClient::open(file, password, {}, limits);
        if (!client) return tl::unexpected(client.error());
        return (*client)->readDocument({}, {});
    }

    static void expectError(const Result<Document>& result, ErrorCode code, const std::string& part) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, code) << result.error().message();
        EXPECT_THAT(result.error().what, HasSubstr(part));
        EXPECT_FALSE(result.error().advice.empty());
        EXPECT_FALSE(result.error().where.empty());
    }

    const fs::path& folder() const { return m_folder; }

private:
    fs::path m_folder;
};

std::string pageText(const Document& document, std::size_t index) {
    const Page& page = document.pages.at(index);
    return document.text.substr(page.begin, page.end - page.begin);
}

TEST_F(ReaderClientTest, ReadsAPdfWithItsOutline) {
    const auto document = read(fixture("plain.pdf"));
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_EQ(document->kind, DocumentKind::Pdf);
    EXPECT_EQ(document->name, "plain.pdf");
    ASSERT_EQ(document->pages.size(), 3U);
    EXPECT_EQ(pageText(*document, 1),
              "Harbour rules Part 2\n\n2 Mooring\n\n"
              "Boats longer than 12 metres moor at the outer wall and pay the har-\n"
              "bour fee before noon. The fee is 45 pounds for each night, and it is\n"
              "not returned when a boat leaves early.\n\nBoats shorter than that may use any free buoy.\n\n"
              "The office finds a flat place for five boats.\n\nPage 2 of 3");
    ASSERT_EQ(document->outline.size(), 6U);
    EXPECT_EQ(document->outline[3].title, "Details of part 2");
    EXPECT_EQ(document->outline[3].page, 1);
    EXPECT_EQ(document->outline[3].level, 1);
    std::ifstream file(fixture("plain.pdf"), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const QByteArray sum = QCryptographicHash::hash(QByteArrayView(bytes.data(), qsizetype(bytes.size())),
                                                    QCryptographicHash::Sha256);
    EXPECT_EQ(document->sha256, sum.toHex().toStdString());
}

TEST_F(ReaderClientTest, DeliversPagesAsTheyCome) {
    std::vector<std::uint64_t> seen;
    std::size_t wordsAfterFirst = 0;
    const auto document = readDocument(fixture("plain.pdf"), "",
                                       [&](const Document& soFar, std::uint64_t done, std::uint64_t of) {
                                           seen.push_back(done);
                                           EXPECT_EQ(of, 3U);
                                           EXPECT_EQ(soFar.pages.size(), 3U)
                                               << "sizes are known from the start";
                                           EXPECT_GT(soFar.pages[2].width, 500);
                                           if (done == 0) {
                                               EXPECT_TRUE(soFar.words.empty());
                                           }
                                           if (done == 1) wordsAfterFirst = soFar.words.size();
                                       },
                                       {});
    ASSERT_TRUE(document);
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 1, 2, 3}));
    EXPECT_GT(wordsAfterFirst, 0U);
    EXPECT_LT(wordsAfterFirst, document->words.size());
}

TEST_F(ReaderClientTest, ReadsColumnsTablesTurnedAndJapanesePages) {
    const auto columns = read(fixture("columns.pdf"));
    ASSERT_TRUE(columns);
    EXPECT_THAT(pageText(*columns, 0), HasSubstr("the crane that served it.\n\nThe crane was tested"));
    EXPECT_THAT(pageText(*columns, 1), HasSubstr("the crane that served it.\n\nThe crane was tested"));
    const auto table = read(fixture("table.pdf"));
    ASSERT_TRUE(table);
    EXPECT_THAT(table->text, HasSubstr("Inner wall 8 m 18.00 310.00\nOuter wall 12 m 45.00 890.00\n"));
    const auto rotated = read(fixture("rotated.pdf"));
    ASSERT_TRUE(rotated);
    EXPECT_EQ(pageText(*rotated, 0), "Turned page: this line is the first.\nThis line is the second.");
    EXPECT_THAT(pageText(*rotated, 1), HasSubstr("It has two lines.\n\nCopy number nine"));
    const auto japanese = read(fixture("japanese.pdf"));
    ASSERT_TRUE(japanese);
    EXPECT_THAT(pageText(*japanese, 0),
                HasSubstr("甲と乙の間の取引に適用する。乙は、甲の注文を\n受けた日から五日以内に"));
    EXPECT_EQ(pageText(*japanese, 1), "港の規則を守ること。\n船は外壁に泊める。\n料金は前払いである。");
}

/// Boxes and images must lie on each other, also on turned pages: nearly all ink is inside of boxes.
TEST_F(ReaderClientTest, BoxesLieOnTheInkOfTheImage) {
    for (const char* name : {"plain.pdf", "rotated.pdf", "columns.pdf"}) {
        SCOPED_TRACE(name);
        auto client = ReaderClient::open(fixture(name), "", {});
        ASSERT_TRUE(client);
        const auto page = (*client)->readPage(0, {});
        const auto drawn = (*client)->renderPage(0, 2, {});
        ASSERT_TRUE(page && drawn);
        const QImage& image = drawn->image;
        EXPECT_NEAR(drawn->pixelsPerPoint, 2, 0.01F);
        EXPECT_NEAR(image.height(), (*client)->pages()[0].height * 2, 2);
        std::size_t ink = 0;
        std::size_t covered = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                if (qGray(image.pixel(x, y)) > 128) continue;
                ++ink;
                const auto inside = [&](const PageWord& word) {
                    const auto px = static_cast<float>(x) / 2;
                    const auto py = static_cast<float>(y) / 2;
                    return px >= word.box.left - 1 && px <= word.box.right + 1 && py >= word.box.top - 1 &&
                           py <= word.box.bottom + 1;
                };
                covered += std::any_of(page->text.words.begin(), page->text.words.end(), inside) ? 1 : 0;
            }
        }
        EXPECT_GT(ink, 500U);
        EXPECT_GT(static_cast<double>(covered), 0.98 * static_cast<double>(ink));
    }
}

TEST_F(ReaderClientTest, ImagesKeepToASaneSize) {
    auto client = ReaderClient::open(fixture("plain.pdf"), "", {});
    ASSERT_TRUE(client);
    const auto huge = (*client)->renderPage(0, 90, {});
    ASSERT_TRUE(huge) << huge.error().message();
    EXPECT_LE(huge->image.width() * huge->image.height(), int{reader::kMaxImagePixels});
    EXPECT_LT(huge->pixelsPerPoint, 10);
    EXPECT_TRUE((*client)->renderPage(0, std::nanf(""), {}).has_value() == false);
    EXPECT_TRUE((*client)->renderPage(1, 0, {}));
    const auto outside = (*client)->renderPage(3, 1, {});
    ASSERT_FALSE(outside);
    EXPECT_EQ(outside.error().code, ErrorCode::InvalidArgument);
}

TEST_F(ReaderClientTest, TellsBlankPagesFromPictures) {
    const auto document = read(fixture("blank_and_picture.pdf"));
    ASSERT_TRUE(document);
    EXPECT_EQ(document->pages[0].status, PageStatus::Blank);
    EXPECT_TRUE(document->pages[0].note.empty());
    EXPECT_EQ(document->pages[1].status, PageStatus::Picture);
    EXPECT_THAT(document->pages[1].note, HasSubstr("Page 2 is a picture"));
    EXPECT_EQ(document->pages[2].status, PageStatus::Text);
    EXPECT_EQ(document->text, "Only the third page has words.");
}

TEST_F(ReaderClientTest, PasswordsOpenLockedFiles) {
    expectError(read(fixture("password.pdf")), ErrorCode::Locked, "protected by a password");
    expectError(read(fixture("password.pdf"), "wrong"), ErrorCode::Locked, "does not open");
    const auto right = read(fixture("password.pdf"), "sesame");
    ASSERT_TRUE(right) << right.error().message();
    EXPECT_THAT(right->text, HasSubstr("Mooring"));
    EXPECT_EQ(right->outline.size(), 6U);
    EXPECT_TRUE(read(fixture("owner_password.pdf"))) << "locked for changes alone";
}

TEST_F(ReaderClientTest, NamesWhatIsWrongWithAFile) {
    expectError(read(folder() / "missing.pdf"), ErrorCode::NotFound, "no such file");
    expectError(read(folder() / "missing" / "a.pdf"), ErrorCode::NotFound, "no such file");
    expectError(read(folder()), ErrorCode::Unreadable, "folder");
    expectError(read(write("empty.pdf", "")), ErrorCode::Empty, "empty");
    expectError(read("/dev/null"), ErrorCode::Unreadable, "device");
    ASSERT_EQ(mkfifo((folder() / "pipe").c_str(), 0600), 0);
    expectError(read(folder() / "pipe"), ErrorCode::Unreadable, "pipe");
    expectError(read(fixture("no_pages.pdf")), ErrorCode::Empty, "no pages");
    expectError(read(fixture("truncated.pdf")), ErrorCode::Damaged, "end of the PDF is missing");
    expectError(read(fixture("header_only.pdf")), ErrorCode::Damaged, "damaged");
    expectError(read(write("a.pdf", "PK\x03\x04 word/document.xml")), ErrorCode::Unsupported,
                "a Word document");
    expectError(read(write("b.txt", std::string_view("a\0b", 3))), ErrorCode::Unsupported, "binary");
}

TEST_F(ReaderClientTest, RepairsADamagedCrossReference) {
    const auto document = read(fixture("damaged_xref.pdf"));
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_EQ(document->pages.size(), 3U);
    EXPECT_THAT(pageText(*document, 2), HasSubstr("3 Mooring"));
}

TEST_F(ReaderClientTest, SaysWhenItMayNotRead) {
    const fs::path file = write("secret.txt", "words");
    fs::permissions(file, fs::perms::none);
    fs::permissions(folder(), fs::perms::all);
    constexpr uid_t kNobody = 65534;
    const bool root = geteuid() == 0;
    if (root) {
        ASSERT_EQ(seteuid(kNobody), 0);
    }
    const auto result = read(file);
    if (root) {
        ASSERT_EQ(seteuid(0), 0);
    }
    expectError(result, ErrorCode::Unreadable, "not allowed");
}

TEST_F(ReaderClientTest, FilesOverTwoGiBAreTooLarge) {
    const fs::path file = write("huge.log", "x");
    fs::resize_file(file, std::uintmax_t{1} << 31);
    expectError(read(file), ErrorCode::TooLarge, "2 GiB");
}

TEST_F(ReaderClientTest, ReadsTextFilesWithTheirLines) {
    const auto log = read(write("a.log", "one\r\ntwo\r\n\r\nfour"));
    ASSERT_TRUE(log);
    EXPECT_EQ(log->kind, DocumentKind::Log);
    EXPECT_EQ(log->text, "one\ntwo\n\nfour");
    EXPECT_EQ(log->lines.size(), 4U);
    ASSERT_EQ(log->pages.size(), 1U);
    const auto markdown = read(write("notes", "# Title\n\nWords [and](a) links\n- one\n"));
    ASSERT_TRUE(markdown);
    EXPECT_EQ(markdown->kind, DocumentKind::Markdown);
    const auto japanese = read(write("sjis.txt", "\x8C\x5F\x96\xF1\x8F\x91\x82\xCC\x83\x52\x83\x73\x81\x5B"));
    ASSERT_TRUE(japanese) << "converted inside of the sandbox";
    EXPECT_EQ(japanese->text, "契約書のコピー");
}

TEST_F(ReaderClientTest, ReadsLongLinesAndFilesOfSeveralPieces) {
    std::string bytes(3 * reader::kTextChunkBytes, 'x');
    bytes += "\nend";
    std::uint64_t calls = 0;
    const auto document = readDocument(write("long.txt", bytes), "",
                                       [&](const Document&, std::uint64_t, std::uint64_t) { ++calls; }, {});
    ASSERT_TRUE(document);
    EXPECT_EQ(document->text, bytes);
    EXPECT_EQ(document->lines.size(), 2U);
    EXPECT_EQ(calls, 5U);
}

TEST_F(ReaderClientTest, AGrowingLogEndsWhereItStoodWhenOpened) {
    const fs::path file = write("grows.log", "first\n");
    auto client = ReaderClient::open(file, "", {});
    ASSERT_TRUE(client);
    std::ofstream(file, std::ios::app) << "second\n";
    const auto document = (*client)->readDocument({}, {});
    ASSERT_TRUE(document);
    EXPECT_EQ(document->text, "first\n");
    EXPECT_EQ(document->sha256, read(write("same.log", "first\n"))->sha256);
}

TEST_F(ReaderClientTest, APageThatExplodesCostsItselfAlone) {
    const ReaderLimits limits{.page = milliseconds(4000)};
    const auto document = read(fixture("explosion.pdf"), "", limits);
    ASSERT_TRUE(document) << document.error().message();
    EXPECT_EQ(document->pages[1].status, PageStatus::Stopped);
    EXPECT_THAT(document->pages[1].note, HasSubstr("Page 2 took too long"));
    EXPECT_EQ(document->text, "Before the bad page\n\nAfter the bad page");
}

TEST_F(ReaderClientTest, StopsInTheMiddleOfAPage) {
    auto client = ReaderClient::open(fixture("explosion.pdf"), "", {});
    ASSERT_TRUE(client);
    std::stop_source stop;
    const std::jthread stopper([&] {
        std::this_thread::sleep_for(milliseconds(200));
        stop.request_stop();
    });
    const auto page = (*client)->readPage(1, stop.get_token());
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::Cancelled);
    const auto next = (*client)->readPage(2, {});
    ASSERT_TRUE(next) << "the client goes on afterwards";
    EXPECT_EQ(next->text.text, "Afterthebadpage");
}

TEST_F(ReaderClientTest, StopsBeforeItStarts) {
    std::stop_source stop;
    stop.request_stop();
    const auto client = ReaderClient::open(fixture("plain.pdf"), "", stop.get_token());
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::Cancelled);
}

TEST_F(ReaderClientTest, AKilledReaderIsStartedAgain) {
    auto client = ReaderClient::open(fixture("plain.pdf"), "", {});
    ASSERT_TRUE(client);
    ASSERT_TRUE((*client)->readPage(0, {}));
    const pid_t first = (*client)->readerPid();
    ASSERT_GT(first, 0);
    ASSERT_EQ(kill(first, SIGKILL), 0);
    const auto page = (*client)->readPage(1, {});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->text.status, PageStatus::Text) << "not the page's fault";
    EXPECT_NE((*client)->readerPid(), first);
    ASSERT_EQ(kill((*client)->readerPid(), SIGKILL), 0);
    const auto image = (*client)->renderPage(0, 1, {});
    EXPECT_TRUE(image || image.error().code == ErrorCode::ReaderStopped);
    EXPECT_TRUE((*client)->renderPage(0, 1, {}));
}

TEST_F(ReaderClientTest, AMissingReaderIsNamed) {
    setenv("KVASIR_READER", (folder() / "nowhere").c_str(), 1);
    expectError(read(fixture("plain.pdf")), ErrorCode::NotFound, "program that reads documents is missing");
    setenv("KVASIR_READER", write("not-a-program", "text").c_str(), 1);
    expectError(read(fixture("plain.pdf")), ErrorCode::NotFound, "program that reads documents is missing");
}

TEST_F(ReaderClientTest, EveryMisbehaviourCostsOnePage) {
    const fs::path file = write("a.pdf", "anything");
    const ReaderLimits limits{.page = milliseconds(2000)};
    for (const char* manner : {"dies", "hangs", "floods", "trickles", "wrong-type", "lies"}) {
        SCOPED_TRACE(manner);
        impersonate(manner);
        const auto document = read(file, "", limits);
        ASSERT_TRUE(document) << document.error().message();
        EXPECT_EQ(document->pages[1].status, PageStatus::Stopped);
        EXPECT_THAT(document->pages[1].note, HasSubstr("Page 2"));
        EXPECT_EQ(pageText(*document, 0), "page1");
        EXPECT_EQ(pageText(*document, 2), "page3");
        EXPECT_EQ(document->pages[39].status, PageStatus::Text);
    }
}

TEST_F(ReaderClientTest, GivesUpWhenEveryPageStopsTheReader) {
    impersonate("dies-always");
    const auto document = read(write("a.pdf", "anything"));
    ASSERT_TRUE(document);
    EXPECT_THAT(document->pages[0].note, HasSubstr("made the reading program stop"));
    EXPECT_THAT(document->pages[39].note, HasSubstr("Page 40 was not tried"));
    EXPECT_EQ(document->pages[39].status, PageStatus::Stopped);
    EXPECT_TRUE(document->text.empty());
}

TEST_F(ReaderClientTest, ReadersThatDoNotFitAreRefused) {
    const fs::path file = write("a.pdf", "anything");
    for (const char* manner : {"babbles", "old"}) {
        impersonate(manner);
        expectError(read(file), ErrorCode::ReaderStopped, "did not answer");
    }
    impersonate("dies-opening");
    expectError(read(file), ErrorCode::ReaderStopped, "too long to open");
}

TEST_F(ReaderClientTest, ImagesThatLieAreRefused) {
    impersonate("honest");
    auto client = ReaderClient::open(write("a.pdf", "anything"), "", {});
    ASSERT_TRUE(client);
    const auto image = (*client)->renderPage(0, 1, {});
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::ReaderStopped);
}

/// Written here, as a file of 5,000 pages is too large to keep.
std::string manyPages(int count) {
    std::string data = "%PDF-1.4\n";
    std::vector<std::size_t> offsets;
    const auto add = [&](const std::string& body) {
        offsets.push_back(data.size());
        data += std::to_string(offsets.size()) + " 0 obj\n" + body + "\nendobj\n";
    };
    std::string kids;
    for (int i = 0; i < count; ++i)
        kids += std::to_string(4 + 2 * i) + " 0 R ";
    add("<< /Type /Catalog /Pages 2 0 R >>");
    add("<< /Type /Pages /Count " + std::to_string(count) + " /Kids [" + kids + "] >>");
    add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    for (int i = 0; i < count; ++i) {
        const std::string content =
            "BT /F 12 Tf 20 100 Td (This is page " + std::to_string(i + 1) + ") Tj ET";
        add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << /Font << /F 3 0 R >> >> "
            "/Contents " +
            std::to_string(5 + 2 * i) + " 0 R >>");
        add("<< /Length " + std::to_string(content.size()) + " >>\nstream\n" + content + "\nendstream");
    }
    const std::size_t start = data.size();
    data += "xref\n0 " + std::to_string(offsets.size() + 1) + "\n0000000000 65535 f \n";
    for (const std::size_t offset : offsets) {
        std::string digits = std::to_string(offset);
        data += std::string(10 - digits.size(), '0') + digits + " 00000 n \n";
    }
    return data + "trailer\n<< /Size " + std::to_string(offsets.size() + 1) + " /Root 1 0 R >>\nstartxref\n" +
           std::to_string(start) + "\n%%EOF\n";
}

TEST_F(ReaderClientTest, ReadsFiveThousandPages) {
    const auto document = read(write("many.pdf", manyPages(5000)));
    ASSERT_TRUE(document) << document.error().message();
    ASSERT_EQ(document->pages.size(), 5000U);
    for (const std::size_t page : {0U, 2499U, 4999U}) {
        EXPECT_EQ(pageText(*document, page), "This is page " + std::to_string(page + 1));
        EXPECT_EQ(document->pageAt(document->pages[page].begin), page);
    }
    EXPECT_EQ(document->lines.size(), 5000U);
}

TEST_F(ReaderClientTest, SaysWhatHoldsTheReaderBack) {
    const auto client = ReaderClient::open(fixture("plain.pdf"), "", {});
    ASSERT_TRUE(client);
    ASSERT_EQ((*client)->sandbox().size(), 4U);
    for (const reader::SandboxPart& part : (*client)->sandbox()) {
        EXPECT_EQ(part.active, part.reason.empty()) << part.name << ": " << part.reason;
    }
}

}  // namespace
}  // namespace kvasir
