// The pins of the workspace. The window's side decides and the store follows: whoever pins and asks again at
// once is answered with the pin.
#include <algorithm>
#include <utility>

#include "app/local_workspace.h"
#include "app/pins.h"

namespace kvasir {

/// Those of the store, or of the same document under another name: what was pinned there may not be written
/// yet.
void LocalWorkspace::loadPins(Entry& entry) {
    for (const auto& [id, other] : m_documents) {
        if (&other == &entry || other.row != entry.row) continue;
        entry.pins = other.pins;
        return;
    }
    const Result<std::vector<PinRecord>> records = m_reader->pins(entry.row);
    if (!records) {
        report(records.error());
        return;
    }
    std::vector<ByteRange> pins;
    for (const PinRecord& record : *records)
        pins.push_back(record.range);
    entry.pins = joinedRanges(std::move(pins));
}

std::vector<ByteRange> LocalWorkspace::pins(DocumentId document) const {
    const Entry* entry = find(document);
    return entry != nullptr ? entry->pins : std::vector<ByteRange>();
}

Result<ByteRange> LocalWorkspace::addPin(DocumentId document, ByteRange range) {
    const Entry* entry = find(document);
    if (entry == nullptr || entry->text == nullptr) {
        return fail(ErrorCode::InvalidArgument, "The document's text is not there yet.", "",
                    "Pin the passage when its page can be seen.");
    }
    const std::shared_ptr<const std::vector<std::uint32_t>> begins = entry->tokenBegins;
    const Result<std::vector<ByteRange>> pins =
        withPin(*entry->text, entry->pins, range,
                begins ? std::span<const std::uint32_t>(*begins) : std::span<const std::uint32_t>());
    if (!pins) return tl::unexpected(pins.error());
    const std::optional<ByteRange> words = wholeWords(*entry->text, range);
    const auto pin = std::ranges::find_if(*pins, [&](const ByteRange& each) {
        return words && each.begin <= words->begin && each.end >= words->end;
    });
    const ByteRange pinned = *pin;
    changePins(document, *pins);
    return pinned;
}

void LocalWorkspace::removePin(DocumentId document, ByteRange pin) {
    std::vector<ByteRange> left = pins(document);
    if (std::erase(left, pin) > 0) changePins(document, left);
}

/// Of the document under all its names, and in the store.
void LocalWorkspace::changePins(DocumentId document, const std::vector<ByteRange>& pins) {
    const Entry* entry = find(document);
    if (entry->pins == pins) return;
    const RowId row = entry->row;
    // A failure is reported through onError.
    if (row != 0) static_cast<void>(m_store->setPins(row, pins, nowMs()));
    std::vector<DocumentId> same;
    for (auto& [id, other] : m_documents) {
        if (id != document && (row == 0 || other.row != row)) continue;
        other.pins = pins;
        same.push_back(id);
    }
    for (const DocumentId id : same)
        emit pinsChanged(id);
}

double LocalWorkspace::pinnedShare(DocumentId document, ByteRange more) const {
    const Entry* entry = find(document);
    if (entry == nullptr || entry->text == nullptr || entry->tokenBegins == nullptr) return -1;
    std::vector<ByteRange> all = entry->pins;
    if (const std::optional<ByteRange> words = wholeWords(*entry->text, more)) all.push_back(*words);
    const std::int64_t tokens = countTokens(*entry->tokenBegins, joinedRanges(std::move(all)));
    return static_cast<double>(tokens) / static_cast<double>(Policy::kMostPinned);
}

QString LocalWorkspace::askAgain(const QString& answer) {
    const auto found = m_answers.find(answer);
    if (found == m_answers.end()) return {};
    const Answer& asked = found->second.answer;
    return ask(found->second.document, QString::fromStdString(asked.question),
               QString::fromStdString(asked.after));
}

}  // namespace kvasir
