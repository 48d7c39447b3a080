// The line that says what the marks mean, with figures, and whose marks they are.
#pragma once

#include <memory>

#include <QComboBox>
#include <QLabel>
#include <QWidget>

#include "app/answer.h"
#include "ui/document_marks.h"

namespace kvasir {

class Legend : public QWidget {
    Q_OBJECT

public:
    explicit Legend(QWidget* parent);

    /// Without marks the legend says how to get some.
    void setMarks(const DocumentMarks* marks, MarkMode mode, AnswerMode answerMode);
    /// How many answers there are, and which one (0-based, -1: none) the marks belong to.
    void setAnswers(int count, int shown);
    /// How many passages of the document are pinned; they need no answer.
    void setPins(int count);
    void setCompact(bool compact);

signals:
    void answerChosen(int index);

private:
    struct Item {
        QWidget* swatch = nullptr;
        QLabel* text = nullptr;
        void setVisible(bool visible) const {
            swatch->setVisible(visible);
            text->setVisible(visible);
        }
    };
    Item addItem(int sign);
    void refresh();

    Item m_carried, m_notCarried, m_notRead, m_cited, m_pinned;
    QLabel* m_remark;
    QComboBox* m_answers;
    bool m_compact = false;
    bool m_hasMarks = false, m_known = false;
    int m_share = 0, m_notReadShare = 0, m_citedCount = 0, m_pinCount = 0;
    MarkMode m_mode = MarkMode::Citations;
    AnswerMode m_answerMode = AnswerMode::Quick;
};

}  // namespace kvasir
