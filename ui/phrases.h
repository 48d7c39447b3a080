// Sentences made of states and figures, the same wherever they are shown.
#pragma once

#include <QCoreApplication>
#include <QString>

#include "app/answer.h"
#include "app/workspace.h"

namespace kvasir {

/// All functions translate into the language in force when they are called.
class Phrases {
    Q_DECLARE_TR_FUNCTIONS(Phrases)

public:
    static QString duration(double seconds);      ///< '2 min', '1 h 10 min', '20 s'
    static QString seconds(double milliseconds);  ///< '1.1 s'
    static QString memory(std::int64_t bytes);    ///< '5.1 GB'
    static QString mode(AnswerMode mode);
    static QString modeIcon(AnswerMode mode);
    /// '1.1 s to first word · 18 % carried'; `share` < 0 when not known.
    static QString figures(const Answer& answer, double share);
    /// With how many pinned passages a question was asked, or asked again; `whole`: nothing was left out of
    /// its answer, so that they changed nothing.
    static QString pinned(int count, bool again, bool whole);
    /// What of earlier answers did not go along with a question, and why; empty when all did.
    static QString turnsLeftOut(const TurnsTaken& turns);
    /// 'Full reading: same words'.
    static QString verdict(const AnswerCheck& check);
    /// Where the check looked most besides: 'p. 37 “…”', one a line; empty when nowhere. HTML.
    static QString lookedAt(const AnswerCheck& check, DocumentKind kind);
    /// Why an answer ended before its time, empty when it did not.
    static QString ended(const Answer& answer);
    /// '57, 196–198' for people, from 0-based pages in ascending order.
    static QString pages(const std::vector<std::int32_t>& pages);
    /// '1 · p. 37', or '2 · line 48,180' in logs and text files.
    static QString chip(const Citation& citation, DocumentKind kind);
    static QString chipName(const Citation& citation, DocumentKind kind);

    struct Reading {
        QString title;         ///< 'Full reading'
        QString detail;        ///< '64 % · about 2 min left', may be empty
        QString remark;        ///< 'then nothing is left out', may be empty
        QString icon;          ///< name of a sign, may be empty
        double progress = -1;  ///< 0..1; < 0: no bar
        bool canStop = false, canContinue = false;
    };
    static Reading reading(const ReadingState& state, const DocumentInfo& info);
    /// What a waiting answer waits for.
    static QString waiting(const Answer& answer, const ReadingState& state, const ModelInfo& model);

private:
    static Reading runningReading(const ReadingState& state, const DocumentInfo& info);
    static Reading restingReading(const ReadingState& state);
    static QString done(const ReadingState& state);
};

}  // namespace kvasir
