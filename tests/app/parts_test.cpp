// Documents that are asked in parts: several as one text, the order of reading, answers and their traces.
#include "app/parts.h"

#include <numeric>

#include "app/answer_engine.h"
#include "app/archive.h"
#include "app/document_set.h"
#include "app/pins.h"
#include "tests/app/engine_fixture.h"

namespace kvasir {
namespace {

std::shared_ptr<const Document> pages(const std::string& name, const std::vector<std::string>& texts) {
    auto document = std::make_shared<Document>();
    document->name = name;
    for (const std::string& text : texts) {
        if (!document->text.empty()) document->text += "\n\n";
        const auto begin = static_cast<std::uint32_t>(document->text.size()),
                   end = begin + static_cast<std::uint32_t>(text.size()),
                   line = static_cast<std::uint32_t>(document->lines.size());
        document->text += text;
        document->words.push_back({begin, end, {}});
        document->lines.push_back({begin, end, line, line + 1});
        document->pages.push_back({100, 100, PageStatus::Text, "", begin, end, line, line + 1});
    }
    return document;
}

Citation citation(std::uint32_t begin, std::uint32_t end, std::int32_t page, std::int32_t line) {
    Citation c;
    c.begin = begin;
    c.end = end;
    c.page = page;
    c.line = line;
    return c;
}

TEST(DocumentSet, JoinsAndLeadsBack) {
    const auto a = pages("a.pdf", {"one", "two"}), b = pages("b.pdf", {"three", "four", "five"}),
               c = pages("c.pdf", {"six"});
    const Result<DocumentSet> set = DocumentSet::create({a, b, c});
    ASSERT_TRUE(set);
    const Document& joined = *set->joined();
    EXPECT_EQ(joined.text, "one\n\ntwo\n\nthree\n\nfour\n\nfive\n\nsix");
    EXPECT_EQ(joined.name, "a.pdf, b.pdf, c.pdf");
    ASSERT_EQ(joined.pages.size(), 6U);
    for (const Page& page : joined.pages) {
        EXPECT_EQ(joined.lines[page.firstLine].begin, page.begin);
        EXPECT_EQ(joined.words[joined.lines[page.firstLine].firstWord].end, page.end);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        const ByteRange range = set->range(i);
        EXPECT_EQ(joined.text.substr(range.begin, range.end - range.begin), set->document(i)->text);
        EXPECT_EQ(set->documentAt(range.begin), i);
        EXPECT_EQ(set->documentAt(range.end), i) << "the gap is the one's before it";
    }
    Answer answer;
    const auto four = static_cast<std::uint32_t>(joined.text.find("four")),
               six = static_cast<std::uint32_t>(joined.text.find("six"));
    answer.citations = {citation(four, four + 4, 3, 3), citation(six, six + 3, 5, 5), citation(0, 3, 0, 0)};
    answer.facts = {{"4", 0, 1, CheckedFact::Found::OnCitedPage, 3, 0},
                    {"9", 0, 1, CheckedFact::Found::Nowhere, -1, 0}};
    answer.missingPages = {2};
    set->placeInDocuments(answer);
    const Citation& first = answer.citations[0];
    EXPECT_EQ(first.document, 1);
    EXPECT_EQ(b->text.substr(first.begin, first.end - first.begin), "four");
    EXPECT_EQ(first.page, 1);
    EXPECT_EQ(first.line, 1);
    EXPECT_EQ(answer.citations[1].document, 2);
    EXPECT_EQ(answer.citations[1].page, 0);
    EXPECT_EQ(answer.citations[2].document, 0);
    EXPECT_EQ(answer.facts[0].document, 1);
    EXPECT_EQ(answer.facts[0].page, 1);
    EXPECT_EQ(answer.facts[1].page, -1);
    EXPECT_TRUE(answer.missingPages.empty()) << "told with each document";
    const Answer own = set->ofDocument(answer, 1);
    ASSERT_EQ(own.citations.size(), 1U);
    EXPECT_EQ(own.citations[0].document, 0);
    EXPECT_EQ(own.citations[0].page, 1);
    EXPECT_EQ(set->ofDocument(answer, 0).facts[0].page, -1);
}

TEST(DocumentSet, OneDocumentIsItself) {
    const auto a = pages("a.pdf", {"one", "two"});
    const Result<DocumentSet> set = DocumentSet::create({a});
    ASSERT_TRUE(set);
    EXPECT_EQ(set->joined(), a);
    Answer answer;
    answer.missingPages = {1};
    answer.citations = {citation(5, 8, 1, 1)};
    set->placeInDocuments(answer);
    EXPECT_EQ(answer.citations[0].page, 1);
    EXPECT_EQ(answer.missingPages.size(), 1U);
}

TEST(DocumentSet, RefusesNoneAndTooMany) {
    EXPECT_EQ(DocumentSet::create({}).error().code, ErrorCode::InvalidArgument);
    const std::vector<std::shared_ptr<const Document>> many(DocumentSet::kMostDocuments + 1,
                                                            pages("a.pdf", {"one"}));
    EXPECT_EQ(DocumentSet::create(many).error().code, ErrorCode::TooLarge);
    const auto empty = std::make_shared<const Document>();
    const Result<DocumentSet> set = DocumentSet::create({empty, pages("a.pdf", {"one"}), empty});
    ASSERT_TRUE(set) << "documents without text are documents";
    EXPECT_EQ(set->documentAt(0), 1U);
}

class Parts : public test::EngineFixture {
protected:
    static std::unique_ptr<ReadParts> prepare(std::vector<std::shared_ptr<const Document>> documents) {
        auto parts = sharedEngine->prepareParts(std::move(documents));
        EXPECT_TRUE(parts) << parts.error().message();
        return std::move(*parts);
    }
    static void readAll(ReadParts& parts) {
        const std::vector<std::size_t> order = rankParts(parts, {});
        while (const auto next = nextPart(parts, order))
            ASSERT_TRUE(sharedEngine->readPart(parts, *next, order, {}, {}));
    }
    static AskRequest request(const std::string& question) {
        AskRequest request;
        request.question = question;
        request.maxTokens = 48;
        request.lookedTokens = 0;
        return request;
    }
    static Result<AskOutcome> ask(const ReadParts& parts, const AskRequest& asked) {
        return sharedEngine->askParts(parts, asked, {}, [](std::string_view) {});
    }
};

/// A document of one part whose tokens are all carried: token for token what the ordinary way writes when it
/// carries everything.
TEST_F(Parts, OnePartIsTheOrdinaryAnswer) {
    const auto document = test::textDocument(test::leaseText(30));
    const auto parts = prepare({document});
    ASSERT_EQ(parts->segments->segments().size(), 1U);
    readAll(*parts);
    auto read = sharedEngine->prepare(document);
    ASSERT_TRUE(read);
    ASSERT_TRUE(sharedEngine->readEarly(**read, {}, {}));
    for (const char* question : {"What is the fee of item 12?", "Who is the tenant?"}) {
        AskRequest asked = request(question);
        const auto apart = ask(*parts, asked);
        asked.policy = Policy::fixedRate(sharedEngine->model().config(), 1000);
        const auto whole = sharedEngine->ask(**read, asked, {}, [](std::string_view) {});
        ASSERT_TRUE(apart && whole);
        EXPECT_EQ(apart->tokens, whole->tokens);
        EXPECT_EQ(apart->answer.text, whole->answer.text);
        EXPECT_EQ(apart->trace.attention, whole->trace.attention);
        EXPECT_EQ(apart->trace.carried, whole->trace.carried);
        EXPECT_EQ(apart->answer.citations.size(), whole->answer.citations.size());
        EXPECT_EQ(apart->answer.mode, AnswerMode::Parts) << "labelled all the same";
        EXPECT_EQ(apart->answer.parts.read, 1);
    }
}

TEST_F(Parts, EarlierTurnsGoAlong) {
    const auto document = test::textDocument(test::leaseText(30));
    const auto parts = prepare({document});
    readAll(*parts);
    auto read = sharedEngine->prepare(document);
    ASSERT_TRUE(read);
    ASSERT_TRUE(sharedEngine->readEarly(**read, {}, {}));
    AskRequest asked = request("And of item 12?");
    asked.turns = {
        {"What is the fee of item 3?", "\"The fee of item 3 is 121 euros\"\n\nAnswer: 121 euros."}};
    const auto apart = ask(*parts, asked);
    asked.policy = Policy::fixedRate(sharedEngine->model().config(), 1000);
    const auto whole = sharedEngine->ask(**read, asked, {}, [](std::string_view) {});
    ASSERT_TRUE(apart && whole);
    EXPECT_EQ(apart->tokens, whole->tokens);
    EXPECT_EQ(apart->answer.turns.taken, 1);
    EXPECT_EQ(apart->answer.turns.tokens, whole->answer.turns.tokens);
}

TEST_F(Parts, AnswersFromThePartsThatAreRead) {
    const auto document = test::textDocument(test::leaseText(150));
    const auto parts = prepare({document});
    const std::size_t count = parts->segments->segments().size();
    ASSERT_GE(count, 2U);
    const std::vector<ByteRange> passages{test::rangeOf(*document, "Clause 140.", 80)};
    const std::vector<std::size_t> order = rankParts(*parts, passages);
    EXPECT_EQ(order.front(), count - 1) << "the part with the passage first";
    EXPECT_EQ(order[1], 0U) << "then from the beginning";
    EXPECT_EQ(ask(*parts, request("Who?")).error().code, ErrorCode::Empty) << "nothing is read yet";
    ASSERT_TRUE(sharedEngine->readPart(*parts, order[0], order, {}, {}));
    EXPECT_TRUE(isWorthWaiting(*parts, order, order[1], 5, 5));
    EXPECT_FALSE(isWorthWaiting(*parts, order, order[1], 18, 5)) << "not for long";
    AskRequest asked = request("What is the fee of item 140?");
    asked.policy = Policy::fixedLength(sharedEngine->model().config(), 400);
    const auto outcome = ask(*parts, asked);
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->answer.parts.read, 1);
    EXPECT_EQ(outcome->answer.parts.all, static_cast<std::int32_t>(count));
    EXPECT_EQ(outcome->answer.state, AnswerState::Complete);
    const AnswerTrace& trace = outcome->trace;
    EXPECT_EQ(trace.tokens.size(), parts->tokens.size());
    EXPECT_EQ(trace.attention.size(), trace.tokens.size());
    EXPECT_EQ(trace.layout.documentEnd, trace.layout.prefix + std::ssize(trace.tokens));
    EXPECT_TRUE(std::is_sorted(trace.carried.begin(), trace.carried.end()));
    EXPECT_EQ(trace.carried.back(), trace.layout.length - 1);
    const std::vector<bool> carried = carriedTokens(trace);
    EXPECT_EQ(std::count(carried.begin(), carried.end(), true), 400);
    ASSERT_EQ(trace.notRead.size(), 1U) << "neighbours are one range";
    const std::int64_t first = parts->segments->segments().back().begin;
    EXPECT_EQ(trace.notRead[0].first, trace.layout.prefix);
    EXPECT_EQ(trace.notRead[0].last, trace.layout.prefix + first);
    for (std::int64_t token = 0; token < first; ++token) {
        ASSERT_FALSE(carried[static_cast<std::size_t>(token)]);
        ASSERT_EQ(trace.attention[static_cast<std::size_t>(token)], 0);
    }
    const WordMarks marks = wordMarks(*document, trace);
    ASSERT_EQ(marks.unread.size(), document->words.size());
    EXPECT_TRUE(marks.unread.front());
    EXPECT_FALSE(marks.unread.back());
    // The store gives it back.
    const AnswerTrace back = toAnswerTrace(toTrace(trace, 1), toTokenMap(trace.tokens));
    EXPECT_EQ(back.notRead, trace.notRead);
    EXPECT_EQ(back.carried, trace.carried);
    EXPECT_EQ(wordMarks(*document, back).unread, marks.unread);
    for (const Citation& citation : outcome->answer.citations)
        EXPECT_EQ(document->lineAt(citation.begin), static_cast<std::size_t>(citation.line));
}

/// What search found is carried in any case, as far as its part is read: so that it can be cited.
TEST_F(Parts, RepeatsWhatSearchFoundInPartsThatAreRead) {
    const auto document = test::textDocument(test::leaseText(150));
    const auto parts = prepare({document});
    const std::vector<ByteRange> passages{test::rangeOf(*document, "Clause 5.", 80),
                                          test::rangeOf(*document, "Clause 140.", 80)};
    const std::size_t last = parts->segments->segments().size() - 1;
    ASSERT_GT(last, 0U);
    ASSERT_TRUE(sharedEngine->readPart(*parts, last, rankParts(*parts, passages), {}, {}));
    AskRequest asked = request("Who is the tenant?");
    asked.policy = Policy::fixedLength(sharedEngine->model().config(), 20);
    const auto plain = ask(*parts, asked);
    asked.passages = passages;
    const auto repeated = ask(*parts, asked);
    ASSERT_TRUE(plain && repeated);
    const auto carriedOf = [&](const AskOutcome& outcome, const ByteRange& range) {
        const std::vector<bool> carried = carriedTokens(outcome.trace);
        std::int64_t count = 0, all = 0;
        for (std::size_t i = 0; i < carried.size(); ++i) {
            if (parts->tokens[i].end <= range.begin || parts->tokens[i].begin >= range.end) continue;
            ++all;
            count += carried[i] ? 1 : 0;
        }
        EXPECT_GT(all, 10);
        return static_cast<double>(count) / static_cast<double>(all);
    };
    EXPECT_LT(carriedOf(*plain, passages[1]), 1.0);
    EXPECT_EQ(carriedOf(*repeated, passages[1]), 1.0);
    EXPECT_EQ(carriedOf(*repeated, passages[0]), 0.0) << "its part is not read";
    const std::int64_t more = repeated->answer.figures.promptTokens - plain->answer.figures.promptTokens;
    EXPECT_GT(more, 10);
    EXPECT_LT(more, 100) << "one passage, not both";
    // And what the question looks at, without search.
    asked.passages.clear();
    asked.lookedTokens = 200;
    const auto looked = ask(*parts, asked);
    ASSERT_TRUE(looked);
    EXPECT_GT(looked->answer.figures.promptTokens, plain->answer.figures.promptTokens + 200);
    EXPECT_GT(looked->answer.figures.carriedTokens, plain->answer.figures.carriedTokens + 200);
    EXPECT_EQ(carriedOf(*looked, passages[0]), 0.0) << "its part is not read";
}

/// Pinned tokens are chosen on top, whatever the question looks at; parts that hold pins are read first.
TEST_F(Parts, WhatIsPinnedIsAlwaysCarried) {
    const auto document = test::textDocument(test::leaseText(150));
    const auto parts = prepare({document});
    const std::size_t last = parts->segments->segments().size() - 1;
    ASSERT_GT(last, 0U);
    const ByteRange pin = test::rangeOf(*document, "Clause 140.", 80);
    const std::vector<ByteRange> pins{pin}, found{test::rangeOf(*document, "Clause 5.", 80)};
    EXPECT_TRUE(holdsPin(*parts, last, pins));
    EXPECT_FALSE(holdsPin(*parts, 0, pins));
    EXPECT_EQ(rankParts(*parts, found).front(), 0U);
    const std::vector<std::size_t> order = rankParts(*parts, found, pins);
    EXPECT_EQ(order.front(), last) << "before what search finds";
    EXPECT_EQ(order[1], 0U);
    ASSERT_TRUE(sharedEngine->readPart(*parts, 0, order, {}, {}));
    EXPECT_FALSE(isWorthWaiting(*parts, order, last, 100, 50));
    EXPECT_TRUE(isWorthWaiting(*parts, order, last, 100, 50, pins)) << "however long it takes";
    AskRequest asked = request("Who is the tenant?");
    asked.policy = Policy::fixedLength(sharedEngine->model().config(), 20);
    asked.pins = pins;
    EXPECT_EQ(ask(*parts, asked).error().code, ErrorCode::OutOfMemory) << "its part is not read";
    ASSERT_TRUE(sharedEngine->readPart(*parts, last, order, {}, {}));
    const auto pinned = ask(*parts, asked);
    ASSERT_TRUE(pinned) << pinned.error().message();
    asked.pins.clear();
    const auto plain = ask(*parts, asked);
    ASSERT_TRUE(plain);
    const AnswerTrace& trace = pinned->trace;
    const std::vector<bool> carried = carriedTokens(trace), without = carriedTokens(plain->trace);
    std::int64_t tokens = 0, missed = 0;
    for (std::size_t i = 0; i < carried.size(); ++i) {
        if (parts->tokens[i].end <= pin.begin || parts->tokens[i].begin >= pin.end) continue;
        EXPECT_TRUE(carried[i]) << i;
        ++tokens;
        missed += without[i] ? 0 : 1;
    }
    EXPECT_GT(tokens, 10);
    EXPECT_GT(missed, 10) << "else the pin was carried anyway";
    EXPECT_EQ(trace.decision.pinned, tokens);
    EXPECT_EQ(pinned->answer.figures.carriedTokens, plain->answer.figures.carriedTokens + tokens) << "on top";
    EXPECT_EQ(trace.policy.pins, pinnedPositions(trace.layout.prefix, parts->tokens, pins))
        << "as positions of the whole";
    EXPECT_EQ(trace.pinned, pinnedPassages(*document, pins));
    EXPECT_EQ(pinned->answer.pins, 1);
    // The store gives it back.
    EXPECT_EQ(pinnedOf(policyJson(trace)), trace.pinned);
    // Little is kept of what was chosen, and all of what is pinned.
    asked.pins = pins;
    asked.policy->retentionPerMille = 1;
    EXPECT_TRUE(ask(*parts, asked));
    // More than can be pinned.
    asked.pins = {{0, static_cast<std::uint32_t>(document->text.size())}};
    for (const std::size_t part : order)
        ASSERT_TRUE(sharedEngine->readPart(*parts, part, order, {}, {}));
    const auto much = ask(*parts, asked);
    ASSERT_FALSE(much);
    EXPECT_EQ(much.error().code, ErrorCode::TooLarge);
}

/// Each document's own pins.
TEST_F(Parts, SeveralDocumentsKeepTheirPinsApart) {
    const auto first = test::textDocument(test::leaseText(10)),
               second = test::textDocument(test::leaseText(12));
    const auto parts = prepare({first, second});
    readAll(*parts);
    const ByteRange own = test::rangeOf(*second, "Clause 3.", 30);
    const std::uint32_t begin = parts->documents.range(1).begin;
    AskRequest asked = request("Who is the tenant?");
    asked.policy = Policy::fixedLength(sharedEngine->model().config(), 20);
    asked.pins = {{own.begin + begin, own.end + begin}};
    const auto outcome = ask(*parts, asked);
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_TRUE(traceOf(outcome->trace, parts->documents, 0).pinned.empty());
    EXPECT_TRUE(traceOf(outcome->trace, parts->documents, 0).policy.pins.empty());
    const AnswerTrace trace = traceOf(outcome->trace, parts->documents, 1);
    EXPECT_EQ(trace.pinned, pinnedPassages(*second, std::vector<ByteRange>{own}));
    EXPECT_EQ(trace.policy.pins,
              pinnedPositions(trace.layout.prefix, trace.tokens, std::vector<ByteRange>{own}));
}

TEST_F(Parts, SeveralDocumentsAreAskedTogether) {
    const auto lease = test::textDocument(test::leaseText(20));
    const auto garden = test::textDocument(
        "The gardener of Hillside is called Ottoline Marsh. She waters the roses at six in the morning.\n"
        "The greenhouse was built in 1931 and holds ninety pots.\n");
    const auto empty = test::textDocument("");
    const auto parts = prepare({lease, empty, garden});
    EXPECT_EQ(parts->segments->segments().size(), 2U) << "no part of the one without text";
    readAll(*parts);
    const auto outcome = ask(*parts, request("What is the gardener of Hillside called?"));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_NE(outcome->answer.text.find("Ottoline"), std::string::npos) << outcome->answer.text;
    ASSERT_FALSE(outcome->answer.citations.empty());
    for (const Citation& citation : outcome->answer.citations) {
        const Document& document = *parts->documents.document(static_cast<std::size_t>(citation.document));
        EXPECT_LE(citation.end, document.text.size());
        EXPECT_EQ(document.lineAt(citation.begin), static_cast<std::size_t>(citation.line));
    }
    EXPECT_EQ(outcome->answer.citations.front().document, 2);
    // Each document's share of the trace.
    std::size_t tokens = 0, carried = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const AnswerTrace own = traceOf(outcome->trace, parts->documents, i);
        EXPECT_EQ(own.attention.size(), own.tokens.size());
        EXPECT_EQ(own.layout.documentEnd - own.layout.prefix, std::ssize(own.tokens));
        if (!own.tokens.empty()) {
            EXPECT_EQ(own.tokens.front().begin, 0U);
            EXPECT_EQ(own.tokens.back().end, parts->documents.document(i)->text.size());
        }
        EXPECT_TRUE(std::is_sorted(own.carried.begin(), own.carried.end()));
        EXPECT_LT(own.carried.back(), own.layout.length);
        const std::vector<bool> marks = carriedTokens(own);
        tokens += own.tokens.size();
        carried += static_cast<std::size_t>(std::count(marks.begin(), marks.end(), true));
    }
    EXPECT_EQ(tokens, outcome->trace.tokens.size());
    const std::vector<bool> marks = carriedTokens(outcome->trace);
    EXPECT_EQ(carried, static_cast<std::size_t>(std::count(marks.begin(), marks.end(), true)));
}

TEST_F(Parts, StopsAndRefuses) {
    EXPECT_EQ(sharedEngine->prepareParts({}).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(sharedEngine->prepareParts({test::textDocument("")}).error().code, ErrorCode::Empty);
    const auto parts = prepare({test::textDocument(test::leaseText(10))});
    std::stop_source stop;
    stop.request_stop();
    const std::vector<std::size_t> order = rankParts(*parts, {});
    EXPECT_EQ(sharedEngine->readPart(*parts, 0, order, stop.get_token(), {}).error().code,
              ErrorCode::Cancelled);
    readAll(*parts);
    EXPECT_EQ(ask(*parts, request(" \t")).error().code, ErrorCode::Empty);
    EXPECT_EQ(ask(*parts, request(std::string(40001, 'x'))).error().code, ErrorCode::TooLarge);
    EXPECT_EQ(sharedEngine->askParts(*parts, request("Who?"), stop.get_token(), [](std::string_view) {})
                  .error()
                  .code,
              ErrorCode::Cancelled);
}

TEST_F(Parts, MakesRoomByTheOrder) {
    const auto parts = prepare({test::textDocument(test::leaseText(150))});
    SegmentedDocument& segments = *parts->segments;
    const std::vector<std::size_t> order = rankParts(*parts, {});
    readAll(*parts);
    EXPECT_EQ(segments.readCount(), std::ssize(order));
    EXPECT_EQ(nextPart(*parts, order), std::nullopt);
    segments.drop(order[1]);
    EXPECT_EQ(nextPart(*parts, order), order[1]);
    ASSERT_TRUE(sharedEngine->readPart(*parts, order[1], order, {}, {}));
    EXPECT_TRUE(segments.isRead(order.back())) << "there is room";
}

}  // namespace
}  // namespace kvasir
