// How text becomes search terms: one tokenizer for the index, for queries and for snippets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace kvasir {

struct SearchToken {
    std::string term;
    std::uint32_t begin = 0, end = 0;  ///< bytes of the text
    bool stem = false;                 ///< an English stem beside the word in front of it
};

/// Words are those of FTS5's unicode61 (no case, no accents; full-width letters and digits are their ASCII
/// ones), each with its Porter stem beside it. A run of Han, kana or Hangul becomes its pairs of neighbouring
/// characters and, at the end of the run, its last character: so words of two characters are found, which the
/// trigram tokenizer of FTS5 does not find, and single ones by prefix. Never fails on broken UTF-8.
class SearchTokenizer {
public:
    enum class Purpose : std::uint8_t { Index, Query };

    /// Makes the tokenizer known to a connection under kName; tables of the schema need it.
    /// Throws SQLite::Exception. The connection must outlive every SearchTokenizer made from it.
    static void install(sqlite3* connection);
    static constexpr const char* kName = "kvasir";

    /// Throws SQLite::Exception.
    explicit SearchTokenizer(sqlite3* connection);
    ~SearchTokenizer();

    /// Query leaves out stems and the last single character of a run that goes on to the text's end.
    std::vector<SearchToken> tokens(std::string_view text, Purpose purpose) const;
    /// The stem of a word of `tokens`; the word itself where it has no other.
    std::string stem(const std::string& word) const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace kvasir
