// A device with little memory of its own, and a tiny model on it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "app/answer_engine.h"
#include "engine/answer_room.h"
#include "tests/app/app_support.h"
#include "tests/engine/tiny_model.h"
#include "tests/engine/watched_backend.h"

namespace kvasir::test {

inline std::string tinyModel(std::int32_t window = 2048) {
    TinySizes sizes;
    sizes.window = window;
    sizes.layers = 8;
    sizes.type = kernels::TensorType::Q8_0;
    return TinyModel(sizes).bytes();
}

/// About so many bytes, which are as many tokens or fewer; another text for each number.
inline std::shared_ptr<const Document> tinyDocument(int number, std::size_t bytes = 1200) {
    std::string text;
    while (text.size() < bytes)
        text += "Line " + std::to_string(text.size() * 7 + static_cast<std::size_t>(number)) + ". ";
    DocumentBuilder builder(DocumentKind::Text, "text.txt", {{0, 0}});
    EXPECT_TRUE(builder.addText(text));
    return std::make_shared<const Document>(builder.finish(std::string(64, static_cast<char>('a' + number))));
}

/// Memory that is not taken yet, from now on.
inline void leaveFree(WatchedBackend& device, std::size_t bytes) {
    if (device.own)
        device.own = *device.own - device.freeMemory() + bytes;
    else
        device.free = bytes;
}

/// An engine on such a device, or on one whose memory is the host's; the device stays the engine's.
inline std::pair<std::unique_ptr<AnswerEngine>, WatchedBackend*> engineOnSmallDevice(
    const std::filesystem::path& model, bool ownMemory = true) {
    auto made = std::make_unique<WatchedBackend>(1);
    WatchedBackend* device = made.get();
    if (ownMemory) device->own = std::size_t{1} << 30;
    device->asksPerCopy = 2;
    kernels::BackendChoice choice;
    choice.backend = std::move(made);
    auto engine = AnswerEngine::create(std::move(choice), model, 1, {});
    EXPECT_TRUE(engine);
    return {std::move(*engine), device};
}

/// What a document takes: 16-bit keys and values of all layers, or 8-bit ones for quick answers.
inline std::size_t documentBytes(const AnswerEngine& engine, const ReadDocument& document,
                                 kernels::KvType type = kernels::KvType::F16, bool full = true) {
    return ResidentDocument::bytes(engine.model().config(), document.tspLayer, type,
                                   std::ssize(document.tokenised.prompt), full);
}

/// What must stay free beside it for answers.
inline std::size_t answerRoom(const AnswerEngine& engine, const ReadDocument& document) {
    return answerBytes(engine.model().config(), document.tspLayer, std::ssize(document.tokenised.prompt));
}

}  // namespace kvasir::test
