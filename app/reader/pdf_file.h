// A PDF document through Poppler. In the reader process alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <poppler/cpp/poppler-document.h>
#include <poppler/cpp/poppler-page.h>

#include "app/reader/layout.h"
#include "app/reader/protocol.h"

namespace kvasir::reader {

struct PageImageRows {
    std::uint32_t width = 0, height = 0;
    std::string pixels;  ///< as ImageData::pixels
};

/// The bytes behind a descriptor, mapped read-only for as long as the object lives.
class MappedFile {
public:
    MappedFile(int descriptor, std::uint64_t size);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::string_view bytes() const { return m_bytes; }  ///< empty when it could not be mapped

private:
    std::string_view m_bytes;
};

/// Not thread-safe. Any call may throw std::bad_alloc, crash or never end: that is what the process is for.
class PdfFile {
public:
    static std::variant<std::unique_ptr<PdfFile>, Refusal> open(int descriptor, std::uint64_t size,
                                                                const std::string& password);
    ~PdfFile();
    PdfFile(const PdfFile&) = delete;
    PdfFile& operator=(const PdfFile&) = delete;

    const std::vector<PageSize>& pages() const { return m_pages; }
    /// `page` must be below pages().size(), here and below.
    std::variant<PageText, Refusal> words(std::uint32_t page) const;
    /// `pixelsPerPoint` is lowered where the image would pass kMaxImageSide or kMaxImagePixels.
    std::variant<PageImageRows, Refusal> image(std::uint32_t page, float pixelsPerPoint) const;
    /// Through QPDF: Poppler's C++ interface leaves out where an outline's items lead.
    std::vector<Document::OutlineItem> outline() const;

private:
    PdfFile(std::unique_ptr<MappedFile> file, std::unique_ptr<poppler::document> document,
            std::string password);
    std::variant<std::vector<PageSize>, Refusal> readSizes() const;
    bool hasDrawing(const poppler::page& page, std::uint32_t index) const;

    std::unique_ptr<MappedFile> m_file;
    std::unique_ptr<poppler::document> m_document;
    std::string m_password;
    std::vector<PageSize> m_pages;
};

}  // namespace kvasir::reader
