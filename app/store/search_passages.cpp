#include "app/store/search_passages.h"

#include <algorithm>

#include "app/store/scripts.h"
#include "app/utf8.h"

namespace kvasir {

namespace {

constexpr std::uint32_t kPassageUnits = 400;
constexpr std::uint32_t kPieceUnits = 100;
constexpr std::uint32_t kUnspacedUnits = 3;

// The smallest thing that passages are made of: a line with its break, or a part of a long one.
struct Piece {
    ByteRange range;
    std::uint32_t units = 0;
    std::int32_t line = 0;
};

void appendPieces(std::string_view text, ByteRange range, std::int32_t line, std::vector<Piece>& pieces) {
    Piece piece{{range.begin, range.begin}, 0, line};
    Piece atBlank;  // the piece as it was after its last blank
    std::uint32_t at = range.begin;
    while (at < range.end) {
        const utf8::CodePoint c = utf8::decode(text, at);
        const std::uint32_t units = isUnspacedLetter(c.value) ? kUnspacedUnits : 1;
        if (piece.units + units > kPieceUnits) {
            if (atBlank.units > 0) piece = atBlank;
            pieces.push_back(piece);
            at = piece.range.end;
            piece = {{at, at}, 0, line};
            atBlank = {};
            continue;
        }
        at = c.end;
        piece.range.end = at;
        piece.units += units;
        if (c.value == ' ' || c.value == '\n' || c.value == 0x3002) atBlank = piece;
    }
    if (piece.units > 0) pieces.push_back(piece);
}

// Packs the pieces of one page.
void appendPassages(const std::vector<Piece>& pieces, std::int32_t page,
                    std::vector<SearchPassage>& passages) {
    for (std::size_t first = 0; first < pieces.size();) {
        std::uint32_t units = 0;
        std::size_t last = first;
        while (last < pieces.size() && units + pieces[last].units <= kPassageUnits)
            units += pieces[last++].units;
        passages.push_back(
            {{pieces[first].range.begin, pieces[last - 1].range.end}, page, pieces[first].line});
        if (last == pieces.size()) return;
        std::uint32_t shared = 0;
        std::size_t next = last;
        while (next - 1 > first && shared + pieces[next - 1].units <= kPieceUnits)
            shared += pieces[--next].units;
        first = next;
    }
}

}  // namespace

std::vector<SearchPassage> cutForSearch(const Document& document) {
    std::vector<SearchPassage> passages;
    std::vector<Piece> pieces;
    const auto size = static_cast<std::uint32_t>(document.text.size());
    for (std::size_t p = 0; p < document.pages.size(); ++p) {
        const Page& page = document.pages[p];
        const bool lastPage = p + 1 == document.pages.size();
        // The gap behind a page or a line belongs to it.
        const std::uint32_t pageEnd = lastPage ? size : document.pages[p + 1].begin;
        std::uint32_t at = p == 0 ? 0 : page.begin;
        pieces.clear();
        for (std::uint32_t l = page.firstLine; l < page.lastLine; ++l) {
            const std::uint32_t end = l + 1 == page.lastLine ? pageEnd : document.lines[l + 1].begin;
            appendPieces(document.text, {at, end}, static_cast<std::int32_t>(l), pieces);
            at = end;
        }
        if (page.firstLine >= page.lastLine) {
            appendPieces(document.text, {at, pageEnd}, static_cast<std::int32_t>(page.firstLine), pieces);
        }
        appendPassages(pieces, static_cast<std::int32_t>(p), passages);
    }
    return passages;
}

}  // namespace kvasir
