// kvasir-cli eval: questions of a file, or generated ones, under several settings; what was right, and what
// was the same as with full context.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <list>
#include <map>

#include <QTemporaryDir>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/eval/evaluation.h"
#include "app/eval/generators.h"
#include "app/library.h"
#include "app/model_calibration.h"
#include "app/model_catalogue.h"
#include "app/reader/reader_client.h"
#include "app/store/store.h"

namespace kvasir::cli {
namespace {

using eval::Question;
using eval::Row;
using eval::Setting;
using eval::Summary;

Json rowJson(const Row& row) {
    Json places = Json::array();
    for (const Citation& c : row.answer.citations)
        places.push_back({{"page", c.page + 1}, {"line", c.line + 1}, {"quote", c.quote}});
    Json json = {{"id", row.question->id},
                 {"document", row.question->document},
                 {"kind", row.question->kind},
                 {"question", row.question->text},
                 {"setting", row.setting->text},
                 {"after", row.question->after.empty() ? Json() : Json(row.question->after)},
                 {"turns", turnsJson(row.answer.turns)},
                 {"answer", row.answer.text},
                 {"answerable", row.answer.answerable},
                 {"citations", places},
                 {"prompt_tokens", row.answer.figures.promptTokens},
                 {"carried_tokens", row.answer.figures.carriedTokens},
                 {"ttft_ms", row.answer.figures.readMs + row.answer.figures.firstTokenMs},
                 {"decode_tokens_per_s", row.answer.figures.decodeTokensPerSecond}};
    if (row.question->judged) {
        json["expects_answer"] = row.question->expected.answerable();
        json["right"] = row.right;
        json["right_place"] = row.rightPlace;
        json["f1"] = row.f1;
    }
    if (row.verdict) {
        json["verdict"] = verdictName(*row.verdict);
        json["f1_full"] = *row.f1Full;
        if (row.firstDivergence) json["first_token_kl"] = *row.firstDivergence;
    }
    return json;
}

Json summaryJson(const Summary& s) {
    return {{"setting", s.setting->text},
            {"questions", s.questions},
            {"answerable", s.answerable},
            {"right", s.right},
            {"right_place", s.rightPlace},
            {"missed", s.missed},
            {"unanswerable", s.unanswerable},
            {"invented", s.invented},
            {"f1", s.f1},
            {"compared", s.compared},
            {"same_words", s.sameWords},
            {"same_facts", s.sameFacts},
            {"f1_full", s.f1Full},
            {"first_token_kl", s.firstDivergence},
            {"ttft_ms", s.firstTokenMs},
            {"carried_share", s.carriedShare}};
}

std::string of(int part, int whole) {
    return std::to_string(part) + "/" + std::to_string(whole);
}

void printTable(const std::vector<Summary>& summaries) {
    std::printf("%-36s %9s %9s %8s %9s %5s %7s %7s %7s %9s %9s %8s\n", "setting", "right", "place", "missed",
                "invented", "F1", "same", "facts", "F1full", "KL first", "TTFT ms", "carried");
    for (const Summary& s : summaries) {
        const double compared = std::max(s.compared, 1);
        std::printf("%-36s %9s %9s %8s %9s %5.2f ", s.setting->text.c_str(),
                    of(s.right, s.answerable).c_str(), of(s.rightPlace, s.right).c_str(),
                    of(s.missed, s.answerable).c_str(), of(s.invented, s.unanswerable).c_str(), s.f1);
        if (s.compared > 0) {
            std::printf("%6.0f%% %6.0f%% %7.2f %9.4f ", 100 * s.sameWords / compared,
                        100 * (s.sameWords + s.sameFacts) / compared, s.f1Full, s.firstDivergence);
        } else {
            std::printf("%7s %7s %7s %9s ", "", "", "", "");
        }
        std::printf("%9.0f %7.0f%%\n", s.firstTokenMs, 100 * s.carriedShare);
    }
}

/// From the arguments to the judged answers. Each step gives an error or the next one's input.
class EvalRun {
public:
    explicit EvalRun(const EvalArguments& arguments) : m_arguments(arguments) {}

    Result<void> run() {
        if (m_arguments.file.empty() == m_arguments.generators.empty()) {
            return fail(ErrorCode::InvalidArgument, "A file of questions or a generator is needed, not both.",
                        "", "Write kvasir-cli eval FILE.tsv, or kvasir-cli eval --generate needles.");
        }
        if (Result<void> loaded = loadModel(); !loaded) return loaded;
        if (Result<void> opened = openStore(); !opened) return opened;
        m_evaluation.emplace(*m_engine, m_settings, [this](const std::string& step, double share) {
            m_progress.show(step, share, -1);
        });
        Result<void> done = m_arguments.file.empty() ? askGenerated() : askFile();
        m_progress.finish();
        return done;
    }

    void print() const {
        const std::vector<Summary> summaries = eval::summarise(m_evaluation->rows(), m_settings);
        if (!m_arguments.json) return printTable(summaries);
        Json rows = Json::array(), table = Json::array();
        for (const Row& row : m_evaluation->rows())
            rows.push_back(rowJson(row));
        for (const Summary& summary : summaries)
            table.push_back(summaryJson(summary));
        cli::print({{"model", m_engine->model().config().name},
                    {"device", m_engine->deviceName()},
                    {"summary", table},
                    {"rows", rows}});
    }

private:
    Result<void> loadModel() {
        const Result<std::filesystem::path> path = findModel(m_arguments.model);
        if (!path) return tl::unexpected(path.error());
        Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::create(*path, m_arguments.threads, {});
        if (!engine) return tl::unexpected(engine.error());
        m_engine = std::move(*engine);
        if (const Result<std::filesystem::path> folder = Store::defaultFolder())
            m_engine->useCalibration(*folder / kCalibrationFolder);
        std::vector<std::string> texts = m_arguments.settings;
        if (texts.empty()) texts = {"full", "shipped"};
        for (const std::string& text : texts) {
            Result<Setting> setting = eval::settingFromText(text, m_engine->model().config());
            if (!setting) return tl::unexpected(setting.error());
            m_settings.push_back(std::move(*setting));
        }
        return {};
    }

    /// Only for this run: the search that plain retrieval reads by.
    Result<void> openStore() {
        if (!m_folder.isValid()) {
            return fail(ErrorCode::ReadOnly, "No temporary folder can be made.",
                        m_folder.errorString().toStdString(),
                        "Free some space in the folder for temporary files.");
        }
        StoreOptions options;
        options.folder = m_folder.path().toStdString();
        Result<std::unique_ptr<Store>> store = Store::open(std::move(options));
        if (!store) return tl::unexpected(store.error());
        m_store = std::move(*store);
        Result<std::unique_ptr<StoreReader>> reader = m_store->reader();
        if (!reader) return tl::unexpected(reader.error());
        m_reader = std::move(*reader);
        return {};
    }

    Result<void> askFile() {
        Result<std::vector<Question>> questions = eval::readQuestions(m_arguments.file);
        if (!questions) return tl::unexpected(questions.error());
        std::filesystem::path folder = m_arguments.documents;
        if (folder.empty()) folder = std::filesystem::path(m_arguments.file).parent_path();
        std::map<std::string, std::vector<Question>> byDocument;
        for (Question& question : *questions)
            byDocument[question.document].push_back(std::move(question));
        for (auto& [name, asked] : byDocument) {
            Result<Document> document = readDocument(folder / name, "", {}, m_stop.token());
            if (!document) return tl::unexpected(document.error());
            if (Result<void> done =
                    askAbout(std::make_shared<const Document>(std::move(*document)), std::move(asked));
                !done)
                return done;
        }
        return {};
    }

    Result<void> askGenerated() {
        for (const std::string& kind : m_arguments.generators) {
            Result<eval::Generated> generated =
                eval::generate(kind, {m_arguments.words, m_arguments.questions, m_arguments.seed});
            if (!generated) return tl::unexpected(generated.error());
            if (Result<void> done = askAbout(generated->document, std::move(generated->questions)); !done)
                return done;
        }
        return {};
    }

    Result<void> askAbout(const std::shared_ptr<const Document>& document, std::vector<Question> questions) {
        Library library(*m_store);
        const Result<RowId> row = library.remember(*document, document->name);
        if (!row) return tl::unexpected(row.error());
        if (const Result<void> indexed = library.index(*row, document); !indexed) return indexed;
        const auto find = [this, id = *row](const std::string& question, std::span<const Turn> turns) {
            return searchedPassages(*m_reader, id, question, turns);
        };
        m_questions.push_back(std::move(questions));  // rows point into them
        return m_evaluation->ask(document, m_questions.back(), find, m_stop.token());
    }

    const EvalArguments& m_arguments;
    InterruptStop m_stop;
    ProgressLine m_progress;
    std::unique_ptr<AnswerEngine> m_engine;
    std::vector<Setting> m_settings;
    QTemporaryDir m_folder;
    std::unique_ptr<Store> m_store;
    std::unique_ptr<StoreReader> m_reader;
    std::list<std::vector<Question>> m_questions;
    std::optional<eval::Evaluation> m_evaluation;
};

}  // namespace

int eval(const EvalArguments& arguments) {
    EvalRun run(arguments);
    const Result<void> done = run.run();
    if (!done) return failed(done.error(), arguments.json);
    run.print();
    return 0;
}

}  // namespace kvasir::cli
