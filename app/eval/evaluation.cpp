#include "app/eval/evaluation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "app/answer_check.h"
#include "app/pins.h"
#include "engine/policy_text.h"

namespace kvasir::eval {
namespace {

constexpr std::int64_t kPassageTokens = 1400;  // as many as a first look reads

/// KL(p || q) of two rows of logits, in nats.
double divergence(std::span<const float> p, std::span<const float> q) {
    const auto logSum = [](std::span<const float> logits) {
        const double most = *std::ranges::max_element(logits);
        double sum = 0;
        for (const float logit : logits)
            sum += std::exp(logit - most);
        return most + std::log(sum);
    };
    const double sumP = logSum(p), sumQ = logSum(q);
    double kl = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
        kl += std::exp(p[i] - sumP) * ((p[i] - sumP) - (q[i] - sumQ));
    return std::max(kl, 0.0);
}

/// |a - b|^2 / |a|^2.
double distance(std::span<const float> a, std::span<const float> b) {
    double apart = 0, all = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        apart += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
        all += double{a[i]} * a[i];
    }
    return all > 0 ? apart / all : 0;
}

bool isAtPlace(const Citation& citation, const Question& question, DocumentKind kind) {
    const std::int32_t place = (kind == DocumentKind::Pdf ? citation.page : citation.line) + 1;
    return std::ranges::find(question.places, place) != question.places.end();
}

Row judged(const Question& question, const Setting& setting, const Answer& answer, DocumentKind kind) {
    Row row;
    row.question = &question;
    row.setting = &setting;
    row.answer = answer;
    if (!question.judged || !question.expected.answerable()) return row;
    row.right = isRight(answer.text, question.expected);
    row.rightPlace = row.right && std::ranges::any_of(answer.citations, [&](const Citation& citation) {
                         return isAtPlace(citation, question, kind);
                     });
    row.f1 = sharedWords(answer.text, question.expected);
    return row;
}

void compare(Row& row, const AskOutcome& outcome, const AskOutcome& full) {
    const bool same = outcome.tokens == full.tokens && outcome.answer.finish == full.answer.finish;
    row.verdict = same ? Verdict::SameWords : compareFacts(outcome.answer, full.answer);
    row.f1Full = sharedWords(outcome.answer.text, std::string_view(full.answer.text));
    if (!outcome.firstLogits.empty() && outcome.firstLogits.size() == full.firstLogits.size())
        row.firstDivergence = divergence(full.firstLogits, outcome.firstLogits);
    row.distance = distance(full.firstHidden, outcome.firstHidden);
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// As many of the document's tokens as the policy would carry, whichever chance names; the same for the same
/// question.
std::vector<ByteRange> randomTokens(const ReadDocument& document, const Policy& policy,
                                    const std::string& question) {
    const std::vector<TextToken>& tokens = document.tokenised.tokens;
    PromptLayout layout;
    layout.length = std::ssize(document.tokenised.prompt);
    const auto count = static_cast<std::size_t>(
        std::min({policy.carriedTarget(layout), Policy::kMostPinned, std::ssize(tokens)}));
    std::vector<std::size_t> order(tokens.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937_64 random(std::hash<std::string>{}(question));
    std::shuffle(order.begin(), order.end(), random);
    order.resize(count);
    std::ranges::sort(order);
    std::vector<ByteRange> ranges;
    ranges.reserve(order.size());
    for (const std::size_t token : order)
        ranges.push_back({tokens[token].begin, tokens[token].end});
    return ranges;
}

/// Takes `,found=N` or the like out of a setting: N, or nothing when it is not there.
Result<std::optional<std::int64_t>> takeNumber(std::string_view key, std::string& text) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) return std::nullopt;
    std::int64_t number = 0;
    const char* first = text.data() + at + key.size();
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), number);
    const bool ends = end == text.data() + text.size() || *end == ',';
    if (error != std::errc() || !ends || number < 0) {
        return fail(ErrorCode::InvalidArgument, "A number cannot be read.", text,
                    "Write for example full,found=200.");
    }
    text.erase(at, static_cast<std::size_t>(end - text.data()) - at);
    return number;
}

const Question* questionOf(std::span<const Question> questions, const std::string& id) {
    const auto found = std::ranges::find(questions, id, &Question::id);
    return id.empty() || found == questions.end() ? nullptr : &*found;
}

/// Whether one goes on from the other, or both from one.
bool areRelated(std::span<const Question> questions, const Question& a, const Question& b) {
    const auto first = [&](const Question& question) {
        const Question* at = &question;
        while (const Question* before = questionOf(questions, at->after))
            at = before;
        return at;
    };
    return first(a) == first(b);
}

/// The pages or lines where the answer is expected.
std::vector<ByteRange> expectedPlaces(const Document& document, const Question& question) {
    std::vector<ByteRange> ranges;
    for (const std::int32_t place : question.places) {
        const auto index = static_cast<std::size_t>(place - 1);
        const bool pages = document.kind == DocumentKind::Pdf;
        if (pages && index < document.pages.size())
            ranges.push_back({document.pages[index].begin, document.pages[index].end});
        if (!pages && index < document.lines.size())
            ranges.push_back({document.lines[index].begin, document.lines[index].end});
    }
    return joinedRanges(std::move(ranges));
}

}  // namespace

Result<Setting> settingFromText(std::string_view text, const ModelConfig& model) {
    Setting setting;
    setting.text = text;
    std::string named(text);
    const Result<std::optional<std::int64_t>> turns = takeNumber(",turns=", named);
    if (!turns) return tl::unexpected(turns.error());
    const Result<std::optional<std::int64_t>> after = takeNumber(",after=", named);
    if (!after) return tl::unexpected(after.error());
    setting.unrelated = turns->value_or(0);
    setting.follows = *after != 0;
    setting.base = named;
    const Result<std::optional<std::int64_t>> found = takeNumber(",found=", named);
    if (!found) return tl::unexpected(found.error());
    const Result<std::optional<std::int64_t>> looked = takeNumber(",looked=", named);
    if (!looked) return tl::unexpected(looked.error());
    setting.foundTokens = found->value_or(setting.foundTokens);
    setting.lookedTokens = *looked;
    constexpr std::string_view kPins = ",pins=expected";
    if (const std::size_t at = named.find(kPins); at != std::string::npos) {
        setting.pinExpected = true;
        named.erase(at, kPins.size());
    }
    if (named == "full") {
        setting.kind = Setting::Kind::Full;
        setting.policy = Policy::full(model);
        return setting;
    }
    if (const std::string_view base = setting.base; base == "look" || base.starts_with("look,tokens=")) {
        setting.kind = Setting::Kind::Look;
        setting.policy = Policy::full(model);
        setting.passageTokens = kPassageTokens;
        const std::string_view number = base == "look" ? std::string_view() : base.substr(12);
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), setting.passageTokens);
        if (base != "look" &&
            (error != std::errc() || end != number.data() + number.size() || setting.passageTokens < 1)) {
            return fail(ErrorCode::InvalidArgument, "The number of tokens cannot be read.", std::string(text),
                        "Write for example look,tokens=1400.");
        }
        return setting;
    }
    if (named.starts_with("random")) {
        setting.kind = Setting::Kind::Random;
        named.replace(0, 6, "shipped");
    }
    Result<Policy> read = policyFromText(named, model);
    if (!read) return tl::unexpected(read.error());
    setting.policy = std::move(*read);
    return setting;
}

Result<std::unique_ptr<ReadDocument>> Evaluation::read(const std::shared_ptr<const Document>& document,
                                                       std::int32_t tspLayer, const std::stop_token& stop) {
    Result<std::unique_ptr<ReadDocument>> read = m_engine.prepare(document, tspLayer);
    if (!read) return read;
    const auto show = [&](const std::string& step) {
        return [this, step](std::int64_t done, std::int64_t all) {
            m_progress(step, static_cast<double>(done) / static_cast<double>(all));
        };
    };
    Result<void> done = m_engine.readEarly(**read, stop, show(document->name + ": first reading"));
    const auto needsAll = [&](const Setting& s) { return s.kind == Setting::Kind::Full; };
    if (done && tspLayer == Policy::shipped(m_engine.model().config()).tspLayer &&
        std::ranges::any_of(m_settings, needsAll))
        done = m_engine.readLate(**read, stop, show(document->name + ": full reading"));
    if (!done) return tl::unexpected(done.error());
    return read;
}

/// A question that was asked by itself or after what it goes on from, and its answer under the same setting.
Result<Turn> Evaluation::turnOf(const ReadDocument& document, const Question& question,
                                const Setting& setting, Asking& asking) {
    const std::pair key(&question, setting.base);
    if (const auto known = asking.answers.find(key); known != asking.answers.end())
        return Turn{question.text, known->second};
    Setting alone = setting;
    alone.unrelated = 0;
    const Result<std::vector<Turn>> turns = turnsBefore(document, question, alone, asking);
    if (!turns) return tl::unexpected(turns.error());
    m_progress(setting.text + ", asked before: " + question.text, -1);
    Result<AskOutcome> outcome = answer(document, question, alone, *turns, asking);
    if (!outcome) return tl::unexpected(outcome.error());
    asking.answers[key] = outcome->answer.text;
    return Turn{question.text, std::move(outcome->answer.text)};
}

/// Unrelated ones first: the questions above it, and behind the first the last ones.
Result<std::vector<Turn>> Evaluation::turnsBefore(const ReadDocument& document, const Question& question,
                                                  const Setting& setting, Asking& asking) {
    std::vector<const Question*> before;
    const auto count = asking.questions.size();
    const auto own = static_cast<std::size_t>(&question - asking.questions.data());
    for (std::size_t i = 1; i < count && std::ssize(before) < setting.unrelated; ++i) {
        const Question& other = asking.questions[(own + count - i) % count];
        if (other.after.empty() && !areRelated(asking.questions, question, other))
            before.insert(before.begin(), &other);
    }
    std::vector<const Question*> chain;
    for (const Question* at = &question; setting.follows && at != nullptr;) {
        at = questionOf(asking.questions, at->after);
        if (at != nullptr) chain.push_back(at);
    }
    before.insert(before.end(), chain.rbegin(), chain.rend());
    std::vector<Turn> turns;
    for (const Question* asked : before) {
        Result<Turn> turn = turnOf(document, *asked, setting, asking);
        if (!turn) return tl::unexpected(turn.error());
        turns.push_back(std::move(*turn));
    }
    return turns;
}

Result<AskOutcome> Evaluation::answer(const ReadDocument& document, const Question& question,
                                      const Setting& setting, const std::vector<Turn>& turns,
                                      const Asking& asking) {
    AskRequest request;
    request.question = question.text;
    request.turns = turns;
    request.mode = setting.kind == Setting::Kind::Full ? AnswerMode::Full : AnswerMode::Quick;
    request.keepFirst = true;
    if (asking.findPassages) request.passages = asking.findPassages(question.text, turns);
    request.foundTokens = setting.foundTokens;
    request.lookedTokens = setting.lookedTokens;
    const auto ignore = [](std::string_view) {};
    if (setting.kind == Setting::Kind::Look) {
        Result<AskOutcome> outcome =
            m_engine.look(document.tokenised.document, setting.passageTokens, request, asking.stop, ignore);
        if (outcome || outcome.error().code != ErrorCode::Empty) return outcome;
        AskOutcome nothing;  // no passage shares a word with the question: retrieval finds nothing
        nothing.answer.answerable = false;
        return nothing;
    }
    if (setting.kind == Setting::Kind::Quick) request.policy = setting.policy;
    if (setting.kind == Setting::Kind::Quick && setting.pinExpected)
        request.pins = expectedPlaces(*document.tokenised.document, question);
    if (setting.kind == Setting::Kind::Random) {
        // Nothing competes; chance's tokens are pinned.
        request.policy = Policy::fixedLength(m_engine.model().config(), 1);
        request.policy->tspLayer = setting.policy.tspLayer;
        request.policy->retentionPerMille = setting.policy.retentionPerMille;
        request.policy->window = setting.policy.window;
        request.pins = randomTokens(document, setting.policy, question.text);
    }
    return m_engine.ask(document, request, asking.stop, ignore);
}

Result<void> Evaluation::ask(const std::shared_ptr<const Document>& document,
                             std::span<const Question> questions, const FindPassages& findPassages,
                             const std::stop_token& stop) {
    const std::int32_t shipped = Policy::shipped(m_engine.model().config()).tspLayer;
    // Full readings and looks need no T of their own; full context comes first, for the others to compare.
    const auto layerOf = [&](const Setting& setting) {
        const bool own = setting.kind == Setting::Kind::Quick || setting.kind == Setting::Kind::Random;
        return own ? setting.policy.tspLayer : shipped;
    };
    std::map<std::int32_t, std::vector<const Setting*>> byLayer;
    for (const Setting& setting : m_settings)
        byLayer[layerOf(setting)].push_back(&setting);
    std::vector<std::int32_t> order;
    for (auto& [layer, settings] : byLayer) {
        order.insert(layer == shipped ? order.begin() : order.end(), layer);
        std::ranges::sort(settings, {}, [](const Setting* setting) {
            return std::pair(setting->kind != Setting::Kind::Full, setting);
        });
    }
    std::map<const Question*, AskOutcome> full;
    Asking asking{questions, findPassages, stop, {}};
    std::map<std::pair<const Question*, const Setting*>, Row> rows;
    for (const std::int32_t layer : order) {
        const Result<std::unique_ptr<ReadDocument>> reading = read(document, layer, stop);
        if (!reading) return tl::unexpected(reading.error());
        for (const Question& question : questions) {
            for (const Setting* setting : byLayer[layer]) {
                m_progress(setting->text + ": " + question.text, -1);
                const Result<std::vector<Turn>> turns = turnsBefore(**reading, question, *setting, asking);
                if (!turns) return tl::unexpected(turns.error());
                Result<AskOutcome> outcome = answer(**reading, question, *setting, *turns, asking);
                if (!outcome) return tl::unexpected(outcome.error());
                if (setting->unrelated == 0 && setting->follows)
                    asking.answers[{&question, setting->base}] = outcome->answer.text;
                Row row = judged(question, *setting, outcome->answer, document->kind);
                if (const auto found = full.find(&question); found != full.end()) {
                    compare(row, *outcome, found->second);
                } else if (setting->kind == Setting::Kind::Full) {
                    full[&question] = std::move(*outcome);
                }
                rows.emplace(std::pair(&question, setting), std::move(row));
            }
        }
    }
    for (const Question& question : questions) {
        for (const Setting& setting : m_settings)
            m_rows.push_back(std::move(rows.at({&question, &setting})));
    }
    return {};
}

std::vector<Summary> summarise(std::span<const Row> rows, std::span<const Setting> settings) {
    std::vector<Summary> summaries;
    for (const Setting& setting : settings) {
        Summary s;
        s.setting = &setting;
        std::vector<double> firstTokenMs;
        for (const Row& row : rows) {
            if (row.setting != &setting) continue;
            ++s.questions;
            firstTokenMs.push_back(row.answer.figures.readMs + row.answer.figures.firstTokenMs);
            s.carriedShare += static_cast<double>(row.answer.figures.carriedTokens) /
                              static_cast<double>(std::max<std::int64_t>(row.answer.figures.promptTokens, 1));
            if (row.question->judged && row.question->expected.answerable()) {
                ++s.answerable;
                s.right += row.right ? 1 : 0;
                s.rightPlace += row.rightPlace ? 1 : 0;
                s.missed += row.answer.answerable ? 0 : 1;
                s.f1 += row.f1;
            } else if (row.question->judged) {
                ++s.unanswerable;
                s.invented += row.answer.answerable ? 1 : 0;
            }
            if (!row.verdict) continue;
            ++s.compared;
            s.sameWords += *row.verdict == Verdict::SameWords ? 1 : 0;
            s.sameFacts += *row.verdict == Verdict::SameFacts ? 1 : 0;
            s.f1Full += row.f1Full.value_or(0);
            s.firstDivergence += row.firstDivergence.value_or(0);
        }
        s.f1 /= std::max(s.answerable, 1);
        s.f1Full /= std::max(s.compared, 1);
        s.firstDivergence /= std::max(s.compared, 1);
        s.carriedShare /= std::max(s.questions, 1);
        s.firstTokenMs = median(std::move(firstTokenMs));
        summaries.push_back(s);
    }
    return summaries;
}

}  // namespace kvasir::eval
