// A manual of more than 200 pages, when r-doc-pdf is installed.
#include <chrono>
#include <filesystem>
#include <iostream>

#include <gtest/gtest.h>

#include "app/reader/reader_client.h"

namespace kvasir {
namespace {

std::filesystem::path manual() {
    for (const char* path :
         {"/usr/share/R/doc/manual/R-exts.pdf", "/usr/share/doc/r-doc-pdf/manual/R-exts.pdf"}) {
        if (std::filesystem::exists(path)) return path;
    }
    return {};
}

TEST(ReaderRealDocument, ReadsEveryPageOfAManual) {
    const std::filesystem::path file = manual();
    if (file.empty()) GTEST_SKIP() << "R-exts.pdf is not there: apt-get install r-doc-pdf";
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t calls = 0;
    const auto document =
        readDocument(file, "", [&](const Document&, std::uint64_t, std::uint64_t) { ++calls; }, {});
    ASSERT_TRUE(document) << document.error().message();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const auto pages = document->pages.size();
    std::cout << pages << " pages, " << document->text.size() << " bytes of text in " << took.count()
              << " s: " << static_cast<double>(pages) / took.count() << " pages/s\n";
    EXPECT_EQ(calls, pages + 1);
    EXPECT_GT(pages, 200U);
    std::size_t read = 0;
    for (const Page& page : document->pages) {
        EXPECT_TRUE(page.status == PageStatus::Text || page.status == PageStatus::Blank) << page.note;
        read += page.status == PageStatus::Text ? 1 : 0;
    }
    EXPECT_GT(read, pages * 95 / 100);
    EXPECT_GT(document->outline.size(), 100U);
    // The outline's places and the text of the pages agree.
    for (const Document::OutlineItem& item : document->outline) {
        if (item.title != "Writing portable packages") continue;
        ASSERT_GE(item.page, 0);
        const Page& page = document->pages.at(static_cast<std::size_t>(item.page));
        EXPECT_NE(document->text.substr(page.begin, page.end - page.begin).find("Writing portable packages"),
                  std::string::npos);
    }
    // As it is printed, lines and all.
    EXPECT_NE(
        document->text.find("put on the search path to make their facilities available to the end user"),
        std::string::npos);
}

}  // namespace
}  // namespace kvasir
