// FastKV on PlainModel: design 'FastKV, exactly', step by step. Where floats and doubles may differ about a
// near-tie, the engine's choice is followed once it was found to be one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "tests/engine/plain_model.h"

namespace kvasir::test {

class PlainFastKv {
public:
    /// `engine` is the trace of the same prompt, with details. Failures are reported to the running test.
    PlainFastKv(const PlainModel& model, const Policy& policy, const PromptLayout& layout,
                const PrefillTrace& engine)
        : m_model(model), m_policy(policy), m_layout(layout), m_engine(engine) {
        const std::int64_t question = layout.length - layout.documentEnd;
        m_window = policy.window > 0 ? policy.window
                                     : std::max<std::int64_t>(8, std::min<std::int64_t>(64, question));
        m_window = std::min(m_window, layout.length);
    }

    /// Reads the prompt; logits that follow it.
    Row prefill(const std::vector<TokenId>& tokens) {
        m_caches.assign(static_cast<std::size_t>(m_model.layers()), {});
        Rows hidden = m_model.embed(tokens);
        std::vector<std::int32_t> positions(tokens.size());
        std::iota(positions.begin(), positions.end(), 0);
        for (std::int32_t i = 0; i < m_model.layers(); ++i) {
            PlainCache& cache = m_caches[static_cast<std::size_t>(i)];
            const Rows queries = m_model.layer(i, hidden, positions, cache);
            const std::size_t window = std::min(static_cast<std::size_t>(m_window), positions.size());
            const Rows c = pooledScores(i, cache, queries, positions, window);
            if (i == m_policy.tspLayer) {
                const std::vector<std::int32_t> carried = selectCarried(c, positions);
                Rows rows;
                for (const std::int32_t position : carried)
                    rows.push_back(hidden[static_cast<std::size_t>(position)]);
                // After the last layer nothing is carried on.
                if (i + 1 < m_model.layers()) {
                    hidden = rows;
                    positions = carried;
                }
            }
            compress(i, cache, c);
        }
        m_next = static_cast<std::int32_t>(tokens.size());
        return m_model.logits(hidden.back());
    }

    /// One token of the answer; logits that follow it.
    Row accept(TokenId token) {
        Rows hidden = m_model.embed({token});
        for (std::int32_t i = 0; i < m_model.layers(); ++i)
            m_model.layer(i, hidden, {m_next}, m_caches[static_cast<std::size_t>(i)]);
        ++m_next;
        return m_model.logits(hidden.back());
    }

    int nearTies() const { return m_nearTies; }

private:
    /// Step 2 and 3: c (G)(rows before the window).
    Rows pooledScores(std::int32_t layer, const PlainCache& cache, const Rows& queries,
                      const std::vector<std::int32_t>& positions, std::size_t window) const {
        const auto scored = static_cast<std::int64_t>(positions.size() - window);
        const auto heads = static_cast<std::int32_t>(queries[0].size() / cache[0][0].key.size()),
                   perGroup = heads / static_cast<std::int32_t>(cache.size());
        Rows c(cache.size(), Row(static_cast<std::size_t>(scored), 0));
        for (std::int32_t h = 0; h < heads; ++h) {
            const std::size_t g = static_cast<std::size_t>(h / perGroup);
            Row s(static_cast<std::size_t>(scored), 0);
            for (std::size_t r = positions.size() - window; r < positions.size(); ++r) {
                const Row p = m_model.attention(layer, queries[r], h, positions[r], cache[g]);
                std::transform(s.begin(), s.end(), p.begin(), s.begin(), std::plus<>());
            }
            for (std::int64_t j = 0; j < scored; ++j) {
                const std::int64_t first = std::max<std::int64_t>(0, j - m_policy.kernel / 2),
                                   last = std::min(scored - 1, j + m_policy.kernel / 2);
                const auto from = s.begin() + first, to = s.begin() + last + 1;
                c[g][static_cast<std::size_t>(j)] += m_policy.pooling == kernels::Pooling::Max
                                                         ? *std::max_element(from, to)
                                                         : std::accumulate(from, to, 0.0) / m_policy.kernel;
            }
        }
        return c;
    }

    /// Whether a position competes by its score; what does not is always carried and kept.
    bool competes(std::int32_t position) const {
        if (position >= m_layout.length - m_window) return false;
        return !m_policy.keepPrompt || (position >= m_layout.prefix && position < m_layout.documentEnd);
    }

    /// The `count` best of `candidates` (score, position): ties to the lower position. Followed by the
    /// engine's choice where they differ by near-ties only.
    std::vector<std::int32_t> best(std::vector<std::pair<double, std::int32_t>> candidates,
                                   std::int64_t count, const std::vector<std::int32_t>& engine) {
        std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first > b.first : a.second < b.second;
        });
        std::set<std::int32_t> chosen, theirs;
        for (std::int64_t i = 0; i < count; ++i)
            chosen.insert(candidates[static_cast<std::size_t>(i)].second);
        const std::set<std::int32_t> all(engine.begin(), engine.end());
        for (const auto& candidate : candidates) {
            if (all.contains(candidate.second)) theirs.insert(candidate.second);
        }
        EXPECT_EQ(theirs.size(), chosen.size());
        if (count == 0 || chosen == theirs) return {chosen.begin(), chosen.end()};
        const double cutoff = candidates[static_cast<std::size_t>(count - 1)].first;
        for (const auto& [score, position] : candidates) {
            if (chosen.contains(position) == theirs.contains(position)) continue;
            ++m_nearTies;
            EXPECT_NEAR(score, cutoff, 2e-5 * std::abs(cutoff) + 1e-9)
                << "position " << position << " is no near-tie";
        }
        return {theirs.begin(), theirs.end()};
    }

    /// Step 5.
    std::vector<std::int32_t> selectCarried(const Rows& c, const std::vector<std::int32_t>& positions) {
        std::vector<std::pair<double, std::int32_t>> candidates;
        std::vector<std::int32_t> carried;
        for (std::size_t j = 0; j < positions.size(); ++j) {
            if (!competes(positions[j])) {
                carried.push_back(positions[j]);
                continue;
            }
            double t = 0;
            for (const Row& row : c)
                t += row[j];
            candidates.emplace_back(t, positions[j]);
        }
        const std::int64_t n = m_layout.length, forced = static_cast<std::int64_t>(carried.size());
        const std::int64_t target =
            std::max(n * m_policy.ratePerMille / 1000, std::min(m_policy.minimumCarried, n));
        const auto inside = static_cast<std::int64_t>(candidates.size());
        for (const std::int32_t position :
             best(candidates, std::max<std::int64_t>(0, std::min(target - forced, inside)),
                  m_engine.carried)) {
            carried.push_back(position);
        }
        std::sort(carried.begin(), carried.end());
        EXPECT_EQ(carried, m_engine.carried);
        return carried;
    }

    /// Step 4 and 11.
    void compress(std::int32_t layer, PlainCache& cache, const Rows& c) {
        const std::int32_t reach = m_model.reach(layer);
        const bool everything = m_policy.retentionPerMille == 1000;
        for (std::size_t g = 0; g < cache.size(); ++g) {
            std::vector<std::pair<double, std::int32_t>> candidates;
            std::vector<std::int32_t> kept;
            for (std::size_t j = 0; j < cache[g].size(); ++j) {
                const std::int32_t position = cache[g][j].position;
                if (!everything && reach > 0 && position <= m_layout.length - m_window - reach) continue;
                if (everything || !competes(position)) {
                    kept.push_back(position);
                } else {
                    candidates.emplace_back(c[g][j], position);
                }
            }
            const std::int64_t capacity = m_layout.length * m_policy.retentionPerMille / 1000,
                               forced = static_cast<std::int64_t>(kept.size());
            const auto inside = static_cast<std::int64_t>(candidates.size());
            const std::vector<std::int32_t>& engine = m_engine.kept[static_cast<std::size_t>(layer)][g];
            for (const std::int32_t position :
                 best(candidates, std::max<std::int64_t>(0, std::min(capacity - forced, inside)), engine)) {
                kept.push_back(position);
            }
            std::sort(kept.begin(), kept.end());
            EXPECT_EQ(kept, engine) << "layer " << layer << ", head " << g;
            const std::set<std::int32_t> stays(kept.begin(), kept.end());
            std::erase_if(cache[g], [&](const PlainEntry& entry) { return !stays.contains(entry.position); });
        }
    }

    const PlainModel& m_model;
    const Policy& m_policy;
    const PromptLayout& m_layout;
    const PrefillTrace& m_engine;
    std::int64_t m_window = 0;
    std::int32_t m_next = 0;
    std::vector<PlainCache> m_caches;
    int m_nearTies = 0;
};

}  // namespace kvasir::test
