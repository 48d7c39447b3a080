#include "app/answer_writer.h"

#include <algorithm>
#include <iterator>

#include "app/utf8.h"

namespace kvasir {
namespace {

constexpr std::int64_t kLeadRoom = 16;      // tokens, left for the lead from quotation to answer
constexpr std::size_t kLongestQuote = 120;  // tokens
constexpr TokenId kNoToken = -1;            // no guess is ever this one

}  // namespace

// ------------------------------------------------------------------------------------------------ text
WrittenAnswer::WrittenAnswer(const Tokenizer& tokenizer, const QuestionPiece& piece, const Passages& passages,
                             const SamplerSettings& sampling)
    : m_tokenizer(tokenizer),
      m_piece(piece),
      m_quotation(passages, tokenizer, piece.closeQuote),
      m_sampler(sampling),
      m_text(piece.shown) {}

TokenId WrittenAnswer::choose(std::span<const float> logits) {
    if (m_quoting && (m_quotation.closed() || m_tokens >= kLongestQuote)) beginLead();
    if (!m_lead.empty()) return m_lead.front();
    return m_quoting ? m_quotation.next(logits) : m_sampler.pick(logits);
}

bool WrittenAnswer::ends(TokenId token) const {
    if (m_quoting || !m_lead.empty()) return false;
    return m_tokenizer.endsGeneration(token) || answerEnds();
}

void WrittenAnswer::add(TokenId token) {
    const std::string piece = m_tokenizer.piece(token);
    if (m_quoting) m_quotation.accept(piece);
    m_sampler.accept(token);
    m_text += piece;
    ++m_tokens;
    if (m_lead.empty()) return;
    m_lead.pop_front();
    if (m_lead.empty()) m_leadEnd = m_text.size();
}

/// Behind its quotation, or when that finds no end, the model is led on to the answer.
void WrittenAnswer::beginLead() {
    // Line breaks that are there already are not written again.
    std::string text = m_piece.answerLead;
    while (text.front() == '\n' &&
           m_text.ends_with(std::string(m_piece.answerLead.size() - text.size() + 1, '\n'))) {
        text.erase(0, 1);
    }
    if (!m_quotation.closed()) text.insert(0, m_piece.closeQuote);
    for (const TokenId token : m_tokenizer.ids(text, Specials::Plain))
        m_lead.push_back(token);
    m_quoting = false;
}

/// A blank line behind the answer: small models go on with questions of their own.
bool WrittenAnswer::answerEnds() const {
    if (!m_text.ends_with("\n\n")) return false;
    return m_text.find_first_not_of(" \n", m_leadEnd) != std::string::npos;
}

std::string_view WrittenAnswer::complete() const {
    return std::string_view(m_text).substr(0, utf8::completeLength(m_text));
}

// ---------------------------------------------------------------------------------------------- writer
AnswerWriter::AnswerWriter(const Source& source, Generation& generation, const Options& options)
    : m_generation(generation),
      m_options(options),
      m_source(source),
      m_lookup({source.prompt.begin(), source.prompt.end()}),
      m_text(source.tokenizer, source.piece, source.passages, options.sampling) {
    for (const TokenId token : source.piece.tokens)
        m_lookup.append(token);
}

Result<FinishReason> AnswerWriter::write(const std::stop_token& stop, const OnText& onText) {
    m_next = m_text.choose(m_generation.logits());
    while (room() > 0 || !m_text.lead().empty()) {
        if (m_text.ends(m_next)) return FinishReason::End;
        const std::size_t shown = m_text.complete().size();
        std::vector<TokenId> run = guess();
        run.insert(run.begin(), m_next);
        const Result<void> written = writeRun(run, stop);
        if (!written && written.error().code == ErrorCode::Cancelled) return FinishReason::Stopped;
        if (!written) return tl::unexpected(written.error());
        if (m_text.complete().size() > shown) onText(m_text.complete());
        if (m_repetition.period == 0) continue;
        endRepetition();
        return FinishReason::Repetition;
    }
    return FinishReason::Length;
}

/// run[0] is m_next; the others are guesses.
Result<void> AnswerWriter::writeRun(const std::vector<TokenId>& run, const std::stop_token& stop) {
    const std::vector<float> before(m_generation.attention().begin(), m_generation.attention().end());
    const std::size_t first = m_tokens.size();
    const bool ours = !m_text.lead().empty();  // then there is nothing to guess
    std::size_t written = 0;
    const Result<Generation::Verified> verified = m_generation.verify(
        run, [&](std::span<const float> logits) { return writtenThen(run[written++], logits); }, stop);
    if (!verified) return tl::unexpected(verified.error());
    noteEvidence(first, before);
    ++m_speed.batches;
    if (ours) return {};
    const auto guessed = std::ssize(run) - 1, stood = verified->standing - 1;
    m_guessLength.tell(guessed, stood);
    m_speed.guessed += guessed;
    m_speed.stood += stood;
    return {};
}

/// A token is written; which guess may follow it: the chosen token, or none when the answer is over then.
TokenId AnswerWriter::writtenThen(TokenId token, std::span<const float> logits) {
    const bool ours = !m_text.lead().empty();
    TokenEvidence evidence;
    evidence.begin = static_cast<std::uint32_t>(m_text.text().size());
    m_text.add(token);
    evidence.end = static_cast<std::uint32_t>(m_text.text().size());
    m_evidence.push_back(std::move(evidence));
    m_tokens.push_back(token);
    m_lookup.append(token);
    if (!ours) m_repetition = findRepetition(m_tokens);
    if (m_repetition.period > 0) return kNoToken;
    m_next = m_text.choose(logits);
    return m_text.ends(m_next) ? kNoToken : m_next;
}

/// Of the tokens from `first` on: a token's evidence is what the row in front of it looks at; what is
/// repeated before the question stands for the document's own.
void AnswerWriter::noteEvidence(std::size_t first, std::span<const float> before) {
    for (std::size_t i = first; i < m_tokens.size(); ++i) {
        const std::span<const float> attention =
            i == first ? before : m_generation.attention(static_cast<std::int64_t>(i - first) - 1);
        if (attention.size() < m_source.prompt.size()) continue;
        const auto end = attention.begin() + std::ssize(m_source.prompt);
        std::vector<float>& mass = m_evidence[i].mass;
        mass.assign(attention.begin() + m_source.prefix, end);
        for (std::size_t k = 0; k < m_source.piece.repeated.size(); ++k) {
            const std::int64_t original = m_source.piece.repeated[k];
            if (original >= 0)
                mass[static_cast<std::size_t>(original)] += end[static_cast<std::ptrdiff_t>(k)];
        }
    }
}

/// Tokens that may follow m_next: the rest of the lead; those in the draft, as long as the answer is the
/// draft's; else those that followed the same words before.
std::vector<TokenId> AnswerWriter::guess() const {
    const std::int64_t most = std::clamp<std::int64_t>(room() - 1, 0, Generation::kMostVerified - 1);
    const auto limited = [](const auto& first, const auto& last, std::int64_t count) {
        return std::vector<TokenId>(first, first + std::min<std::int64_t>(count, last - first));
    };
    const std::deque<TokenId>& lead = m_text.lead();
    const std::size_t written = m_tokens.size();
    const std::span<const TokenId> draft = m_options.draft;
    const bool drafted = written < draft.size() && draft[written] == m_next &&
                         std::equal(m_tokens.begin(), m_tokens.end(), draft.begin());
    if (drafted) return limited(draft.begin() + std::ssize(m_tokens) + 1, draft.end(), most);
    if (!lead.empty()) return limited(lead.begin() + 1, lead.end(), Generation::kMostVerified - 1);
    if (!m_options.speculate) return {};
    return m_lookup.guess(m_next, std::min(most, m_guessLength.next()));
}

/// An answer that goes round in circles keeps one round of it.
void AnswerWriter::endRepetition() {
    const std::size_t kept = m_tokens.size() - (m_repetition.rounds - 1) * m_repetition.period;
    m_text.cut(m_evidence[kept].begin);
    m_tokens.resize(kept);
    m_evidence.resize(kept);
}

std::int64_t AnswerWriter::room() const {
    return m_options.maxTokens - kLeadRoom - std::ssize(m_tokens);
}

std::string AnswerWriter::text() const {
    const std::string text(m_text.complete());
    return text.substr(0, text.find_last_not_of(" \n") + 1);
}

}  // namespace kvasir
