#include "app/document_thread.h"

#include <algorithm>

namespace kvasir {

DocumentThread::DocumentThread(std::filesystem::path file, std::string password, Events events)
    : m_file(std::move(file)),
      m_password(std::move(password)),
      m_events(std::move(events)),
      m_words([this](const std::stop_token& stop) { readWords(stop); }),
      m_images([this](const std::stop_token& stop) { renderImages(stop); }) {}

DocumentThread::~DocumentThread() {
    m_words.request_stop();
    m_images.request_stop();
}

void DocumentThread::requestImage(std::int32_t page, double pixelsPerPoint) {
    const std::lock_guard lock(m_mutex);
    const Request request{page, pixelsPerPoint};
    std::erase(m_requests, request);
    m_requests.push_front(request);
    m_wake.notify_all();
}

void DocumentThread::cancelImages() {
    const std::lock_guard lock(m_mutex);
    m_requests.clear();
}

void DocumentThread::readWords(const std::stop_token& stop) {
    Result<std::unique_ptr<ReaderClient>> reader = ReaderClient::open(m_file, m_password, stop);
    if (!reader) {
        m_events.read(tl::unexpected(reader.error()));
        return;
    }
    Opened opened{(*reader)->name(), (*reader)->kind(), {}};
    for (const reader::PageSize& size : (*reader)->pages())
        opened.pageSizes.emplace_back(size.width, size.height);
    m_events.opened(opened);
    Result<Document> document =
        (*reader)->readDocument([&](const Document&, std::uint64_t done,
                                    std::uint64_t) { m_events.progress(static_cast<std::int32_t>(done)); },
                                stop);
    if (document) {
        m_events.read(std::make_shared<const Document>(std::move(*document)));
    } else {
        m_events.read(tl::unexpected(document.error()));
    }
}

void DocumentThread::renderImages(const std::stop_token& stop) {
    std::unique_ptr<ReaderClient> reader;
    while (const std::optional<Request> request = nextRequest(stop)) {
        if (reader == nullptr) {
            Result<std::unique_ptr<ReaderClient>> opened = ReaderClient::open(m_file, m_password, stop);
            if (!opened) return;  // the words' reader reports why
            reader = std::move(*opened);
        }
        const Result<PageImage> image = reader->renderPage(static_cast<std::size_t>(request->page),
                                                           static_cast<float>(request->pixelsPerPoint), stop);
        // A page that cannot be drawn stays paper; its state in the document says what happened.
        if (image) m_events.image(request->page, request->pixelsPerPoint, *image);
    }
}

std::optional<DocumentThread::Request> DocumentThread::nextRequest(const std::stop_token& stop) {
    std::unique_lock lock(m_mutex);
    if (!m_wake.wait(lock, stop, [&] { return !m_requests.empty(); })) return std::nullopt;
    const Request request = m_requests.front();
    m_requests.pop_front();
    return request;
}

}  // namespace kvasir
