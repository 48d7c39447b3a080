// Whether two answers to one question say the same, and what the more faithful one looked at besides.
#pragma once

#include <span>
#include <vector>

#include "app/answer.h"
#include "app/passages.h"
#include "engine/tokenizer.h"

namespace kvasir {

/// SameFacts when numbers, dates, names, quoted words, negations and cited pages of both agree and both or
/// neither say that the document does not say it; answers without any number, date, name or quotation must
/// share all their content words. Of numbers outside quotations one answer must hold all of the other's. Else
/// Different. Pure; never fails. It compares what can be compared: two
/// answers with the same facts may still say different things of them.
Verdict compareFacts(const Answer& draft, const Answer& later);

/// The same for answers whose tokens are not at hand: SameWords when the texts are equal.
Verdict compareTexts(const Answer& draft, const Answer& later);

/// Of the passages most of whose tokens the draft did not carry, the three that drew most attention, the most
/// first; those with less than 2 % of it are left out. `attention` and `carried` by document token.
std::vector<LookedAt> lookedAtMost(const Passages& passages, std::span<const TextToken> tokens,
                                   std::span<const float> attention, const std::vector<bool>& carried);

}  // namespace kvasir
