// A workspace for widget tests: documents laid out and painted here, answers that follow a script.
#pragma once

#include <map>

#include <QMap>
#include <QTimer>

#include "app/workspace.h"

namespace kvasir {

/// Text to lay out: '#' begins a heading; [[...]] was carried, {{n:...}} is cited as n (and carried).
struct ScriptedPage {
    QStringList paragraphs;
};

inline ReadingState firstReading(double share, double secondsLeft) {
    ReadingState state;
    state.stage = ReadingStage::FirstReading;
    state.share = share;
    state.secondsLeft = secondsLeft;
    return state;
}

class ScriptedWorkspace : public Workspace {
    Q_OBJECT

public:
    ScriptedWorkspace();

    DocumentId addPdf(const QString& name, const std::vector<ScriptedPage>& pages, bool japanese = false);
    DocumentId addLog(const QString& name, const QStringList& lines);
    void setReading(DocumentId id, const ReadingState& state);
    /// As while the reader has not answered yet: no page sizes, no text.
    void hidePages(DocumentId id, bool hidden);
    void setModel(const ModelInfo& model);
    /// The next question of this document gets this answer, word by word.
    void setScript(DocumentId id, const Answer& answer);
    QString addAnswer(DocumentId id, Answer answer);
    /// The places marked with {{n:...}}, in the order of their numbers, for answers about the document.
    std::vector<Citation> citations(DocumentId id) const;
    /// Paths that open() knows; others fail as a missing file does.
    QStringList opened;
    int streamMs = 1;

    std::vector<DocumentInfo> documents() const override;
    DocumentId open(const QString& path) override;
    void unlock(DocumentId document, const QString& password) override;
    void close(DocumentId document) override;
    void forget(DocumentId document) override;
    DocumentInfo info(DocumentId document) const override;
    ReadingState reading(DocumentId document) const override;
    std::shared_ptr<const Document> text(DocumentId document) const override;
    void requestPageImage(DocumentId document, int page, double pixelsPerPoint) override;
    void cancelPageImages(DocumentId document) override;
    void stopReading(DocumentId document) override;
    void continueReading(DocumentId document) override;
    QString ask(DocumentId document, const QString& question, const QString& after = {}) override;
    void stop(const QString& answer) override;
    std::vector<ConversationInfo> conversations(DocumentId document) const override;
    ConversationId conversation(DocumentId document) const override;
    void openConversation(DocumentId document, ConversationId conversation) override;
    void newConversation(DocumentId document) override { openConversation(document, 0); }
    std::vector<QString> answers(DocumentId document) const override;
    Answer answer(const QString& answer) const override;
    WordMarks marks(const QString& answer) const override;
    QString askAgain(const QString& answer) override;
    std::vector<ByteRange> pins(DocumentId document) const override { return m_entries.at(document).pins; }
    Result<ByteRange> addPin(DocumentId document, ByteRange range) override;
    void removePin(DocumentId document, ByteRange pin) override;
    double pinnedShare(DocumentId document, ByteRange more) const override;
    ModelInfo model() const override { return m_model; }
    void useModel(const QString& path) override;
    QString setting(const QString& key) const override { return m_settings.value(key); }
    void setSetting(const QString& key, const QString& value) override { m_settings[key] = value; }
    KeptReadings keptReadings() const override { return kept; }
    void deleteKeptReadings() override {
        kept.bytes = 0;
        emit keptReadingsChanged();
    }

    KeptReadings kept{1'240'000'000, 10'000'000'000};

    int imagesRequested = 0;
    int imagesCancelled = 0;

private:
    struct Entry {
        DocumentInfo info;
        ReadingState reading;
        std::shared_ptr<Document> text;
        WordMarks marks;
        std::vector<Citation> cited;
        bool japanese = false, hidden = false;
        std::map<ConversationId, std::vector<QString>> talks;
        ConversationId open = 0;  ///< 0: a new one
        std::vector<ByteRange> pins;
        Answer script;
    };
    /// First byte of each token: a word has as many as its marks say.
    std::vector<std::uint32_t> tokenBegins(const Entry& entry) const;
    void stream();
    QImage paintPage(const Entry& entry, int page, double pixelsPerPoint) const;

    std::map<DocumentId, Entry> m_entries;
    std::map<QString, std::pair<DocumentId, Answer>> m_answers;
    QMap<QString, QString> m_settings;
    ModelInfo m_model;
    QTimer m_stream;
    struct Request {
        DocumentId document;
        int page;
        double pixelsPerPoint;
    };
    std::vector<Request> m_requests;
    int m_nextAnswer = 1;
    ConversationId m_nextConversation = 1;
};

/// An answer whose sentences carry citations 1, 2, ... where the text has "[n]".
Answer scriptedAnswer(const QString& question, const QString& text, const std::vector<Citation>& places);

}  // namespace kvasir
