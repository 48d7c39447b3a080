#include "app/answer_engine.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "app/citations.h"
#include "app/quotation.h"
#include "app/utf8.h"

namespace kvasir {
namespace {

/// Scratch memory grows inside operations, where running short is an exception.
template <typename Work>
auto guarded(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory to go on.", "",
                    "Close other programs, or choose a smaller model.");
    }
}

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

constexpr std::size_t kMaxQuestionBytes = 40000;

/// Control characters out, white space at the ends off: what a paste leaves behind is not meant.
std::string cleaned(std::string_view question) {
    std::string text;
    for (const char c : question) {
        const auto byte = static_cast<unsigned char>(c);
        text += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Tokens at the end that say the same thing a third time in a row: the length of one of them, or 0.
std::size_t repetition(const std::vector<TokenId>& tokens) {
    constexpr std::size_t kShortest = 6, kLongest = 96;
    for (std::size_t period = kShortest; period <= kLongest && period * 3 <= tokens.size(); ++period) {
        const auto end = tokens.end();
        const auto size = static_cast<std::ptrdiff_t>(period);
        if (std::equal(end - size, end, end - 2 * size) && std::equal(end - size, end, end - 3 * size))
            return period;
    }
    return 0;
}

/// Writes an answer token by token and gathers what each token looked at.
class Writer {
public:
    Writer(const Tokenizer& tokenizer, const ReadDocument& document, const QuestionPiece& piece,
           Generation& generation)
        : m_tokenizer(tokenizer),
          m_document(document),
          m_piece(piece),
          m_generation(generation),
          m_quotation(document.passages, tokenizer, piece.closeQuote),
          m_text(piece.shown) {}

    Result<AnswerState> write(std::int64_t maxTokens, const std::stop_token& stop,
                              const AnswerEngine::OnText& onText) {
        // Room is left for the lead from quotation to answer.
        while (static_cast<std::int64_t>(m_tokens.size()) + kLeadRoom < maxTokens) {
            if (m_leadEnd == 0 && (m_quotation.closed() || m_tokens.size() >= kLongestQuote)) {
                if (Result<void> led = lead(stop); !led) return stateOrError(led.error());
                show(onText);
                continue;
            }
            const bool quoting = m_leadEnd == 0;
            const std::vector<float>& logits = m_generation.logits();
            const TokenId token = quoting ? m_quotation.next(logits) : greedy(logits);
            if (!quoting && (m_tokenizer.endsGeneration(token) || answerEnds())) return AnswerState::Complete;
            if (quoting) m_quotation.accept(m_tokenizer.piece(token));
            if (Result<void> added = add(token, stop); !added) return stateOrError(added.error());
            show(onText);
            if (const std::size_t period = repetition(m_tokens); period > 0) {
                drop(2 * period);
                return AnswerState::Complete;
            }
        }
        return AnswerState::Complete;
    }

    std::string text() const {
        const std::string text = m_text.substr(0, utf8::completeLength(m_text));
        return text.substr(0, text.find_last_not_of(" \n") + 1);
    }
    const std::vector<TokenEvidence>& evidence() const { return m_evidence; }
    std::int64_t count() const { return static_cast<std::int64_t>(m_tokens.size()); }

private:
    static constexpr std::int64_t kLeadRoom = 16;
    static constexpr std::size_t kLongestQuote = 120;  // tokens

    static Result<AnswerState> stateOrError(const Error& error) {
        if (error.code == ErrorCode::Cancelled) return AnswerState::Stopped;
        return tl::unexpected(error);
    }

    void show(const AnswerEngine::OnText& onText) {
        const std::size_t complete = utf8::completeLength(m_text);
        if (complete > m_shown) onText(std::string_view(m_text).substr(0, complete));
        m_shown = complete;
    }

    /// A blank line behind the answer: small models go on with questions of their own.
    bool answerEnds() const {
        if (m_leadEnd == 0 || !m_text.ends_with("\n\n")) return false;
        return m_text.find_first_not_of(" \n", m_leadEnd) != std::string::npos;
    }

    /// Behind its quotation, or when that finds no end, the model is led on to the answer.
    Result<void> lead(const std::stop_token& stop) {
        // Line breaks that are there already are not written again.
        std::string text = m_piece.answerLead;
        while (text.front() == '\n' &&
               m_text.ends_with(std::string(m_piece.answerLead.size() - text.size() + 1, '\n'))) {
            text.erase(0, 1);
        }
        if (!m_quotation.closed()) text.insert(0, m_piece.closeQuote);
        for (const TokenId token : m_tokenizer.ids(text, Specials::Plain)) {
            if (Result<void> added = add(token, stop); !added) return added;
        }
        m_leadEnd = m_text.size();
        return {};
    }

    Result<void> add(TokenId token, const std::stop_token& stop) {
        const auto begin = static_cast<std::uint32_t>(m_text.size());
        m_text += m_tokenizer.piece(token);
        m_tokens.push_back(token);
        TokenEvidence evidence{begin, static_cast<std::uint32_t>(m_text.size()), {}};
        const std::vector<float>& mass = m_generation.attention();
        const std::size_t prefix = static_cast<std::size_t>(m_document.tokenised.prefix);
        if (mass.size() > prefix)
            evidence.mass.assign(mass.begin() + static_cast<std::ptrdiff_t>(prefix), mass.end());
        m_evidence.push_back(std::move(evidence));
        return m_generation.accept(token, stop);
    }

    void drop(std::size_t tokens) {
        m_text.resize(m_evidence[m_evidence.size() - tokens].begin);
        m_evidence.resize(m_evidence.size() - tokens);
        m_tokens.resize(m_tokens.size() - tokens);
    }

    const Tokenizer& m_tokenizer;
    const ReadDocument& m_document;
    const QuestionPiece& m_piece;
    Generation& m_generation;
    Quotation m_quotation;
    std::vector<TokenId> m_tokens;
    std::vector<TokenEvidence> m_evidence;
    std::string m_text;
    std::size_t m_shown = 0;
    std::size_t m_leadEnd = 0;  ///< where the answer proper begins, once it was led to
};

void addCitations(Answer& answer, const ReadDocument& document, const std::vector<TokenEvidence>& evidence) {
    CitationResult cited = cite(
        {*document.tokenised.document, document.tokenised.tokens, answer.question, answer.text, evidence});
    answer.citations = std::move(cited.citations);
    answer.facts = std::move(cited.facts);
    answer.answerable = cited.answerable;
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

WordMarks wordMarks(const Document& document, const AnswerTrace& trace) {
    WordMarks marks;
    marks.tokens.resize(document.words.size());
    marks.carried.resize(document.words.size());
    std::vector<bool> carried(trace.tokens.size(), false);
    for (const std::int32_t position : trace.carried) {
        const std::int64_t token = position - trace.layout.prefix;
        if (token >= 0 && token < static_cast<std::int64_t>(carried.size()))
            carried[static_cast<std::size_t>(token)] = true;
    }
    std::size_t first = 0;  // tokens and words both ascend
    for (std::size_t w = 0; w < document.words.size(); ++w) {
        const Word& word = document.words[w];
        while (first < trace.tokens.size() && trace.tokens[first].end <= word.begin)
            ++first;
        for (std::size_t t = first; t < trace.tokens.size() && trace.tokens[t].begin < word.end; ++t) {
            if (marks.tokens[w] == 255) break;
            ++marks.tokens[w];
            if (carried[t]) ++marks.carried[w];
        }
    }
    return marks;
}

Result<std::unique_ptr<AnswerEngine>> AnswerEngine::create(
    const std::filesystem::path& model, int threads, const std::function<bool(double share)>& progress) {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const int workers = threads > 0 ? threads : cores;
    kernels::BackendChoice choice = kernels::chooseBackend(kernels::Device::Automatic, workers);
    const bool gpu = choice.backend->name().starts_with("cuda");
    Result<std::unique_ptr<AnswerEngine>> engine = createOn(std::move(choice.backend), model, progress);
    if (engine) (*engine)->m_deviceNote = std::move(choice.note);
    if (engine || !gpu || engine.error().code != ErrorCode::OutOfMemory) return engine;
    // What the GPU cannot hold the processor's memory may.
    Result<std::unique_ptr<AnswerEngine>> other = createOn(kernels::makeCpuBackend(workers), model, progress);
    if (other) (*other)->m_deviceNote = engine.error().what;
    return other;
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
    Result<PromptBuilder> prompts = PromptBuilder::create(*engine->m_model);
    if (!prompts) return tl::unexpected(prompts.error());
    engine->m_prompts = std::move(*prompts);
    Result<std::unique_ptr<LayerRunner>> runner = LayerRunner::create(*engine->m_model, *engine->m_backend);
    if (!runner) return tl::unexpected(runner.error());
    engine->m_runner = std::move(*runner);
    engine->m_deviceName = std::string(engine->m_backend->name());
    return engine;
}

Result<std::unique_ptr<ReadDocument>> AnswerEngine::prepare(std::shared_ptr<const Document> document) {
    constexpr std::int64_t kRoom = 512;  // tokens for question and answer
    const std::string name = document->name;
    auto read = std::make_unique<ReadDocument>();
    read->passages = findPassages(*document);
    read->tokenised = m_prompts->tokenise(std::move(document));
    if (read->tokenised.tokens.empty()) {
        return fail(ErrorCode::Empty, "There is no text in this document.", name,
                    "If its pages are pictures, have their text recognised first.");
    }
    const auto length = static_cast<std::int64_t>(read->tokenised.prompt.size());
    const std::int64_t window = m_model->config().window;
    if (length + kRoom > window) {
        return fail(ErrorCode::TooLarge,
                    "The document is " + std::to_string(length) + " tokens long; this model reads " +
                        std::to_string(window - kRoom) + " at once.",
                    name, "Split the document, or choose a model with a longer window.");
    }
    // A tenth stays for the answers' own keys and values, and for everybody else.
    const std::size_t budget = m_backend->freeMemory() / 10 * 9;
    const std::int32_t tspLayer = Policy::shipped(m_model->config()).tspLayer;
    Result<MemoryPlan> plan = planMemory(m_model->config(), tspLayer, length, budget);
    if (!plan) return tl::unexpected(plan.error());
    read->memory = std::move(*plan);
    Result<std::unique_ptr<ResidentDocument>> resident = ResidentDocument::create(
        *m_model, *m_backend, read->tokenised.prompt, tspLayer, read->memory.type, budget);
    if (!resident) return tl::unexpected(resident.error());
    read->resident = std::move(*resident);
    return read;
}

Result<void> AnswerEngine::readEarly(ReadDocument& document, const std::stop_token& stop,
                                     const ResidentDocument::Progress& progress) {
    return guarded([&] { return document.resident->readEarly(*m_runner, stop, progress); });
}

Result<void> AnswerEngine::readLate(ReadDocument& document, const std::stop_token& stop,
                                    const ResidentDocument::Progress& progress) {
    return guarded([&] { return document.resident->readLate(*m_runner, stop, progress); });
}

Policy AnswerEngine::policyFor(const AskRequest& request) const {
    if (request.mode == AnswerMode::Full) return Policy::full(m_model->config());
    Policy policy = Policy::shipped(m_model->config());
    if (request.ratePerMille) {
        policy.ratePerMille = *request.ratePerMille;
        policy.minimumCarried = 0;  // who names a share means that share
        policy.name = "custom";
    }
    if (request.retentionPerMille) {
        policy.retentionPerMille = *request.retentionPerMille;
        policy.name = "custom";
    }
    return policy;
}

Result<AskOutcome> AnswerEngine::ask(const ReadDocument& document, const AskRequest& request,
                                     const std::stop_token& stop, const OnText& onText) {
    return guarded([&] { return answer(document, request, stop, onText); });
}

Result<AskOutcome> AnswerEngine::answer(const ReadDocument& document, const AskRequest& request,
                                        const std::stop_token& stop, const OnText& onText) {
    const Clock::time_point begin = Clock::now();
    const std::string question = cleaned(request.question);
    if (question.empty())
        return fail(ErrorCode::Empty, "The question is empty.", "", "Type a question about the document.");
    if (question.size() > kMaxQuestionBytes) {
        return fail(ErrorCode::TooLarge, "The question is longer than 40,000 bytes.", "",
                    "Ask a shorter question.");
    }
    AskOutcome outcome;
    Answer& answer = outcome.answer;
    answer.question = question;
    answer.mode = request.mode;
    answer.missingPages = missingPages(*document.tokenised.document);

    const QuestionPiece piece = m_prompts->question(question);
    Generation::Options options;
    options.policy = policyFor(request);
    options.maxTokens = request.maxTokens;
    options.observed = {Policy::shipped(m_model->config()).tspLayer};
    const PromptLayout layout = m_prompts->layout(document.tokenised, piece);
    Result<std::unique_ptr<Generation>> generation =
        Generation::create(*m_runner, *document.resident, piece.tokens, layout, options);
    if (!generation) return tl::unexpected(generation.error());

    Writer writer(m_model->tokenizer(), document, piece, **generation);
    Clock::time_point firstToken = begin;
    Result<void> prefilled = (*generation)->prefill(stop);
    if (prefilled) {
        firstToken = Clock::now();
        answer.figures.firstTokenMs = millisecondsSince(begin);
        Result<AnswerState> state = writer.write(request.maxTokens, stop, onText);
        if (!state) return tl::unexpected(state.error());
        answer.state = *state;
    } else if (prefilled.error().code == ErrorCode::Cancelled) {
        answer.state = AnswerState::Stopped;
    } else {
        return tl::unexpected(prefilled.error());
    }
    answer.text = writer.text();
    answer.figures.promptTokens = layout.length;
    answer.figures.carriedTokens = static_cast<std::int64_t>((*generation)->trace().carried.size());
    answer.figures.answerTokens = writer.count();
    const double seconds = millisecondsSince(firstToken) / 1000;
    if (writer.count() > 1 && seconds > 0)
        answer.figures.decodeTokensPerSecond = static_cast<double>(writer.count() - 1) / seconds;
    addCitations(answer, document, writer.evidence());

    AnswerTrace& trace = outcome.trace;
    trace.policy = options.policy;
    trace.layers = m_model->config().layers;
    trace.layout = layout;
    trace.carried = (*generation)->trace().carried;
    trace.scores = (*generation)->trace().tspScores;
    trace.tokens = document.tokenised.tokens;
    trace.attention.assign(document.tokenised.tokens.size(), 0.0F);
    for (const TokenEvidence& evidence : writer.evidence()) {
        for (std::size_t i = 0; i < evidence.mass.size(); ++i)
            trace.attention[i] += evidence.mass[i];
    }
    return outcome;
}

}  // namespace kvasir
