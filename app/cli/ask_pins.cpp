#include "app/cli/ask_pins.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "app/cli/ask_print.h"
#include "app/pins.h"
#include "app/utf8.h"

namespace kvasir::cli {
namespace {

constexpr std::size_t kMostPlaces = 5;                     // that an error names
constexpr std::size_t kShortQuote = 60, kLongQuote = 240;  // bytes

struct Place {
    std::size_t file = 0;
    ByteRange range;
};

/// On one line, at most so many bytes.
std::string quoteOf(std::string_view words, std::size_t most) {
    std::string quote;
    for (const char c : words.substr(0, 4 * most)) {
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!blank) quote += c;
        if (blank && !quote.empty() && quote.back() != ' ') quote += ' ';
    }
    if (quote.size() <= most) return quote;
    return quote.substr(0, utf8::completeLength(std::string_view(quote).substr(0, most))) + "...";
}

std::string quoteOf(const Document& document, const ByteRange& range, std::size_t most) {
    return quoteOf(std::string_view(document.text).substr(range.begin, range.end - range.begin), most);
}

std::string placeNames(const std::vector<AskedFile>& files, const std::vector<Place>& places) {
    std::string names;
    for (std::size_t i = 0; i < std::min(places.size(), kMostPlaces); ++i) {
        const Document& document = *files[places[i].file].document;
        names += (i > 0 ? "; " : "") + (files.size() > 1 ? document.name + ", " : std::string()) +
                 placeText(document, places[i].range.begin);
    }
    return places.size() > kMostPlaces ? names + "; ..." : names;
}

Result<Place> find(const std::string& words, const std::vector<AskedFile>& files) {
    std::vector<Place> places;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (const ByteRange& range : placesOf(*files[i].document, words))
            places.push_back({i, range});
    }
    if (places.empty()) {
        return fail(ErrorCode::NotFound,
                    "'" + quoteOf(words, kShortQuote) + "' stands nowhere in the document.", "--pin",
                    "Write the words as they stand there, or name the lines with --pin-lines.");
    }
    if (places.size() > 1) {
        return fail(
            ErrorCode::InvalidArgument,
            "'" + quoteOf(words, kShortQuote) + "' stands in " + std::to_string(places.size()) + " places.",
            placeNames(files, places),
            "Write more of the words around it, or name the lines with --pin-lines.");
    }
    return places.front();
}

Result<void> add(AskedFile& file, ByteRange range) {
    // How many tokens it has is known when the model has seen the document.
    Result<std::vector<ByteRange>> pins = withPin(*file.document, file.pins, range, {});
    if (!pins) return tl::unexpected(pins.error());
    file.pins = std::move(*pins);
    return {};
}

}  // namespace

Result<void> choosePins(const AskArguments& arguments, const StoreReader& reader,
                        std::vector<AskedFile>& files) {
    for (AskedFile& file : files) {
        const Result<std::vector<PinRecord>> kept = reader.pins(file.row);
        if (!kept) return tl::unexpected(kept.error());
        std::vector<ByteRange> pins;
        for (const PinRecord& pin : *kept)
            pins.push_back(pin.range);
        file.pins = joinedRanges(std::move(pins));
    }
    for (const std::string& words : arguments.pins) {
        const Result<Place> place = find(words, files);
        if (!place) return tl::unexpected(place.error());
        if (Result<void> added = add(files[place->file], place->range); !added) return added;
    }
    for (const std::string& lines : arguments.pinLines) {
        const Result<ByteRange> range = linesOf(*files.front().document, lines);
        if (!range) return tl::unexpected(range.error());
        if (Result<void> added = add(files.front(), *range); !added) return added;
    }
    for (const AskedFile& file : files) {
        for (const ByteRange& pin : file.pins) {
            std::fprintf(stderr, "Pinned: %s%s: %s\n",
                         files.size() > 1 ? (file.document->name + ", ").c_str() : "",
                         placeText(*file.document, pin.begin).c_str(),
                         quoteOf(*file.document, pin, kShortQuote).c_str());
        }
    }
    return {};
}

Json pinsJson(const std::vector<AskedFile>& files) {
    Json list = Json::array();
    for (const AskedFile& file : files) {
        for (const PinnedPassage& pin : pinnedPassages(*file.document, file.pins)) {
            list.push_back({{"document", file.document->name},
                            {"page", pin.page + 1},
                            {"line", lineOf(*file.document, pin.page, pin.line)},
                            {"quote", quoteOf(*file.document, pin.range, kLongQuote)}});
        }
    }
    return list;
}

}  // namespace kvasir::cli
