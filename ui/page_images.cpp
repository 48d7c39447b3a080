#include "ui/page_images.h"

#include <algorithm>
#include <array>

namespace kvasir {

PageImages::PageImages(Workspace& workspace, DocumentId document, QObject* parent)
    : QObject(parent), m_workspace(workspace), m_document(document) {
    connect(&workspace, &Workspace::pageImageReady, this, &PageImages::onImage);
}

QImage PageImages::image(int page, double pixelsPerPoint) {
    const auto it = m_images.find({page, scaleKey(pixelsPerPoint)});
    if (it == m_images.end()) return {};
    m_uses.splice(m_uses.end(), m_uses, it->second.use);
    return it->second.image;
}

QImage PageImages::anyImage(int page) {
    QImage best;  // the largest: shrinking looks better than stretching
    for (auto it = m_images.lower_bound({page, 0}); it != m_images.end() && it->first.first == page; ++it)
        best = it->second.image;
    return best;
}

void PageImages::want(const QObject* client, const std::vector<int>& pages, double pixelsPerPoint) {
    auto& wishes = m_wanted[client];
    wishes.clear();
    for (const int page : pages)
        wishes.push_back({{page, scaleKey(pixelsPerPoint)}, pixelsPerPoint});
    request();
}

void PageImages::request() {
    std::vector<std::pair<Key, double>> missing;
    for (const auto& [client, wishes] : m_wanted)
        for (const auto& wish : wishes)
            if (!m_images.contains(wish.first)) missing.push_back(wish);
    const bool stale = std::any_of(m_pending.begin(), m_pending.end(), [&](const Key& key) {
        return std::none_of(missing.begin(), missing.end(), [&](const auto& w) { return w.first == key; });
    });
    if (stale) {
        m_workspace.cancelPageImages(m_document);
        m_pending.clear();
    }
    for (const auto& [key, pixelsPerPoint] : missing)
        if (m_pending.insert(key).second) m_workspace.requestPageImage(m_document, key.first, pixelsPerPoint);
}

void PageImages::onImage(DocumentId document, int page, double pixelsPerPoint, const QImage& image) {
    if (document != m_document) return;
    const Key key{page, scaleKey(pixelsPerPoint)};
    m_pending.erase(key);
    if (image.isNull()) return;
    insert(key, m_paper.isValid() ? recoloured(image, m_paper, m_ink) : image);
    emit imageReady(page);
}

void PageImages::insert(const Key& key, const QImage& image) {
    const auto old = m_images.find(key);
    if (old != m_images.end()) drop(old);
    m_bytes += image.sizeInBytes();
    m_uses.push_back(key);
    m_images[key] = {image, std::prev(m_uses.end())};
    while (m_bytes > kCacheBytes && m_uses.size() > 1)
        drop(m_images.find(m_uses.front()));
}

void PageImages::drop(std::map<Key, Entry>::iterator entry) {
    m_bytes -= entry->second.image.sizeInBytes();
    m_uses.erase(entry->second.use);
    m_images.erase(entry);
}

void PageImages::setRecolouring(const QColor& paper, const QColor& ink) {
    if (paper == m_paper && ink == m_ink) return;
    m_paper = paper;
    m_ink = ink;
    while (!m_images.empty())
        drop(m_images.begin());
    request();
}

QImage recoloured(const QImage& source, const QColor& paper, const QColor& ink) {
    QImage image = source.convertToFormat(QImage::Format_RGB32);
    image.setDevicePixelRatio(1);
    const auto table = [](int from, int to) {  // 0 (black, now paper) .. 255 (white, now ink)
        std::array<std::uint8_t, 256> values{};
        for (int i = 0; i < 256; ++i)
            values[i] = static_cast<std::uint8_t>(from + (to - from) * i / 255);
        return values;
    };
    const auto red = table(paper.red(), ink.red());
    const auto green = table(paper.green(), ink.green());
    const auto blue = table(paper.blue(), ink.blue());
    for (int y = 0; y < image.height(); ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        for (int x = 0; x < image.width(); ++x) {
            const int r = qRed(line[x]), g = qGreen(line[x]), b = qBlue(line[x]);
            // Lightness is mirrored by one shift for all channels, so that the hue stays.
            const int shift = 255 - std::max({r, g, b}) - std::min({r, g, b});
            line[x] = qRgb(red[std::clamp(r + shift, 0, 255)], green[std::clamp(g + shift, 0, 255)],
                           blue[std::clamp(b + shift, 0, 255)]);
        }
    }
    return image;
}

}  // namespace kvasir
