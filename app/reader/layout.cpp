#include "app/reader/layout.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "app/reader/layout_atoms.h"

namespace kvasir::reader {
namespace {

constexpr int kDeepest = 8;
constexpr float kSameWord = 0.1F;      // gaps in ems: below, two pieces are one word
constexpr float kCjkSpace = 0.9F;      // between characters of a script without spaces
constexpr float kMixedSpace = 0.35F;   // between such a character and a letter
constexpr float kNewParagraph = 1.4F;  // of the usual distance of lines
constexpr float kIndent = 0.8F;        // in ems
constexpr float kEdgeBand = 0.12F;     // of the page's height, where headers and footers stand

using Indices = std::vector<std::uint32_t>;

/// The value with `numerator` of `denominator` of the others below it.
float quantile(std::vector<float> values, std::size_t numerator, std::size_t denominator) {
    if (values.empty()) return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * numerator / denominator);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

/// The text stops here; what follows is not the same sentence.
bool endsSentence(std::string_view text) {
    constexpr std::string_view kEnds[] = {".", "!", "?", ":", "。", "！", "？", "：", "」"};
    return std::any_of(std::begin(kEnds), std::end(kEnds), [&](auto end) { return text.ends_with(end); });
}

/// Orders the atoms of one direction of writing and appends them to the page.
class DirectionLayout {
public:
    DirectionLayout(const std::string& text, const std::vector<Atom>& atoms, float height, PageText& out)
        : m_text(text), m_atoms(atoms), m_height(height), m_out(out) {}

    void run() {
        Indices all(m_atoms.size());
        std::vector<float> sizes;
        sizes.reserve(all.size());
        for (std::uint32_t i = 0; i < all.size(); ++i) {
            all[i] = i;
            sizes.push_back(m_atoms[i].size());
        }
        m_em = std::max(1.0F, quantile(std::move(sizes), 1, 2));
        Indices footer = splitEdge(all, false);
        Indices header = splitEdge(all, true);
        flow(header, false);
        region(all, 0, false);
        flow(footer, false);
    }

private:
    /// Takes out the line at the page's edge that a gap separates from the rest.
    Indices splitEdge(Indices& all, bool atTop) const {
        const auto distance = [&](std::uint32_t i) {
            return atTop ? m_atoms[i].frame.top : m_height - m_atoms[i].frame.bottom;
        };
        const auto depth = [&](std::uint32_t i) {
            return atTop ? m_atoms[i].frame.bottom : m_height - m_atoms[i].frame.top;
        };
        sortBy(all, distance);
        float reach = all.empty() ? 0 : depth(all.front());
        const float start = all.empty() ? 0 : distance(all.front());
        for (std::size_t i = 1; i < all.size(); ++i) {
            if (reach - start > 2.5F * m_em || reach > kEdgeBand * m_height) return {};
            if (distance(all[i]) - reach > 0.8F * m_em) {
                Indices edge(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i));
                all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i));
                return edge;
            }
            reach = std::max(reach, depth(all[i]));
        }
        return {};
    }

    /// `continues`: the text before may go on here, in the next column.
    void region(const Indices& indices, int depth, bool continues) {
        Gutter gutter;
        if (depth >= kDeepest || !findColumns(m_atoms, indices, m_em, gutter)) {
            flow(indices, continues);
            return;
        }
        Indices above;
        Indices left;
        Indices right;
        Indices below;
        const float middle = (gutter.left + gutter.right) / 2;
        for (const std::uint32_t index : indices) {
            const Atom& atom = m_atoms[index];
            const bool isLeft = (atom.frame.left + atom.frame.right) / 2 < middle;
            (atom.middle() < gutter.top      ? above
             : atom.middle() > gutter.bottom ? below
             : isLeft                        ? left
                                             : right)
                .push_back(index);
        }
        if (left.empty() || right.empty()) {
            flow(indices, continues);
            return;
        }
        region(above, depth + 1, continues);
        region(left, depth + 1, false);
        region(right, depth + 1, true);
        region(below, depth + 1, false);
    }

    /// Lines of one column from top to bottom.
    void flow(const Indices& indices, bool continues) {
        const std::vector<Row> rows = buildRows(m_atoms, indices);
        // The lower third, as gaps between paragraphs are many on pages with short ones.
        std::vector<float> pitches;
        for (std::size_t i = 1; i < rows.size(); ++i)
            pitches.push_back(rows[i].bottom - rows[i - 1].bottom);
        const float pitch = std::min(quantile(std::move(pitches), 1, 3), 2.5F * m_em);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            Join join = Join::Line;
            if (i > 0) {
                if (startsParagraph(rows, i, pitch)) join = Join::Paragraph;
            } else if (!continues || lastEnded()) {
                join = Join::Paragraph;
            }
            appendRow(rows[i], join);
        }
    }

    bool startsParagraph(const std::vector<Row>& rows, std::size_t i, float pitch) const {
        const Row& row = rows[i];
        const Row& before = rows[i - 1];
        const float size = row.bottom - row.top;
        const float sizeBefore = before.bottom - before.top;
        if (row.bottom - before.bottom > kNewParagraph * std::max(pitch, 0.5F * (size + sizeBefore)))
            return true;
        if (size > 1.25F * sizeBefore || sizeBefore > 1.25F * size) return true;
        const bool indented = row.left - before.left > kIndent * size;
        const bool nextBack = i + 1 < rows.size() && row.left - rows[i + 1].left > kIndent * size;
        // The second line of an item with a hanging number is indented, too, but goes on with its sentence.
        const Atom& last = m_atoms[before.atoms.back()];
        const std::string_view end = std::string_view(m_text).substr(last.begin, last.end - last.begin);
        return indented && nextBack && endsSentence(end);
    }

    bool lastEnded() const { return m_out.words.empty() || endsSentence(m_out.text); }

    void appendRow(const Row& row, Join join) {
        const Atom* before = nullptr;
        for (const std::uint32_t index : row.atoms) {
            const Atom& atom = m_atoms[index];
            const std::string_view text = std::string_view(m_text).substr(atom.begin, atom.end - atom.begin);
            if (before != nullptr) join = joinOf(*before, atom);
            const auto begin = static_cast<std::uint32_t>(m_out.text.size());
            m_out.text += text;
            const auto end = static_cast<std::uint32_t>(m_out.text.size());
            // Pieces of one word in two fonts are one word; characters of scripts without spaces are not.
            if (join == Join::None && !before->cjkLast && !atom.cjkFirst) {
                PageWord& word = m_out.words.back();
                word.end = end;
                word.box = {std::min(word.box.left, atom.box.left), std::min(word.box.top, atom.box.top),
                            std::max(word.box.right, atom.box.right),
                            std::max(word.box.bottom, atom.box.bottom)};
            } else {
                m_out.words.push_back({begin, end, atom.box, join});
            }
            before = &atom;
        }
    }

    static Join joinOf(const Atom& before, const Atom& atom) {
        const float em = std::max(0.1F, std::min(before.size(), atom.size()));
        const float gap = (atom.frame.left - before.frame.right) / em;
        const float space = before.cjkLast && atom.cjkFirst   ? kCjkSpace
                            : before.cjkLast || atom.cjkFirst ? kMixedSpace
                                                              : kSameWord;
        return gap < space ? Join::None : Join::Space;
    }

    const std::string& m_text;
    const std::vector<Atom>& m_atoms;
    float m_height;
    PageText& m_out;
    float m_em = 1;
};

}  // namespace

PageText layoutPage(const std::vector<TextRun>& runs, float width, float height) {
    PageText page;
    const Atoms atoms = splitRuns(runs, width, height);
    page.cut = atoms.cut;
    page.text.reserve(atoms.text.size());
    const auto characters = [](const std::vector<Atom>& direction) {
        std::size_t sum = 0;
        for (const Atom& atom : direction)
            sum += atom.characters;
        return sum;
    };
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const std::size_t left = characters(atoms.byRotation[a]);
        const std::size_t right = characters(atoms.byRotation[b]);
        return left != right ? left > right : a < b;
    });
    for (const std::size_t rotation : order) {
        const float lineAxis = rotation % 2 == 0 ? height : width;
        DirectionLayout(atoms.text, atoms.byRotation[rotation], lineAxis, page).run();
    }
    return page;
}

}  // namespace kvasir::reader
