// Answers and their traces as the store keeps them, and back.
#pragma once

#include <string>
#include <vector>

#include "app/answer.h"
#include "app/answer_engine.h"
#include "app/store/records.h"

namespace kvasir {

/// "A12" for the exchange with row id 12, and back; 0 for anything else.
std::string answerId(RowId exchange);
RowId exchangeOf(std::string_view answerId);

/// Every setting of the answer's policy as one JSON object, with the model's number of layers, what was
/// pinned (bytes, page and line from 0), what the policy decided and why, times, memory, and what guessing
/// did.
std::string policyJson(const AnswerTrace& trace);

/// What was pinned when the answer was asked, out of such an object; nothing where it says nothing of it.
std::vector<PinnedPassage> pinnedOf(const std::string& policyJson);

/// Id, conversation, time, model, the draft that it follows and the answer that it goes on from are the
/// caller's to fill in.
Exchange toExchange(const Answer& answer, const AnswerTrace& trace);
std::vector<CitationRecord> toCitationRecords(const std::vector<Citation>& citations);
/// `tokenMap` names the document's tokens in the store.
Trace toTrace(const AnswerTrace& trace, RowId tokenMap);
std::vector<ByteRange> toTokenMap(const std::vector<TextToken>& tokens);

CheckRecord toCheckRecord(const AnswerCheck& check);
AnswerCheck toAnswerCheck(const CheckRecord& record);

Answer toAnswer(const Exchange& exchange, const std::vector<CitationRecord>& citations,
                std::vector<CheckedFact> facts);
/// Positions, scores and tokens; the policy stays in the exchange as JSON.
AnswerTrace toAnswerTrace(const Trace& trace, const std::vector<ByteRange>& tokenMap);

}  // namespace kvasir
