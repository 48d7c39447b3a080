// kvasir-reader: parses documents for Kvasir, in a sandbox. Started by the application alone, which passes
// a socket as descriptor 3 and the open document as descriptor 4.
#include <cerrno>
#include <cstdio>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "app/reader/file_kind.h"
#include "app/reader/pdf_file.h"
#include "app/reader/protocol.h"
#include "app/reader/sandbox.h"
#include "app/reader/self_check.h"
#include "app/reader/text_file.h"

namespace kvasir::reader {
namespace {

constexpr std::size_t kHeadBytes = std::size_t{64} * 1024;

bool readExactly(char* to, std::size_t count) {
    while (count > 0) {
        const ssize_t got = ::read(kSocketDescriptor, to, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        count -= static_cast<std::size_t>(got);
    }
    return true;
}

bool writeExactly(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(kSocketDescriptor, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

bool send(Message type, std::string_view payload, std::string_view tail = {}) {
    return writeExactly(encodeHeader(type, payload.size() + tail.size())) && writeExactly(payload) &&
           writeExactly(tail);
}

bool refuse(Refusal refusal, FileFormat format = FileFormat::Binary) {
    return send(Message::Refused, encode(Refused{refusal, format}));
}

/// Answers requests one after another. Each handler returns false when the application has gone.
class Server {
public:
    void run() {
        unsigned char bytes[kHeaderBytes];
        while (readExactly(reinterpret_cast<char*>(bytes), sizeof bytes)) {
            const Header header = decodeHeader(bytes);
            if (header.payloadBytes > kMaxRequestBytes) return;
            std::string payload(header.payloadBytes, '\0');
            if (!readExactly(payload.data(), payload.size())) return;
            renewCpuLimit();
            if (!answer(header.type, payload)) return;
        }
    }

private:
    bool answer(std::uint8_t type, std::string_view payload) {
        try {
            switch (static_cast<Message>(type)) {
                case Message::Open:
                    return open(payload);
                case Message::Words:
                    return words(payload);
                case Message::Image:
                    return image(payload);
                case Message::Text:
                    return text(payload);
                case Message::Outline:
                    return outline();
                default:
                    return refuse(Refusal::BadRequest);
            }
        } catch (const std::bad_alloc&) {
            return refuse(Refusal::OutOfMemory);
        } catch (const std::exception&) {
            return refuse(type == static_cast<std::uint8_t>(Message::Open) ? Refusal::Damaged
                                                                           : Refusal::PageFailed);
        }
    }

    bool open(std::string_view payload) {
        const auto request = decodeOpenRequest(payload);
        if (!request || m_pdf || m_text) return refuse(Refusal::BadRequest);
        const std::string head =
            readAt(kDocumentDescriptor, 0, std::min<std::uint64_t>(kHeadBytes, request->size));
        const FileFormat format = formatOf(head);
        if (format == FileFormat::Pdf) return openPdf(*request);
        if (format != FileFormat::Text) return refuse(Refusal::Unsupported, format);
        m_text = TextFile::open(kDocumentDescriptor, request->size);
        if (!m_text) return refuse(Refusal::Unsupported, FileFormat::Binary);
        Opened opened;
        opened.format = textKindOf(m_text->read(0).text, request->extension);
        return send(Message::Opened, encode(opened));
    }

    bool openPdf(const OpenRequest& request) {
        auto pdf = PdfFile::open(kDocumentDescriptor, request.size, request.password);
        if (const Refusal* refusal = std::get_if<Refusal>(&pdf)) return refuse(*refusal, FileFormat::Pdf);
        m_pdf = std::get<std::unique_ptr<PdfFile>>(std::move(pdf));
        return send(Message::Opened, encode(Opened{FileFormat::Pdf, m_pdf->pages()}));
    }

    bool hasPage(std::optional<std::uint32_t> page) const {
        return page && m_pdf && *page < m_pdf->pages().size();
    }

    bool words(std::string_view payload) {
        const auto page = decodePage(payload);
        if (!hasPage(page)) return refuse(Refusal::BadRequest);
        const auto found = m_pdf->words(*page);
        if (const Refusal* refusal = std::get_if<Refusal>(&found)) return refuse(*refusal);
        return send(Message::PageWords, encode(std::get<PageText>(found)));
    }

    bool image(std::string_view payload) {
        const auto request = decodeImageRequest(payload);
        if (!request || !hasPage(request->page)) return refuse(Refusal::BadRequest);
        const auto found = m_pdf->image(request->page, request->pixelsPerPoint);
        if (const Refusal* refusal = std::get_if<Refusal>(&found)) return refuse(*refusal);
        const auto& rows = std::get<PageImageRows>(found);
        return send(Message::PageImage, encodeImageHead(rows.width, rows.height), rows.pixels);
    }

    bool text(std::string_view payload) const {
        const auto offset = decodeOffset(payload);
        if (!offset || !m_text) return refuse(Refusal::BadRequest);
        const TextFile::Piece piece = m_text->read(*offset);
        return send(Message::TextChunk, encodeTextChunk(piece.nextOffset, piece.text));
    }

    bool outline() const {
        if (!m_pdf) return refuse(Refusal::BadRequest);
        return send(Message::OutlineItems, encode(m_pdf->outline()));
    }

    std::unique_ptr<PdfFile> m_pdf;
    std::optional<TextFile> m_text;
};

bool isSocket(int descriptor) {
    struct stat info{};
    return fstat(descriptor, &info) == 0 && S_ISSOCK(info.st_mode);
}

int serve() {
    struct stat document{};
    if (!isSocket(kSocketDescriptor) || fstat(kDocumentDescriptor, &document) != 0) {
        std::fputs("kvasir-reader reads documents for Kvasir, which starts it. Start kvasir or kvasir-cli.\n",
                   stderr);
        return 2;
    }
    Hello hello;
    hello.sandbox = enterSandbox(static_cast<std::uint64_t>(document.st_size));
    renewCpuLimit();
    if (send(Message::Hello, encode(hello))) Server().run();
    // Without destructors: after a hostile document nothing of this process is worth running.
    _exit(0);
}

}  // namespace
}  // namespace kvasir::reader

int main(int count, char** arguments) {
    const std::string_view first = count == 2 ? arguments[1] : "";
    if (first == "--self-check") return kvasir::reader::selfCheck();
    if (count == 1) return kvasir::reader::serve();
    std::fputs("Usage: kvasir-reader [--self-check]\n", stderr);
    return 2;
}
