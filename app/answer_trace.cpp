#include "app/answer_trace.h"

#include <algorithm>
#include <cstddef>

namespace kvasir {
namespace {

/// Of each document token, whether its part was not read yet; empty when all were.
std::vector<bool> unreadTokens(const AnswerTrace& trace) {
    std::vector<bool> unread;
    if (trace.notRead.empty()) return unread;
    unread.resize(trace.tokens.size(), false);
    for (const Policy::Range& range : trace.notRead) {
        const std::int64_t first = std::max<std::int64_t>(range.first - trace.layout.prefix, 0),
                           last = std::min<std::int64_t>(range.last - trace.layout.prefix,
                                                         static_cast<std::int64_t>(unread.size()));
        for (std::int64_t token = first; token < last; ++token)
            unread[static_cast<std::size_t>(token)] = true;
    }
    return unread;
}

}  // namespace

std::vector<bool> carriedTokens(const AnswerTrace& trace) {
    std::vector<bool> carried(trace.tokens.size(), false);
    for (const std::int32_t position : trace.carried) {
        const std::int64_t token = position - trace.layout.prefix;
        if (token >= 0 && token < std::ssize(carried)) carried[static_cast<std::size_t>(token)] = true;
    }
    return carried;
}

WordMarks wordMarks(const Document& document, const AnswerTrace& trace) {
    WordMarks marks;
    marks.tokens.resize(document.words.size());
    marks.carried.resize(document.words.size());
    const std::vector<bool> carried = carriedTokens(trace), unread = unreadTokens(trace);
    if (!unread.empty()) marks.unread.resize(document.words.size(), false);
    std::size_t first = 0;  // tokens and words both ascend
    for (std::size_t w = 0; w < document.words.size(); ++w) {
        const Word& word = document.words[w];
        while (first < trace.tokens.size() && trace.tokens[first].end <= word.begin)
            ++first;
        for (std::size_t t = first; t < trace.tokens.size() && trace.tokens[t].begin < word.end; ++t) {
            if (marks.tokens[w] == 255) break;
            ++marks.tokens[w];
            if (carried[t]) ++marks.carried[w];
            if (!unread.empty() && unread[t]) marks.unread[w] = true;
        }
    }
    return marks;
}

}  // namespace kvasir
