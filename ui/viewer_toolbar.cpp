#include "ui/viewer_toolbar.h"

#include <QHBoxLayout>
#include <QStyle>

#include "ui/widgets.h"

namespace kvasir {

ViewerToolbar::ViewerToolbar(DocumentView& view, bool pages, QWidget* parent)
    : QWidget(parent), m_view(view), m_pages(pages) {
    setFixedHeight(35);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 0, 6, 0);
    layout->setSpacing(3);
    m_library = makeToolButton("menu", tr("Library"), "libraryButton", this);
    m_library->hide();
    m_back = makeToolButton("back", tr("Back"), "backButton", this);
    m_forward = makeToolButton("forward", tr("Forward"), "forwardButton", this);
    for (QToolButton* button : {m_library, m_back, m_forward})
        layout->addWidget(button);
    layout->addWidget(makeSeparator(this));
    addPlace(pages);
    layout->addWidget(makeSeparator(this));
    addZoom();
    layout->addWidget(makeSeparator(this));
    addMarks();
    layout->addStretch(1);
    m_pin = makeToolButton("pin",
                           tr("Pin selection (Ctrl+Shift+P): it is carried forward for every later answer"),
                           "pinButton", this);
    m_pin->setText(tr("Pin", "the button: pin the selection"));
    m_pin->setAccessibleName(tr("Pin selection"));
    m_pin->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    layout->addWidget(m_pin);
    m_find = makeToolButton("find", tr("Find"), "findButton", this);
    m_find->setText(tr("Find"));
    m_find->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    layout->addWidget(m_find);
    connect(m_find, &QToolButton::clicked, this, &ViewerToolbar::findRequested);
    connect(m_pin, &QToolButton::clicked, this, &ViewerToolbar::pinRequested);
    const auto selection = [this] { m_pin->setEnabled(!m_view.selection().empty()); };
    connect(&view, &DocumentView::selectionChanged, this, selection);
    connect(m_library, &QToolButton::clicked, this, &ViewerToolbar::libraryRequested);
    connect(m_back, &QToolButton::clicked, &view, &DocumentView::goBack);
    connect(m_forward, &QToolButton::clicked, &view, &DocumentView::goForward);
    const auto history = [this] {
        m_back->setEnabled(m_view.canGoBack());
        m_forward->setEnabled(m_view.canGoForward());
    };
    connect(&view, &DocumentView::historyChanged, this, history);
    connect(&view, &DocumentView::placeChanged, this, &ViewerToolbar::showPlace);
    connect(&view, &DocumentView::layoutChanged, this, &ViewerToolbar::showPlace);
    connect(&view, &DocumentView::zoomChanged, this, &ViewerToolbar::showZoom);
    history();
    selection();
    showPlace();
    showZoom();
}

void ViewerToolbar::addPlace(bool pages) {
    auto* layout = static_cast<QHBoxLayout*>(this->layout());
    m_place = new QLineEdit(this);
    m_place->setObjectName("placeEdit");
    m_place->setAccessibleName(pages ? tr("Page") : tr("Line"));
    m_place->setAlignment(Qt::AlignCenter);
    m_place->setFixedWidth(pages ? 46 : 70);
    m_placeCount = makeLabel({}, this, true);
    m_placeCount->setObjectName("placeCount");
    if (!pages) layout->addWidget(makeLabel(tr("Line"), this, true));
    layout->addWidget(m_place);
    layout->addSpacing(3);
    layout->addWidget(m_placeCount);
    connect(m_place, &QLineEdit::returnPressed, this, &ViewerToolbar::goToTypedPlace);
}

void ViewerToolbar::addZoom() {
    auto* layout = static_cast<QHBoxLayout*>(this->layout());
    m_zoomOut = makeToolButton("remove", tr("Zoom out"), "zoomOutButton", this);
    m_zoom = makeLabel({}, this);
    m_zoom->setObjectName("zoomLabel");
    m_zoom->setAlignment(Qt::AlignCenter);
    m_zoom->setMinimumWidth(fontMetrics().horizontalAdvance("100 %"));
    m_zoomIn = makeToolButton("add", tr("Zoom in"), "zoomInButton", this);
    m_fit = makeToolButton("fit", m_pages ? tr("Fit width") : tr("Normal text size"), "fitButton", this);
    layout->addWidget(m_zoomOut);
    layout->addWidget(m_zoom);
    layout->addWidget(m_zoomIn);
    layout->addWidget(m_fit);
    connect(m_zoomOut, &QToolButton::clicked, this, [this] { m_view.setZoom(m_view.zoom() / 1.1); });
    connect(m_zoomIn, &QToolButton::clicked, this, [this] { m_view.setZoom(m_view.zoom() * 1.1); });
    connect(m_fit, &QToolButton::clicked, &m_view, &DocumentView::fitWidth);
}

void ViewerToolbar::addMarks() {
    auto* layout = static_cast<QHBoxLayout*>(this->layout());
    m_marksLabel = makeLabel(tr("Marks"), this, true);
    layout->addWidget(m_marksLabel);
    layout->addSpacing(4);
    m_modes = new QButtonGroup(this);
    const std::pair<QString, const char*> modes[] = {{tr("Plain", "no marks on the page"), "plainButton"},
                                                     {tr("Citations"), "citationsButton"},
                                                     {tr("Carried", "marks on the page"), "carriedButton"}};
    auto* segments = new QHBoxLayout;
    segments->setSpacing(0);
    for (int i = 0; i < 3; ++i) {
        auto* button = new QToolButton(this);
        button->setText(modes[i].first);
        button->setObjectName(modes[i].second);
        button->setCheckable(true);
        button->setFocusPolicy(Qt::TabFocus);
        button->setProperty("segment", i == 0 ? "first" : i == 2 ? "last" : "middle");
        button->setAccessibleName(tr("Marks: %1").arg(modes[i].first));
        m_modes->addButton(button, i);
        segments->addWidget(button);
    }
    layout->addLayout(segments);
    connect(m_modes, &QButtonGroup::idClicked, this,
            [this](int id) { emit markModeChosen(static_cast<MarkMode>(id)); });
    setMarkMode(MarkMode::Citations);
}

void ViewerToolbar::setMarkMode(MarkMode mode) {
    m_modes->button(static_cast<int>(mode))->setChecked(true);
}

void ViewerToolbar::setMarksEnabled(bool enabled) {
    m_marksLabel->setEnabled(enabled);
    for (QAbstractButton* button : m_modes->buttons())
        button->setEnabled(enabled);
}

void ViewerToolbar::setCompact(bool compact) {
    if (m_compact == compact) return;
    m_compact = compact;
    m_library->setVisible(compact);
    m_zoom->setVisible(!compact);
    showTexts();
    showPlace();
}

/// Words beside the signs where there is room for them. The chosen mode is bold, which its size does not
/// count on.
void ViewerToolbar::showTexts() {
    for (QAbstractButton* button : m_modes->buttons()) {
        QFont chosen = button->font();
        chosen.setWeight(QFont::DemiBold);
        const int more = QFontMetrics(chosen).horizontalAdvance(button->text()) -
                         button->fontMetrics().horizontalAdvance(button->text());
        button->setMinimumWidth(button->sizeHint().width() + more);
    }
    const auto fits = [this](bool texts, bool label) {
        for (QToolButton* button : {m_pin, m_find})
            button->setToolButtonStyle(texts ? Qt::ToolButtonTextBesideIcon : Qt::ToolButtonIconOnly);
        m_marksLabel->setVisible(label);
        layout()->invalidate();
        return layout()->sizeHint().width() <= width();
    };
    if (m_compact || !(fits(true, true) || fits(true, false))) fits(false, false);
}

void ViewerToolbar::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    showTexts();
}

void ViewerToolbar::showPlace() {
    const int count = m_view.placeCount();
    if (!m_place->hasFocus() || !m_place->isModified())
        m_place->setText(count == 0 ? QString() : locale().toString(m_view.currentPlace() + 1));
    m_place->setEnabled(count > 0);
    const QString number = locale().toString(count);
    m_placeCount->setText(count == 0  ? QString()
                          : m_compact ? tr("/ %1").arg(number)
                                      : tr("of %1").arg(number));
}

void ViewerToolbar::showZoom() {
    m_zoom->setText(tr("%1 %").arg(qRound(m_view.zoom() * 100)));
}

void ViewerToolbar::focusPlace() {
    m_place->setFocus(Qt::ShortcutFocusReason);
    m_place->selectAll();
}

void ViewerToolbar::goToTypedPlace() {
    QString typed = m_place->text();
    typed.remove(locale().groupSeparator()).remove(u',').remove(u' ');
    bool ok = false;
    const int place = typed.toInt(&ok);
    m_place->setModified(false);
    if (ok && place >= 1 && place <= m_view.placeCount()) {
        m_view.jumpToPlace(place - 1);
        m_view.setFocus();
    }
    showPlace();
    m_place->selectAll();
}

}  // namespace kvasir
