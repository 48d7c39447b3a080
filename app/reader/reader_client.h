// A document opened through kvasir-reader: its pages' words, its page images, and the whole Document.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <QtGui/QImage>

#include "app/document.h"
#include "app/reader/page_text.h"
#include "app/reader/reader_process.h"
#include "engine/error.h"

namespace kvasir {

/// How long the reader may take before it is killed and started again.
struct ReaderLimits {
    std::chrono::milliseconds open{60'000};
    std::chrono::milliseconds page{20'000};  ///< words or image of one page, one piece of a text file
};

struct PageImage {
    QImage image;              ///< Format_RGB32
    float pixelsPerPoint = 1;  ///< as drawn: lower than asked for where the image would be too large
};

/// Called on the reading thread: once with done = 0 as soon as the pages' sizes are known, then after each
/// page (text files: each piece of 1 MiB). `soFar` holds everything read, is only valid during the call, and
/// its pages not read yet begin at 2^32 - 1. Counts pages; bytes in text files.
using ReadProgress = std::function<void(const Document& soFar, std::uint64_t done, std::uint64_t of)>;

/// One document and the process that parses it, which is started again after a crash, a hang or a flood: such
/// a page costs itself alone. For one thread at a time (two clients of one file do no harm: one for words,
/// one for images). Needs no event loop. Every call returns within 100 ms of a stop request, with Cancelled.
class ReaderClient {
public:
    /// Opens the file itself, so that the reader never needs its path. The document is what the file holds
    /// now: bytes that are added later (a log that grows) do not count. Errors: NotFound, Unreadable, Empty,
    /// Damaged, Unsupported, Locked, TooLarge, ReaderStopped, Cancelled.
    static Result<std::unique_ptr<ReaderClient>> open(const std::filesystem::path& file, std::string password,
                                                      const std::stop_token& stop, ReaderLimits limits = {});
    ~ReaderClient();
    ReaderClient(const ReaderClient&) = delete;
    ReaderClient& operator=(const ReaderClient&) = delete;

    DocumentKind kind() const { return m_kind; }
    const std::string& name() const { return m_name; }                      ///< file name without folder
    const std::vector<reader::PageSize>& pages() const { return m_pages; }  ///< empty in text files
    /// What holds the reader back on this system, and what does not (with the reason).
    const std::vector<reader::SandboxPart>& sandbox() const { return m_sandbox; }

    struct ReadPage {
        PageText text;
        std::string note;  ///< as Page::note
    };
    /// The words of page `index` of a PDF. A page that cannot be read is a value with its status and note.
    /// Errors: InvalidArgument, Cancelled, and what open() may say when the reader does not start again.
    Result<ReadPage> readPage(std::size_t index, const std::stop_token& stop);

    /// Errors: as readPage; Damaged and ReaderStopped when the page cannot be drawn.
    Result<PageImage> renderPage(std::size_t index, float pixelsPerPoint, const std::stop_token& stop);

    /// Reads everything. Errors: Cancelled, TooLarge (more than 2 GiB of text), and those of readPage.
    Result<Document> readDocument(const ReadProgress& progress, const std::stop_token& stop);

    /// The reader's process id, 0 while there is none.
    pid_t readerPid() const;

private:
    using Failure = reader::ReaderProcess::Failure;
    using Answered = std::variant<std::string, reader::Refused, Failure>;

    ReaderClient() = default;
    Result<void> openFile();
    Result<void> startReader(const std::stop_token& stop);
    Answered ask(reader::Message request, const std::string& payload, reader::Message expected,
                 const std::stop_token& stop);
    Result<void> makeReady(std::size_t index, const std::stop_token& stop);
    std::optional<ReadPage> notRead(std::size_t index, const Answered& answered);
    Result<Document> readPages(const ReadProgress& progress, const std::stop_token& stop);
    Result<Document> readText(const ReadProgress& progress, const std::stop_token& stop);
    std::vector<Document::OutlineItem> readOutline(const std::stop_token& stop);
    Result<std::string> hash(const std::stop_token& stop) const;

    std::filesystem::path m_file;
    std::string m_where;  ///< the path, as errors name it
    std::string m_name;
    std::string m_password;
    ReaderLimits m_limits;
    int m_descriptor = -1;
    std::uint64_t m_size = 0;
    DocumentKind m_kind = DocumentKind::Pdf;
    std::vector<reader::PageSize> m_pages;
    std::vector<reader::SandboxPart> m_sandbox;
    std::optional<reader::ReaderProcess> m_process;
    bool m_served = false;  ///< the running process has been asked for a page
    std::size_t m_stopsInARow = 0;
};

/// Opens and reads a document in one call; errors as ReaderClient::open and readDocument.
Result<Document> readDocument(const std::filesystem::path& file, const std::string& password,
                              const ReadProgress& progress, const std::stop_token& stop);

}  // namespace kvasir
