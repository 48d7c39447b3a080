#include "ui/find_bar.h"

#include <algorithm>

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QtConcurrentRun>

#include "ui/widgets.h"

namespace kvasir {

FindBar::FindBar(DocumentView& view, QWidget* parent) : QWidget(parent), m_view(view) {
    setObjectName("findBar");
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(8, 4, 8, 4);
    layout->setSpacing(4);
    layout->addWidget(makeLabel(tr("Find"), this, true));
    m_field = new QLineEdit(this);
    m_field->setObjectName("findField");
    m_field->setAccessibleName(tr("Find in this document"));
    m_field->setPlaceholderText(tr("Find in this document"));
    m_field->setMaximumWidth(320);
    layout->addWidget(m_field, 1);
    m_count = makeLabel({}, this, true);
    m_count->setObjectName("findCount");
    layout->addWidget(m_count);
    layout->addStretch(1);
    auto* up = makeToolButton("up", tr("Previous (Shift+F3)"), "findPrevious", this);
    auto* down = makeToolButton("down", tr("Next (F3)"), "findNext", this);
    auto* closeButton = makeToolButton("close", tr("Close"), "findClose", this);
    for (QToolButton* button : {up, down, closeButton})
        layout->addWidget(button);
    connect(up, &QToolButton::clicked, this, &FindBar::previous);
    connect(down, &QToolButton::clicked, this, &FindBar::next);
    connect(closeButton, &QToolButton::clicked, this, &FindBar::close);
    m_delay.setSingleShot(true);
    m_delay.setInterval(120);
    connect(&m_delay, &QTimer::timeout, this, &FindBar::search);
    connect(m_field, &QLineEdit::textChanged, &m_delay, qOverload<>(&QTimer::start));
    connect(m_field, &QLineEdit::returnPressed, this, &FindBar::next);
    connect(&m_watcher, &QFutureWatcherBase::finished, this, &FindBar::onFound);
    hide();
}

FindBar::~FindBar() {
    if (m_cancel) *m_cancel = true;
    m_watcher.waitForFinished();
}

void FindBar::open() {
    const QString selected = m_view.selectedText();
    if (!selected.isEmpty() && selected.size() < 200) m_field->setText(selected.simplified());
    show();
    m_field->setFocus(Qt::ShortcutFocusReason);
    m_field->selectAll();
    if (!m_field->text().isEmpty()) m_delay.start();
}

void FindBar::close() {
    hide();
    m_delay.stop();
    if (m_cancel) *m_cancel = true;
    m_current = -1;
    m_view.setFound({}, -1);
    m_view.setFocus();
}

void FindBar::search() {
    m_delay.stop();
    if (m_cancel) *m_cancel = true;
    m_cancel = std::make_shared<std::atomic<bool>>(false);
    const auto document = m_view.document();
    const QString query = m_field->text();
    if (!document || query.trimmed().isEmpty()) {
        m_current = -1;
        m_view.setFound({}, -1);
        m_count->clear();
        return;
    }
    m_fresh = true;
    m_watcher.setFuture(QtConcurrent::run(
        [document, query, cancel = m_cancel] { return findAll(document->text, query, *cancel); }));
}

void FindBar::onFound() {
    if (*m_cancel || !isVisible()) return;
    std::vector<ByteRange> hits = m_watcher.result();
    m_current = -1;
    m_view.setFound(std::move(hits), -1);
    if (!m_view.found().empty()) step(1);
    showCount();
}

void FindBar::step(int by) {
    if (!isVisible()) return open();
    if (m_delay.isActive()) return search();
    const auto& hits = m_view.found();
    const int count = static_cast<int>(hits.size());
    if (count == 0) return;
    if (m_fresh) {
        // From what is in view, not from the document's beginning.
        const double top = m_view.visibleExtent().first;
        const auto it = std::find_if(hits.begin(), hits.end(), [&](const ByteRange& hit) {
            return m_view.extentOf(m_view.document()->lineAt(hit.begin)).second >= top;
        });
        m_current = it == hits.end() ? 0 : static_cast<int>(it - hits.begin());
        m_fresh = false;
    } else {
        m_current = (m_current + by + count) % count;
    }
    const ByteRange hit = hits[m_current];
    m_view.setFound(hits, m_current);
    m_view.jumpTo(hit, false);
    showCount();
}

void FindBar::showCount() {
    const auto count = m_view.found().size();
    if (count == 0)
        m_count->setText(tr("Not found"));
    else if (count >= kMostHits)
        m_count->setText(
            tr("%1 of more than %2")
                .arg(locale().toString(m_current + 1), locale().toString(static_cast<int>(kMostHits))));
    else
        m_count->setText(
            tr("%1 of %2").arg(locale().toString(m_current + 1), locale().toString(static_cast<int>(count))));
}

void FindBar::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape) return close();
    if (event->key() == Qt::Key_Return && event->modifiers() & Qt::ShiftModifier) return previous();
    QWidget::keyPressEvent(event);
}

}  // namespace kvasir
