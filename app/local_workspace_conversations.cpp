// The conversations of the workspace: which there are, which is open, and what a question goes on from.
#include <algorithm>
#include <utility>

#include "app/archive.h"
#include "app/local_workspace.h"

namespace kvasir {

void LocalWorkspace::loadAnswers(Entry& entry) {
    const Result<std::vector<ConversationRecord>> conversations = m_reader->conversations(entry.row);
    if (!conversations) {
        report(conversations.error());
        return;
    }
    std::vector<Talk> talks;
    for (const ConversationRecord& conversation : *conversations) {
        const Result<std::vector<Exchange>> exchanges = m_reader->exchanges(conversation.id);
        if (!exchanges || exchanges->empty()) continue;
        Talk talk{conversation.id, QString::fromStdString(conversation.title), {}, true};
        for (const Exchange& exchange : *exchanges)
            loadAnswer(entry.info.id, exchange, talk);
        talks.push_back(std::move(talk));
    }
    if (talks.empty()) return;
    entry.conversation = talks.back().id;
    // What was asked before the document's past was known goes on with it.
    for (Talk& talk : std::exchange(entry.talks, {}))
        talks.back().answers.insert(talks.back().answers.end(), talk.answers.begin(), talk.answers.end());
    entry.talks = std::move(talks);
}

void LocalWorkspace::loadAnswer(DocumentId document, const Exchange& exchange, Talk& talk) {
    const QString id = QString::fromStdString(answerId(exchange.id));
    const Result<std::vector<CitationRecord>> citations = m_reader->citations(exchange.id);
    const Result<std::vector<CheckedFact>> facts = m_reader->facts(exchange.id);
    Asked asked;
    asked.document = document;
    asked.row = exchange.id;
    asked.answer = toAnswer(exchange, citations ? *citations : std::vector<CitationRecord>(),
                            facts ? *facts : std::vector<CheckedFact>());
    const Result<std::optional<CheckRecord>> check = m_reader->check(exchange.id);
    if (check && check->has_value()) asked.answer.check = toAnswerCheck(**check);
    // A draft's later answers stand below it, whatever was asked meanwhile.
    const auto draft = std::ranges::find(talk.answers, QString::fromStdString(asked.answer.follows));
    m_answers[id] = std::move(asked);
    talk.answers.insert(draft == talk.answers.end() ? draft : std::next(draft), id);
}

LocalWorkspace::Talk* LocalWorkspace::talkOf(Entry& entry, const QString& answer) {
    const auto found = std::ranges::find_if(entry.talks, [&](const Talk& talk) {
        return std::ranges::find(talk.answers, answer) != talk.answers.end();
    });
    return found == entry.talks.end() ? nullptr : &*found;
}

/// The open conversation, begun with this question when it is a new one.
LocalWorkspace::Talk& LocalWorkspace::openTalk(Entry& entry, const QString& question) {
    const auto found = std::ranges::find(entry.talks, entry.conversation, &Talk::id);
    if (found != entry.talks.end()) return *found;
    entry.conversation = m_store->reserveConversation();
    entry.talks.push_back({entry.conversation, question, {}, false});
    return entry.talks.back();
}

/// Where a new answer is kept: its conversation is begun with it. Nowhere while the document is not in the
/// store.
std::optional<Library::Conversation> LocalWorkspace::keptIn(Entry& entry, const QString& answer) {
    Talk* talk = talkOf(entry, answer);
    if (entry.row == 0 || talk == nullptr) return std::nullopt;
    if (!talk->stored) {
        // A failure is reported through onError, and the exchange's as well.
        static_cast<void>(
            m_store->addConversation({talk->id, entry.row, talk->title.toStdString(), nowMs()}));
        talk->stored = true;
    }
    return Library::Conversation{entry.row, talk->id};
}

/// The answer, and those that it goes on from, oldest first. Nothing when it is none that can be gone on
/// from.
std::vector<Turn> LocalWorkspace::turnsAfter(DocumentId document, const QString& answer) const {
    std::vector<Turn> turns;
    auto found = m_answers.find(answer);
    while (found != m_answers.end() && turns.size() < kMostTurns) {
        const Asked& asked = found->second;
        if (asked.document != document || asked.answer.text.empty()) break;
        turns.push_back({asked.answer.question, asked.answer.text});
        found = m_answers.find(QString::fromStdString(asked.answer.after));
    }
    std::ranges::reverse(turns);
    return turns;
}

/// An answer's id in the store; empty when it is not there.
std::string LocalWorkspace::storedId(const std::string& answer) const {
    const auto found = m_answers.find(QString::fromStdString(answer));
    return found == m_answers.end() || found->second.row == 0 ? std::string() : answerId(found->second.row);
}

std::vector<ConversationInfo> LocalWorkspace::conversations(DocumentId document) const {
    std::vector<ConversationInfo> list;
    const Entry* entry = find(document);
    if (entry == nullptr) return list;
    for (const Talk& talk : entry->talks) {
        const auto questions = std::ranges::count_if(talk.answers, [&](const QString& id) {
            const auto found = m_answers.find(id);
            return found != m_answers.end() && found->second.answer.follows.empty();
        });
        list.push_back({talk.id, talk.title, static_cast<int>(questions)});
    }
    return list;
}

ConversationId LocalWorkspace::conversation(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->conversation : 0;
}

void LocalWorkspace::openConversation(DocumentId document, ConversationId conversation) {
    Entry* entry = find(document);
    if (entry == nullptr || entry->conversation == conversation) return;
    if (std::ranges::find(entry->talks, conversation, &Talk::id) == entry->talks.end()) return;
    entry->conversation = conversation;
    emit answersChanged(document);
}

void LocalWorkspace::newConversation(DocumentId document) {
    Entry* entry = find(document);
    if (entry == nullptr || entry->conversation == 0) return;
    entry->conversation = 0;
    emit answersChanged(document);
}

std::vector<QString> LocalWorkspace::answers(DocumentId document) const {
    const Entry* entry = find(document);
    if (entry == nullptr) return {};
    const auto open = std::ranges::find(entry->talks, entry->conversation, &Talk::id);
    return open == entry->talks.end() ? std::vector<QString>() : open->answers;
}

}  // namespace kvasir
