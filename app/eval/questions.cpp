#include "app/eval/questions.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

namespace kvasir::eval {
namespace {

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> cells;
    std::string cell;
    std::istringstream stream(line);
    while (std::getline(stream, cell, separator))
        cells.push_back(cell);
    return cells;
}

bool readPlaces(const std::string& text, std::vector<std::int32_t>& places) {
    for (const std::string& cell : split(text, ',')) {
        std::int32_t place = 0;
        const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), place);
        if (error != std::errc() || end != cell.data() + cell.size() || place < 1) return false;
        places.push_back(place);
    }
    return true;
}

}  // namespace

Result<std::vector<Question>> readQuestions(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file)
        return fail(ErrorCode::NotFound, "The file of questions cannot be read.", path.string(),
                    "Check the path.");
    std::vector<Question> questions;
    std::vector<std::string> columns;
    std::string line;
    while (std::getline(file, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const std::vector<std::string> cells = split(line, '\t');
        if (columns.empty()) {
            columns = cells;
            continue;
        }
        std::map<std::string, std::string> row;
        for (std::size_t i = 0; i < std::min(cells.size(), columns.size()); ++i)
            row[columns[i]] = cells[i];
        const std::string where = path.string() + ", row " + std::to_string(questions.size() + 1);
        if (row["document"].empty() || row["question"].empty()) {
            return fail(ErrorCode::Damaged, "A row has no document or no question.", where,
                        "The file needs the columns `document` and `question`, separated by tabs, named in "
                        "its first line.");
        }
        Question question{row["id"],
                          row["document"],
                          row["question"],
                          row["kind"],
                          expectedFromText(row["expected"]),
                          !row["expected"].empty(),
                          {},
                          row["after"]};
        const auto goneOnFrom = [&](const Question& q) {
            return q.id == question.after && q.document == question.document;
        };
        if (!question.after.empty() && std::ranges::none_of(questions, goneOnFrom)) {
            return fail(ErrorCode::Damaged,
                        "A row goes on from '" + question.after + "', which no row above it is.", where,
                        "Write the `id` of a row above, about the same document, or nothing.");
        }
        if (!readPlaces(row["pages"], question.places)) {
            return fail(ErrorCode::Damaged, "The pages of a row cannot be read.", where,
                        "Write numbers from 1, separated by commas.");
        }
        questions.push_back(std::move(question));
    }
    if (questions.empty())
        return fail(ErrorCode::Empty, "There is no question in the file.", path.string(),
                    "Add rows below the line that names the columns.");
    return questions;
}

}  // namespace kvasir::eval
