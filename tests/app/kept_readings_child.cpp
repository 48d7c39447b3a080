// Reads documents with a tiny model and answers about them, as told by its arguments; killed while it does.
//   kept_readings_child fresh MODEL          without a store, each document once
//   kept_readings_child once FOLDER MODEL    with the store of FOLDER, each document once
//   kept_readings_child work FOLDER MODEL    the same, without end
// Says for each document 'answer NUMBER HASH RESTORED': HASH is over all that the quick and the full answer
// left, RESTORED counts the tokens that came from the disk. 'once' ends with 'kept BYTES'.
#include <cstdio>
#include <cstring>
#include <string>

#include "app/answer_engine.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "engine/sha256.h"
#include "tests/app/app_support.h"

namespace kvasir {
namespace {

constexpr int kDocuments = 4;
constexpr int kLong = 3;  // the one that is read in parts

std::shared_ptr<const Document> document(int number) {
    std::string text =
        number == 1 ? "" : "The same beginning of two documents, long enough for some pieces. ";
    while (number != 1 && text.size() < 700)
        text += "Item " + std::to_string(text.size()) + " costs nothing. ";
    while (text.size() < (number == kLong ? 2600 : 1150 + 100 * static_cast<std::size_t>(number)))
        text += "Line " + std::to_string(text.size() * 7 + static_cast<std::size_t>(number)) + ". ";
    DocumentBuilder builder(DocumentKind::Text, "text.txt", {{0, 0}});
    if (!builder.addText(text)) return nullptr;
    return std::make_shared<const Document>(builder.finish(std::string(64, static_cast<char>('a' + number))));
}

template <typename T>
void add(Sha256& sum, const std::vector<T>& values) {
    sum.add(std::as_bytes(std::span(values)));
}

AskRequest requestOf(const AnswerEngine& engine, AnswerMode mode) {
    AskRequest request;
    request.question = "What does it cost?";
    request.maxTokens = 6;
    request.lookedTokens = 0;  // six tokens, many times: not to wait
    request.mode = mode;
    if (mode == AnswerMode::Quick) {
        request.policy = Policy::fixedLength(engine.model().config(), 300);
        request.policy->retentionPerMille = 400;
    }
    return request;
}

bool addAnswer(const Result<AskOutcome>& outcome, Sha256& sum) {
    if (!outcome) return false;
    add(sum, outcome->tokens);
    add(sum, outcome->trace.carried);
    add(sum, outcome->trace.scores);
    add(sum, outcome->trace.attention);
    for (const auto& layer : outcome->trace.kept) {
        for (const auto& head : layer)
            add(sum, head);
    }
    return true;
}

bool answer(AnswerEngine& engine, const ReadDocument& read, AnswerMode mode, Sha256& sum) {
    return addAnswer(engine.ask(read, requestOf(engine, mode), {}, [](std::string_view) {}), sum);
}

void say(int number, const Sha256& sum, std::int64_t restored) {
    std::printf("answer %d %s %lld\n", number, hexadecimal(sum.digest()).c_str(),
                static_cast<long long>(restored));
    std::fflush(stdout);
}

bool readAndAnswerInParts(AnswerEngine& engine, const std::shared_ptr<const Document>& text, int number) {
    const Result<std::unique_ptr<ReadParts>> parts = engine.prepareParts({text});
    if (!parts) return std::fprintf(stderr, "%s\n", parts.error().message().c_str()), false;
    const std::vector<std::size_t> order = rankParts(**parts, {});
    engine.notePartsAsked(**parts, order);
    while (const std::optional<std::size_t> next = nextPart(**parts, order)) {
        if (!engine.readPart(**parts, *next, order, {}, {})) return false;
    }
    Sha256 sum;
    const AskRequest request = requestOf(engine, AnswerMode::Quick);
    if (!addAnswer(engine.askParts(**parts, request, {}, [](std::string_view) {}), sum)) return false;
    say(number, sum, (*parts)->restoredTokens());
    return true;
}

bool readAndAnswer(AnswerEngine& engine, Store* store, int number) {
    const std::shared_ptr<const Document> text = document(number);
    if (text == nullptr) return false;
    if (store != nullptr && !Library(*store).remember(*text, "text.txt")) return false;
    if (number == kLong) return readAndAnswerInParts(engine, text, number);
    const Result<std::unique_ptr<ReadDocument>> read = engine.prepare(text);
    if (!read) return std::fprintf(stderr, "%s\n", read.error().message().c_str()), false;
    (*read)->restore(true, {}, {});
    Sha256 sum;
    const bool good = engine.readEarly(**read, {}, {}) && answer(engine, **read, AnswerMode::Quick, sum) &&
                      engine.readLate(**read, {}, {}) && answer(engine, **read, AnswerMode::Full, sum);
    if (!good) return false;
    say(number, sum, (*read)->restoredTokens());
    return true;
}

int run(const std::string& mode, const std::string& folder, const std::string& model) {
    Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::create(model, 2, {});
    if (!engine) return std::fprintf(stderr, "%s\n", engine.error().message().c_str()), 1;
    std::unique_ptr<Store> store;
    std::optional<PieceStore> pieces;
    if (mode != "fresh") {
        Result<std::unique_ptr<Store>> opened = Store::open({folder, std::chrono::milliseconds(20), {}});
        if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message().c_str()), 1;
        store = std::move(*opened);
        // Not for all of them: some are removed all the time.
        pieces.emplace(*store, PieceStore::Options{std::int64_t{5} << 20, {}, {}});
        (*engine)->keepReadings(&*pieces);
    }
    for (int i = 0; mode == "work" || i < kDocuments; ++i) {
        if (!readAndAnswer(**engine, store.get(), i % kDocuments)) return 1;
        if (mode == "work" && i % 11 == 10) pieces->removeAll();
    }
    if (!pieces) return 0;
    pieces->flush();
    std::printf("kept %lld\n", static_cast<long long>(pieces->usedBytes()));
    return 0;
}

}  // namespace
}  // namespace kvasir

int main(int argc, char** argv) {
    const bool fresh = argc == 3 && std::strcmp(argv[1], "fresh") == 0;
    if (!fresh && argc != 4) return 2;
    return kvasir::run(argv[1], argv[2], argv[argc - 1]);
}
