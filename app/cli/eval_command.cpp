// kvasir-cli eval: a file of questions, each answered in several modes from one reading of its document.
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "app/answer_engine.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/model_catalogue.h"
#include "app/reader/reader_client.h"

namespace kvasir::cli {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> cells;
    std::string cell;
    std::istringstream stream(line);
    while (std::getline(stream, cell, '\t'))
        cells.push_back(cell);
    return cells;
}

/// Rows by column name; the first line names the columns, lines with # in front are comments.
Result<std::vector<Row>> readRows(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file)
        return fail(ErrorCode::NotFound, "The file of questions cannot be read.", path.string(),
                    "Check the path.");
    std::vector<Row> rows;
    std::vector<std::string> columns;
    std::string line;
    while (std::getline(file, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const std::vector<std::string> cells = split(line);
        if (columns.empty()) {
            columns = cells;
            continue;
        }
        Row row;
        for (std::size_t i = 0; i < std::min(cells.size(), columns.size()); ++i)
            row[columns[i]] = cells[i];
        if (row["document"].empty() || row["question"].empty()) {
            return fail(ErrorCode::Damaged, "A row has no document or no question.",
                        path.string() + ", row " + std::to_string(rows.size() + 1),
                        "The file needs the columns `document` and `question`, separated by tabs, named in "
                        "its first line.");
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty())
        return fail(ErrorCode::Empty, "There is no question in the file.", path.string(),
                    "Add rows below the line that names the columns.");
    return rows;
}

Json answerRow(const Row& row, const Document& document, const Answer& answer) {
    Json places = Json::array();
    for (const Citation& c : answer.citations)
        places.push_back({{"page", c.page + 1}, {"line", c.line + 1}, {"quote", c.quote}});
    return {{"id", row.contains("id") ? row.at("id") : ""},
            {"document", document.name},
            {"question", answer.question},
            {"mode", modeName(answer.mode)},
            {"answer", answer.text},
            {"answerable", answer.answerable},
            {"citations", places},
            {"prompt_tokens", answer.figures.promptTokens},
            {"carried_tokens", answer.figures.carriedTokens},
            {"ttft_ms", answer.figures.firstTokenMs},
            {"decode_tokens_per_s", answer.figures.decodeTokensPerSecond}};
}

class Evaluation {
public:
    explicit Evaluation(const EvalArguments& arguments) : m_arguments(arguments) {}

    Result<Json> run() {
        Result<std::vector<Row>> rows = readRows(m_arguments.file);
        if (!rows) return tl::unexpected(rows.error());
        const Result<std::filesystem::path> model = findModel(m_arguments.model);
        if (!model) return tl::unexpected(model.error());
        Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::create(*model, m_arguments.threads, {});
        if (!engine) return tl::unexpected(engine.error());
        m_engine = std::move(*engine);
        std::filesystem::path folder = m_arguments.documents;
        if (folder.empty()) folder = std::filesystem::path(m_arguments.file).parent_path();
        std::map<std::string, std::vector<Row>> byDocument;
        for (Row& row : *rows)
            byDocument[row["document"]].push_back(row);
        for (const auto& [name, questions] : byDocument) {
            if (Result<void> done = evaluate(folder / name, questions); !done)
                return tl::unexpected(done.error());
        }
        return Json{
            {"model", m_engine->model().config().name}, {"device", m_engine->deviceName()}, {"rows", m_rows}};
    }

private:
    Result<void> evaluate(const std::filesystem::path& path, const std::vector<Row>& questions) {
        const std::stop_token stop = m_stop.token();
        Result<Document> document = readDocument(path, "", {}, stop);
        if (!document) return tl::unexpected(document.error());
        Result<std::unique_ptr<ReadDocument>> read =
            m_engine->prepare(std::make_shared<const Document>(std::move(*document)));
        if (!read) return tl::unexpected(read.error());
        const auto show = [&](const std::string& step) {
            return [this, step, name = path.filename().string()](std::int64_t done, std::int64_t all) {
                m_progress.show(name + ": " + step, static_cast<double>(done) / static_cast<double>(all), -1);
            };
        };
        Result<void> done = m_engine->readEarly(**read, stop, show("first reading"));
        if (done && m_arguments.mode != "quick")
            done = m_engine->readLate(**read, stop, show("full reading"));
        if (!done) return done;
        for (const Row& row : questions) {
            for (const AnswerMode mode : {AnswerMode::Full, AnswerMode::Quick}) {
                if (m_arguments.mode != "both" && m_arguments.mode != modeName(mode)) continue;
                AskRequest request;
                request.question = row.at("question");
                request.mode = mode;
                Result<AskOutcome> outcome = m_engine->ask(**read, request, stop, [](std::string_view) {});
                if (!outcome) return tl::unexpected(outcome.error());
                m_rows.push_back(answerRow(row, *(*read)->tokenised.document, outcome->answer));
                m_progress.show(std::string(modeName(mode)) + ": " + request.question, -1, -1);
            }
        }
        return {};
    }

    const EvalArguments& m_arguments;
    InterruptStop m_stop;
    ProgressLine m_progress;
    std::unique_ptr<AnswerEngine> m_engine;
    Json m_rows = Json::array();
};

}  // namespace

int eval(const EvalArguments& arguments) {
    const Result<Json> result = Evaluation(arguments).run();
    if (!result) return failed(result.error(), arguments.json);
    if (arguments.json) {
        print(*result);
        return 0;
    }
    for (const Json& row : (*result)["rows"]) {
        std::printf("%s\t%s\t%s\t%s\n", row["id"].get<std::string>().c_str(),
                    row["mode"].get<std::string>().c_str(), row["question"].get<std::string>().c_str(),
                    row["answer"].get<std::string>().c_str());
    }
    return 0;
}

}  // namespace kvasir::cli
