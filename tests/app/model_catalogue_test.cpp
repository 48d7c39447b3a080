#include "app/model_catalogue.h"

#include <algorithm>
#include <set>

#include "tests/app/app_support.h"

namespace kvasir {
namespace {

class Catalogue : public testing::Test {
protected:
    void SetUp() override { setenv("KVASIR_MODELS", m_folder.path().c_str(), 1); }
    void TearDown() override { unsetenv("KVASIR_MODELS"); }
    void install(const CatalogueModel& model, std::int64_t bytes) {
        m_folder.write(model.file, "");
        std::filesystem::resize_file(model.path, static_cast<std::uintmax_t>(bytes));
    }
    test::ScratchFolder m_folder;
};

TEST_F(Catalogue, EveryModelIsDescribed) {
    const std::vector<CatalogueModel> models = modelCatalogue(modelFolder());
    ASSERT_FALSE(models.empty());
    std::set<std::string> names;
    for (const CatalogueModel& model : models) {
        EXPECT_TRUE(names.insert(model.name).second) << model.name;
        EXPECT_FALSE(model.title.empty());
        EXPECT_GT(model.bytes, 10'000'000);
        EXPECT_EQ(model.sha256.size(), 64U);
        EXPECT_FALSE(model.licence.empty());
        EXPECT_GE(model.window, 2048);
        EXPECT_FALSE(model.installed);
        EXPECT_EQ(model.path, m_folder.path() / model.file);
    }
}

TEST_F(Catalogue, WithoutModelsSaysHowToGetOne) {
    const Result<std::filesystem::path> none = findModel("");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::NotFound);
    EXPECT_NE(none.error().advice.find("fetch-model"), std::string::npos);
    const CatalogueModel first = modelCatalogue(modelFolder()).front();
    const Result<std::filesystem::path> named = findModel(first.name);
    ASSERT_FALSE(named);
    EXPECT_NE(named.error().advice.find(first.name), std::string::npos);
}

TEST_F(Catalogue, HalfAFileIsNotInstalled) {
    const std::vector<CatalogueModel> models = modelCatalogue(modelFolder());
    install(models.back(), models.back().bytes - 1);
    EXPECT_FALSE(findModel(""));
    install(models.back(), models.back().bytes);
    EXPECT_EQ(findModel("").value(), models.back().path);
    install(models.front(), models.front().bytes);
    EXPECT_EQ(findModel("").value(), models.front().path)
        << "the catalogue's order is that of recommendation";
    EXPECT_EQ(findModel(models.back().name).value(), models.back().path);
    EXPECT_EQ(findModel("some/where.gguf").value(), "some/where.gguf") << "anything else is a path";
}

}  // namespace
}  // namespace kvasir
