// Segments that are read apart, on PlainModel: design.md, 'Documents longer than the model's window', step by
// step and in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/family.h"
#include "engine/segmented_document.h"
#include "tests/engine/plain_model.h"

namespace kvasir::test {

class PlainSegments {
public:
    PlainSegments(const PlainModel& model, const ModelConfig& config, std::int32_t tspLayer)
        : m_model(model), m_config(config), m_tsp(tspLayer) {}

    /// Reads one segment behind the prefix.
    void read(const std::vector<TokenId>& prefix, const std::vector<TokenId>& tokens,
              const Segment& segment) {
        Part part;
        part.segment = segment;
        part.firstOwn = prefix.size() + static_cast<std::size_t>(segment.begin - segment.context);
        std::vector<TokenId> all = prefix;
        all.insert(all.end(), tokens.begin() + segment.context, tokens.begin() + segment.end);
        part.hidden = m_model.embed(all);
        part.caches.resize(static_cast<std::size_t>(m_tsp) + 1);
        std::vector<std::int32_t> positions(all.size());
        std::iota(positions.begin(), positions.end(), 0);
        for (std::int32_t i = 0; i <= m_tsp; ++i)
            m_model.layer(i, part.hidden, positions, part.caches[static_cast<std::size_t>(i)]);
        m_prefix = prefix.size();
        m_parts.push_back(std::move(part));
    }

    /// t of every own token of the segments that were read, in their order.
    std::vector<double> scores(const std::vector<TokenId>& question, std::int64_t window,
                               std::int32_t kernel) {
        std::vector<std::vector<Rows>> p;  // [part][head][window row][row of the segment], not yet divided
        std::vector<Row> sums;             // [head][window row], over all segments
        for (Part& part : m_parts) {
            std::vector<PlainCache> caches = part.caches;
            Rows hidden = m_model.embed(question);
            std::vector<std::int32_t> positions(question.size());
            std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(part.hidden.size()));
            Rows queries;
            for (std::int32_t i = 0; i <= m_tsp; ++i)
                queries = m_model.layer(i, hidden, positions, caches[static_cast<std::size_t>(i)]);
            p.push_back(weights(caches.back(), queries, positions, static_cast<std::size_t>(window), sums));
        }
        std::vector<double> t;
        for (std::size_t i = 0; i < m_parts.size(); ++i) {
            const std::vector<double> own = pooled(p[i], sums, m_parts[i].hidden.size(), kernel);
            t.insert(t.end(), own.begin() + static_cast<std::ptrdiff_t>(m_parts[i].firstOwn), own.end());
        }
        return t;
    }

    /// The question and an answer over the chosen tokens (of all documents, ascending): logits behind each.
    Rows answer(const std::vector<std::int64_t>& chosen, const std::vector<TokenId>& question,
                const std::vector<TokenId>& written) {
        std::vector<PlainCache> caches(static_cast<std::size_t>(m_model.layers()));
        Rows hidden;
        std::vector<std::int32_t> positions;
        const auto take = [&](const Part& part, std::size_t row) {
            const auto position = static_cast<std::int32_t>(hidden.size());
            for (std::int32_t i = 0; i <= m_tsp; ++i) {
                PlainCache& to = caches[static_cast<std::size_t>(i)];
                const PlainCache& from = part.caches[static_cast<std::size_t>(i)];
                to.resize(from.size());
                for (std::size_t g = 0; g < from.size(); ++g)
                    to[g].push_back(moved(from[g][row], i, position));
            }
            hidden.push_back(part.hidden[row]);
            positions.push_back(position);
        };
        for (std::size_t row = 0; row < m_prefix; ++row)
            take(m_parts.front(), row);
        for (const std::int64_t token : chosen) {
            const auto part = std::ranges::find_if(m_parts, [&](const Part& each) {
                return each.segment.begin <= token && token < each.segment.end;
            });
            take(*part, part->firstOwn + static_cast<std::size_t>(token - part->segment.begin));
        }
        Rows asked = m_model.embed(question);
        std::vector<std::int32_t> askedPositions(question.size());
        std::iota(askedPositions.begin(), askedPositions.end(), static_cast<std::int32_t>(hidden.size()));
        for (std::int32_t i = 0; i <= m_tsp; ++i)
            m_model.layer(i, asked, askedPositions, caches[static_cast<std::size_t>(i)]);
        hidden.insert(hidden.end(), asked.begin(), asked.end());
        positions.insert(positions.end(), askedPositions.begin(), askedPositions.end());
        for (std::int32_t i = m_tsp + 1; i < m_model.layers(); ++i)
            m_model.layer(i, hidden, positions, caches[static_cast<std::size_t>(i)]);
        Rows logits{m_model.logits(hidden.back())};
        auto next = static_cast<std::int32_t>(hidden.size());
        for (const TokenId token : written) {
            Rows row = m_model.embed({token});
            for (std::int32_t i = 0; i < m_model.layers(); ++i)
                m_model.layer(i, row, {next}, caches[static_cast<std::size_t>(i)]);
            ++next;
            logits.push_back(m_model.logits(row.back()));
        }
        return logits;
    }

private:
    struct Part {
        Segment segment;
        std::size_t firstOwn = 0;
        Rows hidden;
        std::vector<PlainCache> caches;
    };

    /// exp of the scores of each window query on all keys that it sees; their sums join `sums`.
    std::vector<Rows> weights(const PlainCache& cache, const Rows& queries,
                              const std::vector<std::int32_t>& positions, std::size_t window,
                              std::vector<Row>& sums) const {
        const std::size_t d = cache[0][0].key.size(), heads = queries[0].size() / d;
        sums.resize(heads, Row(window, 0));
        std::vector<Rows> result(heads);
        for (std::size_t h = 0; h < heads; ++h) {
            const auto& head = cache[h / (heads / cache.size())];
            for (std::size_t w = 0; w < window; ++w) {
                const std::size_t r = queries.size() - window + w;
                Row row;
                for (const PlainEntry& entry : head) {
                    double score = 0;
                    for (std::size_t i = 0; i < d; ++i)
                        score += queries[r][h * d + i] * entry.key[i];
                    row.push_back(entry.position <= positions[r]
                                      ? std::exp(score / std::sqrt(static_cast<double>(d)))
                                      : 0);
                    sums[h][w] += row.back();
                }
                result[h].push_back(std::move(row));
            }
        }
        return result;
    }

    static std::vector<double> pooled(const std::vector<Rows>& p, const std::vector<Row>& sums,
                                      std::size_t rows, std::int32_t kernel) {
        std::vector<double> t(rows, 0);
        for (std::size_t h = 0; h < p.size(); ++h) {
            Row s(rows, 0);
            for (std::size_t w = 0; w < p[h].size(); ++w) {
                for (std::size_t j = 0; j < rows; ++j)
                    s[j] += p[h][w][j] / sums[h][w];
            }
            const std::size_t reach = static_cast<std::size_t>(kernel) / 2;
            for (std::size_t j = 0; j < rows; ++j) {
                const std::size_t first = j > reach ? j - reach : 0, last = std::min(rows - 1, j + reach);
                t[j] += *std::max_element(s.begin() + static_cast<std::ptrdiff_t>(first),
                                          s.begin() + static_cast<std::ptrdiff_t>(last) + 1);
            }
        }
        return t;
    }

    /// The same key as if its token stood at `position`.
    PlainEntry moved(PlainEntry entry, std::int32_t layer, std::int32_t position) const {
        const std::vector<double>& frequency = m_config.ropeOf(layer);
        const bool half = m_config.ropeStyle == kernels::RopeStyle::Half;
        const std::size_t pairs = frequency.size();
        for (std::size_t i = 0; i < pairs; ++i) {
            const std::size_t a = half ? i : 2 * i, b = half ? i + pairs : 2 * i + 1;
            const double angle = (position - entry.position) * frequency[i], x = entry.key[a],
                         y = entry.key[b];
            entry.key[a] = x * std::cos(angle) - y * std::sin(angle);
            entry.key[b] = x * std::sin(angle) + y * std::cos(angle);
        }
        entry.position = position;
        return entry;
    }

    const PlainModel& m_model;
    const ModelConfig& m_config;
    std::int32_t m_tsp;
    std::size_t m_prefix = 0;
    std::vector<Part> m_parts;
};

}  // namespace kvasir::test
