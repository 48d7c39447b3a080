// Any bytes as a text. The first byte chooses the tokenizer and whether control tokens are read.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/tokenizer.h"
#include "engine/unicode.h"
#include "tests/engine/memory_file.h"
#include "tests/engine/tiny_vocabulary.h"

using namespace kvasir;

namespace {

struct Subject {
    std::unique_ptr<Tokenizer> tokenizer;
    bool byteLevel;
    bool spacePrefix;
};

void require(bool condition) {
    if (!condition) std::abort();
}

std::vector<Subject> makeSubjects() {
    std::vector<Subject> subjects;
    const auto add = [&](const test::GgufWriter& writer, bool byteLevel, bool spacePrefix) {
        const test::MemoryFile memory(writer.bytes());
        const auto file = GgufFile::open(memory.path());
        require(file.has_value());
        auto tokenizer = Tokenizer::load(**file);
        require(tokenizer.has_value());
        subjects.push_back({std::move(*tokenizer), byteLevel, spacePrefix});
    };
    for (const char* pre : {"smollm", "qwen2", "llama-bpe"}) {
        add(test::bpeFile(test::tinyBpeVocabulary(), pre), true, false);
    }
    for (const bool prefix : {false, true}) {
        add(test::sentencePieceFile(test::tinySentencePieceVocabulary(), prefix), false, prefix);
    }
    return subjects;
}

/// What a byte-level text comes back as: U+FFFD for invalid bytes, nothing for the two that have no token.
std::string expectedText(std::string_view text) {
    std::vector<std::size_t> replaced;
    std::string expected;
    for (const char c : validUtf8(text, replaced)) {
        if (c != '\x04' && c != '\x06') expected += c;
    }
    return expected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<Subject> subjects = makeSubjects();
    if (size == 0) return 0;
    const Subject& subject = subjects[data[0] / 2U % subjects.size()];
    const Specials specials = data[0] % 2 == 0 ? Specials::Plain : Specials::Control;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::vector<TokenId> ids;
    std::size_t end = 0;
    for (const TextToken& token : subject.tokenizer->encode(text, specials)) {
        require(token.begin >= end && token.end >= token.begin && token.end <= text.size());
        require(specials == Specials::Control || !subject.tokenizer->isControl(token.id));
        end = token.end;
        ids.push_back(token.id);
    }
    const std::string back = subject.tokenizer->decode(ids);
    if (subject.byteLevel) {
        require(back == expectedText(text));
    } else if (!subject.spacePrefix && text.find('\xE2') == std::string_view::npos) {
        // U+2581 in the text stands for a space; one behind a cut character comes back as U+2581.
        require(back == text || back.find("\xE2\x96\x81") != std::string::npos);
    }
    return 0;
}
