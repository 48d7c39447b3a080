#include "app/pins.h"

#include <algorithm>
#include <charconv>

#include "app/characters.h"
#include "app/reader/utf8.h"

namespace kvasir {
namespace {

/// A text with each run of white space as one blank, or none beside Japanese; and for each byte of it the
/// byte of the original.
struct Folded {
    std::string text;
    std::vector<std::uint32_t> from;
};

Folded folded(std::string_view original) {
    Folded result;
    result.text.reserve(original.size());
    result.from.reserve(original.size());
    const Characters characters = charactersOf(original);
    char32_t before = 0;
    bool blank = false;
    for (std::size_t i = 0; i + 1 < characters.size(); ++i) {
        const Character& character = characters[i];
        if (isBlank(character.code)) {
            blank = true;
            continue;
        }
        if (blank && before != 0 && !isWide(before) && !isWide(character.code)) {
            result.text += ' ';
            result.from.push_back(character.begin - 1);
        }
        blank = false;
        before = character.code;
        for (std::uint32_t byte = character.begin; byte < characters[i + 1].begin; ++byte) {
            result.text += original[byte];
            result.from.push_back(byte);
        }
    }
    return result;
}

bool isContinuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

bool isBlankByte(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n';
}

/// The characters on either side of this byte, which begins one.
struct Neighbours {
    char32_t before = 0, after = 0;
};

/// None at the ends of a text.
std::optional<Neighbours> neighboursAt(std::string_view text, std::size_t at) {
    if (at == 0 || at >= text.size()) return std::nullopt;
    std::size_t before = at - 1;
    while (before > 0 && isContinuation(text[before]))
        --before;
    return Neighbours{nextUtf8(text, before), nextUtf8(text, at)};
}

/// Whether letters or digits stand on both sides.
bool isInsideWord(std::string_view text, std::size_t at) {
    const std::optional<Neighbours> n = neighboursAt(text, at);
    return n && isWordCharacter(n->before) && isWordCharacter(n->after);
}

/// Whether what is written there without a blank belongs together: not so in Japanese.
bool belongsTogether(std::string_view text, std::size_t at) {
    const std::optional<Neighbours> n = neighboursAt(text, at);
    return n && !isBlank(n->before) && !isBlank(n->after) && !isWide(n->before) && !isWide(n->after);
}

/// Takes a number from the front.
std::optional<std::uint32_t> takeNumber(std::string_view& text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number == 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

struct LinePlace {
    std::optional<std::uint32_t> page;  ///< from 1
    std::uint32_t first = 0, last = 0;  ///< from 1, both included
};

std::optional<LinePlace> parseLines(std::string_view text) {
    LinePlace place;
    std::optional<std::uint32_t> number = takeNumber(text);
    if (number && text.starts_with(':')) {
        place.page = number;
        text.remove_prefix(1);
        number = takeNumber(text);
    }
    if (!number) return std::nullopt;
    place.first = place.last = *number;
    if (text.starts_with('-')) {
        text.remove_prefix(1);
        const std::optional<std::uint32_t> last = takeNumber(text);
        if (!last || *last < place.first) return std::nullopt;
        place.last = *last;
    }
    return text.empty() ? std::optional(place) : std::nullopt;
}

}  // namespace

std::optional<ByteRange> wholeWords(const Document& document, ByteRange range) {
    const std::string& text = document.text;
    std::size_t begin = range.begin, end = std::min<std::size_t>(range.end, text.size());
    while (begin < end && isBlankByte(text[begin]))
        ++begin;
    while (begin < end && isBlankByte(text[end - 1]))
        --end;
    if (begin >= end) return std::nullopt;
    while (begin > 0 && (isContinuation(text[begin]) || belongsTogether(text, begin)))
        --begin;
    while (end < text.size() && (isContinuation(text[end]) || belongsTogether(text, end)))
        ++end;
    return ByteRange{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

std::vector<ByteRange> joinedRanges(std::vector<ByteRange> ranges) {
    std::ranges::sort(ranges, {}, &ByteRange::begin);
    std::vector<ByteRange> apart;
    for (const ByteRange& range : ranges) {
        if (range.empty()) continue;
        if (!apart.empty() && range.begin <= apart.back().end) {
            apart.back().end = std::max(apart.back().end, range.end);
        } else {
            apart.push_back(range);
        }
    }
    return apart;
}

std::int64_t countTokens(std::span<const std::uint32_t> tokenBegins, std::span<const ByteRange> ranges) {
    std::int64_t count = 0;
    std::ptrdiff_t counted = 0;  // tokens before this one are counted, or lie before the ranges
    for (const ByteRange& range : ranges) {
        // Tokens cover the text: the one that holds the first byte is the last to begin at or before it.
        std::ptrdiff_t first = std::ranges::upper_bound(tokenBegins, range.begin) - tokenBegins.begin();
        first = std::max(first > 0 ? first - 1 : 0, counted);
        const std::ptrdiff_t last = std::ranges::lower_bound(tokenBegins, range.end) - tokenBegins.begin();
        count += std::max<std::ptrdiff_t>(last - first, 0);
        counted = std::max(counted, last);
    }
    return count;
}

std::vector<Policy::Range> pinnedPositions(std::int64_t first, std::span<const TextToken> tokens,
                                           std::span<const ByteRange> pins) {
    std::vector<Policy::Range> ranges;
    for (const ByteRange& pin : pins) {
        const auto begin = std::partition_point(tokens.begin(), tokens.end(),
                                                [&](const TextToken& t) { return t.end <= pin.begin; });
        const auto end =
            std::partition_point(begin, tokens.end(), [&](const TextToken& t) { return t.begin < pin.end; });
        const Policy::Range range{first + (begin - tokens.begin()), first + (end - tokens.begin())};
        if (range.first == range.last) continue;
        if (!ranges.empty() && range.first <= ranges.back().last) {
            ranges.back().last = std::max(ranges.back().last, range.last);
        } else {
            ranges.push_back(range);
        }
    }
    return ranges;
}

Result<std::vector<ByteRange>> withPin(const Document& document, std::span<const ByteRange> pins,
                                       ByteRange range, std::span<const std::uint32_t> tokenBegins) {
    const std::optional<ByteRange> words = wholeWords(document, range);
    if (!words) {
        return fail(ErrorCode::InvalidArgument, "There are no words in the selection.", "",
                    "Select the words that are always to be carried.");
    }
    std::vector<ByteRange> all(pins.begin(), pins.end());
    all.push_back(*words);
    all = joinedRanges(std::move(all));
    const std::int64_t tokens = countTokens(tokenBegins, all);
    if (tokens > Policy::kMostPinned) {
        const auto percent = (tokens * 100 + Policy::kMostPinned - 1) / Policy::kMostPinned;
        return fail(ErrorCode::TooLarge,
                    "With this passage the pins would take " + std::to_string(percent) +
                        " % of the room that there is for pins.",
                    std::to_string(tokens) + " tokens, at most " + std::to_string(Policy::kMostPinned),
                    "Select less, or remove a pin first. The pins that there are stay.");
    }
    return all;
}

std::vector<PinnedPassage> pinnedPassages(const Document& document, std::span<const ByteRange> pins) {
    std::vector<PinnedPassage> passages;
    passages.reserve(pins.size());
    for (const ByteRange& pin : pins) {
        passages.push_back({pin, static_cast<std::int32_t>(document.pageAt(pin.begin)),
                            static_cast<std::int32_t>(document.lineAt(pin.begin))});
    }
    return passages;
}

std::vector<ByteRange> placesOf(const Document& document, std::string_view words) {
    const std::string wanted = folded(words).text;
    std::vector<ByteRange> places;
    if (wanted.empty()) return places;
    const Folded text = folded(document.text);
    for (std::size_t at = text.text.find(wanted); at != std::string::npos;
         at = text.text.find(wanted, at + 1)) {
        const std::size_t end = at + wanted.size();
        if (!isInsideWord(text.text, at) && !isInsideWord(text.text, end))
            places.push_back({text.from[at], text.from[end - 1] + 1});
    }
    return places;
}

bool areLines(std::string_view place) {
    return parseLines(place).has_value();
}

Result<ByteRange> linesOf(const Document& document, std::string_view place) {
    const std::string where(place);
    const std::optional<LinePlace> lines = parseLines(place);
    if (!lines) {
        return fail(ErrorCode::InvalidArgument, "The lines cannot be read.", where,
                    "Write the page, a colon, the first and the last line, for example 3:12-14.");
    }
    if (!lines->page && document.pages.size() > 1) {
        return fail(ErrorCode::InvalidArgument, "Lines are counted on their page, and it is not said which.",
                    where, "Write the page in front of the lines, for example 3:12-14.");
    }
    const std::uint32_t number = lines->page.value_or(1);
    if (number > document.pages.size()) {
        return fail(ErrorCode::NotFound, "There is no page " + std::to_string(number) + ".", where,
                    "The document has " + std::to_string(document.pages.size()) + " pages.");
    }
    const Page& page = document.pages[number - 1];
    const std::uint32_t count = page.lastLine - page.firstLine;
    if (lines->last > count) {
        return fail(ErrorCode::NotFound, "There is no line " + std::to_string(lines->last) + ".", where,
                    "There are " + std::to_string(count) + " lines.");
    }
    const Line& first = document.lines[page.firstLine + lines->first - 1];
    const Line& last = document.lines[page.firstLine + lines->last - 1];
    const std::optional<ByteRange> words = wholeWords(document, {first.begin, last.end});
    if (!words)
        return fail(ErrorCode::NotFound, "There are no words on these lines.", where, "Name other lines.");
    return *words;
}

std::string placeText(const Document& document, std::uint32_t byte) {
    const std::size_t page = document.pageAt(byte), line = document.lineAt(byte);
    const std::string number = std::to_string(line - document.pages[page].firstLine + 1);
    return (document.kind == DocumentKind::Pdf ? "page " + std::to_string(page + 1) + ", " : std::string()) +
           "line " + number;
}

}  // namespace kvasir
