// kvasir-cli ask: read what is not resident yet, answer, cite, remember.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iterator>

#include "app/answer_engine.h"
#include "app/cli/ask_after.h"
#include "app/cli/ask_parts.h"
#include "app/cli/ask_pins.h"
#include "app/cli/ask_policy.h"
#include "app/cli/ask_print.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/library.h"
#include "app/model_calibration.h"
#include "app/model_catalogue.h"
#include "app/pins.h"
#include "app/reader/reader_client.h"
#include "app/reading_clock.h"
#include "app/store/piece_store.h"
#include "app/store/store.h"

namespace kvasir::cli {
namespace {

/// One question from the command line to the printed answer. Each step gives an error or the next one's
/// input.
class Asking {
public:
    explicit Asking(const AskArguments& arguments) : m_arguments(arguments) {}

    Result<void> run() {
        if (Result<void> checked = check(); !checked) return checked;
        if (Result<void> opened = openStore(); !opened) return opened;
        if (Result<void> found = findAfter(); !found) return found;
        if (Result<void> read = readFiles(); !read) return read;
        if (Result<void> pinned = choosePins(m_arguments, *m_reader, m_files); !pinned) return pinned;
        m_request.pins = m_files.front().pins;
        if (Result<void> loaded = loadModel(); !loaded) return loaded;
        Result<void> asked = ask();
        if (asked) return asked;
        const std::string why = m_engine->whyProcessor(asked.error());
        if (why.empty()) return asked;
        if (Result<void> loaded = loadOnProcessor(why); !loaded) return loaded;
        return ask();
    }
    /// For when run() failed: 2 for wrong usage, else 1.
    int status() const { return m_status; }

private:
    tl::unexpected<Error> invalid(const std::string& what, const std::string& advice) {
        m_status = 2;
        return fail(ErrorCode::InvalidArgument, what, "", advice);
    }

    Result<void> check() {
        if (m_arguments.words.size() < 2)
            return invalid("A document and a question are needed.",
                           "Write: kvasir-cli ask DOCUMENT... \"QUESTION\"");
        m_paths.assign(m_arguments.words.begin(), m_arguments.words.end() - 1);
        for (const std::filesystem::path& path : m_paths) {
            std::error_code ignored;
            if (m_paths.size() == 1 || std::filesystem::exists(path, ignored)) continue;
            return invalid(
                "There is no file '" + path.string() + "'.",
                "Write: kvasir-cli ask DOCUMENT... \"QUESTION\", the question in quotation marks.");
        }
        m_request.question = m_arguments.words.back();
        m_request.maxTokens = m_arguments.maxTokens;
        if (m_request.question.find_first_not_of(" \t\r\n") == std::string::npos) {
            return fail(ErrorCode::Empty, "The question is empty.", "",
                        "Write it after the document, in quotation marks.");
        }
        m_request.sampling = m_arguments.sampling;
        if (Result<void> sampling = m_request.sampling.check(); !sampling) {
            m_status = 2;
            return sampling;
        }
        const auto share = [](const std::optional<double>& value) {
            return !value || (*value > 0 && *value <= 1);
        };
        if (!share(m_arguments.rate) || !share(m_arguments.retention) || !share(m_arguments.coverage)) {
            return invalid("Shares lie between 0 and 1.", "Write for example --rate 0.2.");
        }
        if (int{m_arguments.rate.has_value()} + int{m_arguments.coverage.has_value()} +
                int{m_arguments.carried.has_value()} >
            1) {
            return invalid("What is carried is given in more than one way.",
                           "Give one of --rate, --carried and --coverage.");
        }
        return checkPins();
    }

    Result<void> checkPins() {
        for (const std::string& words : m_arguments.pins) {
            if (words.find_first_not_of(" \t\r\n") == std::string::npos)
                return invalid("There is nothing to be pinned.", "Write words of the document after --pin.");
        }
        for (const std::string& lines : m_arguments.pinLines) {
            if (areLines(lines)) continue;
            return invalid("The lines '" + lines + "' cannot be read.",
                           "Write the page, a colon, the first and the last line: --pin-lines 3:12-14.");
        }
        if (m_paths.size() > 1 && !m_arguments.pinLines.empty()) {
            return invalid("Lines are counted in one document, and there are several.",
                           "Name the passage by its words, with --pin.");
        }
        return {};
    }

    Result<void> openStore() {
        const Result<std::filesystem::path> folder = Store::defaultFolder();
        if (!folder) return tl::unexpected(folder.error());
        StoreOptions options;
        options.folder = *folder;
        Result<std::unique_ptr<Store>> store = Store::open(std::move(options));
        if (!store) return tl::unexpected(store.error());
        m_store = std::move(*store);
        if (m_store->notice()) std::fprintf(stderr, "kvasir-cli: %s\n", m_store->notice()->message().c_str());
        Result<std::unique_ptr<StoreReader>> reader = m_store->reader();
        if (!reader) return tl::unexpected(reader.error());
        m_reader = std::move(*reader);
        m_library.emplace(*m_store);
        const Result<std::optional<std::string>> budget = m_reader->setting(PieceStore::kBudgetSetting);
        PieceStore::Options kept;
        kept.budget = PieceStore::budgetOf(budget ? budget->value_or("") : "", *m_store);
        kept.onError = [](const Error& error) {
            std::fprintf(stderr, "kvasir-cli: %s\n", error.message().c_str());
        };
        m_pieces.emplace(*m_store, std::move(kept));
        return {};
    }

    Result<void> findAfter() {
        Result<AskedAfter> after = AskedAfter::find(*m_reader, m_arguments.after);
        if (!after) return tl::unexpected(after.error());
        m_after = std::move(*after);
        m_request.turns = m_after.turns();
        return {};
    }

    /// Documents that cannot be read are said and left out, as long as there are others.
    Result<void> readFiles() {
        for (const std::filesystem::path& path : m_paths) {
            AskedFile file;
            file.path = path;
            const Result<void> read = readFile(file);
            if (!read && (m_paths.size() == 1 || read.error().code == ErrorCode::Cancelled)) return read;
            if (read) {
                m_files.push_back(std::move(file));
            } else {
                m_progress.finish();
                std::fprintf(stderr, "kvasir-cli: %s\n", read.error().message().c_str());
                m_failed.push_back({path, read.error()});
            }
        }
        if (m_files.empty()) return tl::unexpected(m_failed.front().error);
        m_document = m_files.front().document;
        m_documentRow = m_files.front().row;
        std::vector<RowId> rows;
        std::ranges::transform(m_files, std::back_inserter(rows), &AskedFile::row);
        return m_after.check(rows, *m_reader);
    }

    Result<void> readFile(AskedFile& file) {
        Result<Document> document = readDocument(
            file.path, m_arguments.password,
            [&](const Document&, std::uint64_t done, std::uint64_t of) {
                m_progress.show("Opening " + file.path.filename().string(),
                                of > 0 ? static_cast<double>(done) / static_cast<double>(of) : -1, -1);
            },
            m_stop.token());
        if (!document) return tl::unexpected(document.error());
        if (document->words.empty() && m_paths.size() > 1) {
            return fail(ErrorCode::Empty, "There is no text in this document.", document->name,
                        "If its pages are pictures, have their text recognised first.");
        }
        file.document = std::make_shared<const Document>(std::move(*document));
        const Result<RowId> row = m_library->remember(*file.document, file.path);
        if (!row) return tl::unexpected(row.error());
        file.row = *row;
        return m_library->index(*row, file.document);
    }

    /// Whole where window and memory hold it, else in parts.
    Result<void> ask() {
        if (m_files.size() > 1) return askInParts();
        Result<void> read = readWithModel();
        if (!read && m_read == nullptr && canBeInParts(read.error())) return askInParts();
        if (!read) return read;
        Result<void> kept = answer();
        if (!m_draft) return kept;
        if (kept && wantsConfirmation()) kept = confirm();
        if (m_arguments.json) printJson();
        std::fflush(stdout);  // before the rest is kept
        if (m_read->pieces != nullptr) m_read->pieces->finish();
        return kept;
    }

    /// Who asks for the full reading gets it from the processor where the GPU's memory is too small for it.
    bool canBeInParts(const Error& error) const {
        if (error.code == ErrorCode::TooLarge) return true;
        if (error.code != ErrorCode::OutOfMemory) return false;
        if (m_arguments.mode == "full" && !m_engine->whyProcessor(error).empty()) return false;
        std::fprintf(stderr, "kvasir-cli: %s It is read in parts.\n", error.what.c_str());
        return true;
    }

    Result<void> askInParts() {
        m_request.policy = policyOf(m_arguments, m_engine->model().config());
        PartsAsking asking({m_arguments, m_request, *m_store, *m_reader, *m_library, *m_engine, m_progress,
                            m_stop.token(), m_files, m_failed, m_after});
        return asking.run();
    }

    Result<void> loadModel() {
        const Result<std::filesystem::path> path = findModel(m_arguments.model);
        if (!path) return tl::unexpected(path.error());
        return use(AnswerEngine::create(*path, m_arguments.threads, loading()));
    }

    /// What was read and asked on the device begins anew.
    Result<void> loadOnProcessor(const std::string& why) {
        m_progress.finish();
        m_read.reset();
        return use(
            AnswerEngine::createOnProcessor(m_engine->model().path(), m_arguments.threads, why, loading()));
    }

    std::function<bool(double share)> loading() {
        return [this](double share) {
            m_progress.show("Loading the model", share, -1);
            return !m_stop.token().stop_requested();
        };
    }

    Result<void> use(Result<std::unique_ptr<AnswerEngine>> engine) {
        if (!engine) return tl::unexpected(engine.error());
        m_engine = std::move(*engine);
        if (const Result<std::filesystem::path> folder = Store::defaultFolder())
            m_engine->useCalibration(*folder / kCalibrationFolder);
        m_engine->keepReadings(&*m_pieces);
        if (!m_engine->deviceNote().empty())
            std::fprintf(stderr, "kvasir-cli: The processor answers. %s\n", m_engine->deviceNote().c_str());
        return {};
    }

    Result<void> readWithModel() {
        m_request.policy = policyOf(m_arguments, m_engine->model().config());
        m_request.mode = m_arguments.mode == "full" ? AnswerMode::Full : AnswerMode::Quick;
        Result<std::unique_ptr<ReadDocument>> read = m_engine->prepare(m_document);
        if (!read) return tl::unexpected(read.error());
        m_read = std::move(*read);
        m_request.passages = searchedPassages(*m_reader, m_documentRow, m_request.question, m_request.turns);
        std::fprintf(stderr, "%s\n", m_read->memory.sentence.c_str());
        const auto begin = ReadingClock::Clock::now();
        m_read->restore(m_arguments.mode != "quick", m_stop.token(),
                        [&](std::int64_t done, std::int64_t all) {
                            m_progress.show("Taking what was read before",
                                            static_cast<double>(done) / static_cast<double>(all), -1);
                        });
        // Where the full reading was kept, its answer comes at once.
        if (m_arguments.mode == "auto" && m_read->resident->fullDone()) m_request.mode = AnswerMode::Full;
        Result<void> done = m_engine->readEarly(*m_read, m_stop.token(),
                                                step("First reading", m_read->resident->earlyRows()));
        if (m_request.mode == AnswerMode::Full && !m_request.pins.empty())
            std::fprintf(stderr, "Nothing is left out of a full reading: pins change nothing there.\n");
        if (done && m_request.mode == AnswerMode::Full) {
            done = m_engine->readLate(*m_read, m_stop.token(),
                                      step("Full reading", m_read->resident->lateRows()));
        }
        m_readMs = std::chrono::duration<double, std::milli>(ReadingClock::Clock::now() - begin).count();
        return done;
    }

    /// Shows how far a reading is that begins behind `from` tokens.
    ResidentDocument::Progress step(const std::string& name, std::int64_t from) {
        ReadingClock clock;
        clock.start(from);
        return [this, name, clock](std::int64_t done, std::int64_t all) mutable {
            clock.advance(done);
            m_progress.show(name, static_cast<double>(done) / static_cast<double>(all),
                            clock.secondsLeft(all));
        };
    }

    Result<void> answer() {
        const Result<AskedAfter::Place> place =
            m_after.place(*m_library, *m_reader, m_documentRow, m_request.question);
        if (!place) return tl::unexpected(place.error());
        m_conversation = place->conversation;
        Answer asked;
        asked.after = place->after;
        asked.question = m_request.question;
        asked.mode = m_request.mode;
        asked.askedAt = nowMs();
        const Result<RowId> row =
            m_library->begin(m_conversation, asked, m_engine->model().config().name).get();
        if (!row) return tl::unexpected(row.error());
        m_progress.show("Looking for the answer", -1, -1);
        std::size_t shown = 0;
        Result<AskOutcome> outcome =
            m_engine->ask(*m_read, m_request, m_stop.token(), [&](std::string_view text) {
                if (shown == 0) m_progress.finish();
                m_store->saveAnswer(*row, std::string(text));
                if (!m_arguments.json) {
                    std::fwrite(text.data() + shown, 1, text.size() - shown, stdout);
                    std::fflush(stdout);
                }
                shown = text.size();
            });
        m_progress.finish();
        if (!outcome && shown > 0 && !m_arguments.json) std::printf("\n");  // what comes next begins anew
        Answer failedAnswer;
        failedAnswer.question = m_request.question;
        failedAnswer.state = AnswerState::Failed;
        if (!outcome) failedAnswer.error = outcome.error();
        Answer& answer = outcome ? outcome->answer : failedAnswer;
        answer.id = answerId(*row);
        answer.after = asked.after;
        answer.askedAt = asked.askedAt;
        answer.figures.readMs = m_readMs;
        Result<void> kept =
            m_library->finish(*row, m_conversation, answer, outcome ? outcome->trace : AnswerTrace{},
                              m_engine->model().config().name);
        if (!outcome) return tl::unexpected(outcome.error());
        if (!m_arguments.json) printBelow({m_document}, answer);
        std::fflush(stdout);  // the answer is read while the check goes on, also through a pipe
        m_draft = std::move(*outcome);
        m_draftRow = *row;
        return kept;
    }

    bool wantsConfirmation() const {
        return m_arguments.mode == "auto" && m_request.mode == AnswerMode::Quick &&
               m_draft->answer.state == AnswerState::Complete;
    }

    /// The full reading, and what it makes of the quick answer. It may be stopped: the quick answer is there.
    Result<void> confirm() {
        const auto begin = ReadingClock::Clock::now();
        Result<void> read =
            m_engine->readLate(*m_read, m_stop.token(), step("Full reading", m_read->resident->lateRows()));
        m_fullReadMs = std::chrono::duration<double, std::milli>(ReadingClock::Clock::now() - begin).count();
        if (read) m_progress.show("Checking the answer", -1, -1);
        Result<ConfirmOutcome> outcome = read
                                             ? m_engine->confirm(*m_read, m_request, *m_draft, m_stop.token())
                                             : Result<ConfirmOutcome>(tl::unexpected(read.error()));
        m_progress.finish();
        if (!outcome) {
            const Error& error = outcome.error();
            std::fprintf(stderr, "kvasir-cli: The answer was not checked. %s\n", error.message().c_str());
            return {};
        }
        Answer& full = outcome->full.answer;
        full.question = m_request.question;
        full.after = m_draft->answer.after;
        full.askedAt = nowMs();
        const Result<RowId> row = m_library->keepCheck(m_draftRow, m_conversation, outcome->check, full,
                                                       outcome->full.trace, m_engine->model().config().name);
        if (row && *row != 0) outcome->check.answer = full.id = answerId(*row);
        m_draft->answer.check = outcome->check;
        m_full = std::move(outcome->full);
        if (!m_arguments.json) printCheck();
        if (!row) return tl::unexpected(row.error());
        return {};
    }

    void printCheck() const {
        const AnswerCheck& check = *m_draft->answer.check;
        switch (check.verdict) {
            case Verdict::SameWords:
                std::printf("Full reading: same words");
                break;
            case Verdict::SameFacts:
                std::printf("Full reading: same facts, other words");
                break;
            case Verdict::Different:
                std::printf("Full reading: different");
                break;
        }
        std::printf("%s%s (after %.0f s of reading, checked in %.1f s)\n",
                    check.eightBit ? ", 8-bit memory" : "", check.sampled ? ", drawn with the same seed" : "",
                    m_fullReadMs / 1000, check.ms / 1000);
        if (check.verdict == Verdict::SameWords) return;
        std::printf("\n%s", m_full->answer.text.c_str());
        printBelow({m_document}, m_full->answer);
        if (check.verdict != Verdict::Different || check.looked.empty()) return;
        std::printf("Looked at most by the full reading, and not carried in the quick answer:\n");
        for (const LookedAt& looked : check.looked) {
            std::printf("  %s: %s\n", placeName(*m_document, looked.page, looked.line).c_str(),
                        looked.quote.c_str());
        }
    }

    Json lookedAt(const AnswerCheck& check) const {
        Json list = Json::array();
        for (const LookedAt& looked : check.looked) {
            list.push_back({{"page", looked.page + 1},
                            {"line", lineOf(*m_document, looked.page, looked.line)},
                            {"share", looked.share},
                            {"quote", looked.quote}});
        }
        return list;
    }

    Json documents() const {
        Json list = Json::array();
        list.push_back(
            {{"document", m_document->name}, {"answer_id", m_draft->answer.id}, {"error", Json()}});
        for (const FailedFile& file : m_failed) {
            list.push_back({{"document", file.path.filename().string()},
                            {"answer_id", Json()},
                            {"error", toJson(file.error)}});
        }
        return list;
    }

    /// The answer that stands, and the draft where it is another.
    void printJson() const {
        const std::optional<AnswerCheck>& check = m_draft->answer.check;
        const bool replaced = check && check->verdict != Verdict::SameWords;
        const Answer& answer = replaced ? m_full->answer : m_draft->answer;
        Json draft;
        if (replaced) {
            draft = {{"answer", m_draft->answer.text},
                     {"citations", citationsJson({m_document}, m_draft->answer)},
                     {"mode", modeName(m_draft->answer.mode)},
                     {"answer_id", m_draft->answer.id}};
        }
        Json missing = Json::array();
        for (const std::int32_t page : answer.missingPages)
            missing.push_back(page + 1);
        print({{"answer", answer.text},
               {"citations", citationsJson({m_document}, answer)},
               {"answerable", answer.answerable},
               {"mode", modeName(answer.mode)},
               {"confirmed", check.has_value() || answer.mode == AnswerMode::Full},
               {"verdict", check ? Json(verdictName(check->verdict)) : Json()},
               {"draft", draft},
               {"looked_at", check ? lookedAt(*check) : Json::array()},
               {"after", answer.after.empty() ? Json() : Json(answer.after)},
               {"turns", turnsJson(answer.turns)},
               {"parts", partsJson(answer.parts)},
               {"documents", documents()},
               {"pins", pinsJson(m_files)},
               {"finish", finishName(answer.finish)},
               {"stopped", answer.state == AnswerState::Stopped},
               {"prompt_tokens", answer.figures.promptTokens},
               {"restored_tokens", m_read->restoredTokens()},
               {"carried_tokens", answer.figures.carriedTokens},
               {"ttft_ms", m_draft->answer.figures.firstTokenMs},
               {"read_ms", m_draft->answer.figures.readMs},
               {"full_read_ms", check ? Json(m_fullReadMs) : Json()},
               {"check_ms", check ? Json(check->ms) : Json()},
               {"decode_tokens_per_s", answer.figures.decodeTokensPerSecond},
               {"missing_pages", missing},
               {"answer_id", answer.id}});
    }

    const AskArguments& m_arguments;
    InterruptStop m_stop;
    ProgressLine m_progress;
    std::vector<std::filesystem::path> m_paths;
    std::vector<AskedFile> m_files;  ///< that were read
    std::vector<FailedFile> m_failed;
    AskRequest m_request;
    std::unique_ptr<Store> m_store;
    std::unique_ptr<StoreReader> m_reader;
    std::optional<Library> m_library;
    std::optional<PieceStore> m_pieces;
    std::shared_ptr<const Document> m_document;  ///< the first
    RowId m_documentRow = 0;
    std::unique_ptr<AnswerEngine> m_engine;
    std::unique_ptr<ReadDocument> m_read;
    double m_readMs = 0, m_fullReadMs = 0;
    std::optional<AskOutcome> m_draft, m_full;  ///< the first answer; what the full reading writes
    RowId m_draftRow = 0;
    AskedAfter m_after;
    Library::Conversation m_conversation;
    int m_status = 1;
};

}  // namespace

int ask(const AskArguments& arguments) {
    Asking asking(arguments);
    const Result<void> done = asking.run();
    if (done) return 0;
    failed(done.error(), arguments.json);
    return asking.status();
}

}  // namespace kvasir::cli
