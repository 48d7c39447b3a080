// kvasir-cli ask --after: the answer that a question goes on from, and the conversation it is kept in.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/library.h"
#include "app/prompt.h"
#include "app/store/store_reader.h"
#include "engine/error.h"

namespace kvasir::cli {

/// Immutable; empty for a question that stands by itself.
class AskedAfter {
public:
    /// Errors: InvalidArgument (no answer's id; an answer without a text), NotFound (no such answer), and
    /// those of the store. "" is a question by itself.
    static Result<AskedAfter> find(const StoreReader& reader, const std::string& answerId);

    /// Error: InvalidArgument when none of these documents is the one that the answer is about.
    Result<void> check(std::span<const RowId> documents, const StoreReader& reader) const;

    /// It and those that it goes on from, oldest first.
    const std::vector<Turn>& turns() const { return m_turns; }
    /// "A12", or empty.
    std::string id() const;

    struct Place {
        Library::Conversation conversation;
        std::string after;  ///< the earlier answer, as this document keeps it; may be empty
    };
    /// The answer's conversation; of another document that was asked together with it, the one that keeps the
    /// same answer; else one that begins with the question. Errors: those of the store.
    Result<Place> place(Library& library, const StoreReader& reader, RowId document,
                        const std::string& question) const;

private:
    Exchange m_exchange;  ///< id 0: none
    RowId m_document = 0;
    std::vector<Turn> m_turns;
};

}  // namespace kvasir::cli
