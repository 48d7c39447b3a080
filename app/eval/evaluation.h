// Questions asked under several settings, judged, and compared with what full context answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/answer.h"
#include "app/answer_engine.h"
#include "app/document.h"
#include "app/eval/questions.h"
#include "engine/error.h"
#include "engine/policy.h"

namespace kvasir::eval {

/// How a question is answered.
struct Setting {
    enum class Kind : std::uint8_t {
        Full,    ///< full reading
        Quick,   ///< FastKV by `policy`
        Random,  ///< as many tokens as `policy` says, chosen by chance: what selection must beat
        Look,    ///< plain retrieval: the best passages alone, read with all layers
    };
    std::string text;  ///< as it was given
    std::string base;  ///< without what it says about earlier turns
    Kind kind = Kind::Quick;
    Policy policy;
    std::int64_t passageTokens = 0;  ///< of Look
    /// Before the question; not of Look.
    std::int64_t foundTokens = AskRequest{}.foundTokens;
    std::optional<std::int64_t> lookedTokens;
    bool pinExpected = false;  ///< the pages or lines where the answer is expected are pinned; of Quick
    /// Questions of the same document that are asked before, each by itself: what unrelated turns do.
    std::int64_t unrelated = 0;
    bool follows = true;  ///< a question goes on from the one that it names
};

/// `full`; a policy (engine/policy_text.h); `random` with the settings of a policy, for example
/// random,rate=0.2; `look` or look,tokens=N (1,400 when not said). Behind each: turns=N (Setting::unrelated),
/// after=0 (not Setting::follows). Errors: InvalidArgument.
Result<Setting> settingFromText(std::string_view text, const ModelConfig& model);

/// One answer. What is compared with full context (the first such setting) is there when that was asked too.
struct Row {
    const Question* question = nullptr;
    const Setting* setting = nullptr;
    Answer answer;
    bool right = false;                     ///< holds what is expected; only of answerable questions
    bool rightPlace = false;                ///< a citation of it is at an expected place
    double f1 = 0;                          ///< words shared with what is expected
    std::optional<Verdict> verdict;         ///< against the full answer
    std::optional<double> f1Full;           ///< words shared with the full answer
    std::optional<double> firstDivergence;  ///< KL(full || this) of the first token, in nats
    std::optional<double> distance;         ///< of the last hidden state before it: |h - full|^2 / |full|^2
};

/// Of one setting, over all its rows.
struct Summary {
    const Setting* setting = nullptr;
    int questions = 0;
    int answerable = 0, right = 0, rightPlace = 0, missed = 0;  ///< missed: said 'not in the document'
    int unanswerable = 0, invented = 0;                         ///< invented: answered all the same
    double f1 = 0;                                              ///< mean, answerable questions
    int compared = 0, sameWords = 0, sameFacts = 0;             ///< sameFacts: without sameWords
    double f1Full = 0, firstDivergence = 0;                     ///< means over `compared`
    double firstTokenMs = 0;                                    ///< median
    double carriedShare = 0;                                    ///< mean
};
std::vector<Summary> summarise(std::span<const Row> rows, std::span<const Setting> settings);

/// Finds what plain retrieval reads, the best passage first.
using FindPassages =
    std::function<std::vector<ByteRange>(const std::string& question, std::span<const Turn> turns)>;
using Progress = std::function<void(const std::string& step, double share)>;  ///< share < 0: not known

/// Asks about one document at a time; it is read once for each T among the settings. `questions` and
/// `settings` must outlive it. One thread.
class Evaluation {
public:
    Evaluation(AnswerEngine& engine, std::span<const Setting> settings, Progress progress)
        : m_engine(engine), m_settings(settings), m_progress(std::move(progress)) {}

    /// All questions must be about this document. Errors: those of AnswerEngine.
    Result<void> ask(const std::shared_ptr<const Document>& document, std::span<const Question> questions,
                     const FindPassages& findPassages, const std::stop_token& stop);
    /// In the order of asking: by document, question, setting.
    const std::vector<Row>& rows() const { return m_rows; }

private:
    Result<std::unique_ptr<ReadDocument>> read(const std::shared_ptr<const Document>& document,
                                               std::int32_t tspLayer, const std::stop_token& stop);
    /// What is asked of one document.
    struct Asking {
        std::span<const Question> questions;
        const FindPassages& findPassages;
        const std::stop_token& stop;
        /// Answers that others go on from, by question and Setting::base.
        std::map<std::pair<const Question*, std::string>, std::string> answers;
    };
    Result<AskOutcome> answer(const ReadDocument& document, const Question& question, const Setting& setting,
                              const std::vector<Turn>& turns, const Asking& asking);
    Result<std::vector<Turn>> turnsBefore(const ReadDocument& document, const Question& question,
                                          const Setting& setting, Asking& asking);
    Result<Turn> turnOf(const ReadDocument& document, const Question& question, const Setting& setting,
                        Asking& asking);

    AnswerEngine& m_engine;
    std::span<const Setting> m_settings;
    Progress m_progress;
    std::vector<Row> m_rows;
};

}  // namespace kvasir::eval
