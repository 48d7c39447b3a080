// What the tests of answering share: folders, documents, the small model.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "app/document_builder.h"
#include "tests/engine/model_folder.h"

namespace kvasir::test {

/// An empty folder that goes with the test.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kvasir-test-XXXXXX").string();
        m_path = mkdtemp(pattern.data());
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    const std::filesystem::path& path() const { return m_path; }
    std::filesystem::path write(const std::string& name, const std::string& text) const {
        std::ofstream(m_path / name, std::ios::binary) << text;
        return m_path / name;
    }

private:
    std::filesystem::path m_path;
};

inline std::shared_ptr<const Document> textDocument(const std::string& text) {
    DocumentBuilder builder(DocumentKind::Text, "text.txt", {{0, 0}});
    EXPECT_TRUE(builder.addText(text));
    return std::make_shared<const Document>(builder.finish(std::string(64, 'a')));
}

/// The `length` bytes that begin with `words`.
inline ByteRange rangeOf(const Document& document, std::string_view words, std::uint32_t length) {
    const std::size_t begin = document.text.find(words);
    EXPECT_NE(begin, std::string::npos) << words;
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin) + length};
}

/// A wait in seconds that no reading is long enough for: a first look on a slow computer is no part of what
/// most tests are about.
inline constexpr double kNoFirstLook = 1e9;

/// A page of prose about a lease; a fact to ask about on every line.
inline std::string leaseText(int paragraphs) {
    std::string text =
        "LEASE AGREEMENT\n\nThe landlord is Mertens Properties. The tenant is Okafor Bakery.\n";
    for (int i = 1; i <= paragraphs; ++i) {
        text += "Clause " + std::to_string(i) + ". The fee of item " + std::to_string(i) + " is " +
                std::to_string(100 + 7 * i) + " euros a month, payable within " +
                std::to_string(10 + i % 20) + " days.\n";
    }
    return text + "Either party may end this lease with sixty days of notice in writing.\n";
}

}  // namespace kvasir::test

/// Skips the test with the reason when the small model is not on this computer.
#define KVASIR_NEEDS_SMOLLM2()                                                         \
    do {                                                                               \
        if (!std::filesystem::exists(kvasir::test::modelFile(kvasir::test::kSmollm2))) \
            GTEST_SKIP() << "no " << kvasir::test::modelFile(kvasir::test::kSmollm2)   \
                         << "; fetch it with installer/fetch-model smollm2-135m";      \
    } while (false)
