// Which chat formats are recognised.
#include "engine/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/gguf_writer.h"
#include "tests/engine/memory_file.h"
#include "tests/engine/model_folder.h"

namespace kvasir {
namespace {

using testing::HasSubstr;

Result<ChatTemplate> recognised(const test::GgufWriter& writer) {
    const test::MemoryFile memory(writer.bytes());
    return ChatTemplate::recognise(**GgufFile::open(memory.path()));
}

Result<ChatTemplate> recognised(std::string_view jinja) {
    return recognised(test::GgufWriter().string("tokenizer.chat_template", jinja));
}

TEST(ChatTemplate, RecognisesTheFourFormats) {
    const auto chatMl = recognised("{{'<|im_start|>' + role + '\n' + content + '<|im_end|>'}}");
    ASSERT_TRUE(chatMl);
    EXPECT_EQ(chatMl->format, ChatFormat::ChatMl);
    EXPECT_EQ(chatMl->systemBegin, "<|im_start|>system\n");
    EXPECT_EQ(chatMl->assistantBegin, "<|im_start|>assistant\n");
    EXPECT_FALSE(chatMl->systemOpensUser);
    const auto llama =
        recognised("{{'<|start_header_id|>' + role + '<|end_header_id|>\n\n' + c + '<|eot_id|>'}}");
    ASSERT_TRUE(llama);
    EXPECT_EQ(llama->format, ChatFormat::Llama3);
    EXPECT_EQ(llama->userBegin, "<|start_header_id|>user<|end_header_id|>\n\n");
    EXPECT_EQ(llama->assistantEnd, "<|eot_id|>");
    const auto mistral = recognised("{{ '[INST] ' + content + ' [/INST]' }}");
    ASSERT_TRUE(mistral);
    EXPECT_EQ(mistral->format, ChatFormat::Mistral);
    EXPECT_TRUE(mistral->systemOpensUser);
    EXPECT_EQ(mistral->systemBegin, mistral->userBegin);
    const auto gemma = recognised("{{ '<start_of_turn>' + role + '\n' + content + '<end_of_turn>\n' }}");
    ASSERT_TRUE(gemma);
    EXPECT_EQ(gemma->format, ChatFormat::Gemma);
    EXPECT_TRUE(gemma->systemOpensUser);
    EXPECT_EQ(gemma->systemEnd, "\n\n");
    EXPECT_EQ(gemma->assistantBegin, "<start_of_turn>model\n");
}

TEST(ChatTemplate, SaysWhichItDoesNotKnow) {
    for (const auto& result :
         {recognised(test::GgufWriter()), recognised(""), recognised("<|user|>{{x}}<|end|>"),
          recognised("[INST] <<SYS>>{{s}}<</SYS>> {{x}} [/INST]")}) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::Unsupported);
        EXPECT_THAT(result.error().what, HasSubstr("known are ChatML, Llama 3, Mistral and Gemma"));
        EXPECT_THAT(result.error().where, HasSubstr("tokenizer.chat_template"));
    }
    EXPECT_THAT(recognised(test::GgufWriter()).error().what, HasSubstr("no chat template"));
}

class ChatTemplateOfRealFile : public testing::TestWithParam<std::string_view> {};

TEST_P(ChatTemplateOfRealFile, IsRecognised) {
    const auto path = test::modelFile(GetParam());
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model file " << path;
    const auto result = ChatTemplate::recognise(**GgufFile::open(path));
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->format, ChatFormat::ChatMl);
}

INSTANTIATE_TEST_SUITE_P(ChatMl, ChatTemplateOfRealFile, testing::Values(test::kSmollm2, test::kQwen2));

}  // namespace
}  // namespace kvasir
