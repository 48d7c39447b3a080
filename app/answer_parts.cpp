// AnswerEngine: documents that are asked in parts.
#include <algorithm>
#include <chrono>
#include <iterator>

#include "app/answer_engine.h"
#include "app/first_look.h"
#include "app/guarded.h"
#include "app/pins.h"
#include "app/repeated_passages.h"
#include "engine/answer_room.h"

namespace kvasir {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kCarriedOnCpu = 4096, kCarriedOnGpu = 16384;  // tokens, of all parts together
constexpr std::int64_t kLeastCarried = 1024;  // of these, where memory is short: an answer from less is none
// Tokens: more than of one document, because the rest is torn.
constexpr std::int64_t kFound = 300, kLooked = 300;
constexpr std::int64_t kBetween = 128;  // tokens between what is repeated, at most

std::string memorySentence(const SegmentedDocument& segments, std::size_t documents) {
    const auto all = std::ssize(segments.segments());
    const std::size_t bytes = segments.bytesPerToken() * segments.tokens().size();
    std::string sentence = (documents == 1 ? std::string("The document is")
                                           : "The " + std::to_string(documents) + " documents are") +
                           " read in " + std::to_string(all) + " parts and " +
                           (documents == 1 ? "takes " : "take ") + std::to_string((bytes >> 20) + 1) +
                           " MB of memory, " + std::to_string(segments.bytesPerToken()) +
                           " bytes for each token.";
    if (segments.mostHeld() < all) {
        sentence += " Memory holds " + std::to_string(segments.mostHeld()) +
                    " parts: those that search ranks best for the question are read.";
    }
    return sentence;
}

/// Device memory of an answer over so many rows: what is chosen becomes a document of its own beside the
/// parts, as far as the window holds it, and is carried.
std::size_t chosenBytes(const ModelConfig& model, std::int64_t rows) {
    rows = std::min<std::int64_t>(rows, model.window);
    const std::int32_t tspLayer = Policy::shipped(model).tspLayer;
    return ResidentDocument::bytes(model, tspLayer, kernels::KvType::F16, rows, false) +
           answerBytes(model, tspLayer, rows, rows);
}

/// Its rows, when so many tokens are chosen of `all`.
std::int64_t chosenRows(std::int64_t prefix, std::int64_t all, std::int64_t chosen) {
    return prefix + std::min(all, chosen + kFound + kLooked);
}

/// Tokens that stand before the question when it is asked behind the longest part.
std::int64_t longestPart(const ReadParts& parts) {
    std::int64_t longest = 0;
    for (const Segment& segment : parts.segments->segments())
        longest = std::max(longest, segment.end - segment.context);
    return parts.prefix + longest;
}

/// Those of the tokens (ascending) that lie in parts that are read.
std::vector<std::int64_t> readTokens(const ReadParts& parts, const std::vector<std::int64_t>& tokens) {
    const std::vector<Segment>& segments = parts.segments->segments();
    std::vector<std::int64_t> read;
    std::size_t part = 0;
    for (const std::int64_t token : tokens) {
        while (token >= segments[part].end)
            ++part;
        if (parts.segments->isRead(part)) read.push_back(token);
    }
    return read;
}

/// What search found and what the question looks at, of parts that are read.
std::vector<std::int64_t> repeatedTokens(const ReadParts& parts, const AskRequest& request,
                                         const SegmentChoice& choice) {
    std::vector<float> scores(parts.tokens.size(), 0);
    for (std::size_t i = 0; i < choice.scores.size(); ++i)
        std::ranges::copy(choice.scores[i], scores.begin() + parts.segments->segments()[i].begin);
    const std::vector<ByteRange> found = wholeSentences(parts.passages, request.passages);
    const std::vector<ByteRange> looked = byAttention(parts.passages, parts.tokens, scores);
    std::vector<std::int64_t> tokens =
        withBest({}, parts.tokens, found, request.foundTokens > 0 ? kFound : 0);
    tokens = withBest(std::move(tokens), parts.tokens, looked, request.lookedTokens != 0 ? kLooked : 0);
    return readTokens(parts, tokens);
}

std::vector<ByteRange> bytesOf(const ReadParts& parts, const std::vector<std::int64_t>& tokens) {
    std::vector<ByteRange> ranges;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const TextToken& token = parts.tokens[static_cast<std::size_t>(tokens[i])];
        if (i > 0 && tokens[i] == tokens[i - 1] + 1) {
            ranges.back().end = token.end;
        } else {
            ranges.push_back({token.begin, token.end});
        }
    }
    return ranges;
}

/// What chooses among the tokens of all parts, with what is pinned. Errors: TooLarge (that is more than can
/// be), OutOfMemory (it lies in parts that memory has no room for).
Result<Policy> choosingPolicy(const ModelConfig& model, const ReadParts& parts,
                              std::span<const ByteRange> pins) {
    Policy policy = Policy::shipped(model);
    policy.pins = pinnedPositions(parts.prefix, parts.tokens, pins);
    if (Result<void> checked = policy.check(model); !checked) return tl::unexpected(checked.error());
    for (std::size_t part = 0; part < parts.segments->segments().size(); ++part) {
        if (parts.segments->isRead(part) || !holdsPin(parts, part, pins)) continue;
        return fail(ErrorCode::OutOfMemory,
                    "A pinned passage lies in a part of the document that memory has no room for.", "",
                    "Remove some pins, or close other documents, and ask again.");
    }
    return policy;
}

std::int64_t countPositions(const std::vector<Policy::Range>& ranges) {
    std::int64_t count = 0;
    for (const Policy::Range& range : ranges)
        count += range.last - range.first;
    return count;
}

std::vector<std::int64_t> united(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
    std::vector<std::int64_t> all;
    std::ranges::set_union(a, b, std::back_inserter(all));
    return all;
}

}  // namespace

Result<std::unique_ptr<ReadParts>> AnswerEngine::prepareParts(
    std::vector<std::shared_ptr<const Document>> documents, std::uint64_t used, const std::stop_token& stop) {
    return guarded([&] { return makeParts(std::move(documents), used, stop); });
}

Result<std::unique_ptr<ReadParts>> AnswerEngine::makeParts(
    std::vector<std::shared_ptr<const Document>> documents, std::uint64_t used, const std::stop_token& stop) {
    Result<DocumentSet> set = DocumentSet::create(std::move(documents));
    if (!set) return tl::unexpected(set.error());
    std::unique_ptr<ReadParts> parts(new ReadParts{std::move(*set), 0, {}, {}, nullptr, "", 0});
    const DocumentSet& all = parts->documents;
    const TokenisedDocument prefix = m_prompts->tokenise(std::make_shared<const Document>());
    parts->prefix = prefix.prefix;
    std::vector<std::int64_t> sizes;
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const TokenisedDocument document = m_prompts->tokenise(all.document(i));
        sizes.push_back(std::ssize(document.tokens));
        for (TextToken token : document.tokens) {
            token.begin += all.range(i).begin;
            token.end += all.range(i).begin;
            parts->tokens.push_back(token);
            ids.push_back(token.id);
        }
    }
    if (ids.empty()) {
        return fail(
            ErrorCode::Empty,
            all.size() == 1 ? "There is no text in this document." : "There is no text in these documents.",
            all.joined()->name, "If pages are pictures, have their text recognised first.");
    }
    parts->passages = findPassages(*all.joined());
    const ModelConfig& model = m_model->config();
    SegmentSizes cut;
    const std::int64_t room = model.window - parts->prefix - cut.overlap - kCarriedOnCpu / 4;
    cut.own = std::clamp<std::int64_t>(room, 1, cut.own);
    std::vector<Segment> segmentsOf = cutIntoSegments(sizes, cut);
    const std::size_t each =
        ResidentDocument::bytes(model, Policy::shipped(model).tspLayer, kernels::KvType::F16,
                                parts->prefix + cut.overlap + cut.own, false);
    const std::size_t every = each * segmentsOf.size();
    const auto answer = [&](std::int64_t chosen) {
        return chosenBytes(model, chosenRows(parts->prefix, std::ssize(ids), chosen));
    };
    parts->answerBytes = answer(kCarriedOnCpu);
    const Result<void> made =
        makeRoom({withReserve(every + answer(mostCarried())), withReserve(every + parts->answerBytes),
                  withReserve(each + parts->answerBytes)},
                 used, stop);
    if (!made) return tl::unexpected(made.error());
    const std::size_t free = withoutReserve(m_backend->freeMemory());
    const std::size_t budget = free - std::min(free, parts->answerBytes);
    Result<std::unique_ptr<SegmentedDocument>> segments =
        SegmentedDocument::create(*m_model, *m_backend, prefix.prompt, std::move(ids), std::move(segmentsOf),
                                  Policy::shipped(model).tspLayer, budget);
    if (!segments) return tl::unexpected(segments.error());
    parts->segments = std::move(*segments);
    addReadings(*parts);
    parts->setUsed(used);
    parts->sentence = memorySentence(*parts->segments, all.size());
    return parts;
}

/// What is kept of the parts is used by this, and parts that no question asks for make none of it go.
void AnswerEngine::addReadings(ReadParts& parts) {
    SegmentedDocument& segments = *parts.segments;
    const std::int64_t use = m_pieces != nullptr ? m_pieces->newUse() : 0;
    for (std::size_t part = 0; part < segments.segments().size(); ++part) {
        Reading& reading = parts.readings.emplace_back(segments.place(part));
        reading.rank = part;
        reading.copy = std::make_unique<HostCopy>(*m_backend);
        reading.place = m_memory->add(reading);
        const Document& document =
            *parts.documents.document(parts.documents.documentAt(parts.bytes(part).begin));
        reading.pieces =
            makePieces(segments.promptOf(part), segments.tspLayer(), segments.kvType(), document.sha256, use);
        if (reading.pieces != nullptr) reading.pieces->noteKept();
    }
}

void AnswerEngine::notePartsAsked(ReadParts& parts, std::span<const std::size_t> order) {
    if (m_pieces == nullptr) return;
    const std::int64_t use = m_pieces->newUse();
    for (const std::size_t part : order.first(std::min(order.size(), kBestParts))) {
        if (parts.readings[part].pieces != nullptr) parts.readings[part].pieces->useAgain(use);
    }
}

/// Memory of the device for a part that has none. Where there is none for all parts of the document, those
/// that are last in the order leave.
Result<void> AnswerEngine::enterPart(ReadParts& parts, std::size_t part, std::span<const std::size_t> order,
                                     const std::stop_token& stop) {
    SegmentedDocument& segments = *parts.segments;
    for (std::size_t rank = 0; rank < order.size(); ++rank)
        parts.readings[order[rank]].rank = rank;
    for (auto last = order.rbegin(); last != order.rend() && !segments.hasRoom(); ++last) {
        if (*last == part || !segments.isHeld(*last)) continue;
        if (Result<void> left = m_memory->leave(parts.readings[*last], stop); !left) return left;
    }
    const std::size_t each = segments.bytesOfLongest();
    Result<void> made =
        makeRoom({withReserve(each + parts.answerBytes), withReserve(each)}, parts.used, stop);
    if (made) made = segments.open(part);
    if (made) parts.readings[part].enter();
    return made;
}

Result<void> AnswerEngine::readPart(ReadParts& parts, std::size_t part, std::span<const std::size_t> order,
                                    const std::stop_token& stop, const ResidentDocument::Progress& progress) {
    if (part >= parts.readings.size()) return parts.segments->open(part);  // which says why not
    if (!parts.segments->isHeld(part)) {
        if (Result<void> entered = enterPart(parts, part, order, stop); !entered) return entered;
    }
    Reading& reading = parts.readings[part];
    reading.restore(false, stop, {});
    const ResidentDocument& resident = *parts.segments->place(part);
    if (progress) progress(resident.earlyRows(), resident.size());
    Result<void> done = guarded([&] { return reading.readEarly(*m_runner, stop, progress); });
    // Before the next part's: where the disk has no room for all, whole parts are kept.
    if (done && reading.pieces != nullptr) reading.pieces->saveAndWait();
    return done;
}

std::int64_t AnswerEngine::mostCarried() const {
    return onGpu() ? kCarriedOnGpu : kCarriedOnCpu;
}

/// How many of the `wanted` tokens may be chosen, besides what is pinned: as many as memory holds, after
/// documents that were used earlier have left. Where it holds hardly any, the least: gathering them then says
/// what is missing.
Result<std::int64_t> AnswerEngine::roomForChosen(const ReadParts& parts, std::int64_t wanted,
                                                 const Policy& choosing, const std::stop_token& stop) {
    const ModelConfig& model = m_model->config();
    const std::int64_t besides = countPositions(choosing.pins);
    const auto bytes = [&](std::int64_t chosen) {
        return chosenBytes(model, chosenRows(parts.prefix, std::ssize(parts.tokens), chosen + besides));
    };
    const Result<void> made =
        makeRoom({withReserve(bytes(wanted)), withReserve(bytes(kCarriedOnCpu))}, parts.used, stop);
    if (!made) return tl::unexpected(made.error());
    const std::size_t free = withoutReserve(m_backend->freeMemory());
    if (bytes(wanted) <= free) return wanted;
    const auto none = static_cast<double>(chosenBytes(model, 0));
    const double each = (static_cast<double>(chosenBytes(model, model.window)) - none) / model.window;
    const auto rows = static_cast<std::int64_t>((static_cast<double>(free) - none) / each);
    return std::min(wanted, std::max(rows - parts.prefix - besides - kFound - kLooked, kLeastCarried));
}

Result<AskOutcome> AnswerEngine::askParts(const ReadParts& parts, const AskRequest& request,
                                          const std::stop_token& stop, const OnText& onText) {
    return withRoom(parts.used, stop,
                    [&] { return guarded([&] { return answerParts(parts, request, stop, onText); }); });
}

Result<AskOutcome> AnswerEngine::answerParts(const ReadParts& parts, const AskRequest& request,
                                             const std::stop_token& stop, const OnText& onText) {
    const Clock::time_point begin = Clock::now();
    const ModelConfig& model = m_model->config();
    const Result<std::string> question = checkedQuestion(request.question);
    if (!question) return tl::unexpected(question.error());
    // It is asked behind each part, and behind the chosen tokens, which leave room for it.
    const EarlierTurns earlier = earlierTurns(*question, request, longestPart(parts));
    const QuestionPiece piece = m_prompts->question(*question, earlier);
    Result<Policy> choosing = choosingPolicy(model, parts, request.pins);
    if (!choosing) return tl::unexpected(choosing.error());
    // What is repeated is chosen too, so that it can be cited; what is pinned comes on top.
    const std::int64_t room = model.window - parts.prefix - std::ssize(piece.tokens) - request.maxTokens -
                              2 * (kFound + kLooked) - kBetween - countPositions(choosing->pins);
    if (room < 1 && !choosing->pins.empty()) {
        return fail(ErrorCode::TooLarge, "The pins leave no room in the model's window.",
                    std::to_string(1 - room) + " tokens too many", "Remove some pins and ask again.");
    }
    const PromptLayout whole{parts.prefix, parts.prefix + std::ssize(parts.tokens),
                             parts.prefix + std::ssize(parts.tokens) + std::ssize(piece.tokens),
                             parts.prefix + std::ssize(parts.tokens) + piece.turnTokens};
    // Who names a share or a number means that; coverage is not known before the parts are joined.
    const bool named = request.policy && request.policy->name == "fixed";
    const std::int64_t wanted = named ? request.policy->carriedTarget(whole) : mostCarried();
    const Result<std::int64_t> most = roomForChosen(
        parts, std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(room, 1)), *choosing, stop);
    if (!most) return tl::unexpected(most.error());
    choosing->window = choosing->windowRows(whole);
    Result<SegmentChoice> choice = chooseFromSegments(*m_runner, *parts.segments, piece.tokens, *choosing,
                                                      lookLayer(parts.segments->tspLayer()), *most, stop);
    if (!choice) return tl::unexpected(choice.error());
    const std::vector<std::int64_t> repeated = repeatedTokens(parts, request, *choice);
    choice->tokens = united(choice->tokens, repeated);
    Result<std::unique_ptr<ResidentDocument>> resident =
        gatherChosen(*m_runner, *parts.segments, choice->tokens, stop);
    if (!resident) return tl::unexpected(resident.error());
    ReadDocument chosen;
    chosen.tokenised = tokenisedChoice(parts, choice->tokens);
    chosen.passages = onlyTokens(parts.passages, chosen.tokenised.tokens);
    chosen.resident = std::move(*resident);
    chosen.chosen = true;
    const double choosingMs = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    AskRequest asked = request;
    asked.mode = AnswerMode::Quick;
    asked.passages = bytesOf(parts, repeated);
    asked.foundTokens = std::ssize(repeated);
    asked.lookedTokens = 0;
    Result<AskOutcome> outcome = answer(chosen, asked, {}, stop, onText);
    if (!outcome) return outcome;
    outcome->trace.timings.earlyMs += choosingMs;
    spreadTrace(outcome->trace, parts, *choice);
    outcome->trace.policy.pins = choosing->pins;
    Answer& answer = outcome->answer;
    answer.mode = AnswerMode::Parts;
    answer.parts = parts.read();
    answer.figures.promptTokens = outcome->trace.layout.length;
    if (answer.figures.firstTokenMs > 0) answer.figures.firstTokenMs += choosingMs;
    parts.documents.placeInDocuments(answer);
    return outcome;
}

}  // namespace kvasir
