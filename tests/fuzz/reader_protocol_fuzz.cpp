// What the application does with bytes from a reader that a document has taken over.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/document_builder.h"
#include "app/reader/protocol.h"

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

/// A page that was accepted must give a document whose map is exact.
void build(const kvasir::PageText& page) {
    kvasir::DocumentBuilder builder(kvasir::DocumentKind::Pdf, "fuzz", {{100.0F, 100.0F}});
    if (!builder.addPage(page, "")) return;
    const kvasir::Document document = builder.finish("");
    std::uint32_t end = 0;
    for (const kvasir::Word& word : document.words) {
        check(word.begin >= end && word.end > word.begin && word.end <= document.text.size());
        check(word.box.left >= 0 && word.box.bottom <= 100);
        end = word.end;
    }
    for (const kvasir::Line& line : document.lines) {
        check(line.firstWord < line.lastWord && line.lastWord <= document.words.size());
        check(document.lineAt(line.begin) == static_cast<std::size_t>(&line - document.lines.data()));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kvasir::reader;
    if (size == 0) return 0;
    const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 8) {
        case 0:
            if (const auto page = decodePageText(payload)) build(*page);
            break;
        case 1:
            decodeHello(payload);
            break;
        case 2:
            if (const auto opened = decodeOpened(payload)) check(opened->pages.size() <= kMaxPages);
            break;
        case 3:
            if (const auto image = decodeImage(payload)) {
                check(image->pixels.size() == std::size_t{4} * image->width * image->height);
            }
            break;
        case 4:
            decodeOutline(payload);
            break;
        case 5:
            decodeRefused(payload);
            break;
        case 6:
            decodeOpenRequest(payload);
            break;
        default:
            if (const auto chunk = decodeTextChunk(payload)) {
                kvasir::DocumentBuilder builder(kvasir::DocumentKind::Log, "fuzz", {{0.0F, 0.0F}});
                check(builder.addText(chunk->text).has_value());
                const kvasir::Document document = builder.finish("");
                for (const kvasir::Line& line : document.lines)
                    check(line.end <= document.text.size());
            }
    }
    return 0;
}
