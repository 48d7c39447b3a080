#include "app/reader/pdf_outline.h"

#include <limits>
#include <map>

#include <qpdf/QPDF.hh>
#include <qpdf/QPDFOutlineDocumentHelper.hh>

#include "app/reader/utf8.h"

namespace kvasir::reader {
namespace {

constexpr int kDeepestLevel = 16;
constexpr std::size_t kLongestTitle = 1'000;  // bytes

std::string cleanTitle(const std::string& raw) {
    std::string title;
    for (std::size_t at = 0; at < raw.size() && title.size() < kLongestTitle;) {
        const char32_t character = cleanCharacter(nextUtf8(raw, at));
        const bool space = character == U' ' && (title.empty() || title.back() == ' ');
        if (character != 0 && !space) appendUtf8(title, character);
    }
    while (!title.empty() && title.back() == ' ')
        title.pop_back();
    return title;
}

using PageNumbers = std::map<QPDFObjGen, std::int32_t>;

/// The page (0-based) that a destination leads to, or -1.
std::int32_t pageOf(QPDFObjectHandle destination, const PageNumbers& numbers) {
    // Named destinations may wrap their array in a dictionary; QPDF leaves that to its callers.
    if (destination.isDictionary()) destination = destination.getKey("/D");
    if (!destination.isArray() || destination.getArrayNItems() == 0) return -1;
    QPDFObjectHandle page = destination.getArrayItem(0);
    if (page.isInteger()) {
        const long long number = page.getIntValue();
        return number >= 0 && number < std::numeric_limits<std::int32_t>::max()
                   ? static_cast<std::int32_t>(number)
                   : -1;
    }
    const auto found = numbers.find(page.getObjGen());
    return found == numbers.end() ? -1 : found->second;
}

void collect(const std::vector<QPDFOutlineObjectHelper>& items, std::int32_t level,
             const PageNumbers& numbers, std::size_t limit, std::vector<OutlineEntry>& out) {
    for (QPDFOutlineObjectHelper item : items) {
        if (out.size() >= limit) return;
        const std::int32_t page = pageOf(item.getDest(), numbers);
        std::string title = cleanTitle(item.getTitle());
        const bool titled = !title.empty();
        if (titled) out.push_back({std::move(title), page, level});
        if (level < kDeepestLevel) collect(item.getKids(), level + (titled ? 1 : 0), numbers, limit, out);
    }
}

}  // namespace

std::vector<OutlineEntry> readOutline(std::string_view pdf, const std::string& password, std::size_t pages,
                                      std::size_t limit) {
    std::vector<OutlineEntry> out;
    try {
        QPDF document;
        document.setSuppressWarnings(true);
        document.processMemoryFile("document", pdf.data(), pdf.size(),
                                   password.empty() ? nullptr : password.c_str());
        QPDFOutlineDocumentHelper outlines(document);
        if (!outlines.hasOutlines()) return out;
        PageNumbers numbers;
        std::int32_t number = 0;
        for (const QPDFObjectHandle& page : document.getAllPages())
            numbers.emplace(page.getObjGen(), number++);
        collect(outlines.getTopLevelOutlines(), 0, numbers, limit, out);
    } catch (const std::exception&) {
        // An outline that cannot be read is none: the pages are what counts.
        out.clear();
    }
    for (OutlineEntry& item : out) {
        if (item.page >= static_cast<std::int32_t>(pages)) item.page = -1;
    }
    return out;
}

}  // namespace kvasir::reader
