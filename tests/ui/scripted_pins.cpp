// ScriptedWorkspace: pins, with the same rules as the real one's.
#include <algorithm>

#include "app/pins.h"
#include "tests/ui/scripted_workspace.h"

namespace kvasir {

std::vector<std::uint32_t> ScriptedWorkspace::tokenBegins(const Entry& entry) const {
    std::vector<std::uint32_t> begins;
    for (std::size_t w = 0; w < entry.text->words.size(); ++w) {
        const Word& word = entry.text->words[w];
        for (std::uint32_t i = 0; i < entry.marks.tokens[w]; ++i)
            begins.push_back(word.begin + i * (word.end - word.begin) / entry.marks.tokens[w]);
    }
    return begins;
}

Result<ByteRange> ScriptedWorkspace::addPin(DocumentId document, ByteRange range) {
    Entry& entry = m_entries.at(document);
    const Result<std::vector<ByteRange>> pins = withPin(*entry.text, entry.pins, range, tokenBegins(entry));
    if (!pins) return tl::unexpected(pins.error());
    entry.pins = *pins;
    emit pinsChanged(document);
    const ByteRange words = *wholeWords(*entry.text, range);
    return *std::ranges::find_if(entry.pins, [&](const ByteRange& pin) { return pin.end >= words.end; });
}

void ScriptedWorkspace::removePin(DocumentId document, ByteRange pin) {
    std::erase(m_entries.at(document).pins, pin);
    emit pinsChanged(document);
}

double ScriptedWorkspace::pinnedShare(DocumentId document, ByteRange more) const {
    const Entry& entry = m_entries.at(document);
    std::vector<ByteRange> all = entry.pins;
    if (const auto words = wholeWords(*entry.text, more)) all.push_back(*words);
    return static_cast<double>(countTokens(tokenBegins(entry), joinedRanges(all))) / Policy::kMostPinned;
}

}  // namespace kvasir
