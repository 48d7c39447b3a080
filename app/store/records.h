// What the store keeps, as plain values. Text is UTF-8, times are milliseconds since 1970 in UTC, pages and
// lines are 0-based as in app/document.h, byte ranges are [begin, end).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/answer.h"
#include "app/document.h"
#include "engine/error.h"

namespace kvasir {

/// Rows are counted from 1 and an id is never used again after a deletion. 0: not in the store yet.
using RowId = std::int64_t;

struct DocumentRecord {
    RowId id = 0;
    std::string sha256;  ///< of the file's bytes; one document per content
    std::string name;    ///< file name without folder
    std::string path;    ///< where it was seen last
    DocumentKind kind = DocumentKind::Pdf;
    std::int64_t characters = 0;
    std::int64_t addedAt = 0;
    std::int64_t openedAt = 0;
    std::vector<PageStatus> pageStatuses;  ///< one per page
    std::int32_t lastPage = 0;             ///< where the user left it
    double lastZoom = 0;                   ///< 1 is 100 %, 0: fit the width
};

struct ConversationRecord {
    RowId id = 0;
    RowId documentId = 0;
    std::string title;
    std::int64_t createdAt = 0;
};

enum class ExchangeState : std::uint8_t {
    Writing,      ///< the answer grows
    Complete,     ///< as long as the model wanted it
    Stopped,      ///< by the user; what was written stays
    Failed,       ///< `error` says why
    Interrupted,  ///< the program ended while it was written; shown as stopped
};

/// A question and its answer.
struct Exchange {
    RowId id = 0;
    RowId conversationId = 0;
    std::int64_t askedAt = 0;
    std::string question;
    std::string answer;
    ExchangeState state = ExchangeState::Writing;
    AnswerMode mode = AnswerMode::Quick;
    std::string modelName;
    std::string modelSha256;
    std::string policy;  ///< JSON: every setting that decided what was carried and kept
    std::int64_t promptTokens = 0;
    std::int64_t carriedTokens = 0;
    std::int64_t answerTokens = 0;
    std::optional<double> ttftMs;  ///< the optional figures are absent when they were not measured
    std::optional<double> readMs;
    std::optional<double> decodeTokensPerSecond;
    std::optional<bool> answerable;  ///< absent while it is not decided
    std::optional<Error> error;      ///< when Failed
    std::vector<std::int32_t> missingPages;
    std::optional<FinishReason> finish;  ///< absent while the answer grows, and in stores of version 1
    RowId follows = 0;                   ///< the draft that it stands under; 0: none
    std::int32_t passages = 0;           ///< of a first look: how many were read
    PartsRead parts;                     ///< of an answer in parts
    RowId after = 0;                     ///< the answer that the question goes on from; 0: none
    TurnsTaken turns;                    ///< what went along of it and those before it
};

/// What became of a draft; see AnswerCheck.
struct CheckRecord {
    Verdict verdict = Verdict::Different;
    AnswerMode by = AnswerMode::Full;
    RowId other = 0;  ///< the answer that was written instead; 0: none, or it was deleted
    bool sampled = false;
    bool eightBit = false;
    double ms = 0;
    std::vector<LookedAt> looked;  ///< the most looked at first
};

/// A piece of what was computed for a document: a file in Store::pieceFolder().
struct PieceRecord {
    std::string key;     ///< 64 hexadecimal digits, the file's name
    std::string sha256;  ///< of the document that uses it
    bool late = false;   ///< of the late stage
    std::int64_t firstRow = 0;
    std::int64_t bytes = 0;   ///< of the file
    std::int64_t usedAt = 0;  ///< the reading that used it last
};

/// What became of a piece that was to be entered.
enum class PieceEntry : std::uint8_t {
    Kept,
    NoRoom,     ///< but that of pieces of the same reading or a later one
    NoDocument  ///< it was deleted
};

/// A place that a sentence of the answer rests on.
struct CitationRecord {
    std::int32_t number = 0;
    ByteRange sentence;             ///< of the answer's text
    std::vector<ByteRange> places;  ///< of the document's text, ascending, not overlapping
    std::int32_t page = 0;
    std::int32_t line = 0;
    std::string quote;
};

/// Tokens [begin, end) of a prompt.
struct TokenRange {
    std::uint32_t begin = 0, end = 0;
    bool operator==(const TokenRange&) const = default;
};

/// What one answer leaves. Scores and attention are kept in one byte each, on a logarithmic scale over 16
/// powers of two below the largest: read back, they are within 3 % of what was written; what is smaller comes
/// back as the scale's lower end, and 0 as 0.
struct Trace {
    RowId tokenMap = 0;               ///< which bytes each document token stands for: Store::addTokenMap
    std::uint32_t documentBegin = 0;  ///< position in the prompt of the token map's first token
    std::uint32_t promptTokens = 0;
    std::vector<TokenRange> carried;  ///< prompt positions, ascending, not touching one another
    std::vector<float> scores;        ///< t of each prompt position, >= 0; empty when nothing was scored
    std::vector<float> attention;     ///< of each document token: mass over the answer's tokens, >= 0
    /// Per layer and head, the prompt positions whose keys and values are kept, in blocks of `keptStep`
    /// positions, ascending; a layer that keeps all that entered it has no heads here.
    std::vector<std::vector<std::vector<TokenRange>>> kept;
    std::uint32_t keptStep = 1;  ///< 1: exact; else a block counts when most of it is kept
    /// Prompt positions of parts that were not read yet, ascending, not overlapping.
    std::vector<TokenRange> notRead;
};

struct PinRecord {
    RowId id = 0;
    RowId documentId = 0;
    ByteRange range;  ///< of the document's text
    std::int64_t createdAt = 0;
};

/// One measurement of the series that the Speed page draws.
struct MetricRecord {
    std::int64_t at = 0;
    RowId exchangeId = 0;  ///< 0: of no answer, or of one that was deleted
    std::string modelName;
    AnswerMode mode = AnswerMode::Quick;
    std::int64_t promptTokens = 0;
    std::optional<double> ttftMs;
    std::optional<double> readTokensPerSecond;
    std::optional<double> decodeTokensPerSecond;
};

enum class HitKind : std::uint8_t { Name, Question, Answer, Page };

/// A place where the library's search found something.
struct SearchHit {
    HitKind kind = HitKind::Name;
    RowId documentId = 0;
    RowId conversationId = 0;        ///< of questions and answers, else 0
    RowId exchangeId = 0;            ///< of questions and answers, else 0
    std::int32_t page = 0;           ///< of pages, else 0
    ByteRange range;                 ///< of pages: the passage in the document's text
    std::string snippet;             ///< on one line, cut with an ellipsis where it was shortened
    std::vector<ByteRange> matches;  ///< of the snippet, ascending
};

/// A passage of a document that fits a question.
struct PassageHit {
    ByteRange range;  ///< of the document's text
    std::int32_t page = 0;
    std::int32_t line = 0;
    double score = 0;  ///< bm25, more is better; comparable within one search only
};

}  // namespace kvasir
