#include "app/model_catalogue.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include <QFile>
#include <QStandardPaths>

/// Resources of a static library are not linked in by themselves. Outside every namespace, as Qt asks for.
static void initialiseCatalogue() {
    Q_INIT_RESOURCE(models);
}

namespace kvasir {

namespace fs = std::filesystem;

fs::path modelFolder() {
    if (const char* folder = std::getenv("KVASIR_MODELS"); folder != nullptr && *folder != '\0')
        return folder;
    const QString cache = QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation);
    return fs::path(cache.toStdString()) / "kvasir" / "models";
}

std::vector<CatalogueModel> modelCatalogue(const fs::path& folder) {
    initialiseCatalogue();
    QFile file(":/kvasir/catalogue.json");
    if (!file.open(QIODevice::ReadOnly)) return {};
    const nlohmann::json catalogue = nlohmann::json::parse(file.readAll().toStdString());
    std::vector<CatalogueModel> models;
    for (const nlohmann::json& entry : catalogue.at("models")) {
        CatalogueModel model;
        model.name = entry.at("name");
        model.title = entry.at("title");
        model.file = entry.at("file");
        model.bytes = entry.at("bytes");
        model.sha256 = entry.at("sha256");
        model.licence = entry.at("licence");
        model.page = entry.value("page", "");
        model.window = entry.at("context_window");
        model.path = folder / model.file;
        std::error_code error;
        model.installed =
            static_cast<std::int64_t>(fs::file_size(model.path, error)) == model.bytes && !error;
        models.push_back(std::move(model));
    }
    return models;
}

Result<fs::path> findModel(std::string_view wanted) {
    const std::vector<CatalogueModel> models = modelCatalogue(modelFolder());
    for (const CatalogueModel& model : models) {
        if (wanted == model.name && model.installed) return model.path;
        if (wanted == model.name) {
            return fail(ErrorCode::NotFound, "The model '" + model.name + "' is not on this computer.",
                        model.path.string(), "Fetch it with: installer/fetch-model " + model.name);
        }
    }
    if (!wanted.empty()) return fs::path(wanted);
    // The catalogue's order is that of recommendation; models that are only for tests answer poorly.
    for (const CatalogueModel& model : models) {
        if (model.installed) return model.path;
    }
    return fail(ErrorCode::NotFound, "There is no model on this computer yet.", modelFolder().string(),
                "Fetch one with: installer/fetch-model qwen2.5-coder-0.5b, or name a file with --model.");
}

}  // namespace kvasir
