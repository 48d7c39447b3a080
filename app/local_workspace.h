// The workspace of the desktop program: this computer's reader, engine and store behind app/workspace.h.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <QTimer>

#include "app/document_thread.h"
#include "app/engine_thread.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "app/store/store.h"
#include "app/workspace.h"

namespace kvasir {

class LocalWorkspace : public Workspace {
    Q_OBJECT

public:
    struct Options {
        std::filesystem::path dataFolder;           ///< empty: the user's own
        std::filesystem::path model;                ///< empty: the one used last, else the best installed one
        int threads = 0;                            ///< 0: one per core
        double longWait = EngineThread::kLongWait;  ///< whoever waits longer is shown a first look
    };
    /// Errors: those of Store::open. A model that is missing or does not load is no error: see model().
    static Result<std::unique_ptr<LocalWorkspace>> create(const Options& options);
    ~LocalWorkspace() override;

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
    void newConversation(DocumentId document) override;
    std::vector<QString> answers(DocumentId document) const override;
    Answer answer(const QString& answer) const override;
    WordMarks marks(const QString& answer) const override;
    QString askAgain(const QString& answer) override;

    std::vector<ByteRange> pins(DocumentId document) const override;
    Result<ByteRange> addPin(DocumentId document, ByteRange range) override;
    void removePin(DocumentId document, ByteRange pin) override;
    double pinnedShare(DocumentId document, ByteRange more) const override;

    ModelInfo model() const override;
    void useModel(const QString& path) override;
    QString setting(const QString& key) const override;
    void setSetting(const QString& key, const QString& value) override;
    KeptReadings keptReadings() const override;
    void deleteKeptReadings() override;

private:
    /// A conversation that has a question.
    struct Talk {
        RowId id = 0;
        QString title;
        std::vector<QString> answers;  ///< oldest first
        bool stored = false;           ///< else it is begun in the store when the document is there
    };
    /// A document on the window's side. Ids of remembered documents are their rows; those of new ones are
    /// negative until the window is closed.
    struct Entry {
        DocumentInfo info;
        ReadingState reading;
        std::shared_ptr<const Document> text;
        std::unique_ptr<DocumentThread> thread;
        std::uint64_t opening = 0;  ///< which opening the thread belongs to: events of earlier ones are late
        RowId row = 0;              ///< 0 until its text is in the store
        std::vector<Talk> talks;    ///< oldest first
        RowId conversation = 0;     ///< of them, the one that is open; 0: a new one
        std::vector<QString> waiting;  ///< answers asked before the text was there
        std::vector<ByteRange> pins;   ///< ascending, apart; the store follows
        std::shared_ptr<const std::vector<std::uint32_t>> tokenBegins;  ///< null: not tokenised yet
    };
    struct Asked {
        DocumentId document = 0;
        EngineThread::AnswerKey key = 0;
        Answer answer;
        std::vector<Turn> turns;  ///< that the question goes on from, oldest first
        WordMarks marks;
        RowId row = 0;  ///< 0 until it is over and in the store
    };

    LocalWorkspace() = default;
    EngineThread::Events engineEvents();
    void chooseModel(const std::filesystem::path& wanted);
    void loadRemembered();
    void loadAnswers(Entry& entry);
    void loadAnswer(DocumentId document, const Exchange& exchange, Talk& talk);
    void startThread(DocumentId id, const std::string& password);
    DocumentThread::Events documentEvents(DocumentId id, std::uint64_t opening,
                                          const std::filesystem::path& path);
    void onOpened(DocumentId id, const DocumentThread::Opened& opened);
    void onRead(DocumentId id, std::uint64_t opening, const Result<std::shared_ptr<const Document>>& document,
                const Result<RowId>& row);
    void takeRow(Entry& entry, RowId row);
    /// Hands a question on to the engine and, when the document is in the store, begins its exchange there.
    void submit(Entry& entry, const QString& answer);
    void failWaiting(Entry& entry, const Error& error);
    void loadPins(Entry& entry);
    void changePins(DocumentId document, const std::vector<ByteRange>& pins);
    Entry* opened(DocumentId id, std::uint64_t opening);
    void onReading(DocumentId id, const ReadingState& state);
    void onText(EngineThread::AnswerKey key, AnswerMode mode, const std::string& text);
    // `row`: where it is kept; 0: nowhere.
    void onFinished(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace, RowId row);
    void onLooked(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace, RowId row);
    void onChecked(EngineThread::AnswerKey key, const AnswerCheck& check, const Answer& full,
                   const AnswerTrace& trace, RowId row);
    void take(const QString& id, const Answer& answer, const AnswerTrace& trace, RowId row);
    QString addBelow(const QString& draft, const QString& id);
    RowId keep(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace);
    RowId keepLook(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace);
    RowId keepCheck(EngineThread::AnswerKey key, const ConfirmOutcome& outcome);
    /// The answer that the engine writes, or wrote last, for a question.
    QString answerOf(EngineThread::AnswerKey key) const;
    std::vector<ByteRange> findPassages(RowId document, const std::string& question,
                                        const std::vector<Turn>& turns) const;

    // local_workspace_conversations.cpp
    static Talk* talkOf(Entry& entry, const QString& answer);
    Talk& openTalk(Entry& entry, const QString& question);
    std::vector<Turn> turnsAfter(DocumentId document, const QString& answer) const;
    std::string storedId(const std::string& answer) const;
    std::optional<Library::Conversation> keptIn(Entry& entry, const QString& answer);
    void applyFullReading();
    void keepReadings();
    Entry* find(DocumentId id);
    const Entry* find(DocumentId id) const;
    void report(const Error& error);
    /// Runs `work` on the window's thread, unless the workspace is gone by then. Any thread.
    void post(std::function<void()> work);
    Q_INVOKABLE void runPosted();

    // A queue of its own: Qt's carries functions as well, but without a lock that the thread sanitizer can
    // see.
    std::mutex m_postedMutex;
    std::deque<std::function<void()>> m_posted;

    std::unique_ptr<Store> m_store;
    std::unique_ptr<StoreReader> m_reader;
    std::optional<Library> m_library;
    std::optional<PieceStore> m_pieces;
    std::map<DocumentId, Entry> m_documents;
    std::vector<DocumentId> m_order;  ///< most recently opened first
    mutable std::map<QString, Asked> m_answers;
    DocumentId m_nextNew = -1;
    std::uint64_t m_openings = 0;
    std::map<QString, QString> m_settings;  ///< set in this run: the store may not have written them yet
    EngineThread::AnswerKey m_nextKey = 1;
    std::map<EngineThread::AnswerKey, QString> m_below;  ///< quick answers that stand under a first look
    QTimer m_powerTimer;
    ModelInfo m_model;
    std::string m_modelName;  ///< of the loaded model; engine thread only

    /// Exchanges being written: where the engine thread keeps an answer. Shared with the engine thread.
    struct Keeping {
        std::shared_future<Result<RowId>> row;
        Library::Conversation conversation;
        std::string question, after;  ///< `after` by the store's id
        std::int64_t askedAt = 0;
        RowId lookRow = 0;  ///< of the first look that it stands under; 0: none
        Answer look;

        /// With what the engine does not know of it.
        Answer completed(Answer answer) const {
            answer.question = question;
            answer.after = after;
            answer.askedAt = askedAt;
            return answer;
        }
    };
    std::mutex m_keepingMutex;
    std::map<EngineThread::AnswerKey, Keeping> m_keeping;
    std::map<EngineThread::AnswerKey, Keeping> m_kept;  ///< finished quick answers, until they are checked

    std::unique_ptr<EngineThread> m_engine;  // last: its events use everything above
};

}  // namespace kvasir
