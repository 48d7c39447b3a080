#include "app/reader/layout_atoms.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "app/reader/utf8.h"

namespace kvasir::reader {
namespace {

/// What stands in the text for a character that is only a shape of others: a typesetter's ligature, or a mark
/// drawn for writing downwards. Empty for every other character.
std::string_view plainForm(char32_t character) {
    constexpr std::array<std::string_view, 7> kLigatures{"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    constexpr std::array<std::string_view, 10> kMarks{"，", "、", "。", "：", "；",
                                                      "！", "？", "〖", "〗", "…"};
    constexpr std::array<std::string_view, 16> kBrackets{"（", "）", "｛", "｝", "〔", "〕", "【", "】",
                                                         "《", "》", "〈", "〉", "「", "」", "『", "』"};
    const auto from = [character](char32_t first, const auto& forms) {
        const bool inside = character >= first && character - first < forms.size();
        return inside ? forms[character - first] : std::string_view{};
    };
    if (const auto form = from(0xFB00, kLigatures); !form.empty()) return form;
    if (const auto form = from(0xFE10, kMarks); !form.empty()) return form;
    if (character == 0xFE31) return "―";
    return from(0xFE35, kBrackets);
}

Box tidy(const Box& box, float width, float height) {
    const auto clampTo = [](float value, float limit) {
        return std::isfinite(value) ? std::clamp(value, 0.0F, limit) : 0.0F;
    };
    Box out{clampTo(box.left, width), clampTo(box.top, height), clampTo(box.right, width),
            clampTo(box.bottom, height)};
    if (out.left > out.right) std::swap(out.left, out.right);
    if (out.top > out.bottom) std::swap(out.top, out.bottom);
    return out;
}

Box turn(const Box& box, int rotation, float width, float height) {
    switch (rotation) {
        case 1:
            return {box.top, width - box.right, box.bottom, width - box.left};
        case 2:
            return {width - box.right, height - box.bottom, width - box.left, height - box.top};
        case 3:
            return {height - box.bottom, box.left, height - box.top, box.right};
        default:
            return box;
    }
}

Box unite(const Box& a, const Box& b) {
    return {std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right),
            std::max(a.bottom, b.bottom)};
}

/// Splits one run and appends its atoms.
class RunSplitter {
public:
    RunSplitter(Atoms& out, float width, float height, std::size_t& characters, std::size_t& words)
        : m_out(out), m_width(width), m_height(height), m_characters(characters), m_words(words) {}

    /// False when the page is full.
    bool split(const TextRun& run) {
        m_run = &run;
        m_rotation = run.rotation & 3;
        m_total = std::max<std::size_t>(1, countCharacters(run.text));
        std::size_t index = 0;
        for (std::size_t at = 0; at < run.text.size(); ++index) {
            const char32_t raw = nextUtf8(run.text, at);
            // A soft hyphen that a page shows stands at the end of a line: it is printed as a hyphen.
            const char32_t character = raw == 0xAD ? (at == run.text.size() ? U'-' : 0) : cleanCharacter(raw);
            if (character == 0) continue;
            if (character == U' ' || character == 0x3000) {
                flush();
                continue;
            }
            if (m_characters >= kMaxPageCharacters || m_words >= kMaxPageWords) {
                flush();
                return false;
            }
            add(character, boxOf(index));
        }
        flush();
        return true;
    }

private:
    static constexpr std::uint32_t kLongestPiece = 16;

    Box boxOf(std::size_t index) const {
        const Box& whole = m_run->box;
        if (m_run->characters.size() == m_total) return tidy(m_run->characters[index], m_width, m_height);
        const auto from = static_cast<float>(index) / static_cast<float>(m_total);
        const auto to = static_cast<float>(index + 1) / static_cast<float>(m_total);
        Box box = whole;
        const float wide = whole.right - whole.left;
        const float high = whole.bottom - whole.top;
        switch (m_rotation) {
            case 1:
                box.top = whole.top + from * high, box.bottom = whole.top + to * high;
                break;
            case 2:
                box.left = whole.right - to * wide, box.right = whole.right - from * wide;
                break;
            case 3:
                box.top = whole.bottom - to * high, box.bottom = whole.bottom - from * high;
                break;
            default:
                box.left = whole.left + from * wide, box.right = whole.left + to * wide;
        }
        return tidy(box, m_width, m_height);
    }

    void add(char32_t character, const Box& box) {
        const Script script = scriptOf(character);
        const bool breaks = m_open && (script != m_script || script == Script::CjkMark ||
                                       (script != Script::Spaced && m_atom.characters >= kLongestPiece));
        if (breaks) flush();
        if (!m_open) {
            m_open = true;
            m_script = script;
            m_atom = Atom{};
            m_atom.begin = static_cast<std::uint32_t>(m_out.text.size());
            m_atom.box = box;
            m_atom.cjkFirst = m_atom.cjkLast = script != Script::Spaced;
            m_atom.amount = (character >= U'0' && character <= U'9') || character == U'$' ||
                            character == U'£' || character == U'€' || character == U'¥';
        }
        const std::string_view form = plainForm(character);
        if (form.empty()) {
            appendUtf8(m_out.text, character);
        } else {
            m_out.text += form;
        }
        const auto added = static_cast<std::uint32_t>(std::max<std::size_t>(1, countCharacters(form)));
        m_atom.characters += added;
        m_characters += added;
        m_atom.box = unite(m_atom.box, box);
    }

    void flush() {
        if (!std::exchange(m_open, false)) return;
        m_atom.end = static_cast<std::uint32_t>(m_out.text.size());
        m_atom.frame = turn(m_atom.box, m_rotation, m_width, m_height);
        m_out.byRotation[static_cast<std::size_t>(m_rotation)].push_back(m_atom);
        ++m_words;
    }

    Atoms& m_out;
    float m_width, m_height;
    std::size_t& m_characters;
    std::size_t& m_words;
    const TextRun* m_run = nullptr;
    int m_rotation = 0;
    std::size_t m_total = 1;
    bool m_open = false;
    Script m_script = Script::Spaced;
    Atom m_atom;
};

/// How much two intervals share.
float overlap(float a0, float a1, float b0, float b1) {
    return std::min(a1, b1) - std::max(a0, b0);
}

}  // namespace

Atoms splitRuns(const std::vector<TextRun>& runs, float width, float height) {
    Atoms atoms;
    std::size_t characters = 0;
    std::size_t words = 0;
    RunSplitter splitter(atoms, width, height, characters, words);
    for (const TextRun& run : runs) {
        if (splitter.split(run)) continue;
        atoms.cut = true;
        break;
    }
    return atoms;
}

std::vector<Row> buildRows(const std::vector<Atom>& atoms, std::vector<std::uint32_t> indices) {
    sortBy(indices, [&](std::uint32_t i) { return atoms[i].middle(); });
    std::vector<Row> rows;
    // Of the last row: the extent of its longest word, which no raised letter or initial can stretch.
    float top = 0;
    float bottom = 0;
    std::uint32_t longest = 0;
    for (const std::uint32_t index : indices) {
        const Atom& atom = atoms[index];
        const float shared = overlap(top, bottom, atom.frame.top, atom.frame.bottom);
        const float smaller = std::min(bottom - top, atom.size());
        const float larger = std::max(bottom - top, atom.size());
        const bool same = !rows.empty() && shared >= 0.5F * smaller && shared >= 0.3F * larger;
        if (!same) {
            rows.push_back({{}, atom.frame.left, atom.frame.right, atom.frame.top, atom.frame.bottom, 0});
            longest = 0;
        }
        Row& row = rows.back();
        row.atoms.push_back(index);
        row.left = std::min(row.left, atom.frame.left);
        row.right = std::max(row.right, atom.frame.right);
        row.characters += atom.characters;
        if (atom.characters > longest) {
            longest = atom.characters;
            row.top = top = atom.frame.top;
            row.bottom = bottom = atom.frame.bottom;
        }
    }
    for (Row& row : rows) {
        sortBy(row.atoms, [&](std::uint32_t i) { return atoms[i].frame.left; });
    }
    return rows;
}

}  // namespace kvasir::reader
