// Any bytes as a model file: opened, read through, and asked for a tokenizer and a chat template.
#include <cstdint>
#include <cstdlib>

#include "engine/chat_template.h"
#include "engine/gguf.h"
#include "engine/tokenizer.h"
#include "tests/engine/memory_file.h"

using namespace kvasir;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void requireSentences(const Error& error) {
    require(!error.what.empty() && !error.advice.empty());
}

void readThrough(const GgufFile& file) {
    std::size_t sum = 0;
    for (const GgufTensor& tensor : file.tensors()) {
        require(file.tensor(tensor.name) == &tensor);
        for (const std::byte byte : tensor.data)
            sum += static_cast<std::size_t>(byte);
    }
    for (const char* key : {"tokenizer.ggml.tokens", "a", "k", "texts"}) {
        for (const std::string_view text : file.strings(key))
            sum += text.size();
        sum += file.integers(key).size() + file.floats(key).size();
        sum += file.string(key).value_or("").size();
        sum += file.boolean(key).value_or(false) ? 1 : 0;
        sum += file.number(key).has_value() ? 1 : 0;
    }
    require(sum < SIZE_MAX);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::MemoryFile memory;
    memory.write({reinterpret_cast<const char*>(data), size});
    const auto file = GgufFile::open(memory.path());
    if (!file) {
        requireSentences(file.error());
        return 0;
    }
    readThrough(**file);
    if (const auto chat = ChatTemplate::recognise(**file); !chat) requireSentences(chat.error());
    const auto tokenizer = Tokenizer::load(**file);
    if (!tokenizer) {
        requireSentences(tokenizer.error());
        return 0;
    }
    const std::string text = "Hello  hello\n\n12 </s><|im_end|> \xFF \xE3\x81\x82";
    for (const Specials specials : {Specials::Plain, Specials::Control}) {
        for (const TextToken& token : (*tokenizer)->encode(text, specials)) {
            require(token.id >= 0 && token.id < (*tokenizer)->size());
            require(token.begin <= token.end && token.end <= text.size());
        }
    }
    return 0;
}
