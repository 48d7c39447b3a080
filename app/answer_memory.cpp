// AnswerEngine: documents on their way into the device's memory and out of it.
#include <algorithm>
#include <limits>
#include <string>

#include "app/answer_engine.h"
#include "app/guarded.h"
#include "engine/answer_room.h"

namespace kvasir {
namespace {

/// Pieces on their way between device and disk, together.
constexpr std::size_t kStagingBytes = std::size_t{128} << 20;

/// What must stay free beside a document.
std::size_t answerRoom(const ModelConfig& model, const ReadDocument& document) {
    return answerBytes(model, document.tspLayer, std::ssize(document.tokenised.prompt));
}

}  // namespace

void AnswerEngine::keepReadings(PieceStore* pieces) {
    m_pieces = pieces;
    if (pieces == nullptr || m_staging != nullptr) return;
    // As large as the largest piece that there can be: of all layers.
    const ModelConfig& model = m_model->config();
    const PieceShape largest{.rows = kPieceRows,
                             .layers = model.layers,
                             .kvHeads = model.kvHeads,
                             .headSize = model.headSize,
                             .width = model.width};
    m_staging =
        std::make_unique<PieceStaging>(*m_backend, kPieceHeaderBytes + largest.bytes(), kStagingBytes);
}

Result<std::unique_ptr<ReadDocument>> AnswerEngine::prepare(std::shared_ptr<const Document> document,
                                                            std::optional<std::int32_t> tspLayer) {
    Result<std::unique_ptr<ReadDocument>> read = tokenise(std::move(document), tspLayer);
    if (!read) return read;
    (*read)->used = std::numeric_limits<std::uint64_t>::max();
    if (const Result<void> made = makeResident(**read, {}); !made) return tl::unexpected(made.error());
    return read;
}

Result<std::unique_ptr<ReadDocument>> AnswerEngine::tokenise(std::shared_ptr<const Document> document,
                                                             std::optional<std::int32_t> tspLayer) {
    constexpr std::int64_t kRoom = 512;  // tokens for question and answer
    const std::string name = document->name;
    auto read = std::make_unique<ReadDocument>();
    read->passages = findPassages(*document);
    read->tokenised = m_prompts->tokenise(std::move(document));
    if (read->tokenised.tokens.empty()) {
        return fail(ErrorCode::Empty, "There is no text in this document.", name,
                    "If its pages are pictures, have their text recognised first.");
    }
    const auto length = static_cast<std::int64_t>(read->tokenised.prompt.size());
    const std::int64_t window = m_model->config().window;
    if (length + kRoom > window) {
        return fail(ErrorCode::TooLarge,
                    "The document is " + std::to_string(length) + " tokens long; this model reads " +
                        std::to_string(window - kRoom) + " at once.",
                    name, "Split the document, or choose a model with a longer window.");
    }
    read->tspLayer = tspLayer.value_or(Policy::shipped(m_model->config()).tspLayer);
    read->copy = std::make_unique<HostCopy>(*m_backend);
    read->place = m_memory->add(*read);
    return read;
}

/// As it was before it left, then as planMemory has them.
std::vector<std::size_t> AnswerEngine::wishesOf(const ReadDocument& document) const {
    using kernels::KvType;
    const std::int64_t length = std::ssize(document.tokenised.prompt);
    const auto need = [&](KvType type, bool full) {
        const ModelConfig& model = m_model->config();
        return withReserve(ResidentDocument::bytes(model, document.tspLayer, type, length, full) +
                               m_runner->workspaceBytes(type, length + kAskedTokens),
                           answerRoom(model, document));
    };
    std::vector<std::size_t> wishes;
    if (document.memory.bytes > 0) wishes.push_back(need(document.memory.type, document.memory.fullReading));
    for (const std::size_t bytes :
         {need(KvType::F16, true), need(KvType::Int8, true), need(KvType::Int8, false)})
        wishes.push_back(bytes);
    return wishes;
}

Result<void> AnswerEngine::makeRoom(std::vector<std::size_t> wishes, std::uint64_t used,
                                    const std::stop_token& stop) {
    for (const ResidentMemory::Who who : {ResidentMemory::Who::ComesBack, ResidentMemory::Who::Anybody}) {
        if (who == ResidentMemory::Who::Anybody) std::ranges::reverse(wishes);
        for (const std::size_t bytes : wishes) {
            const Result<bool> made = m_memory->makeRoom(bytes, used, who, stop);
            if (!made) return tl::unexpected(made.error());
            if (*made) return {};
        }
    }
    return {};
}

/// The plan of the first time stays, where it fits: rows of another type of K/V would have to be read again.
Result<void> AnswerEngine::planFor(ReadDocument& document) {
    const std::int64_t length = std::ssize(document.tokenised.prompt);
    const std::size_t budget =
        withoutReserve(m_backend->freeMemory(), answerRoom(m_model->config(), document));
    if (document.memory.bytes > 0 && document.memory.bytes <= budget) return {};
    Result<MemoryPlan> plan = planMemory(m_model->config(), document.tspLayer, length, budget);
    if (plan && plan->type == kernels::KvType::Int8) {
        const std::size_t workspace = m_runner->workspaceBytes(plan->type, length + kAskedTokens);
        plan = planMemory(m_model->config(), document.tspLayer, length, budget - std::min(budget, workspace));
    }
    if (!plan) return tl::unexpected(plan.error());
    document.memory = std::move(*plan);
    return {};
}

Result<void> AnswerEngine::makeResident(ReadDocument& document, const std::stop_token& stop) {
    if (document.resident != nullptr) return {};
    if (Result<void> made = makeRoom(wishesOf(document), document.used, stop); !made) return made;
    const kernels::KvType before = document.memory.type;
    if (Result<void> planned = planFor(document); !planned) return planned;
    const kernels::KvType type = document.memory.type;
    if (!m_runner->reserve(type, std::ssize(document.tokenised.prompt) + kAskedTokens)) {
        return fail(ErrorCode::OutOfMemory, "There is not enough memory to work in.",
                    document.tokenised.document->name, "Close other programs, or choose a smaller model.");
    }
    Result<std::unique_ptr<ResidentDocument>> resident = ResidentDocument::create(
        *m_model, *m_backend, document.tokenised.prompt, document.tspLayer, type,
        withoutReserve(m_backend->freeMemory(), answerRoom(m_model->config(), document)));
    if (!resident) return tl::unexpected(resident.error());
    if (type != before) document.pieces.reset();  // they are another reading
    document.resident = std::move(*resident);
    const std::int64_t use = m_pieces != nullptr ? m_pieces->newUse() : 0;
    if (document.pieces != nullptr) {
        document.pieces->useAgain(use);
    } else {
        document.pieces = makePieces(document.tokenised.prompt, document.tspLayer, type,
                                     document.tokenised.document->sha256, use);
    }
    document.enter();
    return {};
}

/// Null where nothing is kept.
std::unique_ptr<ResidentPieces> AnswerEngine::makePieces(std::span<const TokenId> tokens,
                                                         std::int32_t tspLayer, kernels::KvType type,
                                                         const std::string& sha256, std::int64_t use) {
    if (m_pieces == nullptr || fingerprint().empty()) return nullptr;
    PieceKeys keys(*m_model, m_fingerprint, *m_backend, tspLayer, type, tokens);
    return std::make_unique<ResidentPieces>(*m_pieces, *m_staging, std::move(keys), sha256, use);
}

Result<void> AnswerEngine::readEarly(ReadDocument& document, const std::stop_token& stop,
                                     const ResidentDocument::Progress& progress) {
    return guarded([&] { return document.readEarly(*m_runner, stop, progress); });
}

Result<void> AnswerEngine::readLate(ReadDocument& document, const std::stop_token& stop,
                                    const ResidentDocument::Progress& progress) {
    const ResidentDocument& resident = *document.resident;
    const std::size_t missing = resident.fullBytes() - std::min(resident.fullBytes(), resident.bytes());
    if (document.memory.fullReading && missing > 0) {
        const std::size_t answer = answerRoom(m_model->config(), document);
        for (const std::size_t bytes : {withReserve(missing, answer), withReserve(missing)}) {
            const Result<bool> made =
                m_memory->makeRoom(bytes, document.used, ResidentMemory::Who::ComesBack, stop);
            if (!made) return tl::unexpected(made.error());
            if (*made) break;
        }
    }
    return guarded([&] { return document.readLate(*m_runner, stop, progress); });
}

}  // namespace kvasir
