// A store in a folder of its own that goes away with the test, and sample records.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/store/store.h"

namespace kvasir {

class StoreTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "kvasir-store-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        m_root = name;
        m_folder = m_root / "data";
    }
    void TearDown() override {
        m_store.reset();
        std::error_code ignored;
        std::filesystem::remove_all(m_root, ignored);
    }

    void open() {
        m_store.reset();
        auto store = Store::open({m_folder, std::chrono::milliseconds(20), [this](const Error& e) {
                                      const std::lock_guard lock(m_errorsMutex);
                                      m_errors.push_back(e);
                                  }});
        ASSERT_TRUE(store) << store.error().message();
        m_store = std::move(*store);
    }
    std::unique_ptr<StoreReader> reader() {
        auto reader = StoreReader::open(m_folder);
        EXPECT_TRUE(reader) << reader.error().message();
        return reader ? std::move(*reader) : nullptr;
    }

    static DocumentRecord sampleDocument(const std::string& sha256 = "aa01") {
        DocumentRecord d;
        d.sha256 = sha256;
        d.name = "Lease contract 2024.pdf";
        d.path = "/home/someone/Lease contract 2024.pdf";
        d.characters = 48211;
        d.addedAt = 1700000000000;
        d.openedAt = 1700000000001;
        d.pageStatuses = {PageStatus::Text, PageStatus::Picture, PageStatus::Failed};
        return d;
    }
    RowId addDocument(const std::string& sha256 = "aa01") {
        return *m_store->addDocument(sampleDocument(sha256)).get();
    }
    RowId addConversation(RowId document) {
        return *m_store->addConversation({0, document, "Ending the lease", 1700000000002}).get();
    }
    static Exchange sampleExchange(RowId conversation) {
        Exchange e;
        e.conversationId = conversation;
        e.askedAt = 1700000000003;
        e.question = "When does the lease end?";
        return e;
    }

    std::filesystem::path m_root, m_folder;
    std::mutex m_errorsMutex;
    std::vector<Error> m_errors;
    std::unique_ptr<Store> m_store;
};

/// A text document of these pages, each with its lines.
inline std::shared_ptr<Document> makeDocument(const std::vector<std::vector<std::string>>& pages) {
    auto document = std::make_shared<Document>();
    for (const auto& lines : pages) {
        if (!document->pages.empty()) document->text += "\n\n";
        Page page;
        page.begin = static_cast<std::uint32_t>(document->text.size());
        page.firstLine = static_cast<std::uint32_t>(document->lines.size());
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (i > 0) document->text += '\n';
            Line line;
            line.begin = static_cast<std::uint32_t>(document->text.size());
            document->text += lines[i];
            line.end = static_cast<std::uint32_t>(document->text.size());
            document->lines.push_back(line);
        }
        page.end = static_cast<std::uint32_t>(document->text.size());
        page.lastLine = static_cast<std::uint32_t>(document->lines.size());
        document->pages.push_back(page);
    }
    return document;
}

}  // namespace kvasir
