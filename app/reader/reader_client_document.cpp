// The part of ReaderClient that reads whole documents.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include <QtCore/QCryptographicHash>

#include "app/document_builder.h"
#include "app/reader/reader_client.h"

namespace kvasir {
namespace {

using reader::Message;

constexpr std::size_t kHashBytes = std::size_t{1} << 20;

tl::unexpected<Error> cancelled(const std::string& where) {
    return fail(ErrorCode::Cancelled, "Reading was stopped.", where, "Open the document again to go on.");
}

std::vector<std::pair<float, float>> pageSizes(const std::vector<reader::PageSize>& pages) {
    std::vector<std::pair<float, float>> sizes;
    sizes.reserve(pages.size());
    for (const reader::PageSize& page : pages)
        sizes.emplace_back(page.width, page.height);
    return sizes;
}

}  // namespace

Result<std::string> ReaderClient::hash(const std::stop_token& stop) const {
    QCryptographicHash sum(QCryptographicHash::Sha256);
    std::string bytes(kHashBytes, '\0');
    for (std::uint64_t at = 0; at < m_size;) {
        if (stop.stop_requested()) return cancelled(m_where);
        const std::size_t count = std::min<std::uint64_t>(bytes.size(), m_size - at);
        const ssize_t got = pread(m_descriptor, bytes.data(), count, static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return fail(ErrorCode::Unreadable, "The file could not be read to its end.", m_where,
                        "Check that the drive or network folder is there, and try again.");
        }
        if (got == 0) break;
        sum.addData(QByteArrayView(bytes.data(), got));
        at += static_cast<std::uint64_t>(got);
    }
    return sum.result().toHex().toStdString();
}

std::vector<Document::OutlineItem> ReaderClient::readOutline(const std::stop_token& stop) {
    const Answered answered = ask(Message::Outline, {}, Message::OutlineItems, stop);
    const std::string* payload = std::get_if<std::string>(&answered);
    auto items = payload != nullptr ? reader::decodeOutline(*payload) : std::nullopt;
    if (!items) return {};  // a document without an outline is as good to read
    for (Document::OutlineItem& item : *items) {
        if (item.page >= static_cast<std::int32_t>(m_pages.size())) item.page = -1;
    }
    return std::move(*items);
}

Result<Document> ReaderClient::readDocument(const ReadProgress& progress, const std::stop_token& stop) {
    auto document = m_kind == DocumentKind::Pdf ? readPages(progress, stop) : readText(progress, stop);
    if (!document) return document;
    auto sum = hash(stop);
    if (!sum) return tl::unexpected(std::move(sum.error()));
    document->sha256 = std::move(*sum);
    return document;
}

Result<Document> ReaderClient::readPages(const ReadProgress& progress, const std::stop_token& stop) {
    DocumentBuilder builder(m_kind, m_name, pageSizes(m_pages));
    if (progress) progress(builder.document(), 0, m_pages.size());
    if (auto ready = makeReady(0, stop); !ready) return tl::unexpected(std::move(ready.error()));
    builder.setOutline(readOutline(stop));
    for (std::size_t i = 0; i < m_pages.size(); ++i) {
        auto page = readPage(i, stop);
        if (!page) return tl::unexpected(std::move(page.error()));
        if (auto added = builder.addPage(page->text, std::move(page->note)); !added) {
            return tl::unexpected(std::move(added.error()));
        }
        if (progress) progress(builder.document(), i + 1, m_pages.size());
    }
    return builder.finish({});
}

Result<Document> ReaderClient::readText(const ReadProgress& progress, const std::stop_token& stop) {
    DocumentBuilder builder(m_kind, m_name, {{0.0F, 0.0F}});
    if (progress) progress(builder.document(), 0, m_size);
    for (std::uint64_t at = 0; at < m_size;) {
        if (stop.stop_requested()) return cancelled(m_where);
        if (readerPid() == 0) {
            if (auto started = startReader(stop); !started) return tl::unexpected(std::move(started.error()));
        }
        const Answered answered = ask(Message::Text, reader::encodeOffset(at), Message::TextChunk, stop);
        if (stop.stop_requested()) return cancelled(m_where);
        const std::string* payload = std::get_if<std::string>(&answered);
        const auto chunk = payload != nullptr ? reader::decodeTextChunk(*payload) : std::nullopt;
        if (!chunk || chunk->nextOffset < at) {
            return fail(ErrorCode::ReaderStopped, "The reading program stopped while it read the file.",
                        m_where, "Open the file again.");
        }
        if (chunk->nextOffset == at) break;  // the file became shorter meanwhile
        if (auto added = builder.addText(chunk->text); !added)
            return tl::unexpected(std::move(added.error()));
        at = chunk->nextOffset;
        if (progress) progress(builder.document(), std::min(at, m_size), m_size);
    }
    return builder.finish({});
}

Result<Document> readDocument(const std::filesystem::path& file, const std::string& password,
                              const ReadProgress& progress, const std::stop_token& stop) {
    auto client = ReaderClient::open(file, password, stop);
    if (!client) return tl::unexpected(std::move(client.error()));
    return (*client)->readDocument(progress, stop);
}

}  // namespace kvasir
