#include "app/reader/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace kvasir::reader {
namespace {

struct Signature {
    std::string_view bytes;
    std::size_t offset;
    FileFormat format;
};

using namespace std::string_view_literals;

constexpr std::array kSignatures{
    Signature{"\x89PNG\r\n\x1A\n"sv, 0, FileFormat::Image},
    Signature{"\xFF\xD8\xFF"sv, 0, FileFormat::Image},
    Signature{"GIF87a"sv, 0, FileFormat::Image},
    Signature{"GIF89a"sv, 0, FileFormat::Image},
    Signature{"II*\0"sv, 0, FileFormat::Image},
    Signature{"MM\0*"sv, 0, FileFormat::Image},
    Signature{"WEBP"sv, 8, FileFormat::Image},
    Signature{"ftypheic"sv, 4, FileFormat::Image},
    Signature{"ftypavif"sv, 4, FileFormat::Image},
    Signature{"ftyp"sv, 4, FileFormat::Video},
    Signature{"\x1A\x45\xDF\xA3"sv, 0, FileFormat::Video},
    Signature{"WAVE"sv, 8, FileFormat::Audio},
    Signature{"ID3"sv, 0, FileFormat::Audio},
    Signature{"OggS"sv, 0, FileFormat::Audio},
    Signature{"fLaC"sv, 0, FileFormat::Audio},
    Signature{"\x1F\x8B"sv, 0, FileFormat::Archive},
    Signature{"BZh"sv, 0, FileFormat::Archive},
    Signature{"\xFD"
              "7zXZ\0"sv,
              0, FileFormat::Archive},
    Signature{"7z\xBC\xAF\x27\x1C"sv, 0, FileFormat::Archive},
    Signature{"Rar!\x1A\x07"sv, 0, FileFormat::Archive},
    Signature{"\x28\xB5\x2F\xFD"sv, 0, FileFormat::Archive},
    Signature{"ustar"sv, 257, FileFormat::Archive},
    Signature{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, 0, FileFormat::OldOffice},
    Signature{"%!PS"sv, 0, FileFormat::PostScript},
    Signature{"{\\rtf"sv, 0, FileFormat::Rtf},
    Signature{"SQLite format 3\0"sv, 0, FileFormat::Database},
    Signature{"\x7F"
              "ELF"sv,
              0, FileFormat::Program},
    Signature{"GGUF"sv, 0, FileFormat::ModelFile},
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

/// What a ZIP archive packs; its first entries' names stand uncompressed near the beginning.
FileFormat zipFormat(std::string_view head) {
    if (contains(head, "mimetypeapplication/epub")) return FileFormat::Epub;
    if (contains(head, "mimetypeapplication/vnd.oasis.opendocument")) return FileFormat::OpenDocument;
    if (contains(head, "word/")) return FileFormat::Word;
    if (contains(head, "xl/")) return FileFormat::Excel;
    if (contains(head, "ppt/")) return FileFormat::PowerPoint;
    return FileFormat::Zip;
}

bool isHtml(std::string_view head) {
    std::string start(head.substr(0, 512));
    std::transform(start.begin(), start.end(), start.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t first = start.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    if (first == std::string::npos) return false;
    const std::string_view rest = std::string_view(start).substr(first);
    return rest.starts_with("<!doctype html") || rest.starts_with("<html");
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

/// 12:34:56 or 2024-05-17 or a level's name in capitals near the beginning of the line.
bool looksLogged(std::string_view line) {
    const std::string_view start = line.substr(0, 60);
    for (std::size_t i = 0; i + 8 <= start.size(); ++i) {
        const auto digits = [&](std::size_t at) {
            return isDigit(start[i + at]) && isDigit(start[i + at + 1]);
        };
        if (digits(0) && digits(3) && digits(6) && start[i + 2] == ':' && start[i + 5] == ':') return true;
        if (i + 10 <= start.size() && digits(0) && digits(2) && start[i + 4] == '-' && digits(5) &&
            start[i + 7] == '-' && digits(8)) {
            return true;
        }
    }
    constexpr std::array kLevels{"ERROR"sv, "WARN"sv, "INFO"sv, "DEBUG"sv, "TRACE"sv, "FATAL"sv};
    return std::any_of(kLevels.begin(), kLevels.end(), [&](auto level) { return contains(start, level); });
}

/// How much a line speaks for Markdown.
int markdownWeight(std::string_view line) {
    const std::size_t marks = line.find_first_not_of('#');
    if (marks != line.npos && marks >= 1 && marks <= 6 && line[marks] == ' ') return 3;
    if (line.starts_with("```") || line.starts_with("~~~")) return 3;
    if (contains(line, "](")) return 2;
    if (line.starts_with("> ") || line.starts_with("- ") || line.starts_with("* ") || line.starts_with("|")) {
        return 1;
    }
    return contains(line, "**") ? 1 : 0;
}

}  // namespace

FileFormat formatOf(std::string_view head) {
    // Readers of PDF accept bytes before the header, as some mail programs put them there.
    if (contains(head.substr(0, 1024), "%PDF-")) return FileFormat::Pdf;
    if (head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06")) return zipFormat(head);
    for (const Signature& signature : kSignatures) {
        if (head.size() > signature.offset && head.substr(signature.offset).starts_with(signature.bytes)) {
            return signature.format;
        }
    }
    return isHtml(head) ? FileFormat::Html : FileFormat::Text;
}

FileFormat textKindOf(std::string_view text, std::string_view extension) {
    if (extension == "md" || extension == "markdown") return FileFormat::Markdown;
    if (extension == "log") return FileFormat::Log;
    if (extension == "txt") return FileFormat::Text;
    std::size_t lines = 0;
    std::size_t logged = 0;
    std::size_t headings = 0;
    int markdown = 0;
    for (std::size_t at = 0; at < text.size() && lines < 200;) {
        std::size_t end = text.find('\n', at);
        if (end == text.npos) end = text.size();
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (line.find_first_not_of(" \t\r") == line.npos) continue;
        ++lines;
        logged += looksLogged(line) ? 1 : 0;
        const int weight = markdownWeight(line);
        markdown += weight;
        headings += weight == 3 ? 1 : 0;
    }
    if (lines >= 3 && logged * 2 > lines) return FileFormat::Log;
    if (headings > 0 && markdown >= 4) return FileFormat::Markdown;
    return FileFormat::Text;
}

}  // namespace kvasir::reader
