// The engine thread with a tiny model on a device with little memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/engine_thread.h"
#include "app/library.h"
#include "app/store/piece_store.h"
#include "tests/app/noted.h"
#include "tests/app/small_device.h"

namespace kvasir::test {

class MemoryThread : public testing::Test, protected Noted {
protected:
    using Stage = ReadingStage;

    void SetUp() override { m_model = m_folder.write("tiny.gguf", tinyModel()); }

    /// Room for so many documents of `tinyDocument`, in memory of the device's own or in the host's.
    void start(double documents, bool fullReading = false, bool ownMemory = true) {
        EngineThread::Events events;
        events.model = [this](const EngineThread::ModelState& state) { note([&] { m_state = state; }); };
        events.reading = [this](DocumentId id, const ReadingState& state) {
            note([&] {
                m_stages[id].push_back(state.stage);
                m_readings[id] = state;
                ++m_events;
            });
        };
        events.text = [this](EngineThread::AnswerKey key, AnswerMode, std::string_view text) {
            note([&] { m_texts[key].emplace_back(text); });
        };
        events.looked = [](EngineThread::AnswerKey, const AskOutcome&) {};
        events.checked = [this](EngineThread::AnswerKey key, const Result<ConfirmOutcome>& outcome) {
            note([&] { m_checked.emplace(key, outcome.has_value()); });
        };
        events.finished = [this](EngineThread::AnswerKey key, Result<AskOutcome> outcome) {
            note([&] { m_finished.emplace(key, std::move(outcome)); });
        };
        const auto make = [this, documents, ownMemory](
                              const std::filesystem::path& model,
                              const std::function<bool(double)>&) -> Result<std::unique_ptr<AnswerEngine>> {
            if (m_refuse.exchange(false)) {
                return fail(ErrorCode::OutOfMemory, "There is not enough memory.", model.string(),
                            "Choose a smaller model.");
            }
            auto [engine, device] = engineOnSmallDevice(model, ownMemory);
            const auto document = engine->tokenise(tinyDocument(0));
            EXPECT_TRUE(document);
            const auto each = static_cast<double>(documentBytes(*engine, **document));
            leaveFree(*device, withReserve(static_cast<std::size_t>(documents * each),
                                           answerRoom(*engine, **document)));
            m_device = device;
            device->beforeAttention = [this] {
                if (++m_layersRead == m_failsAt) m_device.load()->lost = true;
            };
            return std::move(engine);
        };
        m_thread =
            std::make_unique<EngineThread>(std::move(events), 1, kNoFirstLook,
                                           m_pieces ? &*m_pieces : nullptr, std::filesystem::path(), make);
        m_thread->setFullReading(fullReading);
        m_thread->loadModel(m_model);
    }
    void TearDown() override { m_thread.reset(); }
    /// What is read from now on is kept, as in a program that starts.
    void keepOnDisk(const Document& document) {
        m_thread.reset();
        m_pieces.reset();
        m_store.reset();
        auto store = Store::open({m_folder.path() / "data", std::chrono::milliseconds(20), {}});
        ASSERT_TRUE(store);
        m_store = std::move(*store);
        ASSERT_TRUE(Library(*m_store).remember(document, "text.txt"));
        m_pieces.emplace(*m_store, PieceStore::Options{1'000'000'000, {}, {}});
        forgetStages();
    }

    bool reached(DocumentId id, Stage stage) {
        return wait([&] { return std::ranges::count(m_stages[id], stage) > 0; });
    }
    Stage stageOf(DocumentId id) {
        const std::lock_guard lock(m_mutex);
        return m_stages[id].empty() ? Stage::Opening : m_stages[id].back();
    }
    void forgetStages() {
        const std::lock_guard lock(m_mutex);
        m_stages.clear();
    }
    static AskRequest question() {
        AskRequest request;
        request.question = "What does it cost?";
        request.maxTokens = 6;
        request.lookedTokens = 0;
        return request;
    }
    Result<AskOutcome> ask(DocumentId document, const AskRequest& request = question()) {
        const EngineThread::AnswerKey key = ++m_key;
        m_thread->ask(document, key, request);
        EXPECT_TRUE(wait([&] { return m_finished.contains(key); }));
        const std::lock_guard lock(m_mutex);
        return m_finished.at(key);
    }
    /// Whether nothing happens any more.
    bool settles() {
        std::unique_lock lock(m_mutex);
        for (int i = 0; i < 100; ++i) {
            const int before = m_events;
            if (!m_changed.wait_for(lock, std::chrono::milliseconds(400), [&] { return m_events != before; }))
                return true;
        }
        return false;
    }

    ScratchFolder m_folder;
    std::filesystem::path m_model;
    EngineThread::ModelState m_state;
    std::map<DocumentId, std::vector<Stage>> m_stages;
    std::map<DocumentId, ReadingState> m_readings;
    std::map<EngineThread::AnswerKey, std::vector<std::string>> m_texts;
    std::map<EngineThread::AnswerKey, Result<AskOutcome>> m_finished;
    std::map<EngineThread::AnswerKey, bool> m_checked;
    std::atomic<bool> m_refuse = false;
    std::atomic<WatchedBackend*> m_device = nullptr;
    EngineThread::AnswerKey m_key = 0;
    int m_events = 0;
    std::atomic<int> m_layersRead = 0;
    std::atomic<int> m_failsAt = -1;  ///< the device fails when so many layers were read
    std::unique_ptr<Store> m_store;
    std::optional<PieceStore> m_pieces;
    std::unique_ptr<EngineThread> m_thread;
};

}  // namespace kvasir::test
