#include "ui/legend.h"

#include <set>

#include <QHBoxLayout>
#include <QPainter>

#include "ui/mark_painter.h"
#include "ui/pin_painter.h"
#include "ui/widgets.h"

namespace kvasir {
namespace {

class Swatch : public QWidget {
public:
    Swatch(int sign, QWidget* parent) : QWidget(parent), m_sign(sign) { setFixedSize(20, 13); }

protected:
    void paintEvent(QPaintEvent*) override {
        const Colours& colours = coloursOf(QGuiApplication::palette());
        QPainter painter(this);
        const QRectF box = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
        if (m_sign == 4) {
            paintPinOutline(painter, {QRectF(rect()).adjusted(4, 2, -4, -2)}, colours);
            return;
        }
        if (m_sign == 1) {
            paintHatch(painter, box, colours.hatch);
            painter.setPen(colours.hatch);
        } else if (m_sign == 3) {
            painter.setPen(QPen(colours.hatch, 1, Qt::DotLine));
        } else {
            painter.fillRect(rect(), m_sign == 0 ? colours.carriedWash : colours.citedWash);
            painter.setPen(m_sign == 0 ? colours.carried : colours.cited);
        }
        painter.drawRect(box);
        if (m_sign == 2) painter.fillRect(QRect(0, height() - 3, width(), 3), colours.cited);
    }

private:
    int m_sign;  ///< 0 carried, 1 not carried, 2 cited, 3 not read yet, 4 pinned
};

}  // namespace

Legend::Legend(QWidget* parent) : QWidget(parent) {
    setFixedHeight(27);
    setObjectName("legend");
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(9, 0, 9, 0);
    layout->setSpacing(5);
    m_carried = addItem(0);
    m_notCarried = addItem(1);
    m_notRead = addItem(3);
    m_cited = addItem(2);
    m_pinned = addItem(4);
    m_remark = makeLabel({}, this, true, -0.75);
    m_remark->setObjectName("legendRemark");
    layout->addWidget(m_remark);
    layout->addStretch(1);
    m_answers = new QComboBox(this);
    m_answers->setObjectName("marksOfAnswer");
    m_answers->setAccessibleName(tr("Marks of answer"));
    m_answers->setFont(sizedFont(font(), -0.75));
    m_answers->setFocusPolicy(Qt::TabFocus);
    layout->addWidget(m_answers);
    connect(m_answers, &QComboBox::activated, this, &Legend::answerChosen);
    refresh();
}

Legend::Item Legend::addItem(int sign) {
    auto* layout = static_cast<QHBoxLayout*>(this->layout());
    Item item{new Swatch(sign, this), makeLabel({}, this, false, -0.75)};
    item.text->setObjectName(sign == 0   ? "legendCarried"
                             : sign == 1 ? "legendNotCarried"
                             : sign == 2 ? "legendCited"
                             : sign == 4 ? "legendPinned"
                                         : "legendNotRead");
    layout->addWidget(item.swatch);
    layout->addWidget(item.text);
    layout->addSpacing(6);
    return item;
}

void Legend::setMarks(const DocumentMarks* marks, MarkMode mode, AnswerMode answerMode) {
    m_hasMarks = marks != nullptr;
    m_known = marks != nullptr && marks->known();
    m_share = m_known ? percent(marks->share()) : 0;
    m_notReadShare = m_known ? percent(1 - marks->readShare()) : 0;
    std::set<std::int32_t> numbers;
    if (marks != nullptr)
        for (const auto& cited : marks->cited())
            numbers.insert(cited.number);
    m_citedCount = static_cast<int>(numbers.size());
    m_mode = mode;
    m_answerMode = answerMode;
    refresh();
}

void Legend::setAnswers(int count, int shown) {
    if (m_answers->count() != count) {
        m_answers->clear();
        for (int i = 0; i < count; ++i)
            m_answers->addItem(tr("Marks of answer %1").arg(i + 1));
    }
    m_answers->setCurrentIndex(shown);
    m_answers->setVisible(count > 0);
}

void Legend::setPins(int count) {
    m_pinCount = count;
    refresh();
}

void Legend::setCompact(bool compact) {
    m_compact = compact;
    refresh();
}

void Legend::refresh() {
    const bool whole = m_answerMode == AnswerMode::Full || (m_known && m_share == 100 && m_notReadShare == 0);
    const bool figures = m_hasMarks && m_mode == MarkMode::Carried && m_known;
    m_carried.setVisible(figures && !whole);
    m_notCarried.setVisible(figures && !whole);
    m_notRead.setVisible(figures && m_notReadShare > 0);
    m_cited.setVisible(m_hasMarks && m_mode != MarkMode::Plain && (m_known || m_citedCount > 0));
    const bool pinned = m_pinCount > 0 && m_mode != MarkMode::Plain;
    m_pinned.setVisible(pinned);
    m_pinned.text->setText(m_compact ? QString::number(m_pinCount) : tr("Pinned %1").arg(m_pinCount));
    if (m_compact) {
        m_carried.text->setText(tr("%1 %").arg(m_share));
        m_notCarried.text->setText(tr("%1 %").arg(100 - m_share));
        m_notRead.text->setText(tr("%1 %").arg(m_notReadShare));
        m_cited.text->setText(QString::number(m_citedCount));
    } else {
        m_carried.text->setText(tr("Carried %1 %").arg(m_share));
        m_notCarried.text->setText(tr("Not carried %1 %").arg(100 - m_share));
        m_notRead.text->setText(tr("Not read yet %1 %").arg(m_notReadShare));
        m_cited.text->setText(tr("Cited %1").arg(m_citedCount));
    }
    QString remark;
    if (!m_hasMarks)
        remark = tr("Ask a question: its answer's marks appear here.");
    else if (m_mode == MarkMode::Plain)
        remark = tr("Marks are hidden.");
    else if (m_mode == MarkMode::Carried && whole)
        remark = tr("Nothing was left out of this answer.");
    else if (!m_known)
        remark = tr("Marks appear when the answer begins.");
    else if (m_compact && pinned)
        remark = figures ? tr("carried, not, cited, pinned") : tr("cited, pinned");
    else if (m_compact)
        remark = figures ? tr("carried, not, cited") : tr("cited");
    m_remark->setText(remark);
}

}  // namespace kvasir
