// Columns: strips free of text that run down beside many lines of prose on both sides.
#include <algorithm>
#include <cmath>
#include <limits>

#include "app/reader/layout_atoms.h"

namespace kvasir::reader {
namespace {

constexpr std::size_t kMostAtoms = 20'000;  // beyond that it is no page of prose
constexpr std::size_t kMostSlabs = 1'500;
constexpr std::size_t kMostStrips = 128;
constexpr std::size_t kMostTried = 16;
constexpr float kSlabsPerEm = 2;
constexpr float kLineInEms = 1.2F;
constexpr float kSmallestLines = 4;
constexpr float kTallLines = 12;
constexpr float kWideGutter = 0.9F;    // in ems
constexpr float kNarrowGutter = 0.6F;  // enough between tall columns
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Interval {
    float left = 0, right = 0;
    float width() const { return right - left; }
};

struct Strip {
    Interval free;
    std::size_t firstSlab = 0, lastSlab = 0;
    std::size_t bothSides = 0;  ///< slabs with text on both sides
    std::size_t lastText = 0;   ///< last slab with any text
};

/// The page cut into thin horizontal slabs; in each, the intervals that text covers, merged and ascending.
std::vector<std::vector<Interval>> coverSlabs(const std::vector<Atom>& atoms,
                                              const std::vector<std::uint32_t>& indices, float top,
                                              float step, std::size_t count) {
    std::vector<std::vector<Interval>> slabs(count);
    for (const std::uint32_t index : indices) {
        const Box& box = atoms[index].frame;
        // Ascenders and descenders of neighbouring lines may touch; the middle of the letters does not.
        const float inset = 0.2F * (box.bottom - box.top);
        const auto slabAt = [&](float y) {
            return static_cast<std::size_t>(
                std::clamp((y - top) / step, 0.0F, static_cast<float>(count - 1)));
        };
        const std::size_t last = slabAt(box.bottom - inset);
        for (std::size_t i = slabAt(box.top + inset); i <= last; ++i)
            slabs[i].push_back({box.left, box.right});
    }
    for (std::vector<Interval>& slab : slabs) {
        std::sort(slab.begin(), slab.end(),
                  [](const Interval& a, const Interval& b) { return a.left < b.left; });
        std::size_t kept = 0;
        for (const Interval& next : slab) {
            if (kept > 0 && next.left <= slab[kept - 1].right) {
                slab[kept - 1].right = std::max(slab[kept - 1].right, next.right);
            } else {
                slab[kept++] = next;
            }
        }
        slab.resize(kept);
    }
    return slabs;
}

/// The parts of a strip that a slab's text leaves free.
std::vector<Interval> remaining(const Interval& strip, const std::vector<Interval>& covered, float smallest) {
    std::vector<Interval> parts;
    float from = strip.left;
    for (const Interval& text : covered) {
        if (text.right <= from) continue;
        if (text.left >= strip.right) break;
        if (text.left - from >= smallest) parts.push_back({from, text.left});
        from = std::max(from, text.right);
    }
    if (strip.right - from >= smallest) parts.push_back({from, strip.right});
    return parts;
}

/// Follows free strips from slab to slab and collects those that end.
class StripSweep {
public:
    StripSweep(const std::vector<std::vector<Interval>>& slabs, float em)
        : m_slabs(slabs),
          m_smallest(kNarrowGutter * em),
          m_longestGap(static_cast<std::size_t>(2.5F * kSlabsPerEm)) {}

    std::vector<Strip> run() {
        for (std::size_t i = 0; i < m_slabs.size(); ++i) {
            if (m_slabs[i].empty()) continue;
            carryOn(i);
            begin(i);
        }
        for (const Strip& strip : m_active)
            end(strip);
        return std::move(m_done);
    }

private:
    void carryOn(std::size_t slab) {
        const std::vector<Interval>& covered = m_slabs[slab];
        std::vector<Strip> next;
        for (const Strip& strip : m_active) {
            std::vector<Interval> parts = remaining(strip.free, covered, m_smallest);
            bool carried = false;
            for (const Interval& part : parts) {
                Strip narrowed = strip;
                narrowed.free = part;
                const bool left = covered.front().left < part.left;
                const bool right = covered.back().right > part.right;
                // A blank part of the page with text on one side only behind it: something new.
                if (!(left && right) && slab - strip.lastText > m_longestGap) continue;
                narrowed.bothSides += left && right ? 1 : 0;
                narrowed.lastSlab = narrowed.lastText = slab;
                next.push_back(narrowed);
                carried = true;
            }
            if (!carried || parts.size() > 1) end(strip);
        }
        keepBest(next);
        m_active = std::move(next);
    }

    void begin(std::size_t slab) {
        const std::vector<Interval>& covered = m_slabs[slab];
        for (std::size_t i = 1; i < covered.size() && m_active.size() < 2 * kMostStrips; ++i) {
            const Interval gap{covered[i - 1].right, covered[i].left};
            if (gap.width() < m_smallest) continue;
            const bool known = std::any_of(m_active.begin(), m_active.end(), [&](const Strip& strip) {
                return std::abs(strip.free.left - gap.left) < 1 && std::abs(strip.free.right - gap.right) < 1;
            });
            if (!known) m_active.push_back({gap, slab, slab, 1, slab});
        }
    }

    void end(const Strip& strip) {
        if (static_cast<float>(strip.bothSides) < kSmallestLines * kLineInEms * kSlabsPerEm) return;
        m_done.push_back(strip);
        if (m_done.size() >= 2 * kMostStrips) keepBest(m_done);
    }

    static void keepBest(std::vector<Strip>& strips) {
        if (strips.size() <= kMostStrips) return;
        std::nth_element(strips.begin(), strips.begin() + kMostStrips, strips.end(),
                         [](const Strip& a, const Strip& b) { return a.bothSides > b.bothSides; });
        strips.resize(kMostStrips);
    }

    const std::vector<std::vector<Interval>>& m_slabs;
    float m_smallest;
    std::size_t m_longestGap;
    std::vector<Strip> m_active, m_done;
};

struct Side {
    std::vector<Row> rows;
    float left = kInfinity, right = -kInfinity;
    float characters = 0;  ///< per row
    float filled = 0;      ///< share of rows that come near the far edge
    float numeric = 0;     ///< share of rows that hold no more than a number
    float amounts = 0;     ///< share of words that are amounts
};

Side describe(const std::vector<Atom>& atoms, std::vector<std::uint32_t> indices) {
    Side side;
    side.rows = buildRows(atoms, std::move(indices));
    for (const Row& row : side.rows) {
        side.left = std::min(side.left, row.left);
        side.right = std::max(side.right, row.right);
    }
    const auto count = static_cast<float>(std::max<std::size_t>(1, side.rows.size()));
    std::size_t words = 0, amounts = 0;
    for (const Row& row : side.rows) {
        // A character without spaces says as much as two letters.
        float weight = 0;
        for (const std::uint32_t index : row.atoms) {
            weight += static_cast<float>(atoms[index].characters) * (atoms[index].cjkFirst ? 2.0F : 1.0F);
            amounts += atoms[index].amount ? 1 : 0;
        }
        words += row.atoms.size();
        side.characters += weight / count;
        side.filled += (row.right - side.left > 0.75F * (side.right - side.left) ? 1.0F : 0.0F) / count;
        side.numeric += (row.characters <= 6 ? 1.0F : 0.0F) / count;
    }
    side.amounts = static_cast<float>(amounts) / static_cast<float>(std::max<std::size_t>(1, words));
    return side;
}

/// The share of rows of the side with fewer rows that stand level with a row of the other.
float aligned(const Side& a, const Side& b, float em) {
    const Side& few = a.rows.size() <= b.rows.size() ? a : b;
    const Side& many = &few == &a ? b : a;
    std::size_t level = 0;
    std::size_t at = 0;
    for (const Row& row : few.rows) {
        while (at + 1 < many.rows.size() && many.rows[at].bottom < row.bottom - 0.25F * em)
            ++at;
        level += std::abs(many.rows[at].bottom - row.bottom) <= 0.25F * em ? 1 : 0;
    }
    return static_cast<float>(level) / static_cast<float>(std::max<std::size_t>(1, few.rows.size()));
}

bool isColumns(const std::vector<Atom>& atoms, const std::vector<std::uint32_t>& indices, float em,
               const Gutter& gutter) {
    std::vector<std::uint32_t> left;
    std::vector<std::uint32_t> right;
    const float middle = (gutter.left + gutter.right) / 2;
    for (const std::uint32_t index : indices) {
        const Atom& atom = atoms[index];
        if (atom.middle() < gutter.top || atom.middle() > gutter.bottom) continue;
        ((atom.frame.left + atom.frame.right) / 2 < middle ? left : right).push_back(index);
    }
    if (left.empty() || right.empty()) return false;
    const Side a = describe(atoms, std::move(left));
    const Side b = describe(atoms, std::move(right));
    const auto prose = [](const Side& side) { return side.filled >= 0.5F && side.characters >= 18; };
    if (prose(a) && prose(b)) return true;
    if (aligned(a, b, em) < 0.5F) return a.characters >= 8 && b.characters >= 8;
    // Level lines that do not fill their side: a table, unless both sides look alike as an index does.
    const float ratio = (a.right - a.left) / std::max(1.0F, b.right - b.left);
    return std::min(a.rows.size(), b.rows.size()) >= 12 && std::min(a.characters, b.characters) >= 10 &&
           ratio > 0.75F && ratio < 1.33F && a.numeric < 0.3F && b.numeric < 0.3F &&
           std::abs(a.amounts - b.amounts) <
               0.25F;  // names on one side and amounts on the other: a price list
}

}  // namespace

bool findColumns(const std::vector<Atom>& atoms, const std::vector<std::uint32_t>& indices, float em,
                 Gutter& gutter) {
    if (indices.size() < 8 || indices.size() > kMostAtoms || em <= 0) return false;
    float top = kInfinity;
    float bottom = -kInfinity;
    for (const std::uint32_t index : indices) {
        top = std::min(top, atoms[index].frame.top);
        bottom = std::max(bottom, atoms[index].frame.bottom);
    }
    const float step = std::max(em / kSlabsPerEm, (bottom - top) / static_cast<float>(kMostSlabs));
    const auto count = static_cast<std::size_t>((bottom - top) / step) + 1;
    const auto slabs = coverSlabs(atoms, indices, top, step, count);
    std::vector<Strip> strips = StripSweep(slabs, em).run();
    std::sort(strips.begin(), strips.end(), [](const Strip& a, const Strip& b) {
        return a.bothSides != b.bothSides ? a.bothSides > b.bothSides : a.free.width() > b.free.width();
    });
    if (strips.size() > kMostTried) strips.resize(kMostTried);
    for (const Strip& strip : strips) {
        const float lines = static_cast<float>(strip.bothSides) * step / (kLineInEms * em);
        const float smallest = lines >= kTallLines ? kNarrowGutter : kWideGutter;
        if (strip.free.width() < smallest * em || lines < kSmallestLines) continue;
        gutter = {strip.free.left, strip.free.right, top + step * static_cast<float>(strip.firstSlab),
                  top + step * static_cast<float>(strip.lastSlab + 1), lines};
        if (isColumns(atoms, indices, em, gutter)) return true;
    }
    return false;
}

}  // namespace kvasir::reader
