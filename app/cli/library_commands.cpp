// Commands about what is kept: ingest, inspect, sessions.
#include <chrono>
#include <cstdio>
#include <fstream>

#include "app/answer_engine.h"
#include "app/archive.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/trace_page.h"
#include "app/library.h"
#include "app/reader/reader_client.h"
#include "app/store/store.h"

namespace kvasir::cli {
namespace {

const char* statusName(PageStatus status) {
    switch (status) {
        case PageStatus::Text:
            return "text";
        case PageStatus::Blank:
            return "blank";
        case PageStatus::Picture:
            return "picture";
        case PageStatus::Locked:
            return "locked";
        case PageStatus::Stopped:
            return "stopped";
        case PageStatus::Failed:
            return "failed";
    }
    return "failed";
}

Json pageReports(const Document& document) {
    Json reports = Json::array();
    for (std::size_t i = 0; i < document.pages.size(); ++i) {
        Json report = {{"page", i + 1}, {"status", statusName(document.pages[i].status)}};
        if (!document.pages[i].note.empty()) report["note"] = document.pages[i].note;
        reports.push_back(std::move(report));
    }
    return reports;
}

Result<std::unique_ptr<StoreReader>> openReader() {
    const Result<std::filesystem::path> folder = Store::defaultFolder();
    if (!folder) return tl::unexpected(folder.error());
    return StoreReader::open(*folder);
}

/// Reads one file into the store; the JSON says what became of it.
Json ingestOne(const std::string& path, const IngestArguments& arguments, Library& library,
               const std::stop_token& stop) {
    const auto begin = std::chrono::steady_clock::now();
    ProgressLine progress;
    Result<Document> document = readDocument(
        path, arguments.password,
        [&](const Document&, std::uint64_t done, std::uint64_t of) {
            progress.show("Reading " + path,
                          of > 0 ? static_cast<double>(done) / static_cast<double>(of) : -1, -1);
        },
        stop);
    progress.finish();
    Result<void> kept;
    std::shared_ptr<const Document> text;
    if (document) {
        text = std::make_shared<const Document>(std::move(*document));
        const Result<RowId> row = library.remember(*text, path);
        if (row) kept = library.index(*row, text);
        if (!row) kept = tl::unexpected(row.error());
    } else {
        kept = tl::unexpected(document.error());
    }
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const bool all =
        text != nullptr && std::all_of(text->pages.begin(), text->pages.end(), [](const Page& page) {
            return page.status == PageStatus::Text || page.status == PageStatus::Blank;
        });
    return {{"document", path},
            {"status", !kept ? "failed"
                       : all ? "complete"
                             : "partial"},
            {"pages", text != nullptr ? text->pages.size() : 0},
            {"characters", text != nullptr ? text->text.size() : 0},
            {"tokens", nullptr},  // known to a model only: `ask` counts them
            {"page_reports", text != nullptr ? pageReports(*text) : Json::array()},
            {"error", kept ? Json(nullptr) : toJson(kept.error())},
            {"ms", ms}};
}

void describe(const Json& row) {
    if (row["status"] == "failed") {
        const Json& error = row["error"];
        const Error told{ErrorCode::Internal, error["what"], error["where"], error["advice"]};
        std::fprintf(stderr, "kvasir-cli: %s\n", told.message().c_str());
        return;
    }
    std::printf("%s: %d pages, %d characters, %.1f s\n", row["document"].get<std::string>().c_str(),
                row["pages"].get<int>(), row["characters"].get<int>(), row["ms"].get<double>() / 1000);
    for (const Json& page : row["page_reports"]) {
        if (page.contains("note"))
            std::printf("  page %d: %s\n", page["page"].get<int>(), page["note"].get<std::string>().c_str());
    }
}

}  // namespace

int ingest(const IngestArguments& arguments) {
    const InterruptStop stop;
    const Result<std::filesystem::path> folder = Store::defaultFolder();
    if (!folder) return failed(folder.error(), arguments.json);
    StoreOptions options;
    options.folder = *folder;
    const Result<std::unique_ptr<Store>> store = Store::open(std::move(options));
    if (!store) return failed(store.error(), arguments.json);
    Library library(**store);
    Json rows = Json::array();
    bool good = true;
    for (const std::string& path : arguments.documents) {
        rows.push_back(ingestOne(path, arguments, library, stop.token()));
        good = good && rows.back()["status"] != "failed";
        if (!arguments.json) describe(rows.back());
    }
    if (arguments.json) print({{"documents", rows}});
    return good ? 0 : 1;
}

int sessions(bool json) {
    const Result<std::unique_ptr<StoreReader>> reader = openReader();
    if (!reader) {
        if (reader.error().code != ErrorCode::NotFound) return failed(reader.error(), json);
        if (json) print({{"documents", Json::array()}});
        if (!json) std::printf("No document was opened yet.\n");
        return 0;
    }
    const Result<std::vector<DocumentRecord>> documents = (*reader)->documents();
    if (!documents) return failed(documents.error(), json);
    Json rows = Json::array();
    for (const DocumentRecord& document : *documents) {
        Json answers = Json::array(), talks = Json::array();
        const Result<std::vector<ConversationRecord>> conversations = (*reader)->conversations(document.id);
        if (!conversations) return failed(conversations.error(), json);
        for (const ConversationRecord& conversation : *conversations) {
            const Result<std::vector<Exchange>> exchanges = (*reader)->exchanges(conversation.id);
            if (!exchanges) return failed(exchanges.error(), json);
            talks.push_back({{"conversation", conversation.id},
                             {"title", conversation.title},
                             {"begun_at", conversation.createdAt},
                             {"answers", exchanges->size()}});
            for (const Exchange& exchange : *exchanges) {
                answers.push_back({{"answer_id", answerId(exchange.id)},
                                   {"question", exchange.question},
                                   {"answer", exchange.answer},
                                   {"mode", modeName(exchange.mode)},
                                   {"model", exchange.modelName},
                                   {"asked_at", exchange.askedAt},
                                   {"conversation", conversation.id},
                                   {"after", exchange.after == 0 ? Json() : Json(answerId(exchange.after))}});
            }
        }
        rows.push_back({{"document", document.name},
                        {"path", document.path},
                        {"pages", document.pageStatuses.size()},
                        {"sha256", document.sha256},
                        {"conversations", talks},
                        {"answers", answers}});
    }
    if (json) {
        print({{"documents", rows}});
        return 0;
    }
    for (const Json& row : rows) {
        std::printf("%s\n", row["path"].get<std::string>().c_str());
        Json open;
        for (const Json& answer : row["answers"]) {
            // Conversations stand apart.
            if (!open.is_null() && open != answer["conversation"]) std::printf("\n");
            open = answer["conversation"];
            std::printf("  %-5s %s\n        %s\n", answer["answer_id"].get<std::string>().c_str(),
                        answer["question"].get<std::string>().c_str(),
                        answer["answer"].get<std::string>().c_str());
        }
    }
    return 0;
}

int inspect(const std::string& answerId, const std::string& htmlFile, bool json) {
    const Result<std::unique_ptr<StoreReader>> reader = openReader();
    if (!reader) return failed(reader.error(), json);
    const Result<InspectedAnswer> inspected = loadInspectedAnswer(**reader, answerId);
    if (!inspected) return failed(inspected.error(), json);
    if (!htmlFile.empty()) {
        std::ofstream file(htmlFile);
        file << inspectedHtml(*inspected);
        file.close();
        if (!file) {
            return failed({ErrorCode::Unreadable, "The page cannot be written.", htmlFile,
                           "Check the path and the free space."},
                          json);
        }
    }
    const Json report = inspectedJson(*inspected);
    if (json) {
        print(report);
    } else {
        std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    }
    return 0;
}

}  // namespace kvasir::cli
