// Pins of the workspace: they count at once, are kept, and are bounded.
#include "app/archive.h"
#include "app/pins.h"
#include "tests/app/workspace_fixture.h"

namespace kvasir {
namespace {

using test::q;

class WorkspacePins : public test::LocalWorkspaceTest {};

TEST_F(WorkspacePins, CountAtOnceAndAreKept) {
    m_workspace->setSetting("fullReading", "never");
    std::vector<DocumentId> changed;
    QObject::connect(m_workspace.get(), &Workspace::pinsChanged,
                     [&](DocumentId document) { changed.push_back(document); });
    const DocumentId id = m_workspace->open(q(lease("a.txt")));
    EXPECT_EQ(m_workspace->addPin(id, {0, 5}).error().code, ErrorCode::InvalidArgument) << "no text yet";
    const Answer first = ended(m_workspace->ask(id, "What is the fee of item 3?"));
    EXPECT_EQ(first.pins, 0);
    const auto text = m_workspace->text(id);
    const ByteRange fee = test::rangeOf(*text, "The fee of item 7", 30);
    changed.clear();
    const auto pinned = m_workspace->addPin(id, fee);
    ASSERT_TRUE(pinned) << pinned.error().message();
    EXPECT_LE(pinned->begin, fee.begin);
    EXPECT_GE(pinned->end, fee.end);
    EXPECT_EQ(m_workspace->pins(id), std::vector<ByteRange>{*pinned});
    EXPECT_EQ(changed, std::vector<DocumentId>{id});
    EXPECT_EQ(*m_workspace->addPin(id, fee), *pinned) << "it is pinned already";
    EXPECT_EQ(changed.size(), 1U);
    const double share = m_workspace->pinnedShare(id, {});
    EXPECT_GT(share, 0.0);
    EXPECT_LT(share, 0.02);
    EXPECT_GT(m_workspace->pinnedShare(id, test::rangeOf(*text, "Clause 9.", 40)), share);
    // Without waiting for the store.
    const QString again = m_workspace->askAgain(m_workspace->answers(id).front());
    EXPECT_EQ(m_workspace->answer(again).pins, 1);
    const Answer second = ended(again);
    ASSERT_EQ(second.state, AnswerState::Complete);
    EXPECT_EQ(second.question, first.question);
    EXPECT_EQ(second.pins, 1);
    EXPECT_EQ(m_workspace->answers(id).back(), again) << "below";
    // Under another name the same.
    const DocumentId copy = m_workspace->open(q(lease("copy.txt")));
    ASSERT_TRUE(isRead(copy));
    EXPECT_EQ(m_workspace->pins(copy), m_workspace->pins(id));
    const ByteRange more = *m_workspace->addPin(copy, test::rangeOf(*text, "Clause 9.", 40));
    EXPECT_EQ(m_workspace->pins(id), (std::vector<ByteRange>{*pinned, more}));
    m_workspace->removePin(id, more);
    m_workspace->removePin(id, more);
    EXPECT_EQ(m_workspace->pins(copy), std::vector<ByteRange>{*pinned});

    begin();
    const DocumentId kept = m_workspace->documents().at(0).id;
    EXPECT_EQ(m_workspace->pins(kept), std::vector<ByteRange>{*pinned}) << "before it is opened";
    ASSERT_EQ(m_workspace->open(q(lease("copy.txt"))), kept);
    const std::vector<QString> answers = m_workspace->answers(kept);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(m_workspace->answer(answers[0]).pins, 0);
    EXPECT_EQ(m_workspace->answer(answers[1]).pins, 1);
    EXPECT_EQ(ended(m_workspace->ask(kept, "Who is the tenant?")).pins, 1);
    const auto reader = StoreReader::open(m_folder.path() / "data");
    ASSERT_TRUE(reader);
    const auto exchange = (*reader)->exchange(exchangeOf(answers[1].toStdString()));
    ASSERT_TRUE(exchange);
    EXPECT_EQ(pinnedOf(exchange->policy), pinnedPassages(*text, std::vector<ByteRange>{*pinned}));
    m_workspace->removePin(kept, *pinned);
    EXPECT_TRUE(m_workspace->pins(kept).empty());
    EXPECT_EQ(ended(m_workspace->ask(kept, "Who is the tenant?")).pins, 0);
    begin();
    EXPECT_TRUE(m_workspace->pins(m_workspace->documents().at(0).id).empty());
    EXPECT_TRUE(m_failures.empty());
}

/// Of a document in parts too, whose parts with pins come first; and too much is refused where it is pinned.
TEST_F(WorkspacePins, OfALongDocument) {
    const DocumentId id = m_workspace->open(q(lease("long.txt", 330)));
    ASSERT_TRUE(waitFor([&] { return m_workspace->reading(id).parts.all > 0; }));
    const auto text = m_workspace->text(id);
    const ByteRange fee = test::rangeOf(*text, "The fee of item 320", 30);
    const Word& line = text->words.at(text->wordsIn(fee.begin, fee.end).first);  // as lines of a text are
    const ByteRange pin = *m_workspace->addPin(id, {line.begin, line.end});
    const ByteRange all{0, static_cast<std::uint32_t>(text->text.size())};
    EXPECT_GT(m_workspace->pinnedShare(id, all), 1.0);
    const auto much = m_workspace->addPin(id, all);
    ASSERT_FALSE(much);
    EXPECT_EQ(much.error().code, ErrorCode::TooLarge);
    EXPECT_FALSE(much.error().advice.empty());
    EXPECT_EQ(m_workspace->pins(id), std::vector<ByteRange>{pin}) << "the older pins stay";
    const QString asked = m_workspace->ask(id, "What is the fee of item 3?");
    const Answer answer = ended(asked);
    ASSERT_EQ(answer.state, AnswerState::Complete) << (answer.error ? answer.error->message() : "");
    EXPECT_EQ(answer.mode, AnswerMode::Parts);
    const WordMarks marks = m_workspace->marks(asked);
    const auto [first, last] = text->wordsIn(pin.begin, pin.end);
    ASSERT_LT(first, last);
    for (std::size_t word = first; word < last; ++word)
        EXPECT_EQ(marks.carried[word], marks.tokens[word]) << word;
}

}  // namespace
}  // namespace kvasir
