#include "app/answer_engine.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/answer_check.h"
#include "app/citations.h"
#include "app/first_look.h"
#include "app/guarded.h"
#include "app/model_calibration.h"
#include "app/pins.h"
#include "app/repeated_passages.h"
#include "engine/question_scores.h"

namespace kvasir {
namespace {

constexpr std::int64_t kLookedOnGpu = 200;  // tokens that are repeated

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void addCitations(Answer& answer, const ReadDocument& document, const std::vector<TokenEvidence>& evidence) {
    CitationResult cited = cite(
        {*document.tokenised.document, document.tokenised.tokens, answer.question, answer.text, evidence});
    answer.citations = std::move(cited.citations);
    answer.facts = std::move(cited.facts);
    answer.answerable = cited.answerable;
}

/// Citations, figures and the trace of an answer that was written.
void describe(AskOutcome& outcome, const AnswerWriter& writer, const Generation& generation,
              const ReadDocument& document) {
    addCitations(outcome.answer, document, writer.evidence());
    const PrefillTrace& prefill = generation.trace();
    AnswerFigures& figures = outcome.answer.figures;
    AnswerTrace& trace = outcome.trace;
    figures.promptTokens = prefill.length;
    figures.carriedTokens = static_cast<std::int64_t>(prefill.carried.size());
    figures.answerTokens = std::ssize(outcome.tokens);
    if (figures.answerTokens > 1 && trace.timings.writingMs > 0)
        figures.decodeTokensPerSecond =
            static_cast<double>(figures.answerTokens - 1) / trace.timings.writingMs * 1000;
    trace.timings.earlyMs = prefill.earlyMs;
    trace.timings.lateMs = prefill.lateMs;
    trace.carried = prefill.carried;
    trace.scores = prefill.tspScores;
    trace.kept = prefill.kept;
    trace.decision = prefill.decision;
    trace.documentBytes = static_cast<std::int64_t>(document.resident->bytes());
    trace.answerBytes = static_cast<std::int64_t>(generation.bytes());
    trace.speed = writer.speed();
    trace.tokens = document.tokenised.tokens;
    trace.attention.assign(document.tokenised.tokens.size(), 0.0F);
    for (const TokenEvidence& evidence : writer.evidence()) {
        for (std::size_t i = 0; i < evidence.mass.size(); ++i)
            trace.attention[i] += evidence.mass[i];
    }
}

/// What another device may do better.
bool isOfDevice(const Error& error) {
    return error.code == ErrorCode::OutOfMemory || error.code == ErrorCode::DeviceFailed;
}

int workersFor(int threads) {
    return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// The layer whose attention says where an answer comes from: at 0.7 L it looks at what is being told.
std::int32_t evidenceLayer(const ModelConfig& model) {
    return model.nearestFullLayer(std::min((model.layers * 7 + 5) / 10, model.layers - 1));
}

std::vector<std::int32_t> missingPages(const Document& document) {
    std::vector<std::int32_t> pages;
    for (std::size_t i = 0; i < document.pages.size(); ++i) {
        const PageStatus status = document.pages[i].status;
        if (status != PageStatus::Text && status != PageStatus::Blank)
            pages.push_back(static_cast<std::int32_t>(i));
    }
    return pages;
}

}  // namespace

Result<std::unique_ptr<AnswerEngine>> AnswerEngine::create(
    const std::filesystem::path& model, int threads, const std::function<bool(double share)>& progress) {
    return create(kernels::chooseBackend(kernels::Device::Automatic, workersFor(threads)), model, threads,
                  progress);
}

Result<std::unique_ptr<AnswerEngine>> AnswerEngine::create(
    kernels::BackendChoice choice, const std::filesystem::path& model, int threads,
    const std::function<bool(double share)>& progress) {
    const bool ownMemory = !choice.backend->sharesHostMemory();
    Result<std::unique_ptr<AnswerEngine>> engine = createOn(std::move(choice.backend), model, progress);
    if (engine) (*engine)->m_deviceNote = std::move(choice.note);
    if (engine || !ownMemory || !isOfDevice(engine.error())) return engine;
    return createOnProcessor(model, threads, engine.error().what, progress);
}

Result<std::unique_ptr<AnswerEngine>> AnswerEngine::createOnProcessor(
    const std::filesystem::path& model, int threads, std::string why,
    const std::function<bool(double share)>& progress) {
    Result<std::unique_ptr<AnswerEngine>> engine =
        createOn(kernels::makeCpuBackend(workersFor(threads)), model, progress);
    if (engine) (*engine)->m_deviceNote = std::move(why);
    return engine;
}

/// A device that failed gives no memory any more: what failed first is the reason.
std::string AnswerEngine::whyProcessor(const Error& error) const {
    if (m_backend->sharesHostMemory() || !isOfDevice(error)) return {};
    const std::string_view failure = m_backend->failure();
    return failure.empty() ? error.what : std::string(failure);
}

Result<std::unique_ptr<AnswerEngine>> AnswerEngine::createOn(
    std::unique_ptr<kernels::Backend> backend, const std::filesystem::path& model,
    const std::function<bool(double share)>& progress) {
    std::unique_ptr<AnswerEngine> engine(new AnswerEngine());
    engine->m_backend = std::move(backend);
    Result<std::unique_ptr<Model>> loaded =
        Model::load(model, *engine->m_backend, {kernels::Activations::Int8, progress});
    if (!loaded) return tl::unexpected(loaded.error());
    engine->m_model = std::move(*loaded);
    engine->m_evidence = {{evidenceLayer(engine->m_model->config()), {}}};
    Result<PromptBuilder> prompts = PromptBuilder::create(*engine->m_model);
    if (!prompts) return tl::unexpected(prompts.error());
    engine->m_prompts = std::move(*prompts);
    Result<std::unique_ptr<LayerRunner>> runner = LayerRunner::create(*engine->m_model, *engine->m_backend);
    if (!runner) return tl::unexpected(runner.error());
    engine->m_runner = std::move(*runner);
    engine->m_memory = std::make_unique<ResidentMemory>(*engine->m_backend);
    engine->m_deviceName = std::string(engine->m_backend->name());
    return engine;
}

/// Empty where the model file lost its data: reading says so.
const std::string& AnswerEngine::fingerprint() {
    if (m_fingerprint.empty()) m_fingerprint = m_model->fingerprint().value_or("");
    return m_fingerprint;
}

bool AnswerEngine::useCalibration(const std::filesystem::path& folder) {
    const std::optional<ModelCalibration> found = findCalibration(folder, fingerprint(), m_model->config());
    if (!found) return false;
    m_model->calibrate(found->tspLayer);
    if (found->heads.empty()) return true;
    m_evidence.clear();
    for (const ModelCalibration::Head& head : found->heads) {
        const auto layer = std::ranges::find(m_evidence, head.layer, &ObservedLayer::layer);
        if (layer == m_evidence.end()) {
            m_evidence.push_back({head.layer, {head.head}});
        } else {
            layer->heads.push_back(head.head);
        }
    }
    return true;
}

Policy AnswerEngine::policyFor(const AskRequest& request, const ReadDocument& document) const {
    const ModelConfig& model = m_model->config();
    if (request.mode == AnswerMode::Full) return Policy::full(model);
    Policy policy = request.policy.value_or(Policy::shipped(model));
    if (document.chosen) {
        policy = Policy::fixedRate(model, 1000);
        policy.name = "parts";
        policy.window = 1;  // nothing is scored; and what was chosen must not be computed again
        if (request.policy) policy.retentionPerMille = request.policy->retentionPerMille;
    }
    policy.pins = pinnedPositions(document.tokenised.prefix, document.tokenised.tokens, request.pins);
    return policy;
}

/// What goes along of earlier turns behind `before` tokens: they give way to question and answer.
EarlierTurns AnswerEngine::earlierTurns(const std::string& question, const AskRequest& request,
                                        std::int64_t before) const {
    if (request.turns.empty()) return {};
    EarlierTurns earlier = m_prompts->turns(request.turns, kMostTurnTokens);
    const std::int64_t room = m_model->config().window - before -
                              std::ssize(m_prompts->question(question).tokens) - request.maxTokens;
    if (earlier.taken.tokens <= room) return earlier;
    earlier = m_prompts->turns(request.turns, std::max<std::int64_t>(room, 0));
    earlier.taken.limit = TurnsTaken::Limit::Window;
    return earlier;
}

/// Where retrieval heads are: what they look at is more often what is asked for than what T looks at
/// (docs/decisions/repeated-passages.md).
std::int32_t AnswerEngine::lookLayer(std::int32_t tspLayer) const {
    return std::min(m_evidence.front().layer, tspLayer);
}

/// With passages repeated before it where the window has room for them.
Result<QuestionPiece> AnswerEngine::questionPiece(const std::string& question, const AskRequest& request,
                                                  const ReadDocument& document, const EarlierTurns& earlier,
                                                  const std::stop_token& stop) const {
    const std::vector<TextToken>& tokens = document.tokenised.tokens;
    QuestionPiece plain = m_prompts->question(question, earlier);
    std::vector<std::int64_t> repeated =
        withBest({}, tokens, wholeSentences(document.passages, request.passages), request.foundTokens);
    const std::int64_t looked = request.lookedTokens.value_or(onGpu() ? kLookedOnGpu : 0);
    if (looked > 0) {
        Policy policy = Policy::shipped(m_model->config());
        policy.window = policy.windowRows(m_prompts->layout(document.tokenised, plain));
        const Result<std::vector<float>> scores =
            questionScores(*m_runner, *document.resident, plain.tokens, policy,
                           lookLayer(document.resident->tspLayer()), stop);
        if (!scores) {
            // The answer itself says that it was stopped, or that there is no room for it.
            const ErrorCode code = scores.error().code;
            if (code == ErrorCode::Cancelled || code == ErrorCode::TooLarge) return plain;
            return tl::unexpected(scores.error());
        }
        const std::span<const float> own =
            std::span(*scores).subspan(static_cast<std::size_t>(document.tokenised.prefix));
        repeated = withBest(std::move(repeated), tokens, byAttention(document.passages, tokens, own), looked);
    }
    QuestionPiece piece = m_prompts->question(question, tokens, repeated, earlier);
    const std::int64_t length = std::ssize(document.tokenised.prompt) + std::ssize(piece.tokens);
    return length + request.maxTokens > m_model->config().window ? plain : piece;
}

Result<AskOutcome> AnswerEngine::ask(const ReadDocument& document, const AskRequest& request,
                                     const std::stop_token& stop, const OnText& onText) {
    return withRoom(document.used, stop,
                    [&] { return guarded([&] { return answer(document, request, {}, stop, onText); }); });
}

Result<AskOutcome> AnswerEngine::answer(const ReadDocument& document, const AskRequest& request,
                                        std::span<const TokenId> draft, const std::stop_token& stop,
                                        const OnText& onText) {
    const Clock::time_point begin = Clock::now();
    const Result<std::string> checkedText = checkedQuestion(request.question);
    if (!checkedText) return tl::unexpected(checkedText.error());
    const std::string& question = *checkedText;
    if (const Result<void> checked = request.sampling.check(); !checked)
        return tl::unexpected(checked.error());
    const Policy policy = policyFor(request, document);
    AskOutcome outcome;
    Answer& answer = outcome.answer;
    answer.question = question;
    answer.mode = request.mode;
    answer.missingPages = missingPages(*document.tokenised.document);
    answer.pins = static_cast<std::int32_t>(request.pins.size());

    const EarlierTurns earlier = earlierTurns(question, request, std::ssize(document.tokenised.prompt));
    answer.turns = earlier.taken;
    const Result<QuestionPiece> made = questionPiece(question, request, document, earlier, stop);
    if (!made) return tl::unexpected(made.error());
    const QuestionPiece& piece = *made;
    Generation::Options options;
    options.policy = policy;
    options.maxTokens = request.maxTokens;
    options.onHeads = request.onHeads;
    options.observed = m_evidence;
    options.observedOfQuestion = std::ssize(piece.repeated);
    const PromptLayout layout = m_prompts->layout(document.tokenised, piece);
    Result<std::unique_ptr<Generation>> generation =
        Generation::create(*m_runner, *document.resident, piece.tokens, layout, options);
    if (!generation) return tl::unexpected(generation.error());
    AnswerWriter writer({m_model->tokenizer(), piece, document.passages, document.tokenised.prompt,
                         document.tokenised.prefix},
                        **generation, {request.maxTokens, request.sampling, request.speculate, draft});
    const Result<void> prefilled = (*generation)->prefill(stop);
    if (!prefilled && prefilled.error().code != ErrorCode::Cancelled)
        return tl::unexpected(prefilled.error());
    answer.figures.firstTokenMs = prefilled ? millisecondsSince(begin) : 0;
    if (request.keepFirst && prefilled) {
        outcome.firstLogits = (*generation)->logits();
        outcome.firstHidden = (*generation)->trace().finalHidden;
    }
    const Clock::time_point firstToken = Clock::now();
    const Result<FinishReason> finish =
        prefilled ? writer.write(stop, onText) : Result<FinishReason>(FinishReason::Stopped);
    if (!finish) return tl::unexpected(finish.error());
    answer.finish = *finish;
    answer.state = *finish == FinishReason::Stopped ? AnswerState::Stopped : AnswerState::Complete;
    outcome.trace.timings.writingMs = millisecondsSince(firstToken);
    outcome.tokens = writer.tokens();
    answer.text = writer.text();
    describe(outcome, writer, **generation, document);
    outcome.trace.policy = policy;
    outcome.trace.pinned = pinnedPassages(*document.tokenised.document, request.pins);
    outcome.trace.layers = m_model->config().layers;
    outcome.trace.layout = layout;
    return outcome;
}

Result<std::unique_ptr<ReadDocument>> AnswerEngine::readPassages(std::shared_ptr<const Document> document,
                                                                 std::span<const ByteRange> passages,
                                                                 std::int64_t mostTokens,
                                                                 const std::stop_token& stop) {
    auto read = std::make_unique<ReadDocument>();
    read->tokenised = tokenisePassages(*m_prompts, m_model->tokenizer(), document, passages, mostTokens);
    if (read->tokenised.tokens.empty()) {
        return fail(ErrorCode::Empty, "No passage of the document fits the question.", document->name,
                    "Wait until the document is read.");
    }
    read->passages = onlyTokens(findPassages(*document), read->tokenised.tokens);
    Result<std::unique_ptr<ResidentDocument>> resident =
        ResidentDocument::create(*m_model, *m_backend, read->tokenised.prompt,
                                 Policy::shipped(m_model->config()).tspLayer, kernels::KvType::F16);
    if (!resident) return tl::unexpected(resident.error());
    read->resident = std::move(*resident);
    Result<void> done = read->resident->readEarly(*m_runner, stop, {});
    if (done) done = read->resident->readLate(*m_runner, stop, {});
    if (!done) return tl::unexpected(done.error());
    return read;
}

Result<AskOutcome> AnswerEngine::look(std::shared_ptr<const Document> document, std::int64_t mostTokens,
                                      const AskRequest& request, const std::stop_token& stop,
                                      const OnText& onText) {
    return guarded([&]() -> Result<AskOutcome> {
        const Clock::time_point begin = Clock::now();
        // What is pinned is read whatever search finds, and on top of it.
        std::vector<ByteRange> passages = request.pins;
        passages.insert(passages.end(), request.passages.begin(), request.passages.end());
        mostTokens += passageTokens(m_model->tokenizer(), document->text, request.pins, Policy::kMostPinned);
        const Result<std::unique_ptr<ReadDocument>> read =
            readPassages(std::move(document), passages, mostTokens, stop);
        if (!read) return tl::unexpected(read.error());
        const double readMs = millisecondsSince(begin);
        AskRequest asked = request;
        asked.mode = AnswerMode::Full;  // of the passages nothing is left out
        asked.passages.clear();         // they are all that is read
        asked.lookedTokens = 0;
        Result<AskOutcome> outcome = answer(**read, asked, {}, stop, onText);
        if (!outcome) return outcome;
        outcome->answer.mode = AnswerMode::FirstLook;
        outcome->answer.passages = countPassages((*read)->tokenised);
        if (outcome->answer.figures.firstTokenMs > 0) outcome->answer.figures.firstTokenMs += readMs;
        return outcome;
    });
}

Result<ConfirmOutcome> AnswerEngine::confirm(const ReadDocument& document, const AskRequest& request,
                                             const AskOutcome& draft, const std::stop_token& stop) {
    return guarded([&]() -> Result<ConfirmOutcome> {
        const Clock::time_point begin = Clock::now();
        AskRequest asked = request;
        asked.mode = AnswerMode::Full;
        Result<AskOutcome> full = withRoom(document.used, stop, [&] {
            return answer(document, asked, draft.tokens, stop, [](std::string_view) {});
        });
        if (!full) return tl::unexpected(full.error());
        if (full->answer.state == AnswerState::Stopped) {
            return fail(ErrorCode::Cancelled, "The check was stopped.", "", "It is done again by itself.");
        }
        ConfirmOutcome outcome;
        outcome.check.by = AnswerMode::Full;
        outcome.check.sampled = request.sampling.temperature > 0;
        outcome.check.eightBit = kernels::bytesOf(document.resident->kvType()) == 1;
        outcome.check.verdict = full->tokens == draft.tokens && full->answer.finish == draft.answer.finish
                                    ? Verdict::SameWords
                                    : compareFacts(draft.answer, full->answer);
        if (outcome.check.verdict != Verdict::SameWords) {
            outcome.check.looked = lookedAtMost(document.passages, full->trace.tokens, full->trace.attention,
                                                carriedTokens(draft.trace));
        }
        outcome.check.ms = millisecondsSince(begin);
        outcome.full = std::move(*full);
        return outcome;
    });
}

}  // namespace kvasir
