// The one thread that owns the device: loads the model, reads documents in the background, answers questions.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/answer_engine.h"
#include "app/reading_clock.h"
#include "app/reading_state.h"

namespace kvasir {

/// What comes first: a question whose document is read; a first look for one that would have to wait long;
/// the check of a quick answer whose document is read in full; the first reading of documents (those with a
/// waiting question before others, the newest before older ones); the full reading. Something more urgent
/// interrupts a reading or a check: a reading goes on afterwards where it was. Where the device's memory is
/// short, the document that was asked or opened least recently leaves it (ResidentMemory) and is brought back
/// by a question, or by `continueReading`; reading in the background never drives out a document that was
/// used later than the one it is for, so that no two of them drive out one another for ever. A document that
/// memory has no room for is read in parts. Where a device with memory of its own has no room for a part
/// either, or fails, the processor goes on: it loads the model, reads the documents again, and answers the
/// question that found it out. Public methods may be called from any thread and return at once; events are
/// called on the engine thread and must not wait.
class EngineThread {
public:
    using AnswerKey = std::int64_t;

    struct ModelState {
        std::filesystem::path path;
        std::string name;  ///< empty while loading
        double loadShare = 0;
        std::int64_t weightBytes = 0;
        std::int64_t documentBytes = 0;  ///< of all resident documents
        std::string note;     ///< why the processor computes, where one would expect the GPU; else empty
        bool goesOn = false;  ///< it does so since the GPU was given up, after the program had begun on it
        std::optional<Error> error;
    };
    struct Events {
        std::function<void(const ModelState&)> model;
        std::function<void(DocumentId, const ReadingState&)> reading;
        /// A document is tokenised: the first byte of each of its tokens. May be empty.
        std::function<void(DocumentId, std::shared_ptr<const std::vector<std::uint32_t>>)> tokens;
        /// The whole text so far; empty where it begins anew.
        std::function<void(AnswerKey, AnswerMode, std::string_view text)> text;
        /// A first look is written; the quick answer to the same question follows under the same key.
        std::function<void(AnswerKey, AskOutcome)> looked;
        std::function<void(AnswerKey, Result<AskOutcome>)> finished;
        /// A quick answer that was finished earlier was checked. An error says why it cannot be. An answer in
        /// parts is checked each time that more parts change it, and at last when all are read.
        std::function<void(AnswerKey, Result<ConfirmOutcome>)> checked;
    };

    /// Whoever waits longer is shown a first look meanwhile.
    static constexpr double kLongWait = 5;  // seconds
    /// Loads a model on a device of the caller's choice; as AnswerEngine::create.
    using MakeEngine = std::function<Result<std::unique_ptr<AnswerEngine>>(
        const std::filesystem::path& model, const std::function<bool(double share)>& progress)>;
    /// `pieces`: where readings are kept; null: nowhere. It must outlive this. `calibrations`: the folder of
    /// the user's own (see AnswerEngine::useCalibration); what ships is used without one.
    /// `makeEngine`: AnswerEngine::create without one.
    explicit EngineThread(Events events, int threads = 0, double longWait = kLongWait,
                          PieceStore* pieces = nullptr, std::filesystem::path calibrations = {},
                          MakeEngine makeEngine = {});
    /// Stops what is running (within 100 ms) and joins. Questions without an answer get no event any more.
    ~EngineThread();

    /// In place of the one before; resident documents are read again by the new one.
    void loadModel(std::filesystem::path path);
    void addDocument(DocumentId id, std::shared_ptr<const Document> document);
    void removeDocument(DocumentId id);
    void stopReading(DocumentId id);
    void continueReading(DocumentId id);
    void setFullReading(
        bool wanted);  ///< whether documents are read in full when there is nothing else to do

    /// Passages of the document that fit the question, the best first. Called on the engine thread.
    using FindPassages = std::function<std::vector<ByteRange>()>;
    /// Waits for the document's first reading. A question about a document that is not there, or whose
    /// reading failed, finishes with that error. `findPassages` gives the request's passages, before the
    /// first answer; empty: there is no first look. A complete quick answer is checked by itself once the
    /// full reading is done.
    void ask(DocumentId document, AnswerKey key, AskRequest request, FindPassages findPassages = {});
    /// Ends a waiting or running question; `finished` follows.
    void stopAnswer(AnswerKey key);

private:
    struct Work {
        std::shared_ptr<const Document> document;
        std::unique_ptr<ReadDocument> read;  ///< engine thread only
        std::unique_ptr<ReadParts> parts;    ///< in place of `read` for a document longer than the window
        std::vector<std::size_t> partOrder;  ///< in which parts are read; engine thread only
        std::atomic<bool> inParts = false;
        ReadingState state;  ///< engine thread only
        ReadingClock clock;  ///< engine thread only
        std::atomic<bool> paused = false;
        std::atomic<bool> removed = false;
        std::optional<Error> failure;          ///< why the present model cannot read it; guarded by m_mutex
        bool noFull = false;                   ///< the full reading failed: quick answers only
        std::uint64_t order = 0;               ///< larger is newer
        std::uint64_t used = 0;                ///< asked or opened; guarded by m_mutex
        std::atomic<bool> away = false;        ///< its memory went to others, or never came to it
        std::atomic<double> secondsLeft = -1;  ///< of the first reading; < 0: not known
    };
    struct Question {
        DocumentId document = 0;
        AnswerKey key = 0;
        AskRequest request;
        std::stop_source stop;
        FindPassages findPassages;  ///< empty: there is no first look
        bool looked = false;        ///< there was one
    };
    /// A quick answer that waits for the full reading, or one in parts that waits for more parts.
    struct Draft {
        DocumentId document = 0;
        AnswerKey key = 0;
        AskRequest request;
        AskOutcome outcome;
    };
    enum class JobKind : std::uint8_t {
        None,
        LoadModel,
        Forget,
        Halt,
        Ask,
        Look,
        Check,
        Keep,  ///< hand on what the store of kept readings had no room for
        ReadEarly,
        ReadLate
    };
    struct Job {
        JobKind kind = JobKind::None;
        std::shared_ptr<Work> work;
        DocumentId document = 0;
        std::optional<Question> question;
        std::shared_ptr<Draft> draft;
        std::filesystem::path model;
    };

    void loop(const std::stop_token& stop);
    Job next();
    std::optional<Job> nextQuestion();
    std::optional<Job> nextCheck();
    std::optional<Job> nextKeep();
    static ResidentPieces* toBeKept(const Work& work);
    std::optional<Job> nextReading();
    bool wantsLook(const Question& question, const Work& work) const;
    static void findPassages(Question& question);
    void run(Job& job);
    void runLoad(const std::filesystem::path& path);
    void use(std::unique_ptr<AnswerEngine> engine);
    void forgetReadings();
    bool goOnWithProcessor(const Error& error);
    bool goOnAfterFailure(const Error& error);
    bool takeUpAgain(Question& question, const Error& error);
    void runAsk(Job& job);
    void deliver(Question& question, Result<AskOutcome> outcome);
    void runLook(Job& job);
    void runCheck(Job& job);
    void keepDraft(const Question& question, const AskOutcome& outcome);
    void noteEarly(DocumentId id, Work& work, std::int64_t rows, std::int64_t all);
    void runEarly(Job& job);
    void runLate(Job& job);
    bool prepare(Work& work, DocumentId id);
    Result<void> enter(Work& work);
    void noteUses();
    bool isAsked(DocumentId id) const;
    bool waitsForOthers(const Error& error, std::uint64_t used) const;
    void setAway(DocumentId id, Work& work);
    void reportAway();
    void failReading(DocumentId id, Work& work, const Error& error);
    void restore(DocumentId id, Work& work, ReadingStage stage);

    // engine_thread_parts.cpp
    bool prepareParts(Work& work, DocumentId id);
    bool isToBeReadInParts(const Work& work) const;
    bool isDue(const Draft& draft, const Work& work) const;
    Result<void> readPart(Work& work, DocumentId id, std::size_t part, const std::stop_token& stop);
    void runReadPart(Job& job);
    Result<AskOutcome> askInParts(Job& job, const std::stop_token& stop);
    void runCheckParts(Job& job);
    void report(DocumentId id, Work& work, ReadingStage stage);
    void reportTokens(DocumentId id, std::span<const TextToken> tokens);
    void reportModel();

    Events m_events;
    int m_threads;
    double m_longWait;
    PieceStore* m_pieces;
    std::filesystem::path m_calibrations;
    MakeEngine m_makeEngine;

    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::unique_ptr<AnswerEngine> m_engine;  ///< engine thread only; before the documents in its memory
    std::map<DocumentId, std::shared_ptr<Work>> m_documents;
    std::deque<std::shared_ptr<Work>> m_removed;  ///< their memory is the engine thread's to free
    std::deque<DocumentId> m_halted;              ///< stopped before their turn came: to be reported
    std::deque<Question> m_questions;
    std::deque<std::shared_ptr<Draft>> m_drafts;  ///< oldest first
    std::optional<std::filesystem::path> m_modelWanted;
    bool m_fullReading = true;
    std::uint64_t m_order = 0;
    JobKind m_running = JobKind::None;
    DocumentId m_runningDocument = 0;
    std::stop_source m_runningStop;
    std::optional<AnswerKey> m_runningAnswer;

    ModelState m_model;         ///< engine thread only
    double m_earlyRate = 0;     ///< rows a second of the first reading, 0: not known; engine thread only
    bool m_modelTried = false;  ///< a load was attempted; guarded by m_mutex
    std::jthread m_thread;      // last: starts when the rest is there
};

}  // namespace kvasir
