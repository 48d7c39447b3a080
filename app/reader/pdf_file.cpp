#include "app/reader/pdf_file.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <poppler/cpp/poppler-page-renderer.h>
#include <sys/mman.h>

#include "app/reader/pdf_outline.h"
#include "app/reader/utf8.h"

namespace kvasir::reader {
namespace {

constexpr float kLetterWidth = 612;
constexpr float kLetterHeight = 792;
constexpr float kLargestSide = 100'000;    // points
constexpr double kLookDpi = 48;            // enough to see whether anything is drawn
constexpr std::size_t kTailBytes = 4'096;  // where a whole PDF has its end mark
constexpr std::size_t kMaxRuns = 2 * kMaxPageWords;

std::string toUtf8(const poppler::ustring& text) {
    const std::u16string units(text.begin(), text.end());
    return utf16ToUtf8(units);
}

Box toBox(const poppler::rectf& box) {
    return {static_cast<float>(box.left()), static_cast<float>(box.top()), static_cast<float>(box.right()),
            static_cast<float>(box.bottom())};
}

/// Errors that Poppler reported since the last call of take(). It has one handler for the whole process.
class ErrorCount {
public:
    static void install() {
        poppler::set_debug_error_function([](const std::string&, void*) { ++reported; }, nullptr);
    }
    static std::size_t take() { return std::exchange(reported, 0); }

private:
    static inline std::size_t reported = 0;
};

PageSize sizeOf(const poppler::page& page) {
    const poppler::rectf box = page.page_rect();
    auto width = static_cast<float>(std::abs(box.width()));
    auto height = static_cast<float>(std::abs(box.height()));
    const bool sane = std::isfinite(width) && std::isfinite(height) && width > 0 && height > 0 &&
                      width <= kLargestSide && height <= kLargestSide;
    if (!sane) {
        width = kLetterWidth;
        height = kLetterHeight;
    }
    const auto orientation = page.orientation();
    if (orientation == poppler::page::landscape || orientation == poppler::page::seascape) {
        std::swap(width, height);
    }
    return {width, height};
}

std::vector<TextRun> runsOf(const poppler::page& page, bool& cut) {
    const std::vector<poppler::text_box> boxes = page.text_list();
    std::vector<TextRun> runs;
    cut = boxes.size() > kMaxRuns;
    runs.reserve(std::min(boxes.size(), kMaxRuns));
    for (const poppler::text_box& box : boxes) {
        if (runs.size() == kMaxRuns) break;
        TextRun run;
        run.text = toUtf8(box.text());
        run.box = toBox(box.bbox());
        run.rotation = box.rotation();
        // Boxes of characters matter where a run is divided: in scripts without spaces.
        bool divided = false;
        std::size_t characters = 0;
        for (std::size_t at = 0; at < run.text.size(); ++characters) {
            divided = isCjk(nextUtf8(run.text, at)) || divided;
        }
        for (std::size_t i = 0; divided && i < characters; ++i)
            run.characters.push_back(toBox(box.char_bbox(i)));
        const auto missing = [](const Box& glyph) {
            return glyph.right <= glyph.left || glyph.bottom <= glyph.top;
        };
        if (std::any_of(run.characters.begin(), run.characters.end(), missing)) run.characters.clear();
        runs.push_back(std::move(run));
    }
    return runs;
}

}  // namespace

MappedFile::MappedFile(int descriptor, std::uint64_t size) {
    if (size == 0) return;
    void* const address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address != MAP_FAILED) m_bytes = {static_cast<const char*>(address), size};
}

MappedFile::~MappedFile() {
    if (!m_bytes.empty()) munmap(const_cast<char*>(m_bytes.data()), m_bytes.size());
}

PdfFile::PdfFile(std::unique_ptr<MappedFile> file, std::unique_ptr<poppler::document> document,
                 std::string password)
    : m_file(std::move(file)), m_document(std::move(document)), m_password(std::move(password)) {}

PdfFile::~PdfFile() = default;

std::variant<std::unique_ptr<PdfFile>, Refusal> PdfFile::open(int descriptor, std::uint64_t size,
                                                              const std::string& password) {
    ErrorCount::install();
    if (size > std::numeric_limits<int>::max()) return Refusal::OutOfMemory;
    auto file = std::make_unique<MappedFile>(descriptor, size);
    const std::string_view bytes = file->bytes();
    if (bytes.empty()) return Refusal::Damaged;
    std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(
        bytes.data(), static_cast<int>(bytes.size()), password, password));
    if (!document) {
        const bool hasEnd =
            bytes.substr(bytes.size() - std::min(bytes.size(), kTailBytes)).find("%%EOF") != bytes.npos;
        return hasEnd ? Refusal::Damaged : Refusal::Incomplete;
    }
    if (document->is_locked()) return password.empty() ? Refusal::Locked : Refusal::WrongPassword;
    std::unique_ptr<PdfFile> pdf(new PdfFile(std::move(file), std::move(document), password));
    auto sizes = pdf->readSizes();
    if (const Refusal* refusal = std::get_if<Refusal>(&sizes)) return *refusal;
    pdf->m_pages = std::get<std::vector<PageSize>>(std::move(sizes));
    return pdf;
}

std::variant<std::vector<PageSize>, Refusal> PdfFile::readSizes() const {
    const int count = m_document->pages();
    if (count <= 0) return Refusal::NoPages;
    if (static_cast<std::uint32_t>(count) > kMaxPages) return Refusal::TooManyPages;
    std::vector<PageSize> sizes;
    sizes.reserve(static_cast<std::size_t>(count));
    bool any = false;
    for (int i = 0; i < count; ++i) {
        const std::unique_ptr<poppler::page> page(m_document->create_page(i));
        any = any || page;
        sizes.push_back(page ? sizeOf(*page) : PageSize{kLetterWidth, kLetterHeight});
    }
    if (!any) return Refusal::Damaged;
    return sizes;
}

std::variant<PageText, Refusal> PdfFile::words(std::uint32_t index) const {
    const std::unique_ptr<poppler::page> page(m_document->create_page(static_cast<int>(index)));
    if (!page) return Refusal::PageFailed;
    ErrorCount::take();
    bool cut = false;
    PageText text = layoutPage(runsOf(*page, cut), m_pages[index].width, m_pages[index].height);
    text.cut = text.cut || cut;
    if (!text.words.empty()) return text;
    const bool drawn = hasDrawing(*page, index);
    if (!drawn && ErrorCount::take() > 0) return Refusal::PageFailed;
    text.status = drawn ? PageStatus::Picture : PageStatus::Blank;
    return text;
}

bool PdfFile::hasDrawing(const poppler::page& page, std::uint32_t index) const {
    const float longest = std::max(m_pages[index].width, m_pages[index].height);
    const double dpi = std::min(kLookDpi, 72.0 * 2'000 / longest);
    poppler::page_renderer renderer;
    renderer.set_render_hint(poppler::page_renderer::antialiasing);
    const poppler::image image = renderer.render_page(&page, dpi, dpi);
    if (!image.is_valid()) return false;
    for (int y = 0; y < image.height(); ++y) {
        const char* row = image.const_data() + static_cast<std::ptrdiff_t>(y) * image.bytes_per_row();
        for (int x = 0; x < image.width(); ++x) {
            const auto* pixel =
                reinterpret_cast<const unsigned char*>(row) + 4 * static_cast<std::ptrdiff_t>(x);
            if (std::min({pixel[0], pixel[1], pixel[2]}) < 0xF0) return true;
        }
    }
    return false;
}

std::variant<PageImageRows, Refusal> PdfFile::image(std::uint32_t index, float pixelsPerPoint) const {
    const std::unique_ptr<poppler::page> page(m_document->create_page(static_cast<int>(index)));
    if (!page) return Refusal::PageFailed;
    const PageSize size = m_pages[index];
    // One pixel less than the limit, as Poppler rounds up.
    const auto side = static_cast<float>(kMaxImageSide - 1);
    const auto area = static_cast<float>(kMaxImagePixels) * 0.99F;
    float scale = std::clamp(pixelsPerPoint, 0.01F, 100.0F);
    scale = std::min(
        {scale, side / size.width, side / size.height, std::sqrt(area / (size.width * size.height))});
    poppler::page_renderer renderer;
    renderer.set_render_hints(poppler::page_renderer::antialiasing |
                              poppler::page_renderer::text_antialiasing);
    const double dpi = 72.0 * static_cast<double>(scale);
    const auto pixels = [&](float points) {
        return std::max(1, static_cast<int>(std::ceil(points * scale)));
    };
    const int width = pixels(size.width);
    const int height = pixels(size.height);
    const poppler::image image = renderer.render_page(page.get(), dpi, dpi, 0, 0, width, height);
    if (!image.is_valid() || image.format() != poppler::image::format_argb32) return Refusal::PageFailed;
    PageImageRows rows;
    rows.width = static_cast<std::uint32_t>(image.width());
    rows.height = static_cast<std::uint32_t>(image.height());
    const std::size_t rowBytes = std::size_t{4} * rows.width;
    rows.pixels.reserve(rowBytes * rows.height);
    for (int y = 0; y < image.height(); ++y) {
        rows.pixels.append(image.const_data() + static_cast<std::ptrdiff_t>(y) * image.bytes_per_row(),
                           rowBytes);
    }
    return rows;
}

std::vector<Document::OutlineItem> PdfFile::outline() const {
    std::vector<Document::OutlineItem> items;
    for (OutlineEntry& entry : readOutline(m_file->bytes(), m_password, m_pages.size(), kMaxOutlineItems)) {
        items.push_back({std::move(entry.title), entry.page, entry.level});
    }
    return items;
}

}  // namespace kvasir::reader
