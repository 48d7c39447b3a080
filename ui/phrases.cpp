#include "ui/phrases.h"

#include <cmath>

#include <QLocale>

#include "ui/document_marks.h"

namespace kvasir {

QString Phrases::duration(double seconds) {
    if (seconds < 60) return tr("%1 s").arg(std::max(1, static_cast<int>(std::lround(seconds))));
    const int minutes = static_cast<int>(std::lround(seconds / 60));
    if (minutes < 60) return tr("%1 min").arg(minutes);
    return tr("%1 h %2 min").arg(minutes / 60).arg(minutes % 60);
}

QString Phrases::seconds(double milliseconds) {
    return tr("%1 s").arg(QLocale().toString(milliseconds / 1000, 'f', 1));
}

QString Phrases::memory(std::int64_t bytes) {
    return tr("%1 GB").arg(QLocale().toString(static_cast<double>(bytes) / 1e9, 'f', 1));
}

QString Phrases::mode(AnswerMode mode) {
    if (mode == AnswerMode::FirstLook) return tr("First look");
    return mode == AnswerMode::Full ? tr("Full reading", "badge of an answer") : tr("Quick answer");
}

QString Phrases::modeIcon(AnswerMode mode) {
    if (mode == AnswerMode::FirstLook) return "look";
    return mode == AnswerMode::Full ? "book" : "quick";
}

QString Phrases::figures(const Answer& answer, double share) {
    const QString first = answer.figures.firstTokenMs > 0 ? seconds(answer.figures.firstTokenMs) : QString();
    if (first.isEmpty()) return {};
    if (answer.mode == AnswerMode::Full) return tr("%1 to first word · whole document").arg(first);
    if (answer.mode == AnswerMode::FirstLook)
        return tr("%1 to first word · from %2 passages").arg(first).arg(answer.passages);
    if (answer.mode == AnswerMode::Parts) {
        return tr("From %1 of %2 parts read so far · %3 to first word")
            .arg(answer.parts.read)
            .arg(answer.parts.all)
            .arg(first);
    }
    if (share < 0) return tr("%1 to first word").arg(first);
    return tr("%1 to first word · %2 carried").arg(first, tr("%1 %").arg(percent(share)));
}

QString Phrases::pinned(int count, bool again, bool whole) {
    const bool one = count == 1;
    if (whole) {
        return one ? tr("1 passage is pinned; nothing was left out anyway")
                   : tr("%1 passages are pinned; nothing was left out anyway").arg(count);
    }
    if (again) {
        return one ? tr("Asked again with 1 pinned passage")
                   : tr("Asked again with %1 pinned passages").arg(count);
    }
    return one ? tr("Asked with 1 pinned passage") : tr("Asked with %1 pinned passages").arg(count);
}

QString Phrases::turnsLeftOut(const TurnsTaken& turns) {
    if (turns.taken == turns.given && !turns.shortened) return {};
    const bool window = turns.limit == TurnsTaken::Limit::Window;
    if (turns.taken == 0)
        return window ? tr("it was left out: the document leaves no room") : tr("it was left out: too long");
    if (turns.taken == turns.given)
        return window ? tr("it was shortened: the document leaves little room") : tr("it was shortened");
    return tr("the newest %1 of %2 earlier answers went along").arg(turns.taken).arg(turns.given);
}

QString Phrases::verdict(const AnswerCheck& check) {
    if (check.by == AnswerMode::Parts) {
        switch (check.verdict) {
            case Verdict::SameWords:
                return tr("With all parts that fit: same words");
            case Verdict::SameFacts:
                return tr("With all parts that fit: same facts, other words");
            case Verdict::Different:
                return tr("With more parts: different");
        }
    }
    const bool full = check.by == AnswerMode::Full;
    QString text;
    switch (check.verdict) {
        case Verdict::SameWords:
            text = full ? tr("Full reading: same words") : tr("Quick answer: same words");
            break;
        case Verdict::SameFacts:
            text = full ? tr("Full reading: same facts, other words")
                        : tr("Quick answer: same facts, other words");
            break;
        case Verdict::Different:
            text = full ? tr("Full reading: different") : tr("Quick answer: different");
            break;
    }
    if (check.eightBit) text += tr(" · 8-bit memory");
    if (check.sampled) text += tr(" · drawn with the same seed");
    return text;
}

QString Phrases::lookedAt(const AnswerCheck& check, DocumentKind kind) {
    QStringList lines;
    for (const LookedAt& looked : check.looked) {
        const QString place = kind == DocumentKind::Pdf
                                  ? tr("p. %1").arg(looked.page + 1)
                                  : tr("line %1").arg(QLocale().toString(looked.line + 1));
        lines << tr("%1 “%2”", "place, quotation")
                     .arg(place, QString::fromStdString(looked.quote).toHtmlEscaped());
    }
    return lines.join("<br>");
}

QString Phrases::ended(const Answer& answer) {
    if (answer.state == AnswerState::Stopped) return tr("Stopped by you");
    if (answer.state != AnswerState::Complete) return {};
    if (answer.finish == FinishReason::Repetition) return tr("Ended here: the model began to repeat itself.");
    if (answer.finish == FinishReason::Length) return tr("Ended here: the longest length was reached.");
    return {};
}

QString Phrases::pages(const std::vector<std::int32_t>& pages) {
    QStringList parts;
    for (std::size_t i = 0; i < pages.size();) {
        std::size_t last = i;
        while (last + 1 < pages.size() && pages[last + 1] == pages[last] + 1)
            ++last;
        if (last == i)
            parts << QString::number(pages[i] + 1);
        else
            parts << QString("%1–%2").arg(pages[i] + 1).arg(pages[last] + 1);
        i = last + 1;
    }
    return parts.join(tr(", ", "between page numbers"));
}

QString Phrases::chip(const Citation& citation, DocumentKind kind) {
    if (kind == DocumentKind::Pdf) return tr("%1 · p. %2").arg(citation.number).arg(citation.page + 1);
    return tr("%1 · line %2").arg(citation.number).arg(QLocale().toString(citation.line + 1));
}

QString Phrases::chipName(const Citation& citation, DocumentKind kind) {
    if (kind == DocumentKind::Pdf)
        return tr("Citation %1, page %2").arg(citation.number).arg(citation.page + 1);
    return tr("Citation %1, line %2").arg(citation.number).arg(QLocale().toString(citation.line + 1));
}

Phrases::Reading Phrases::reading(const ReadingState& state, const DocumentInfo& info) {
    const bool running = state.stage == ReadingStage::Opening || state.stage == ReadingStage::FirstReading ||
                         state.stage == ReadingStage::FullReading;
    return running ? runningReading(state, info) : restingReading(state);
}

Phrases::Reading Phrases::runningReading(const ReadingState& state, const DocumentInfo& info) {
    Reading r;
    r.canStop = true;
    if (state.stage == ReadingStage::Opening) {
        const std::size_t pages = info.pageSizes.size();
        r.title = pages > 0 ? tr("Opening, page %1 of %2").arg(state.pagesRead).arg(pages) : tr("Opening");
        r.progress = pages > 0 ? std::min(1.0, state.pagesRead / static_cast<double>(pages)) : 0;
        return r;
    }
    const bool full = state.stage == ReadingStage::FullReading;
    r.title = full ? tr("Full reading") : tr("First reading");
    r.detail = done(state);
    if (state.parts.all > 0) {
        r.title = tr("Reading in parts");
        r.detail = tr("%1 of %2 parts read").arg(state.parts.read).arg(state.parts.all);
        r.remark = tr("parts that fit the question best come first");
    }
    if (state.secondsLeft >= 0) r.detail += tr(" · about %1 left").arg(duration(state.secondsLeft));
    if (full) r.remark = tr("then nothing is left out");
    r.progress = state.share;
    return r;
}

QString Phrases::done(const ReadingState& state) {
    return tr("%1 %").arg(static_cast<int>(std::floor(state.share * 100)));
}

Phrases::Reading Phrases::restingReading(const ReadingState& state) {
    Reading r;
    switch (state.stage) {
        case ReadingStage::WaitingForModel:
            r.title = tr("Text is ready");
            r.remark = tr("waiting for a model");
            break;
        case ReadingStage::FullDone:
            r.title = tr("Fully read");
            r.remark = tr("nothing is left out of new answers");
            r.icon = "book";
            break;
        case ReadingStage::Stopped:
            r.title = tr("Reading stopped");
            if (state.share > 0) r.detail = tr("at %1").arg(done(state));
            r.icon = "pause";
            r.canContinue = true;
            break;
        case ReadingStage::Failed:
            r.title = tr("Reading failed");
            r.icon = "error";
            r.canContinue = true;
            break;
        case ReadingStage::Away:
            r.title = tr("Not in memory");
            // Some of them may be there still.
            if (state.parts.read > 0)
                r.detail = tr("%1 of %2 parts read").arg(state.parts.read).arg(state.parts.all);
            r.remark = tr("other documents need it; a question brings this one back");
            r.icon = "pause";
            r.canContinue = true;
            break;
        case ReadingStage::Locked:
            r.title = tr("Locked");
            r.remark = tr("needs a password");
            r.icon = "lock";
            break;
        default:  // FirstDone; the running stages have their own function
            r.title = tr("First reading done");
            r.icon = "half";
            if (state.error) {
                r.remark = state.error->code == ErrorCode::OutOfMemory
                               ? tr("not enough memory for the full reading: quick answers only")
                               : tr("the full reading failed: quick answers only");
            }
            if (state.parts.all > 0) {
                r.title = tr("%1 of %2 parts read").arg(state.parts.read).arg(state.parts.all);
                r.remark = state.fitsWindow ? tr("too large for the memory that is free: quick answers only")
                                            : tr("longer than the model's window: quick answers only");
            }
    }
    return r;
}

QString Phrases::waiting(const Answer& answer, const ReadingState& state, const ModelInfo& model) {
    if (model.name.isEmpty()) return tr("Will be answered when a model is chosen.");
    if (!model.loaded) return tr("Will be answered when the model is loaded.");
    if (state.stage == ReadingStage::Stopped)
        return tr("Reading was stopped. Will be answered when it goes on.");
    if (state.parts.all > 0) return tr("The parts that fit the question best are read first.");
    const double wait = answer.waitSeconds > 0 ? answer.waitSeconds : state.secondsLeft;
    if (state.stage != ReadingStage::Opening && state.stage != ReadingStage::FirstReading)
        return tr("The answer begins in a moment.");
    if (wait < 0) return tr("Will be answered when the first reading is done.");
    return tr("Will be answered when the first reading is done, in about %1.").arg(duration(wait));
}

}  // namespace kvasir
