// Answers of the workspace on their way into the store. On the engine thread.
#include <utility>

#include "app/answer_check.h"
#include "app/archive.h"
#include "app/local_workspace.h"

namespace kvasir {

/// The answer is in the store before the window shows it as finished. Gives its row.
RowId LocalWorkspace::keep(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace) {
    Keeping keeping;
    {
        const std::lock_guard lock(m_keepingMutex);
        const auto found = m_keeping.find(key);
        if (found == m_keeping.end()) return 0;
        keeping = std::move(found->second);
        m_keeping.erase(found);
    }
    const Result<RowId> row = keeping.row.get();
    if (!row) return 0;  // reported through onError
    Answer kept = keeping.completed(answer);
    if (keeping.lookRow != 0) kept.follows = answerId(keeping.lookRow);
    // A failure is reported through onError as well.
    static_cast<void>(m_library->finish(*row, keeping.conversation, kept, trace, m_modelName));
    if (answer.state != AnswerState::Complete) return *row;
    if (keeping.lookRow != 0) {
        CheckRecord check;
        check.verdict = compareTexts(keeping.look, answer);
        check.by = answer.mode;
        check.other = *row;
        m_store->saveCheck(keeping.lookRow, std::move(check));
    }
    if (answer.mode != AnswerMode::Quick && answer.mode != AnswerMode::Parts)
        return *row;  // a full reading needs no check
    const std::lock_guard lock(m_keepingMutex);
    m_kept.emplace(key, std::move(keeping));
    return *row;
}

/// The first look is in the store, and an exchange for the quick answer under it.
RowId LocalWorkspace::keepLook(EngineThread::AnswerKey key, const Answer& answer, const AnswerTrace& trace) {
    Keeping keeping;
    {
        const std::lock_guard lock(m_keepingMutex);
        const auto found = m_keeping.find(key);
        if (found == m_keeping.end()) return 0;
        keeping = found->second;
    }
    const Result<RowId> row = keeping.row.get();
    if (!row) return 0;  // reported through onError
    Answer kept = keeping.completed(answer);
    static_cast<void>(m_library->finish(*row, keeping.conversation, kept, trace, m_modelName));
    keeping.lookRow = *row;
    keeping.look = kept;
    kept.follows = answerId(*row);
    kept.mode = AnswerMode::Quick;
    keeping.row = m_library->begin(keeping.conversation, kept, m_modelName);
    const std::lock_guard lock(m_keepingMutex);
    m_keeping[key] = std::move(keeping);
    return *row;
}

/// Gives the row of the other answer.
RowId LocalWorkspace::keepCheck(EngineThread::AnswerKey key, const ConfirmOutcome& outcome) {
    Keeping keeping;
    {
        const std::lock_guard lock(m_keepingMutex);
        const auto found = m_kept.find(key);
        if (found == m_kept.end()) return 0;
        keeping = found->second;
        if (outcome.check.by != AnswerMode::Parts) m_kept.erase(found);
    }
    const Result<RowId> row = keeping.row.get();
    if (!row) return 0;
    Answer full = keeping.completed(outcome.full.answer);
    full.askedAt = nowMs();
    // A failure is reported through onError as well.
    const Result<RowId> other = m_library->keepCheck(*row, keeping.conversation, outcome.check, full,
                                                     outcome.full.trace, m_modelName);
    if (outcome.check.by != AnswerMode::Parts || !other || *other == 0) return other.value_or(0);
    // More parts may change this one too.
    std::promise<Result<RowId>> ready;
    ready.set_value(*other);
    keeping.row = ready.get_future().share();
    const std::lock_guard lock(m_keepingMutex);
    m_kept[key] = std::move(keeping);
    return *other;
}

}  // namespace kvasir
