// Page images of one document: asks the workspace for what is looked at, keeps what fits.
#pragma once

#include <list>
#include <map>
#include <set>
#include <vector>

#include <QColor>
#include <QImage>
#include <QObject>

#include "app/workspace.h"

namespace kvasir {

/// Shared by page view and thumbnails. Lives on the window's thread. Images are kept least recently used
/// first under kCacheBytes; dark pages are recoloured once, on arrival.
class PageImages : public QObject {
    Q_OBJECT

public:
    static constexpr qsizetype kCacheBytes = 192 * 1024 * 1024;

    PageImages(Workspace& workspace, DocumentId document, QObject* parent);

    /// The page at exactly this scale, or a null image.
    QImage image(int page, double pixelsPerPoint);
    /// The nearest image of the page at any scale, to be stretched until the right one is there.
    QImage anyImage(int page);
    /// What `client` looks at now; replaces its last wish. Pages that nobody wishes for are not rendered.
    void want(const QObject* client, const std::vector<int>& pages, double pixelsPerPoint);

    /// Recolour pages to this paper and ink; invalid colours: leave them as they are.
    void setRecolouring(const QColor& paper, const QColor& ink);
    qsizetype bytes() const { return m_bytes; }

signals:
    void imageReady(int page);

private:
    using Key = std::pair<int, int>;  ///< page, thousandths of pixels per point
    struct Entry {
        QImage image;
        std::list<Key>::iterator use;
    };

    static int scaleKey(double pixelsPerPoint) { return qRound(pixelsPerPoint * 1000); }
    void onImage(DocumentId document, int page, double pixelsPerPoint, const QImage& image);
    void request();
    void insert(const Key& key, const QImage& image);
    void drop(std::map<Key, Entry>::iterator entry);

    Workspace& m_workspace;
    DocumentId m_document;
    std::map<Key, Entry> m_images;
    std::list<Key> m_uses;  ///< least recently used first
    qsizetype m_bytes = 0;
    std::map<const QObject*, std::vector<std::pair<Key, double>>> m_wanted;
    std::set<Key> m_pending;
    QColor m_paper, m_ink;
};

/// Light becomes dark and the other way round, hues stay; white becomes `paper` and black `ink`.
QImage recoloured(const QImage& image, const QColor& paper, const QColor& ink);

}  // namespace kvasir
