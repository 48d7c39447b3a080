// What the window works with: documents being read, questions being answered. All work happens on other
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <QImage>
#include <QObject>
#include <QSizeF>
#include <QString>

#include "app/answer.h"
#include "app/document.h"
#include "app/reading_state.h"
#include "engine/error.h"

namespace kvasir {

/// Known as soon as the file is open, before its text is.
struct DocumentInfo {
    DocumentId id = 0;
    QString name;
    QString path;
    DocumentKind kind = DocumentKind::Pdf;
    std::vector<QSizeF> pageSizes;  ///< points; empty in text files
    bool open = false;              ///< open now, or only remembered
};

struct ModelInfo {
    QString name;  ///< for people; empty: no model is chosen
    QString path;
    bool loaded = false;
    std::int64_t memoryBytes = 0;  ///< weights and resident documents
    QString note;                  ///< why the processor computes, where one would expect the GPU; else empty
    std::optional<Error> error;    ///< why it did not load
};

using ConversationId = std::int64_t;

/// Questions about a document that were asked together.
struct ConversationInfo {
    ConversationId id = 0;
    QString title;      ///< its first question
    int questions = 0;  ///< at least 1
};

/// What was computed for documents and lies on the disk, so that it is not computed again.
struct KeptReadings {
    std::int64_t bytes = 0;
    std::int64_t budget = 0;  ///< 0: nothing is kept
};

/// Lives on the window's thread; every call returns at once and every signal comes on that thread.
class Workspace : public QObject {
    Q_OBJECT

public:
    using QObject::QObject;

    // ------------------------------------------------------------------------------------------------
    // documents
    /// Documents of the store and those being opened, most recently opened first.
    virtual std::vector<DocumentInfo> documents() const = 0;
    /// Begins opening and reading. A file that is open already is only brought back (the same id).
    virtual DocumentId open(const QString& path) = 0;
    virtual void unlock(DocumentId document, const QString& password) = 0;
    virtual void close(DocumentId document) = 0;
    /// Removes it from the store with its questions and answers.
    virtual void forget(DocumentId document) = 0;

    virtual DocumentInfo info(DocumentId document) const = 0;
    virtual ReadingState reading(DocumentId document) const = 0;
    /// Null until every page was read.
    virtual std::shared_ptr<const Document> text(DocumentId document) const = 0;
    /// Answered by pageImageReady; requests for pages nobody waits for any more may be dropped with
    /// cancelPageImages.
    virtual void requestPageImage(DocumentId document, int page, double pixelsPerPoint) = 0;
    virtual void cancelPageImages(DocumentId document) = 0;
    virtual void stopReading(DocumentId document) = 0;
    virtual void continueReading(DocumentId document) = 0;

    // ------------------------------------------------------------------------------------------------
    // questions
    /// Returns the new answer's id. It waits for the first reading by itself. `after`: the answer that the
    /// question goes on from, and with it from those that one goes on from; empty: it stands by itself.
    virtual QString ask(DocumentId document, const QString& question, const QString& after = {}) = 0;
    virtual void stop(const QString& answer) = 0;
    /// Conversations about a document that have a question, oldest first.
    virtual std::vector<ConversationInfo> conversations(DocumentId document) const = 0;
    /// The one that is open: answers are shown of it and questions asked in it. 0: a new one.
    virtual ConversationId conversation(DocumentId document) const = 0;
    virtual void openConversation(DocumentId document, ConversationId conversation) = 0;
    /// It begins with the next question.
    virtual void newConversation(DocumentId document) = 0;
    /// Answers of the conversation that is open, oldest first.
    virtual std::vector<QString> answers(DocumentId document) const = 0;
    virtual Answer answer(const QString& answer) const = 0;
    /// Empty vectors while not known.
    virtual WordMarks marks(const QString& answer) const = 0;

    /// The question of that answer once more, as it stands, with what is pinned now; a new answer's id.
    virtual QString askAgain(const QString& answer) = 0;

    // ------------------------------------------------------------------------------------------------
    // pins: passages that are carried forward for every later answer about the document, over restarts
    /// Bytes of the document's text, ascending and apart.
    virtual std::vector<ByteRange> pins(DocumentId document) const = 0;
    /// Pins the words of the range; what overlaps a pin becomes one with it. Gives the pin that holds them.
    /// Errors: InvalidArgument (there are no words in it, or the text is not known yet), TooLarge (the pins
    /// would hold more than can be carried on top; those that there are stay).
    virtual Result<ByteRange> addPin(DocumentId document, ByteRange range) = 0;
    /// Nothing when there is no such pin.
    virtual void removePin(DocumentId document, ByteRange pin) = 0;
    /// Of the room that there is for pins, the share that they take together with `more`; above 1: too much.
    /// < 0: not known, because the model has not seen the text yet.
    virtual double pinnedShare(DocumentId document, ByteRange more) const = 0;

    // ------------------------------------------------------------------------------------------------ model
    virtual ModelInfo model() const = 0;
    virtual void useModel(const QString& path) = 0;

    /// Settings by key, kept in the store: "language", "theme", ... Empty when never set.
    virtual QString setting(const QString& key) const = 0;
    virtual void setSetting(const QString& key, const QString& value) = 0;

    /// The setting "keptReadings" decides the budget: gigabytes, "0" for none, empty for automatic.
    virtual KeptReadings keptReadings() const = 0;
    virtual void deleteKeptReadings() = 0;

signals:
    void documentsChanged();
    void infoChanged(kvasir::DocumentId document);     ///< page sizes are known, or the text is
    void readingChanged(kvasir::DocumentId document);  ///< at most ten times a second
    void pageImageReady(kvasir::DocumentId document, int page, double pixelsPerPoint, const QImage& image);
    /// One was added, or another conversation was opened.
    void answersChanged(kvasir::DocumentId document);
    void answerChanged(const QString& answer);  ///< its text grew or its state changed; at most once a frame
    void pinsChanged(kvasir::DocumentId document);
    void modelChanged();
    void keptReadingsChanged();
    /// Something went wrong that belongs to no document or answer (the store cannot be written, for example).
    void failed(const kvasir::Error& error);
};

}  // namespace kvasir
