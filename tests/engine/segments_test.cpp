// Documents in segments: cutting, reading, choosing over all of them, and the answer over what was chosen.
#include <random>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/segmented_question.h"
#include "tests/engine/plain_segments.h"
#include "tests/engine/scratch_file.h"
#include "tests/engine/watched_backend.h"

namespace kvasir {
namespace {

using kernels::Activations;
using kernels::KvType;

TEST(CutIntoSegments, everyTokenIsOneSegmentsOwn) {
    for (const SegmentSizes sizes : {SegmentSizes{10, 3}, {1, 0}, {7, 20}, {2048, 256}}) {
        const std::vector<std::int64_t> documents{0, 1, 23, 10, 0, 100, 4096, 4097};
        const std::vector<Segment> segments = cutIntoSegments(documents, sizes);
        std::size_t next = 0;
        std::int64_t first = 0;
        for (const std::int64_t tokens : documents) {
            std::int64_t at = first;
            for (; at < first + tokens; ++next) {
                ASSERT_LT(next, segments.size());
                const Segment& s = segments[next];
                EXPECT_EQ(s.begin, at) << "no gap, no token twice";
                EXPECT_GT(s.end, s.begin);
                EXPECT_LE(s.end - s.begin, sizes.own);
                EXPECT_LE(s.end, first + tokens) << "of one document alone";
                EXPECT_EQ(s.context, std::max(first, s.begin - sizes.overlap));
                at = s.end;
            }
            first += tokens;
        }
        EXPECT_EQ(next, segments.size());
    }
    const std::vector<std::int64_t> just{21};
    const std::vector<Segment> three = cutIntoSegments(just, {10, 2});
    EXPECT_EQ(three, (std::vector<Segment>{{0, 0, 7}, {5, 7, 14}, {12, 14, 21}})) << "of equal size";
    EXPECT_TRUE(cutIntoSegments({}, {10, 2}).empty());
}

std::int64_t pick(std::mt19937& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

/// A loaded tiny model on a back end that can be made to run short.
struct Loaded {
    explicit Loaded(const test::TinyModel& tiny, Activations activations = Activations::F32)
        : file(tiny.bytes()), backend(2) {
        auto opened = Model::load(file.path(), backend, {activations, {}});
        EXPECT_TRUE(opened) << opened.error().message();
        model = std::move(*opened);
        runner = std::move(*LayerRunner::create(*model, backend));
    }
    std::vector<TokenId> tokens(std::mt19937& random, std::int64_t count) const {
        std::vector<TokenId> ids;
        ids.reserve(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < count; ++i)
            ids.push_back(static_cast<TokenId>(pick(random, 0, model->config().vocabulary - 1)));
        return ids;
    }

    test::ScratchFile file;
    test::WatchedBackend backend;
    std::unique_ptr<Model> model;
    std::unique_ptr<LayerRunner> runner;
};

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

std::vector<std::vector<float>> generate(Loaded& loaded, const ResidentDocument& resident,
                                         const std::vector<TokenId>& question,
                                         const std::vector<TokenId>& written, std::int64_t prefix,
                                         std::int32_t tspLayer) {
    Generation::Options options;
    options.policy.tspLayer = tspLayer;
    options.policy.ratePerMille = 1000;
    options.policy.window = 1;  // what was gathered must not be computed again
    options.maxTokens = std::ssize(written);
    const PromptLayout layout{prefix, resident.size(), resident.size() + std::ssize(question)};
    auto made = Generation::create(*loaded.runner, resident, question, layout, options);
    EXPECT_TRUE(made) << made.error().message();
    Generation& generation = **made;
    EXPECT_TRUE(generation.prefill({}));
    std::vector<std::vector<float>> logits{generation.logits()};
    for (const TokenId token : written) {
        EXPECT_TRUE(generation.accept(token, {}));
        logits.push_back(generation.logits());
    }
    return logits;
}

class Segments : public testing::TestWithParam<int> {};

TEST_P(Segments, ChoiceAndAnswerAreThoseOfTheDefinition) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    constexpr const char* kArchitectures[] = {"llama", "qwen2", "qwen3"};
    test::TinySizes sizes;
    sizes.architecture = kArchitectures[GetParam() % 3];
    sizes.layers = 5;
    sizes.seed = static_cast<unsigned>(random());
    const test::TinyModel tiny(sizes);
    Loaded loaded(tiny);
    const ModelConfig& config = loaded.model->config();
    const auto tsp = static_cast<std::int32_t>(pick(random, 1, 3));
    const std::vector<TokenId> prefix = loaded.tokens(random, pick(random, 1, 6)),
                               question = loaded.tokens(random, pick(random, 3, 20)),
                               written = loaded.tokens(random, 3);
    const std::vector<std::int64_t> documents{pick(random, 30, 120), pick(random, 1, 50)};
    const std::vector<TokenId> tokens = loaded.tokens(random, documents[0] + documents[1]);
    const std::vector<Segment> segments = cutIntoSegments(documents, {25, 6});
    auto made = SegmentedDocument::create(*loaded.model, loaded.backend, prefix, tokens, segments, tsp,
                                          kNoLimit, KvType::F32);
    ASSERT_TRUE(made) << made.error().message();
    SegmentedDocument& document = **made;
    const test::PlainModel plainModel(tiny);
    test::PlainSegments plain(plainModel, config, tsp);
    std::vector<std::int64_t> own;  // tokens of the segments that are read
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (i == 1) continue;  // one is not read yet
        ASSERT_TRUE(document.read(*loaded.runner, i, {}, {}));
        plain.read(prefix, tokens, segments[i]);
        for (std::int64_t token = segments[i].begin; token < segments[i].end; ++token)
            own.push_back(token);
    }
    EXPECT_EQ(document.readCount(), std::ssize(segments) - 1);
    Policy policy = Policy::shipped(config);
    policy.window = pick(random, 1, std::ssize(question));
    const std::int64_t most = pick(random, 1, std::ssize(own));
    const Result<SegmentChoice> choice =
        chooseFromSegments(*loaded.runner, document, question, policy, document.tspLayer(), most, {});
    ASSERT_TRUE(choice) << choice.error().message();

    const std::vector<double> t = plain.scores(question, policy.window, policy.kernel);
    std::vector<float> engine;
    for (const std::vector<float>& scores : choice->scores)
        engine.insert(engine.end(), scores.begin(), scores.end());
    ASSERT_EQ(engine.size(), t.size());
    for (std::size_t i = 0; i < t.size(); ++i)
        ASSERT_NEAR(engine[i], t[i], 1e-4 * t[i] + 1e-7) << "token " << own[i];
    // The largest, but for near-ties.
    std::vector<double> sorted = t;
    std::ranges::sort(sorted, std::greater<>());
    const double cutoff = sorted[static_cast<std::size_t>(most - 1)];
    ASSERT_EQ(std::ssize(choice->tokens), most);
    EXPECT_TRUE(std::ranges::is_sorted(choice->tokens));
    for (std::size_t i = 0; i < own.size(); ++i) {
        const bool chosen = std::ranges::binary_search(choice->tokens, own[i]);
        if (t[i] > cutoff * 1.001) {
            EXPECT_TRUE(chosen) << own[i];
        }
        if (t[i] < cutoff * 0.999) {
            EXPECT_FALSE(chosen) << own[i];
        }
    }

    const auto gathered = gatherChosen(*loaded.runner, document, choice->tokens, {});
    ASSERT_TRUE(gathered) << gathered.error().message();
    ASSERT_EQ((*gathered)->size(), std::ssize(prefix) + most);
    const auto logits = generate(loaded, **gathered, question, written, std::ssize(prefix), tsp);
    const test::Rows expected = plain.answer(choice->tokens, question, written);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t k = 0; k < expected[i].size(); ++k)
            ASSERT_NEAR(logits[i][k], expected[i][k], 3e-3) << "behind token " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Segments, testing::Range(0, 12));

/// Three segments of 40 tokens behind a prefix of 5.
class ThreeSegments : public testing::Test {
protected:
    ThreeSegments() : loaded(test::TinyModel(sizes()), Activations::Int8) {
        std::mt19937 random(4);
        prefix = loaded.tokens(random, 5);
        tokens = loaded.tokens(random, 120);
        question = loaded.tokens(random, 12);
        const std::vector<std::int64_t> lengths{120};
        segments = cutIntoSegments(lengths, {40, 10});
    }
    static test::TinySizes sizes() {
        test::TinySizes sizes;
        sizes.architecture = "qwen2";
        sizes.type = kernels::TensorType::Q8_0;
        return sizes;
    }
    std::unique_ptr<SegmentedDocument> make(std::size_t budget = kNoLimit) {
        auto made =
            SegmentedDocument::create(*loaded.model, loaded.backend, prefix, tokens, segments, tsp, budget);
        EXPECT_TRUE(made) << made.error().message();
        return std::move(*made);
    }
    Policy policy() const { return Policy::shipped(loaded.model->config()); }

    Loaded loaded;
    std::vector<TokenId> prefix, tokens, question;
    std::vector<Segment> segments;
    std::int32_t tsp = 2;
};

/// A document of one segment, all of it chosen: bit for bit the ordinary quick answer that carries
/// everything.
TEST_F(ThreeSegments, OneSegmentIsTheOrdinaryWay) {
    segments = {{0, 0, 120}};
    const auto document = make();
    ASSERT_TRUE(document->read(*loaded.runner, 0, {}, {}));
    const auto choice = chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 4096, {});
    ASSERT_TRUE(choice);
    ASSERT_EQ(choice->tokens.size(), tokens.size());
    const auto gathered = gatherChosen(*loaded.runner, *document, choice->tokens, {});
    ASSERT_TRUE(gathered);
    std::vector<TokenId> all = prefix;
    all.insert(all.end(), tokens.begin(), tokens.end());
    auto ordinary = ResidentDocument::create(*loaded.model, loaded.backend, all, tsp, KvType::F16);
    ASSERT_TRUE(ordinary);
    ASSERT_TRUE((*ordinary)->readEarly(*loaded.runner, {}, {}));
    const std::vector<TokenId> written(question.begin(), question.begin() + 4);
    EXPECT_EQ(generate(loaded, **gathered, question, written, std::ssize(prefix), tsp),
              generate(loaded, **ordinary, question, written, std::ssize(prefix), tsp));
}

/// On top of what is chosen by scores, which it takes no place from; in segments that are read.
TEST_F(ThreeSegments, PinnedTokensAreAlwaysChosen) {
    const auto document = make();
    for (const std::size_t i : {0, 2})
        ASSERT_TRUE(document->read(*loaded.runner, i, {}, {}));
    const auto plain = chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 10, {});
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->pinned, 0);
    Policy pinning = policy();
    const std::int64_t first = std::ssize(prefix);
    pinning.pins = {
        {0, 2}, {first + 30, first + 50}, {first + 118, first + 120}};  // the second half is unread
    const auto pinned = chooseFromSegments(*loaded.runner, *document, question, pinning, tsp, 10, {});
    ASSERT_TRUE(pinned) << pinned.error().message();
    EXPECT_EQ(pinned->scores, plain->scores) << "the scores are what they were";
    EXPECT_EQ(pinned->pinned, 10 + 2);
    EXPECT_EQ(std::ssize(pinned->tokens), 12 + 10);
    EXPECT_TRUE(std::ranges::is_sorted(pinned->tokens));
    std::vector<std::int64_t> others;
    for (const std::int64_t token : pinned->tokens) {
        if (!pinning.isPinned(first + token)) others.push_back(token);
    }
    EXPECT_EQ(others.size(), 10U) << "what is pinned takes no place from the others";
    for (std::int64_t token = 30; token < 40; ++token)
        EXPECT_TRUE(std::ranges::binary_search(pinned->tokens, token)) << token;
    for (std::int64_t token = 40; token < 80; ++token)
        EXPECT_FALSE(std::ranges::binary_search(pinned->tokens, token)) << token << " is not read";
    for (const std::int64_t token : plain->tokens)
        EXPECT_TRUE(std::ranges::binary_search(pinned->tokens, token)) << token;
    const auto none = chooseFromSegments(*loaded.runner, *document, question, pinning, tsp, 0, {});
    ASSERT_TRUE(none);
    EXPECT_EQ(none->tokens.size(), 12U);
    EXPECT_TRUE(gatherChosen(*loaded.runner, *document, pinned->tokens, {}));
}

TEST_F(ThreeSegments, TheOrderOfReadingChangesNothing) {
    const auto one = make(), other = make();
    for (const std::size_t i : {0, 1, 2})
        ASSERT_TRUE(one->read(*loaded.runner, i, {}, {}));
    for (const std::size_t i : {2, 0, 1})
        ASSERT_TRUE(other->read(*loaded.runner, i, {}, {}));
    const auto a = chooseFromSegments(*loaded.runner, *one, question, policy(), tsp, 30, {}),
               b = chooseFromSegments(*loaded.runner, *other, question, policy(), tsp, 30, {});
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->tokens, b->tokens);
    EXPECT_EQ(a->scores, b->scores);
}

TEST_F(ThreeSegments, MemoryIsKeptToTheBudget) {
    const std::size_t each =
        ResidentDocument::bytes(loaded.model->config(), tsp, KvType::F16, 55, false);  // prefix, overlap, own
    const auto document = make(2 * each + each / 2);
    EXPECT_EQ(document->mostHeld(), 2);
    EXPECT_GT(document->bytesPerToken(), 0U);
    ASSERT_TRUE(document->read(*loaded.runner, 2, {}, {}));
    ASSERT_TRUE(document->read(*loaded.runner, 0, {}, {}));
    EXPECT_LE(document->bytes(), 2 * each + each / 2);
    EXPECT_FALSE(document->hasRoom());
    EXPECT_EQ(document->read(*loaded.runner, 1, {}, {}).error().code, ErrorCode::OutOfMemory);
    EXPECT_EQ(document->readCount(), 2);
    document->drop(2);
    document->drop(2);
    EXPECT_EQ(document->readCount(), 1);
    EXPECT_TRUE(document->read(*loaded.runner, 1, {}, {}));
    EXPECT_TRUE(document->isRead(1));
    EXPECT_FALSE(document->isRead(2));
    const auto choice = chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 4096, {});
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->tokens.size(), 80U) << "those of the two that are there";
    EXPECT_TRUE(choice->scores[2].empty());
    EXPECT_EQ(gatherChosen(*loaded.runner, *document, std::vector<std::int64_t>{3, 119}, {}).error().code,
              ErrorCode::InvalidArgument)
        << "the last is not there";
    EXPECT_EQ(
        SegmentedDocument::create(*loaded.model, loaded.backend, prefix, tokens, segments, tsp, each / 2)
            .error()
            .code,
        ErrorCode::OutOfMemory);
}

TEST_F(ThreeSegments, ReadingAndAskingStopAndGoOn) {
    const auto document = make();
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(document->read(*loaded.runner, 0, stop.get_token(), {}).error().code, ErrorCode::Cancelled);
    EXPECT_EQ(document->readCount(), 0);
    EXPECT_EQ(chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 9, {}).error().code,
              ErrorCode::Empty);
    ASSERT_TRUE(document->read(*loaded.runner, 0, {}, {}));
    ASSERT_TRUE(document->read(*loaded.runner, 0, {}, {})) << "once is enough";
    EXPECT_EQ(document->readCount(), 1);
    EXPECT_EQ(chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 9, stop.get_token())
                  .error()
                  .code,
              ErrorCode::Cancelled);
    const std::vector<std::int64_t> chosen{1, 2};
    EXPECT_EQ(gatherChosen(*loaded.runner, *document, chosen, stop.get_token()).error().code,
              ErrorCode::Cancelled);
    EXPECT_TRUE(gatherChosen(*loaded.runner, *document, chosen, {}));
    loaded.backend.allocationsLeft = 2;
    EXPECT_EQ(chooseFromSegments(*loaded.runner, *document, question, policy(), tsp, 9, {}).error().code,
              ErrorCode::OutOfMemory);
    loaded.backend.allocationsLeft = 1;
    EXPECT_EQ(gatherChosen(*loaded.runner, *document, chosen, {}).error().code, ErrorCode::OutOfMemory);
}

TEST_F(ThreeSegments, BadInputIsRefused) {
    const auto refused = [&](std::vector<TokenId> before, std::vector<TokenId> ids, std::vector<Segment> cut,
                             KvType type = KvType::F16) {
        const auto made = SegmentedDocument::create(*loaded.model, loaded.backend, std::move(before),
                                                    std::move(ids), std::move(cut), tsp, kNoLimit, type);
        return made ? ErrorCode::Internal : made.error().code;
    };
    EXPECT_EQ(refused({}, tokens, segments), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, tokens, {}), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused({-1}, tokens, segments), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, {1, 2, 1 << 30}, {{0, 0, 3}}), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, tokens, {{0, 0, 121}}), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, tokens, {{5, 4, 9}}), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, tokens, {{0, 0, 9}, {0, 8, 20}}), ErrorCode::InvalidArgument);
    EXPECT_EQ(refused(prefix, tokens, segments, KvType::Int8), ErrorCode::InvalidArgument);
    const std::vector<TokenId> endless(static_cast<std::size_t>(loaded.model->config().window) + 1, 3);
    EXPECT_EQ(refused(prefix, endless, {{0, 0, std::ssize(endless)}}), ErrorCode::TooLarge);

    const auto document = make();
    EXPECT_EQ(document->read(*loaded.runner, 3, {}, {}).error().code, ErrorCode::InvalidArgument);
    ASSERT_TRUE(document->read(*loaded.runner, 0, {}, {}));
    const auto asked = [&](const std::vector<TokenId>& ids) {
        const auto choice = chooseFromSegments(*loaded.runner, *document, ids, policy(), tsp, 9, {});
        return choice ? ErrorCode::Internal : choice.error().code;
    };
    EXPECT_EQ(asked({}), ErrorCode::InvalidArgument);
    EXPECT_EQ(asked({1 << 30}), ErrorCode::InvalidArgument);
    EXPECT_EQ(asked(endless), ErrorCode::TooLarge);
    EXPECT_EQ(asked({7}), ErrorCode::Internal) << "a single token is a question too";

    const std::vector<ResidentDocument::Piece> twice{{&document->resident(0), {3, 3}}},
        behind{{&document->resident(0), {1000}}};
    EXPECT_EQ(ResidentDocument::gather(*loaded.model, loaded.backend, twice).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(ResidentDocument::gather(*loaded.model, loaded.backend, behind).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(ResidentDocument::gather(*loaded.model, loaded.backend, {}).error().code,
              ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace kvasir
