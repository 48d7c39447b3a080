#include "app/cli/ask_after.h"

#include <algorithm>

namespace kvasir::cli {

Result<AskedAfter> AskedAfter::find(const StoreReader& reader, const std::string& answerId) {
    AskedAfter after;
    if (answerId.empty()) return after;
    const RowId row = exchangeOf(answerId);
    if (row == 0) {
        return fail(ErrorCode::InvalidArgument, "'" + answerId + "' is not an answer's id.", "--after",
                    "Ids look like A12; `kvasir-cli sessions` lists them.");
    }
    Result<Exchange> exchange = reader.exchange(row);
    if (!exchange && exchange.error().code == ErrorCode::NotFound) {
        return fail(ErrorCode::NotFound, "There is no answer " + answerId + ".", "--after",
                    "`kvasir-cli sessions` lists the answers that are kept.");
    }
    if (!exchange) return tl::unexpected(exchange.error());
    if (exchange->answer.find_first_not_of(" \t\r\n") == std::string::npos) {
        return fail(ErrorCode::InvalidArgument, answerId + " has no text that a question could go on from.",
                    "--after", "Ask the question again, or go on from another answer.");
    }
    const Result<RowId> document = reader.documentOf(row);
    if (!document) return tl::unexpected(document.error());
    after.m_exchange = std::move(*exchange);
    after.m_document = *document;
    after.m_turns = turnsAfter(reader, row);
    return after;
}

Result<void> AskedAfter::check(std::span<const RowId> documents, const StoreReader& reader) const {
    if (m_exchange.id == 0 || std::ranges::find(documents, m_document) != documents.end()) return {};
    const Result<DocumentRecord> about = reader.document(m_document);
    const std::string name = about ? "'" + about->name + "', as that file was read then" : "another document";
    return fail(ErrorCode::InvalidArgument, id() + " is an answer about " + name + ".", "--after",
                "Name that document, or ask without --after.");
}

std::string AskedAfter::id() const {
    return m_exchange.id == 0 ? std::string() : answerId(m_exchange.id);
}

Result<AskedAfter::Place> AskedAfter::place(Library& library, const StoreReader& reader, RowId document,
                                            const std::string& question) const {
    if (m_exchange.id != 0 && document == m_document)
        return Place{{document, m_exchange.conversationId}, id()};
    if (m_exchange.id != 0) {
        const Result<std::vector<ConversationRecord>> conversations = reader.conversations(document);
        if (!conversations) return tl::unexpected(conversations.error());
        for (const ConversationRecord& conversation : *conversations) {
            const Result<std::vector<Exchange>> exchanges = reader.exchanges(conversation.id);
            if (!exchanges) return tl::unexpected(exchanges.error());
            // Answers about several documents are kept with each, from the same moment.
            const auto same = std::ranges::find_if(*exchanges, [&](const Exchange& e) {
                return e.askedAt == m_exchange.askedAt && e.question == m_exchange.question;
            });
            if (same != exchanges->end()) return Place{{document, conversation.id}, answerId(same->id)};
        }
    }
    const Result<Library::Conversation> begun = library.beginConversation(document, question);
    if (!begun) return tl::unexpected(begun.error());
    return Place{*begun, ""};
}

}  // namespace kvasir::cli
