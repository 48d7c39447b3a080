#include <map>

#include <qpdf/QPDF.hh>
#include <qpdf/QPDFOutlineDocumentHelper.hh>

#include "app/reader/pdf_file.h"
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

void collect(std::vector<QPDFOutlineObjectHelper> items, std::int32_t level, const PageNumbers& numbers,
             std::vector<Document::OutlineItem>& out) {
    for (QPDFOutlineObjectHelper& item : items) {
        if (out.size() >= kMaxOutlineItems) return;
        const auto page = numbers.find(item.getDestPage().getObjGen());
        std::string title = cleanTitle(item.getTitle());
        const bool titled = !title.empty();
        if (titled) out.push_back({std::move(title), page == numbers.end() ? -1 : page->second, level});
        if (level < kDeepestLevel) collect(item.getKids(), level + (titled ? 1 : 0), numbers, out);
    }
}

}  // namespace

std::vector<Document::OutlineItem> PdfFile::outline() const {
    std::vector<Document::OutlineItem> out;
    try {
        QPDF pdf;
        pdf.setSuppressWarnings(true);
        pdf.processMemoryFile("document", m_file->bytes().data(), m_file->bytes().size(),
                              m_password.empty() ? nullptr : m_password.c_str());
        QPDFOutlineDocumentHelper outlines(pdf);
        if (!outlines.hasOutlines()) return out;
        PageNumbers numbers;
        std::int32_t number = 0;
        for (const QPDFObjectHandle& page : pdf.getAllPages())
            numbers.emplace(page.getObjGen(), number++);
        collect(outlines.getTopLevelOutlines(), 0, numbers, out);
    } catch (const std::exception&) {
        // An outline that cannot be read is none: the pages are what counts.
        out.clear();
    }
    for (Document::OutlineItem& item : out) {
        if (item.page >= static_cast<std::int32_t>(m_pages.size())) item.page = -1;
    }
    return out;
}

}  // namespace kvasir::reader
