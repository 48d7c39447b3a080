// Two answers to one question that must not differ.
#pragma once

#include <gtest/gtest.h>

#include "app/answer_engine.h"

namespace kvasir::test {

inline void expectSame(const AskOutcome& a, const AskOutcome& b) {
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.answer.text, b.answer.text);
    EXPECT_EQ(a.trace.carried, b.trace.carried);
    EXPECT_EQ(a.trace.scores, b.trace.scores);
    EXPECT_EQ(a.trace.kept, b.trace.kept);
    EXPECT_EQ(a.trace.attention, b.trace.attention);
}

}  // namespace kvasir::test
