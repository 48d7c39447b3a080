// A thread for one open document: has its file read, then renders its pages on demand.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/document.h"
#include "app/reader/reader_client.h"
#include "engine/error.h"

namespace kvasir {

/// Two readers of one file: one for the words, one for the images, so that pages appear while the words are
/// read. Public methods return at once; events come on the two threads and must not wait long. Stops within
/// 100 ms.
class DocumentThread {
public:
    struct Opened {
        std::string name;
        DocumentKind kind = DocumentKind::Pdf;
        std::vector<std::pair<float, float>> pageSizes;  ///< points
    };
    struct Events {
        std::function<void(const Opened&)> opened;
        std::function<void(std::int32_t pages)> progress;  ///< pages whose words are read
        std::function<void(Result<std::shared_ptr<const Document>>)> read;
        std::function<void(std::int32_t page, double wanted, const PageImage&)> image;
    };

    DocumentThread(std::filesystem::path file, std::string password, Events events);
    ~DocumentThread();

    /// The newest request is served first: it is what the user looks at.
    void requestImage(std::int32_t page, double pixelsPerPoint);
    void cancelImages();

private:
    struct Request {
        std::int32_t page = 0;
        double pixelsPerPoint = 1;
        bool operator==(const Request&) const = default;
    };
    void readWords(const std::stop_token& stop);
    void renderImages(const std::stop_token& stop);
    std::optional<Request> nextRequest(const std::stop_token& stop);

    std::filesystem::path m_file;
    std::string m_password;
    Events m_events;
    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::deque<Request> m_requests;
    std::jthread m_words, m_images;  // last: they start when the rest is there
};

}  // namespace kvasir
