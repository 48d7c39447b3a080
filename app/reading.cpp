#include "app/reading.h"

namespace kvasir {
namespace {

/// However a reading ends, another one may be the next that needs blocks.
struct Settled {
    ResidentPieces* pieces;
    explicit Settled(ResidentPieces* of) : pieces(of) {}
    Settled(const Settled&) = delete;
    Settled& operator=(const Settled&) = delete;
    ~Settled() {
        if (pieces != nullptr) pieces->settle();
    }
};

}  // namespace

void Reading::enter() {
    if (pieces == nullptr) return;
    pieces->moveTo(m_onDevice.get(), copy.get());
    m_onDevice->setMeanwhile([this] { pieces->save(); });
}

void Reading::restore(bool full, const std::stop_token& stop, const ResidentDocument::Progress& progress) {
    // What fails here is read; a device that failed says so then.
    static_cast<void>(copy->give(*m_onDevice, stop, progress));
    if (pieces == nullptr) return;
    pieces->restore(PieceStage::Early, stop, progress);
    if (full && m_onDevice->earlyDone()) pieces->restore(PieceStage::Late, stop, progress);
}

/// After each chunk what is complete is on its way to the disk.
ResidentDocument::Progress Reading::keeping(const ResidentDocument::Progress& progress) {
    return [this, &progress](std::int64_t done, std::int64_t all) {
        if (pieces != nullptr) pieces->save();
        if (progress) progress(done, all);
    };
}

Result<void> Reading::readEarly(LayerRunner& runner, const std::stop_token& stop,
                                const ResidentDocument::Progress& progress) {
    const Settled settled(pieces.get());
    return m_onDevice->readEarly(runner, stop, keeping(progress));
}

Result<void> Reading::readLate(LayerRunner& runner, const std::stop_token& stop,
                               const ResidentDocument::Progress& progress) {
    const Settled settled(pieces.get());
    return m_onDevice->readLate(runner, stop, keeping(progress));
}

Result<void> Reading::leave(std::optional<std::size_t> hostBytes, const std::stop_token& stop) {
    if (hostBytes) {
        const Result<bool> copied = copy->take(*m_onDevice, *hostBytes, stop);
        if (!copied) return tl::unexpected(copied.error());
    }
    if (pieces != nullptr) pieces->moveTo(nullptr, copy.get());
    m_onDevice.reset();
    return {};
}

}  // namespace kvasir
