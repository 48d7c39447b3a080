#include "app/reader/reader_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/reader/reader_sentences.h"
#include "app/reader/utf8.h"

namespace kvasir {
namespace {

using reader::Message;
using reader::Refusal;
using reader::Refused;

constexpr std::uint64_t kMaxFileBytes = (std::uint64_t{1} << 31) - 1;
constexpr std::size_t kMostStopsInARow = 16;  // then the document is hopeless, or hostile

tl::unexpected<Error> cancelled(const std::string& where) {
    return fail(ErrorCode::Cancelled, "Reading was stopped.", where, "Open the document again to go on.");
}

/// File names are bytes; what is shown must be UTF-8 without control characters.
std::string cleanName(const std::string& raw) {
    std::string out;
    for (std::size_t at = 0; at < raw.size();) {
        const char32_t character = cleanCharacter(nextUtf8(raw, at));
        if (character != 0) appendUtf8(out, character);
    }
    return out;
}

std::string lowerExtension(const std::filesystem::path& file) {
    std::string extension = file.extension().string();
    if (!extension.empty()) extension.erase(0, 1);
    if (extension.size() > 32) extension.clear();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

std::optional<DocumentKind> kindOf(reader::FileFormat format) {
    switch (format) {
        case reader::FileFormat::Pdf:
            return DocumentKind::Pdf;
        case reader::FileFormat::Text:
            return DocumentKind::Text;
        case reader::FileFormat::Markdown:
            return DocumentKind::Markdown;
        case reader::FileFormat::Log:
            return DocumentKind::Log;
        default:
            return std::nullopt;
    }
}

template <typename Answered>
bool wasCancelled(const Answered& answered) {
    const auto* failure = std::get_if<reader::ReaderProcess::Failure>(&answered);
    return failure != nullptr && *failure == reader::ReaderProcess::Failure::Cancelled;
}

/// The process may have ended, or run out of memory, for another reason than the page that was asked for.
template <typename Answered>
bool mayBeInnocent(const Answered& answered) {
    const auto* failure = std::get_if<reader::ReaderProcess::Failure>(&answered);
    const auto* refused = std::get_if<Refused>(&answered);
    return (failure != nullptr && *failure == reader::ReaderProcess::Failure::Ended) ||
           (refused != nullptr && refused->refusal == Refusal::OutOfMemory);
}

Error stoppedWhileOpening(const std::string& where) {
    return {ErrorCode::ReaderStopped, "The document made the reading program stop or took too long to open.",
            where, "Open it in another program and save it as a new PDF, then open that."};
}

}  // namespace

Result<std::unique_ptr<ReaderClient>> ReaderClient::open(const std::filesystem::path& file,
                                                         std::string password, const std::stop_token& stop,
                                                         ReaderLimits limits) {
    std::unique_ptr<ReaderClient> client(new ReaderClient);
    client->m_file = file;
    client->m_where = cleanName(file.string());
    client->m_name = cleanName(file.filename().string());
    client->m_password = std::move(password);
    client->m_limits = limits;
    if (auto opened = client->openFile(); !opened) return tl::unexpected(std::move(opened.error()));
    if (auto started = client->startReader(stop); !started) return tl::unexpected(std::move(started.error()));
    return client;
}

ReaderClient::~ReaderClient() {
    m_process.reset();
    if (m_descriptor >= 0) close(m_descriptor);
}

pid_t ReaderClient::readerPid() const {
    return m_process && m_process->running() ? m_process->pid() : 0;
}

Result<void> ReaderClient::openFile() {
    // Without waiting: a named pipe would block until somebody writes to it.
    m_descriptor = ::open(m_file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const int error = errno;
    if (m_descriptor < 0 && (error == ENOENT || error == ENOTDIR)) {
        return fail(ErrorCode::NotFound, "There is no such file.", m_where,
                    "Check the name, or choose the file in the dialog.");
    }
    if (m_descriptor < 0 && (error == EACCES || error == EPERM)) {
        return fail(ErrorCode::Unreadable, "You are not allowed to read the file.", m_where,
                    "Ask its owner for permission to read it, or copy it to a folder of yours.");
    }
    struct stat info{};
    if (m_descriptor < 0 || fstat(m_descriptor, &info) != 0) {
        return fail(ErrorCode::Unreadable,
                    "The file cannot be opened: " +
                        std::string(std::strerror(m_descriptor < 0 ? error : errno)) + ".",
                    m_where, "Check that the drive or network folder is there, and try again.");
    }
    if (S_ISDIR(info.st_mode)) {
        return fail(ErrorCode::Unreadable, "This is a folder, not a document.", m_where,
                    "Choose a document inside it.");
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorCode::Unreadable, "This is a device or a pipe, not a document.", m_where,
                    "Save its contents as a file and open that.");
    }
    m_size = static_cast<std::uint64_t>(info.st_size);
    if (m_size == 0) {
        return fail(ErrorCode::Empty, "The file is empty.", m_where, "Get it again, or choose another file.");
    }
    if (m_size > kMaxFileBytes) {
        return fail(ErrorCode::TooLarge, "The file is larger than 2 GiB.", m_where,
                    "Split it into smaller files and open those.");
    }
    return {};
}

Result<void> ReaderClient::startReader(const std::stop_token& stop) {
    m_process.reset();
    auto process = reader::ReaderProcess::start(reader::readerProgram(), m_descriptor, stop);
    if (!process) return tl::unexpected(std::move(process.error()));
    m_process = std::move(*process);
    m_served = false;
    m_sandbox = m_process->sandbox();
    const std::string request =
        reader::encode(reader::OpenRequest{m_password, lowerExtension(m_file), m_size});
    auto answer = m_process->ask(Message::Open, request, m_limits.open, stop);
    if (const Failure* failure = std::get_if<Failure>(&answer)) {
        if (*failure == Failure::Cancelled) return cancelled(m_where);
        return tl::unexpected(stoppedWhileOpening(m_where));
    }
    const auto& received = std::get<reader::ReaderProcess::Answer>(answer);
    if (received.type == Message::Refused) {
        const auto refused = reader::decodeRefused(received.payload);
        m_process.reset();
        return tl::unexpected(refused ? reader::openError(*refused, m_where) : stoppedWhileOpening(m_where));
    }
    auto opened = received.type == Message::Opened ? reader::decodeOpened(received.payload) : std::nullopt;
    const auto kind = opened ? kindOf(opened->format) : std::nullopt;
    const bool consistent = kind && opened->pages.empty() == (*kind != DocumentKind::Pdf);
    const bool same = m_pages.empty() || (consistent && opened->pages.size() == m_pages.size());
    if (!consistent || !same) {
        m_process.reset();
        if (consistent) {
            return fail(ErrorCode::Damaged, "The file was changed while it was read.", m_where,
                        "Open it again.");
        }
        return tl::unexpected(stoppedWhileOpening(m_where));
    }
    m_kind = *kind;
    m_pages = std::move(opened->pages);
    return {};
}

ReaderClient::Answered ReaderClient::ask(Message request, const std::string& payload, Message expected,
                                         const std::stop_token& stop) {
    auto answer = m_process->ask(request, payload, m_limits.page, stop);
    if (const Failure* failure = std::get_if<Failure>(&answer)) return *failure;
    auto& received = std::get<reader::ReaderProcess::Answer>(answer);
    if (received.type == expected) return std::move(received.payload);
    const auto refused =
        received.type == Message::Refused ? reader::decodeRefused(received.payload) : std::nullopt;
    if (refused) return *refused;
    m_process.reset();
    return Failure::BadAnswer;
}

std::optional<ReaderClient::ReadPage> ReaderClient::notRead(std::size_t index, const Answered& answered) {
    ReadPage page;
    if (const Refused* refused = std::get_if<Refused>(&answered)) {
        const bool memory = refused->refusal == Refusal::OutOfMemory;
        page.text.status = memory ? PageStatus::Stopped : PageStatus::Failed;
        page.note = memory ? reader::pageMemoryNote(index) : reader::pageFailedNote(index);
        // Freed memory is scattered; a new process has all of it again.
        if (memory) m_process.reset();
        return page;
    }
    if (const Failure* failure = std::get_if<Failure>(&answered)) {
        ++m_stopsInARow;
        page.text.status = PageStatus::Stopped;
        page.note =
            *failure == Failure::TimedOut ? reader::pageTimeNote(index) : reader::pageCrashedNote(index);
        return page;
    }
    return std::nullopt;
}

Result<void> ReaderClient::makeReady(std::size_t index, const std::stop_token& stop) {
    if (index >= m_pages.size()) {
        return fail(ErrorCode::InvalidArgument, "The document has no such page.", m_where,
                    "Choose a page between 1 and " + std::to_string(m_pages.size()) + ".");
    }
    if (stop.stop_requested()) return cancelled(m_where);
    return readerPid() != 0 ? Result<void>() : startReader(stop);
}

Result<ReaderClient::ReadPage> ReaderClient::readPage(std::size_t index, const std::stop_token& stop) {
    ReadPage page;
    if (m_stopsInARow >= kMostStopsInARow && index < m_pages.size()) {
        page.text.status = PageStatus::Stopped;
        page.note = reader::pageGivenUpNote(index);
        return page;
    }
    Answered answered = Failure::Ended;
    for (bool again = true; again;) {
        if (auto ready = makeReady(index, stop); !ready) return tl::unexpected(std::move(ready.error()));
        const bool served = std::exchange(m_served, true);
        answered = ask(Message::Words, reader::encodePage(static_cast<std::uint32_t>(index)),
                       Message::PageWords, stop);
        if (wasCancelled(answered)) return cancelled(m_where);
        // What pages before it left behind, or somebody else's kill, is not this page's fault.
        again = served && mayBeInnocent(answered);
        if (again) m_process.reset();
    }
    if (const std::string* payload = std::get_if<std::string>(&answered)) {
        if (auto text = reader::decodePageText(*payload)) {
            page.text = std::move(*text);
        } else {
            m_process.reset();
            answered = Failure::BadAnswer;
        }
    }
    if (auto failed = notRead(index, answered)) return std::move(*failed);
    m_stopsInARow = 0;
    if (page.text.cut) {
        page.text.status = PageStatus::Stopped;
        page.note = reader::pageCutNote(index);
    } else if (page.text.status == PageStatus::Picture) {
        page.note = reader::pagePictureNote(index);
    }
    return page;
}

Result<PageImage> ReaderClient::renderPage(std::size_t index, float pixelsPerPoint,
                                           const std::stop_token& stop) {
    if (auto ready = makeReady(index, stop); !ready) return tl::unexpected(std::move(ready.error()));
    m_served = true;
    const reader::ImageRequest request{static_cast<std::uint32_t>(index), pixelsPerPoint};
    const Answered answered = ask(Message::Image, reader::encode(request), Message::PageImage, stop);
    if (wasCancelled(answered)) return cancelled(m_where);
    if (const std::string* payload = std::get_if<std::string>(&answered)) {
        const auto data = reader::decodeImage(*payload);
        PageImage page;
        if (data) page.image = QImage(int(data->width), int(data->height), QImage::Format_RGB32);
        if (!page.image.isNull()) {
            for (std::uint32_t y = 0; y < data->height; ++y) {
                const std::size_t bytes = std::size_t{4} * data->width;
                std::memcpy(page.image.scanLine(static_cast<int>(y)), data->pixels.data() + y * bytes, bytes);
            }
            page.pixelsPerPoint = static_cast<float>(data->width) / m_pages[index].width;
            return page;
        }
        m_process.reset();
    }
    const bool refused = std::holds_alternative<Refused>(answered);
    return fail(refused ? ErrorCode::Damaged : ErrorCode::ReaderStopped,
                "Page " + std::to_string(index + 1) + " cannot be shown.", m_where,
                "Open the document in another program to see this page; the other pages are not affected.");
}

}  // namespace kvasir
