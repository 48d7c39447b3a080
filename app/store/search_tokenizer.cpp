#include "app/store/search_tokenizer.h"

#include <functional>
#include <new>

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "app/store/scripts.h"
#include "app/utf8.h"

namespace kvasir {

namespace {

// FTS5's callback for one token: context, flags, token, its length, begin and end in the text.
using EmitToken = int (*)(void*, int, const char*, int, int, int);

fts5_api* fts5Api(sqlite3* connection) {
    fts5_api* api = nullptr;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(connection, "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (api == nullptr) throw SQLite::Exception("This SQLite has no full-text search (FTS5)", SQLITE_ERROR);
    return api;
}

// One of FTS5's own tokenizers.
class BuiltIn {
public:
    BuiltIn(fts5_api* api, const char* name, std::vector<const char*> arguments) {
        void* context = nullptr;
        int status = api->xFindTokenizer(api, name, &context, &m_methods);
        if (status == SQLITE_OK) {
            status =
                m_methods.xCreate(context, arguments.data(), static_cast<int>(arguments.size()), &m_instance);
        }
        if (status != SQLITE_OK) throw SQLite::Exception("A tokenizer of FTS5 is missing", status);
    }
    ~BuiltIn() {
        if (m_instance != nullptr) m_methods.xDelete(m_instance);
    }
    BuiltIn(const BuiltIn&) = delete;
    BuiltIn& operator=(const BuiltIn&) = delete;

    int run(void* context, int flags, std::string_view text, EmitToken emit) const {
        return m_methods.xTokenize(m_instance, context, flags, text.data(), static_cast<int>(text.size()),
                                   emit);
    }

private:
    fts5_tokenizer m_methods{};
    Fts5Tokenizer* m_instance = nullptr;
};

// Full-width ASCII (U+FF01..U+FF5E) becomes ASCII: documents mix both in numbers. Capital full-width letters
// were folded by unicode61 before.
std::string narrow(std::string_view word) {
    std::string result;
    for (std::size_t at = 0; at < word.size();) {
        const utf8::CodePoint c = utf8::decode(word, at);
        if (c.value >= 0xFF01 && c.value <= 0xFF5E) {
            result += static_cast<char>(c.value - 0xFF01 + '!');
        } else {
            result += word.substr(at, c.end - c.begin);
        }
        at = c.end;
    }
    return result;
}

class Splitter {
public:
    explicit Splitter(fts5_api* api)
        : m_words(api, "unicode61", {"remove_diacritics", "2"}),
          m_stems(api, "porter", {"unicode61", "remove_diacritics", "2"}) {}

    int run(void* context, int flags, std::string_view text, EmitToken emit) const {
        for (std::size_t at = 0; at < text.size();) {
            const bool unspaced = isUnspacedLetter(utf8::decode(text, at).value);
            std::size_t end = at;
            while (end < text.size()) {
                const utf8::CodePoint c = utf8::decode(text, end);
                if (isUnspacedLetter(c.value) != unspaced) break;
                end = c.end;
            }
            const int status = unspaced ? pairs(context, flags, text, at, end, emit)
                                        : words(context, flags, text, at, end, emit);
            if (status != SQLITE_OK) return status;
            at = end;
        }
        return SQLITE_OK;
    }

    std::string stem(const std::string& word) const {
        std::string result = word;
        m_stems.run(&result, FTS5_TOKENIZE_QUERY, word,
                    [](void* context, int, const char* token, int size, int, int) {
                        static_cast<std::string*>(context)->assign(token, static_cast<std::size_t>(size));
                        return SQLITE_OK;
                    });
        return result;
    }

private:
    struct WordContext {
        const Splitter* self;
        void* context;
        EmitToken emit;
        int offset;
        bool withStems;
    };

    static int emitWord(void* opaque, int flags, const char* token, int size, int begin, int end) {
        const auto& to = *static_cast<WordContext*>(opaque);
        const std::string word = narrow({token, static_cast<std::size_t>(size)});
        int status = to.emit(to.context, flags, word.data(), static_cast<int>(word.size()), to.offset + begin,
                             to.offset + end);
        if (status != SQLITE_OK || !to.withStems) return status;
        const std::string stem = to.self->stem(word);
        if (stem == word) return SQLITE_OK;
        return to.emit(to.context, FTS5_TOKEN_COLOCATED, stem.data(), static_cast<int>(stem.size()),
                       to.offset + begin, to.offset + end);
    }

    int words(void* context, int flags, std::string_view text, std::size_t begin, std::size_t end,
              EmitToken emit) const {
        WordContext to{this, context, emit, static_cast<int>(begin), (flags & FTS5_TOKENIZE_QUERY) == 0};
        return m_words.run(&to, flags, text.substr(begin, end - begin), emitWord);
    }

    static int pairs(void* context, int flags, std::string_view text, std::size_t begin, std::size_t end,
                     EmitToken emit) {
        // A query's last run may go on in the document: its last character stands in no pair of its own then.
        const bool open = (flags & FTS5_TOKENIZE_QUERY) != 0 && end == text.size();
        for (std::size_t at = begin; at < end;) {
            const std::size_t next = utf8::decode(text, at).end;
            const std::size_t stop = next < end ? utf8::decode(text, next).end : next;
            if (next == end && open && at != begin) break;
            const int status = emit(context, 0, text.data() + at, static_cast<int>(stop - at),
                                    static_cast<int>(at), static_cast<int>(stop));
            if (status != SQLITE_OK) return status;
            at = next;
        }
        return SQLITE_OK;
    }

    BuiltIn m_words, m_stems;
};

// Exceptions must not pass through SQLite's C code.
int guarded(const std::function<void()>& work) {
    try {
        work();
        return SQLITE_OK;
    } catch (const std::bad_alloc&) {
        return SQLITE_NOMEM;
    } catch (const SQLite::Exception& e) {
        return e.getErrorCode();
    }
}

int create(void* api, const char**, int, Fts5Tokenizer** result) {
    return guarded([&] {
        *result = reinterpret_cast<Fts5Tokenizer*>(
            std::make_unique<Splitter>(static_cast<fts5_api*>(api)).release());
    });
}

void destroy(Fts5Tokenizer* instance) {
    const std::unique_ptr<Splitter> owned(reinterpret_cast<Splitter*>(instance));
}

int tokenize(Fts5Tokenizer* instance, void* context, int flags, const char* text, int size, EmitToken emit) {
    int status = SQLITE_OK;
    const int failure = guarded([&] {
        status = reinterpret_cast<Splitter*>(instance)->run(context, flags,
                                                            {text, static_cast<std::size_t>(size)}, emit);
    });
    return failure != SQLITE_OK ? failure : status;
}

}  // namespace

struct SearchTokenizer::Parts {
    Splitter splitter;
};

void SearchTokenizer::install(sqlite3* connection) {
    fts5_api* api = fts5Api(connection);
    fts5_tokenizer methods{create, destroy, tokenize};
    const int status = api->xCreateTokenizer(api, kName, api, &methods, nullptr);
    if (status != SQLITE_OK) throw SQLite::Exception("The search tokenizer was not accepted", status);
}

SearchTokenizer::SearchTokenizer(sqlite3* connection) : m_parts(new Parts{Splitter(fts5Api(connection))}) {}

SearchTokenizer::~SearchTokenizer() = default;

std::vector<SearchToken> SearchTokenizer::tokens(std::string_view text, Purpose purpose) const {
    std::vector<SearchToken> result;
    const int flags = purpose == Purpose::Query ? FTS5_TOKENIZE_QUERY : FTS5_TOKENIZE_DOCUMENT;
    m_parts->splitter.run(
        &result, flags, text,
        [](void* context, int tokenFlags, const char* token, int size, int begin, int end) {
            auto& list = *static_cast<std::vector<SearchToken>*>(context);
            list.push_back({std::string(token, static_cast<std::size_t>(size)),
                            static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end),
                            (tokenFlags & FTS5_TOKEN_COLOCATED) != 0});
            return SQLITE_OK;
        });
    return result;
}

std::string SearchTokenizer::stem(const std::string& word) const {
    return m_parts->splitter.stem(word);
}

}  // namespace kvasir
