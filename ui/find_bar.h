// Find in the document: field, 'n of m', next and previous. Searches beside the window's thread.
#pragma once

#include <atomic>
#include <memory>

#include <QFutureWatcher>
#include <QLabel>
#include <QLineEdit>
#include <QTimer>
#include <QWidget>

#include "ui/document_search.h"

namespace kvasir {

class FindBar : public QWidget {
    Q_OBJECT

public:
    /// `view` must outlive the bar.
    FindBar(DocumentView& view, QWidget* parent);
    ~FindBar() override;

    void open();
    void close();
    void next() { step(1); }
    void previous() { step(-1); }

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    void search();
    void onFound();
    void step(int by);
    void showCount();

    DocumentView& m_view;
    QLineEdit* m_field;
    QLabel* m_count;
    QTimer m_delay;
    QFutureWatcher<std::vector<ByteRange>> m_watcher;
    std::shared_ptr<std::atomic<bool>> m_cancel;
    int m_current = -1;
    bool m_fresh = false;  ///< the next hit shown is the first of a new search
};

}  // namespace kvasir
