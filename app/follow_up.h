// Whether a question needs the one before it to be understood (docs/decisions/turns.md).
#pragma once

#include <string_view>

namespace kvasir {

/// A guess from its words, in English and Japanese: it begins with a reference ('And …', 'What about …',
/// 'それ…', 'では…'), asks about a pronoun, is no whole sentence ('In the second year?', '二輪車の場合は？'),
/// or has no words of its own that say what it is about. Any thread.
bool looksLikeFollowUp(std::string_view question);

}  // namespace kvasir
