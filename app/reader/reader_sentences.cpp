#include "app/reader/reader_sentences.h"

namespace kvasir::reader {
namespace {

struct FormatWords {
    const char* name;
    const char* advice;
};

FormatWords wordsFor(FileFormat format) {
    constexpr const char* kSavePdf = "Save or print it as PDF in the program it came from, and open that.";
    switch (format) {
        case FileFormat::Word:
            return {"a Word document", kSavePdf};
        case FileFormat::Excel:
            return {"an Excel workbook", kSavePdf};
        case FileFormat::PowerPoint:
            return {"a PowerPoint presentation", kSavePdf};
        case FileFormat::OpenDocument:
            return {"an OpenDocument file", kSavePdf};
        case FileFormat::Epub:
            return {"an EPUB book", kSavePdf};
        case FileFormat::OldOffice:
            return {"a document of an older Office version", kSavePdf};
        case FileFormat::Rtf:
            return {"an RTF document", kSavePdf};
        case FileFormat::PostScript:
            return {"a PostScript document", "Convert it with ps2pdf and open the PDF."};
        case FileFormat::Html:
            return {"a web page", "Print it to PDF in a browser, and open that."};
        case FileFormat::Zip:
            return {"a ZIP archive", "Unpack it and open the document inside."};
        case FileFormat::Archive:
            return {"a compressed archive", "Unpack it and open the document inside."};
        case FileFormat::Image:
            return {"an image", "Turn it into a PDF with recognised text (OCR), and open that."};
        case FileFormat::Audio:
            return {"a sound recording", "Open a written transcript of it instead."};
        case FileFormat::Video:
            return {"a video", "Open a written transcript of it instead."};
        case FileFormat::Database:
            return {"a database", "Export what you need as text, and open that."};
        case FileFormat::Program:
            return {"a program", "Choose a PDF, Markdown, log or text file."};
        case FileFormat::ModelFile:
            return {"a language model, not a document", "Add it under Models."};
        default:
            return {"a binary file of an unknown kind", "Choose a PDF, Markdown, log or text file."};
    }
}

std::string number(std::size_t page) {
    return std::to_string(page + 1);
}

}  // namespace

Error openError(const Refused& refused, const std::string& file) {
    switch (refused.refusal) {
        case Refusal::Unsupported: {
            const FormatWords words = wordsFor(refused.format);
            return {ErrorCode::Unsupported,
                    std::string("This is ") + words.name + ", which Kvasir does not read.", file,
                    words.advice};
        }
        case Refusal::Incomplete:
            return {ErrorCode::Damaged, "The file is damaged: the end of the PDF is missing.", file,
                    "Download or copy it again; the last time was probably interrupted."};
        case Refusal::Locked:
            return {ErrorCode::Locked, "The document is protected by a password.", file,
                    "Enter the password that opens it."};
        case Refusal::WrongPassword:
            return {ErrorCode::Locked, "The password does not open the document.", file,
                    "Check the password, capital letters included, and enter it again."};
        case Refusal::NoPages:
            return {ErrorCode::Empty, "The document has no pages.", file,
                    "Get the file again, or save it again in the program it came from."};
        case Refusal::TooManyPages:
            return {ErrorCode::TooLarge,
                    "The document has more than " + std::to_string(kMaxPages) + " pages.", file,
                    "Split it into smaller files and open those."};
        case Refusal::OutOfMemory:
            return {ErrorCode::TooLarge,
                    "The document needs more than the 2 GiB of memory that reading it may take.", file,
                    "Split it into smaller files and open those."};
        default:
            return {ErrorCode::Damaged,
                    "The file is damaged: it begins like a PDF but cannot be read as one.", file,
                    "Get the file again, or open it in another program and save it as a new PDF."};
    }
}

std::string pageFailedNote(std::size_t page) {
    return "Page " + number(page) + " is damaged and could not be read. The other pages are not affected.";
}

std::string pageCrashedNote(std::size_t page) {
    return "Page " + number(page) +
           " made the reading program stop, so it was left out. The other pages are not affected.";
}

std::string pageTimeNote(std::size_t page) {
    return "Page " + number(page) +
           " took too long to read, so it was left out. The other pages are not affected.";
}

std::string pageMemoryNote(std::size_t page) {
    return "Page " + number(page) +
           " needs too much memory to read, so it was left out. The other pages are not affected.";
}

std::string pageCutNote(std::size_t page) {
    return "Page " + number(page) + " holds more than " + std::to_string(kMaxPageCharacters) +
           " characters; what follows was left out. The other pages are not affected.";
}

std::string pageGivenUpNote(std::size_t page) {
    return "Page " + number(page) +
           " was not tried, because too many pages before it made the reading program stop.";
}

std::string pagePictureNote(std::size_t page) {
    return "Page " + number(page) +
           " is a picture without text. To ask about it, run text recognition (OCR) on the document first.";
}

}  // namespace kvasir::reader
