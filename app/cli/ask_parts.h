// kvasir-cli ask: documents that do not fit the model's window, and several at once.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/answer_engine.h"
#include "app/cli/ask_after.h"
#include "app/cli/ask_print.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/library.h"
#include "app/store/store.h"

namespace kvasir::cli {

struct AskedFile {
    std::filesystem::path path;
    std::shared_ptr<const Document> document;
    RowId row = 0;
    std::vector<ByteRange> pins;  ///< of its text, ascending and apart
};
struct FailedFile {
    std::filesystem::path path;
    Error error;
};

/// Parts are read in the order in which search ranks them for the question. The first answer comes from as
/// many as are read in a short time; the others follow, and the answer is given again when they change it.
class PartsAsking {
public:
    /// All must outlive the object.
    struct Context {
        const AskArguments& arguments;
        AskRequest request;  ///< its passages and pins are placed when the parts are known
        Store& store;
        const StoreReader& reader;
        Library& library;
        AnswerEngine& engine;
        ProgressLine& progress;
        std::stop_token stop;
        const std::vector<AskedFile>& files;
        const std::vector<FailedFile>& failed;
        const AskedAfter& after;
    };
    explicit PartsAsking(const Context& context) : m_context(context) {}

    Result<void> run();

private:
    /// An answer, and where it is kept: an exchange for each document.
    struct Given {
        AskOutcome outcome;
        std::vector<RowId> rows;
    };
    Result<void> prepare();
    Result<void> answer();
    Result<void> readFirst();
    Result<bool> readNext(const std::string& step);
    Result<void> goOn();
    Result<void> giveFirst();
    Result<bool> giveAgain(bool last);
    Result<void> take(Given given);
    Result<AskOutcome> ask(const std::vector<RowId>& rows);
    Result<std::vector<RowId>> begin();
    Result<void> keep(const Given& given);
    Result<void> noteOther(const Given& before, const Given& later);
    std::vector<ByteRange> passages() const;
    void printJson() const;

    Context m_context;
    AskedDocuments m_documents;
    std::vector<AskedAfter::Place> m_places;  ///< where each document's answers are kept
    std::unique_ptr<ReadParts> m_parts;
    std::vector<std::size_t> m_order;
    double m_readMs = 0;
    std::int64_t m_askedAt = 0;
    std::vector<Given> m_given;  ///< each says other things than the one before
    PartsRead m_asked;           ///< parts that the answer that stands was asked of, or stood up to
};

}  // namespace kvasir::cli
