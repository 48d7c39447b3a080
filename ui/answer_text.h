// The text of an answer with its citation chips in the flow of the words.
#pragma once

#include <string>
#include <vector>

#include <QAbstractButton>
#include <QTextEdit>
#include <QTextObjectInterface>

#include "app/answer.h"
#include "app/document.h"

namespace kvasir {

/// '1 · p. 37': a button, so that it has focus, a name and keys of its own.
class CitationChip : public QAbstractButton {
    Q_OBJECT

public:
    CitationChip(Citation citation, DocumentKind kind, QWidget* parent);

    const Citation& citation() const { return m_citation; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    Citation m_citation;
};

/// Text before a chip and the citations whose chips follow it.
struct AnswerPiece {
    std::string text;
    std::vector<std::size_t> citations;  ///< indices into the answer's citations
};
/// Cuts the answer's text at its chips. A chip stands before the punctuation that ends its sentence.
std::vector<AnswerPiece> answerPieces(const std::string& text, const std::vector<Citation>& citations);

/// As high as its text; selectable; rebuilt while the answer is being written.
class AnswerText : public QTextEdit, public QTextObjectInterface {
    Q_OBJECT
    Q_INTERFACES(QTextObjectInterface)

public:
    explicit AnswerText(QWidget* parent);

    void setAnswer(const Answer& answer, DocumentKind kind);
    const std::vector<CitationChip*>& chips() const { return m_chips; }
    /// Plain text with chips as '[p. 37]', for the clipboard.
    static QString plainText(const Answer& answer, DocumentKind kind);

    QSizeF intrinsicSize(QTextDocument* document, int position, const QTextFormat& format) override;
    /// The chips are widgets; nothing is drawn for them.
    void drawObject(QPainter* painter, const QRectF& rect, QTextDocument* document, int position,
                    const QTextFormat& format) override;

signals:
    void citationActivated(const kvasir::Citation& citation);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void rebuild();
    void insertMarkdown(QTextCursor& cursor, const std::string& text, bool& bold);
    void insertChip(QTextCursor& cursor, std::size_t citation);
    CitationChip* chipFor(const Citation& citation);
    void place();

    Answer m_answer;
    DocumentKind m_kind = DocumentKind::Pdf;
    std::vector<CitationChip*> m_chips;  ///< in the order of the text
    std::vector<CitationChip*> m_spare;  ///< of the build before, to be used again
    std::vector<int> m_chipPositions;    ///< in the text document
};

}  // namespace kvasir
