// Uses a store as told by its arguments and says on standard output what was acknowledged:
//   store_child write FOLDER          writes exchanges until it is killed or refused
//   store_child limited FOLDER BYTES  the same, no file may grow over BYTES
//   store_child hold FOLDER           opens it, says so, and waits for the end of its input
//   store_child read FOLDER           opens it for reading and counts the documents
//   store_child fixture FOLDER        writes one of everything: how tests/fixtures/store was made
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "app/store/store.h"

namespace kvasir {
namespace {

int report(const Error& error) {
    std::printf("error %d %s\n", static_cast<int>(error.code), error.message().c_str());
    std::fflush(stdout);
    return 1;
}

DocumentRecord document() {
    DocumentRecord d;
    d.sha256 = "aa01";
    d.name = "contract.pdf";
    d.path = "/home/someone/contract.pdf";
    d.pageStatuses = {PageStatus::Text, PageStatus::Blank};
    return d;
}

int writeForever(Store& store) {
    const auto added = store.addDocument(document()).get();
    if (!added) return report(added.error());
    const auto conversation = store.addConversation({0, *added, "A title", 5}).get();
    if (!conversation) return report(conversation.error());
    for (int i = 0;; ++i) {
        Exchange e;
        e.conversationId = *conversation;
        e.question = "Question " + std::to_string(getpid()) + "." + std::to_string(i);
        const auto begun = store.beginExchange(e).get();
        if (!begun) return report(begun.error());
        std::printf("begun %lld %s\n", static_cast<long long>(*begun), e.question.c_str());
        std::fflush(stdout);
        e.id = *begun;
        for (int word = 0; word < 30; ++word) {
            e.answer += "word " + std::to_string(word) + " of the answer, ";
            store.saveAnswer(e.id, e.answer);
        }
        if (const auto saved = store.flush(); !saved) return report(saved.error());
        std::printf("saved %lld %zu\n", static_cast<long long>(e.id), e.answer.size());
        std::fflush(stdout);
        e.state = ExchangeState::Complete;
        const auto finished = store.finishExchange(e, {{1, {0, 10}, {{5, 9}}, 0, 1, "word"}}, {}, {}).get();
        if (!finished) return report(finished.error());
        std::printf("finished %lld\n", static_cast<long long>(e.id));
        std::fflush(stdout);
    }
}

int writeFixture(Store& store) {
    const RowId id = *store.addDocument(document()).get();
    auto text = std::make_shared<Document>();
    text->text = "The lease ends on 31 March 2027.\n契約期間は三年とする。";
    text->lines = {{0, 32, 0, 0}, {33, 66, 0, 0}};
    Page page;
    page.end = static_cast<std::uint32_t>(text->text.size());
    page.lastLine = 2;
    text->pages = {page};
    (void)store.indexDocument(id, text).get();
    const RowId conversation = *store.addConversation({0, id, "A title", 5}).get();
    Exchange e;
    e.conversationId = conversation;
    e.question = "When does the lease end?";
    e.id = *store.beginExchange(e).get();
    e.answer = "On 31 March 2027.";
    e.state = ExchangeState::Complete;
    e.ttftMs = 120.5;
    Trace trace;
    trace.tokenMap = *store.addTokenMap(id, {{0, 3}, {3, 9}, {9, 14}}).get();
    trace.promptTokens = 5;
    trace.documentBegin = 1;
    trace.carried = {{0, 2}, {3, 5}};
    trace.scores = {0, 1, 0.5F, 0.25F};
    trace.attention = {0.5F, 0, 1};
    const auto finished =
        store
            .finishExchange(e, {{1, {0, 17}, {{0, 32}}, 0, 0, "The lease ends"}},
                            {{"31 March 2027", 3, 16, CheckedFact::Found::OnCitedPage, 0}}, trace)
            .get();
    if (!finished) return report(finished.error());
    (void)store.setPins(id, {{4, 9}}, 6).get();
    (void)store.setSetting("language", "ja").get();
    (void)store.addMetric({7, e.id, "model", AnswerMode::Quick, 5, 120.5, 900.0, 12.5});
    const auto flushed = store.flush();
    return flushed ? 0 : report(flushed.error());
}

int run(const std::string& mode, const std::string& folder, const char* limit) {
    if (mode == "read") {
        const auto reader = StoreReader::open(folder);
        if (!reader) return report(reader.error());
        const auto documents = (*reader)->documents();
        if (!documents) return report(documents.error());
        std::printf("documents %zu\n", documents->size());
        return 0;
    }
    if (mode == "limited") {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit bytes{std::strtoull(limit, nullptr, 10), RLIM_INFINITY};
        setrlimit(RLIMIT_FSIZE, &bytes);
    }
    StoreOptions options;
    options.folder = folder;
    auto store = Store::open(options);
    if (!store) return report(store.error());
    std::printf("open\n");
    std::fflush(stdout);
    if (mode == "fixture") return writeFixture(**store);
    if (mode != "hold") return writeForever(**store);
    char byte = 0;
    return read(STDIN_FILENO, &byte, 1) < 0 ? 1 : 0;
}

}  // namespace
}  // namespace kvasir

int main(int argc, char** argv) {
    if (argc < 3 || (std::strcmp(argv[1], "limited") == 0 && argc < 4)) return 2;
    return kvasir::run(argv[1], argv[2], argc > 3 ? argv[3] : "");
}
