// The smallest pieces that the layout analysis moves, in coordinates where text runs to the right.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "app/reader/layout.h"

namespace kvasir::reader {

/// A word, or a piece of text without spaces whose characters are of one kind.
struct Atom {
    std::uint32_t begin = 0, end = 0;  ///< bytes of Atoms::text
    std::uint32_t characters = 0;
    Box box;    ///< on the page
    Box frame;  ///< turned so that the text runs to the right and lines follow downwards
    bool cjkFirst = false, cjkLast = false;
    bool amount = false;  ///< begins with a digit or a sign of currency

    float size() const { return frame.bottom - frame.top; }
    float middle() const { return (frame.top + frame.bottom) / 2; }
};

struct Atoms {
    std::string text;
    std::array<std::vector<Atom>, 4> byRotation;
    bool cut = false;
};

Atoms splitRuns(const std::vector<TextRun>& runs, float width, float height);

/// Sorts indices by a value of each; equal values keep the order of the indices.
template <typename Value>
void sortBy(std::vector<std::uint32_t>& indices, const Value& value) {
    std::sort(indices.begin(), indices.end(), [&](std::uint32_t a, std::uint32_t b) {
        const float left = value(a);
        const float right = value(b);
        return left != right ? left < right : a < b;
    });
}

/// Words side by side: indices into the atoms, from left to right.
struct Row {
    std::vector<std::uint32_t> atoms;
    float left = 0, right = 0, top = 0, bottom = 0;
    std::uint32_t characters = 0;
};

/// Rows from top to bottom of the atoms with these indices. Raised and lowered letters stay in their row.
std::vector<Row> buildRows(const std::vector<Atom>& atoms, std::vector<std::uint32_t> indices);

/// A strip that no word crosses, with text on both sides.
struct Gutter {
    float left = 0, right = 0, top = 0, bottom = 0;
    float lines = 0;  ///< its height where text stands on both sides, in lines
};

/// The gutter between two columns of running text among these atoms, if there is one. Strips between the
/// columns of a table are none: tables are read row by row. `em` is the usual size of the letters.
bool findColumns(const std::vector<Atom>& atoms, const std::vector<std::uint32_t>& indices, float em,
                 Gutter& gutter);

}  // namespace kvasir::reader
