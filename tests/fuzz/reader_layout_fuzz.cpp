// Pages of words with any text at any place: no word is lost, doubled or out of order in its text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "app/reader/layout.h"

namespace {

using kvasir::reader::TextRun;

/// Takes values from the front of the input; zeros at its end.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : m_data(data), m_left(size) {}

    bool empty() const { return m_left == 0; }

    std::uint8_t byte() {
        if (m_left == 0) return 0;
        --m_left;
        return *m_data++;
    }

    float place() {
        const unsigned value = byte() | static_cast<unsigned>(byte()) << 8;
        if (value == 0xFFFF) return std::numeric_limits<float>::quiet_NaN();
        if (value == 0xFFFE) return std::numeric_limits<float>::infinity();
        return static_cast<float>(value) / 32.0F - 200.0F;
    }

private:
    const std::uint8_t* m_data;
    std::size_t m_left;
};

TextRun takeRun(Bytes& in) {
    TextRun run;
    const std::uint8_t shape = in.byte();
    run.rotation = shape & 3;
    run.box.left = in.place();
    run.box.top = in.place();
    run.box.right = run.box.left + static_cast<float>(in.byte());
    run.box.bottom = run.box.top + static_cast<float>(in.byte() % 64);
    for (int i = 0; i < (shape >> 2) % 24; ++i)
        run.text.push_back(static_cast<char>(in.byte()));
    if ((shape & 128) != 0) run.characters.assign(run.text.size(), run.box);
    return run;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes in(data, size);
    std::vector<TextRun> runs;
    while (!in.empty())
        runs.push_back(takeRun(in));
    const kvasir::PageText page = kvasir::reader::layoutPage(runs, 600, 800);
    std::uint32_t end = 0;
    for (const kvasir::PageWord& word : page.words) {
        if (word.begin != end || word.end <= word.begin) std::abort();
        end = word.end;
    }
    if (end != page.text.size()) std::abort();
    return 0;
}
