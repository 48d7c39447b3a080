// What a StoreReader holds. For this folder only.
#pragma once

#include <filesystem>
#include <memory>

#include <SQLiteCpp/Database.h>

#include "app/store/database.h"
#include "app/store/search_tokenizer.h"
#include "app/store/store_reader.h"

namespace kvasir {

struct StoreReader::Parts {
    std::filesystem::path folder;
    std::unique_ptr<SQLite::Database> database;  // outlives the tokenizer
    std::unique_ptr<SearchTokenizer> tokenizer;

    /// Runs `work`, which gives a T or throws.
    template <typename T, typename Work>
    Result<T> guarded(Work work) const {
        try {
            return work(*database);
        } catch (...) {
            return tl::unexpected(currentError(folder));
        }
    }
};

}  // namespace kvasir
