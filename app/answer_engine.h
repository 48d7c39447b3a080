// One model, its back end, and what it takes to answer questions about documents: reading, asking, citing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/answer.h"
#include "app/answer_trace.h"
#include "app/answer_writer.h"
#include "app/document.h"
#include "app/parts.h"
#include "app/passages.h"
#include "app/prompt.h"
#include "app/reading.h"
#include "app/resident_memory.h"
#include "engine/error.h"
#include "engine/generation.h"
#include "engine/layer_runner.h"
#include "engine/memory_plan.h"
#include "engine/model.h"
#include "engine/policy.h"
#include "engine/resident_document.h"

namespace kvasir {

/// A document that this model reads. Belongs to the engine thread; the counters of `resident` may be read by
/// others.
struct ReadDocument : Reading {
    ReadDocument() : Reading(resident) {}

    TokenisedDocument tokenised;
    Passages passages;  ///< of the document's text: what answers may quote
    MemoryPlan memory;  ///< how it is kept, and what to say about it before reading starts
    std::int32_t tspLayer = 0;
    std::unique_ptr<ResidentDocument> resident;  ///< null: it left the device, or was not let in yet
    bool chosen = false;                         ///< tokens that were chosen before: all of them are carried
};

struct AskRequest {
    std::string question;
    /// Questions and answers that it goes on from, oldest first; as many of the newest go along as
    /// kMostTurnTokens and the model's window leave room for (Answer::turns says how many).
    std::vector<Turn> turns;
    AnswerMode mode = AnswerMode::Quick;  ///< Quick or Full
    std::optional<Policy> policy;  ///< of a quick answer, instead of the shipped one; its pins are not used
    /// Of the document's text (over parts: the joined text), ascending and apart: always carried and kept,
    /// and part of every first look. A full reading leaves nothing out anyway: they change nothing there.
    std::vector<ByteRange> pins;
    /// Of the document's text, as search found them, the best first: what a first look reads.
    std::vector<ByteRange> passages;
    /// Tokens of these, and of the sentences that the question looks at most, that are repeated before the
    /// question of every other answer. Where `lookedTokens` is not said it is 200 on a GPU, and none on a
    /// processor, where they would take two seconds. Over parts it is 300 of each, unless 0.
    std::int64_t foundTokens = 100;
    std::optional<std::int64_t> lookedTokens;
    SamplerSettings sampling;
    bool speculate = true;  ///< never changes the answer, only its speed
    std::int64_t maxTokens = 256;
    // For measuring:
    bool keepFirst = false;  ///< AskOutcome::firstLogits and firstHidden
    HeadObserver onHeads;    ///< see Generation::Options
};

struct AskOutcome {
    Answer answer;  ///< without id and askedAt
    AnswerTrace trace;
    std::vector<TokenId> tokens;  ///< the answer's
    // Behind the prompt, where the request wants them:
    std::vector<float> firstLogits;  ///< (V)
    std::vector<float> firstHidden;  ///< (D), leaving the last layer
};

/// What the full reading made of a quick answer.
struct ConfirmOutcome {
    AnswerCheck check;  ///< without the other answer's id
    AskOutcome full;    ///< what the full reading writes by itself
};

/// All calls from one thread, the engine's.
class AnswerEngine {
public:
    /// On the GPU where one is usable and holds the model, else on the processor with `threads` threads (<=
    /// 0: one per core). Errors: those of Model; Unsupported when the model has no chat format.
    static Result<std::unique_ptr<AnswerEngine>> create(const std::filesystem::path& model, int threads,
                                                        const std::function<bool(double share)>& progress);
    /// The same on a device of the caller's choice.
    static Result<std::unique_ptr<AnswerEngine>> create(kernels::BackendChoice choice,
                                                        const std::filesystem::path& model, int threads,
                                                        const std::function<bool(double share)>& progress);
    /// On the processor, in place of a device of which `whyProcessor` says `why`.
    static Result<std::unique_ptr<AnswerEngine>> createOnProcessor(
        const std::filesystem::path& model, int threads, std::string why,
        const std::function<bool(double share)>& progress);
    /// Why an engine on the processor should go on after this error: a sentence. Empty where it would not
    /// help: the error is no matter of the device, or the device's memory is the host's.
    std::string whyProcessor(const Error& error) const;
    /// Whether nothing can be computed on this engine's device any more.
    bool deviceFailed() const { return !m_backend->failure().empty(); }

    /// Where readings are kept and come from; null: nowhere. It must outlive what `prepare` gives afterwards.
    void keepReadings(PieceStore* pieces);

    /// `tokenise` and `makeResident` in one. `tspLayer`: T instead of the shipped policy's; a quick
    /// answer whose policy has another reads the document once more. Errors: Empty (no text in the document),
    /// TooLarge (longer than the window leaves room for), OutOfMemory, InvalidArgument (T).
    Result<std::unique_ptr<ReadDocument>> prepare(std::shared_ptr<const Document> document,
                                                  std::optional<std::int32_t> tspLayer = {});
    /// Everything about a document that takes no memory of the device. Errors: Empty, TooLarge.
    Result<std::unique_ptr<ReadDocument>> tokenise(std::shared_ptr<const Document> document,
                                                   std::optional<std::int32_t> tspLayer = {});
    /// Memory of the device for a document that has none, new or after it left; nothing is read yet.
    /// Documents that were used before it leave the device where that is needed; those that would have to be
    /// read again, only where not even 8-bit keys and values for quick answers fit without it. Errors:
    /// OutOfMemory, InvalidArgument (T), Cancelled (nothing is lost; call it again), DeviceFailed.
    Result<void> makeResident(ReadDocument& document, const std::stop_token& stop);
    const ResidentMemory& memory() const { return *m_memory; }

    /// First reading and full reading; see ResidentDocument. What they complete is kept. Documents that were
    /// used earlier and come back without being read again make room for the full reading.
    Result<void> readEarly(ReadDocument& document, const std::stop_token& stop,
                           const ResidentDocument::Progress& progress);
    Result<void> readLate(ReadDocument& document, const std::stop_token& stop,
                          const ResidentDocument::Progress& progress);

    /// The whole text so far, complete characters only; called for every token that adds to it.
    using OnText = std::function<void(std::string_view text)>;
    /// Answers from what was read: the first reading must be done. A stop ends the answer; what was written
    /// is the outcome, in state Stopped. Where memory is short for it, documents that were used earlier leave
    /// the device. Errors: Empty (the question), TooLarge, OutOfMemory, InvalidArgument.
    Result<AskOutcome> ask(const ReadDocument& document, const AskRequest& request,
                           const std::stop_token& stop, const OnText& onText);

    /// Answers from the request's passages and pins alone, read with all layers: nothing of the document need
    /// be read before. As many passages are read as fit into `mostTokens`; pins come on top. Errors: those of
    /// `ask`; Empty (no passage fits), Cancelled (before the first word).
    Result<AskOutcome> look(std::shared_ptr<const Document> document, std::int64_t mostTokens,
                            const AskRequest& request, const std::stop_token& stop, const OnText& onText);

    /// Documents that do not fit the window, or several: tokenises them, cuts them into parts and makes a
    /// plan for the memory; nothing is read yet. What is kept of them counts as used. `used`: see
    /// ResidentMemory; by itself later than all others. Errors: those of DocumentSet and SegmentedDocument;
    /// Empty (no text in any of them), Cancelled.
    Result<std::unique_ptr<ReadParts>> prepareParts(
        std::vector<std::shared_ptr<const Document>> documents,
        std::uint64_t used = std::numeric_limits<std::uint64_t>::max(), const std::stop_token& stop = {});
    /// A question is asked for which parts are read in this order: the best of them are kept on the disk
    /// before others, as long as there is room for any.
    void notePartsAsked(ReadParts& parts, std::span<const std::size_t> order);
    /// Brings one part back, and reads what does not come back; parts that are last in the order leave for it
    /// where memory has no room for all. What it completes is kept. `progress` is told the part's rows first
    /// when what comes back is there, then as they are read. Errors: those of makeResident and
    /// SegmentedDocument::read.
    Result<void> readPart(ReadParts& parts, std::size_t part, std::span<const std::size_t> order,
                          const std::stop_token& stop, const ResidentDocument::Progress& progress);
    /// Answers from the parts that are read, at least one: AnswerMode::Parts. Errors: those of `ask`, Empty
    /// (no part is read), Cancelled (before the first word), TooLarge (the pins leave no room in the window),
    /// OutOfMemory (a pin lies in a part that is not read: see isWorthWaiting).
    Result<AskOutcome> askParts(const ReadParts& parts, const AskRequest& request,
                                const std::stop_token& stop, const OnText& onText);

    /// Writes the full reading's answer to the same question, with the draft's tokens as guesses: as long as
    /// the full reading agrees, several cost little more than one. The full reading must be done, and `draft`
    /// be complete. Errors: those of `ask`, Cancelled.
    Result<ConfirmOutcome> confirm(const ReadDocument& document, const AskRequest& request,
                                   const AskOutcome& draft, const std::stop_token& stop);

    /// Uses what was measured about the model, by the user (kept in `folder`) or by us: T of the shipped
    /// policy and the heads that say where an answer comes from. Before any document is prepared. Gives
    /// whether there was something.
    bool useCalibration(const std::filesystem::path& folder);

    const Model& model() const { return *m_model; }
    const std::string& deviceName() const { return m_deviceName; }
    /// Why it is not the GPU, where one would expect it: a sentence, else empty.
    const std::string& deviceNote() const { return m_deviceNote; }

private:
    AnswerEngine() = default;
    static Result<std::unique_ptr<AnswerEngine>> createOn(std::unique_ptr<kernels::Backend> backend,
                                                          const std::filesystem::path& model,
                                                          const std::function<bool(double share)>& progress);
    bool onGpu() const { return m_deviceName.starts_with("cuda"); }
    /// The layer whose attention says which tokens of a document a question looks at, behind layers 0..T.
    std::int32_t lookLayer(std::int32_t tspLayer) const;
    EarlierTurns earlierTurns(const std::string& question, const AskRequest& request,
                              std::int64_t before) const;
    Result<QuestionPiece> questionPiece(const std::string& question, const AskRequest& request,
                                        const ReadDocument& document, const EarlierTurns& earlier,
                                        const std::stop_token& stop) const;
    Result<AskOutcome> answer(const ReadDocument& document, const AskRequest& request,
                              std::span<const TokenId> draft, const std::stop_token& stop,
                              const OnText& onText);
    Result<std::unique_ptr<ReadDocument>> readPassages(std::shared_ptr<const Document> document,
                                                       std::span<const ByteRange> passages,
                                                       std::int64_t mostTokens, const std::stop_token& stop);
    Policy policyFor(const AskRequest& request, const ReadDocument& document) const;
    Result<std::unique_ptr<ReadParts>> makeParts(std::vector<std::shared_ptr<const Document>> documents,
                                                 std::uint64_t used, const std::stop_token& stop);
    Result<AskOutcome> answerParts(const ReadParts& parts, const AskRequest& request,
                                   const std::stop_token& stop, const OnText& onText);
    /// Tokens of all parts together that an answer is written from, where memory holds them.
    std::int64_t mostCarried() const;
    Result<std::int64_t> roomForChosen(const ReadParts& parts, std::int64_t wanted, const Policy& choosing,
                                       const std::stop_token& stop);
    const std::string& fingerprint();
    std::unique_ptr<ResidentPieces> makePieces(std::span<const TokenId> tokens, std::int32_t tspLayer,
                                               kernels::KvType type, const std::string& sha256,
                                               std::int64_t use);
    void addReadings(ReadParts& parts);
    Result<void> enterPart(ReadParts& parts, std::size_t part, std::span<const std::size_t> order,
                           const std::stop_token& stop);
    /// Room for the first of these that can be had, the best first. To be read again is worth the least that
    /// helps. Nothing where none can be had: the plan says what is missing.
    Result<void> makeRoom(std::vector<std::size_t> wishes, std::uint64_t used, const std::stop_token& stop);
    std::vector<std::size_t> wishesOf(const ReadDocument& document) const;
    /// Once more after another document left the device, as long as memory is short.
    template <typename Work>
    auto withRoom(std::uint64_t used, const std::stop_token& stop, const Work& work) -> decltype(work()) {
        for (;;) {
            auto outcome = work();
            if (outcome || outcome.error().code != ErrorCode::OutOfMemory) return outcome;
            const Result<bool> left = m_memory->letOneLeave(used, ResidentMemory::Who::ComesBack, stop);
            if (!left || !*left) return outcome;
        }
    }
    Result<void> planFor(ReadDocument& document);

    std::unique_ptr<kernels::Backend> m_backend;  // first: everything below lives in its memory
    std::unique_ptr<Model> m_model;
    std::unique_ptr<LayerRunner> m_runner;
    std::unique_ptr<ResidentMemory> m_memory;
    std::unique_ptr<PieceStaging> m_staging;  ///< null: nothing is kept
    std::optional<PromptBuilder> m_prompts;
    std::vector<ObservedLayer> m_evidence;  ///< whose attention says where an answer comes from
    PieceStore* m_pieces = nullptr;
    std::string m_fingerprint;  ///< of the model; empty until it is needed
    std::string m_deviceName, m_deviceNote;
};

}  // namespace kvasir
