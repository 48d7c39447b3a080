// The workspace over a real store, reader and engine; the window's thread is the test's.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <QCoreApplication>
#include <QElapsedTimer>

#include "app/local_workspace.h"
#include "tests/app/app_support.h"
#include "tests/patience.h"

namespace kvasir {

inline constexpr int kLongestMs =
    180'000 * test::kPatience;  // a busy machine is slow, a defect waits for ever

inline QString q(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

/// The window's thread is this one. Everything below the workspace is the real thing.
class LocalWorkspaceTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        static int argc = 1;
        static char name[] = "local_workspace_test";
        static char* argv[] = {name, nullptr};
        application = std::make_unique<QCoreApplication>(argc, argv);
    }
    static void TearDownTestSuite() { application.reset(); }
    void SetUp() override {
        KVASIR_NEEDS_SMOLLM2();
        begin();
    }
    void begin(std::filesystem::path model = test::modelFile(test::kSmollm2),
               double longWait = test::kNoFirstLook) {
        m_workspace.reset();
        LocalWorkspace::Options options;
        options.dataFolder = m_folder.path() / "data";
        options.model = std::move(model);
        options.threads = 2;
        options.longWait = longWait;
        auto created = LocalWorkspace::create(options);
        ASSERT_TRUE(created) << created.error().message();
        m_workspace = std::move(*created);
        QObject::connect(m_workspace.get(), &Workspace::failed,
                         [this](const Error& error) { m_failures.push_back(error); });
    }
    template <typename Condition>
    static bool waitFor(Condition condition) {
        QElapsedTimer timer;
        timer.start();
        while (!condition()) {
            if (timer.elapsed() > kLongestMs) return false;
            QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    bool reaches(DocumentId id, ReadingStage stage) {
        return waitFor([&] { return m_workspace->reading(id).stage == stage; });
    }
    bool isRead(DocumentId id) {
        return waitFor([&] {
            const ReadingStage stage = m_workspace->reading(id).stage;
            return stage == ReadingStage::FirstDone || stage == ReadingStage::FullReading ||
                   stage == ReadingStage::FullDone;
        });
    }
    /// First answers alone: whether a check or a first look adds others depends on the computer's speed.
    std::vector<QString> firstAnswers(DocumentId id) {
        std::vector<QString> ids;
        for (const QString& answer : m_workspace->answers(id)) {
            if (m_workspace->answer(answer).follows.empty()) ids.push_back(answer);
        }
        return ids;
    }
    Answer ended(const QString& id) {
        waitFor([&] {
            const AnswerState state = m_workspace->answer(id).state;
            return state != AnswerState::Waiting && state != AnswerState::Writing;
        });
        return m_workspace->answer(id);
    }
    std::filesystem::path lease(const std::string& name = "lease.txt", int paragraphs = 15) {
        return m_folder.write(name, test::leaseText(paragraphs));
    }

    static inline std::unique_ptr<QCoreApplication> application;
    test::ScratchFolder m_folder;
    std::unique_ptr<LocalWorkspace> m_workspace;
    std::vector<Error> m_failures;
};

}  // namespace kvasir
