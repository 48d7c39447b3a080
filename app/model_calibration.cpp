#include "app/model_calibration.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <QDir>
#include <QFile>
#include <QSaveFile>

/// Resources of a static library are not linked in by themselves. Outside every namespace, as Qt asks for.
static void initialiseCalibrations() {
    Q_INIT_RESOURCE(models);
}

namespace kvasir {
namespace {

using Json = nlohmann::ordered_json;

/// Only what Model::fingerprint gives may become a file's name.
bool isFingerprint(std::string_view text) {
    const auto isHex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() >= 16 && text.size() <= 128 && std::ranges::all_of(text, isHex);
}

bool fits(const ModelCalibration& calibration, const ModelConfig& model) {
    const std::int32_t t = calibration.tspLayer;
    const bool layer = t >= 0 && t < model.layers && (model.reach(t) == 0 || t == model.layers - 1);
    return layer && std::ranges::all_of(calibration.heads, [&](const ModelCalibration::Head& head) {
               return head.layer >= 0 && head.layer < model.layers && head.head >= 0 &&
                      head.head < model.heads;
           });
}

std::optional<ModelCalibration> readFile(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) return std::nullopt;
    Result<ModelCalibration> calibration = calibrationFromJson(file.readAll().toStdString());
    if (!calibration) return std::nullopt;
    return std::move(*calibration);
}

}  // namespace

std::string toJson(const ModelCalibration& calibration) {
    Json heads = Json::array(), curve = Json::array();
    for (const ModelCalibration::Head& head : calibration.heads)
        heads.push_back({{"layer", head.layer}, {"head", head.head}, {"share", head.share}});
    for (const ModelCalibration::Point& point : calibration.curve)
        curve.push_back({{"layer", point.layer}, {"distance", point.distance}, {"kept", point.kept}});
    return Json{{"format", 1},
                {"model", calibration.model},
                {"fingerprint", calibration.fingerprint},
                {"tsp_layer", calibration.tspLayer},
                {"questions", calibration.questions},
                {"curve", curve},
                {"heads", heads}}
               .dump(1) +
           "\n";
}

Result<ModelCalibration> calibrationFromJson(std::string_view json) {
    try {
        const Json read = Json::parse(json);
        if (read.at("format").get<int>() != 1) throw std::invalid_argument("format");
        ModelCalibration calibration;
        calibration.model = read.at("model");
        calibration.fingerprint = read.at("fingerprint");
        calibration.tspLayer = read.at("tsp_layer");
        calibration.questions = read.at("questions");
        for (const Json& point : read.at("curve"))
            calibration.curve.push_back({point.at("layer"), point.at("distance"), point.at("kept")});
        for (const Json& head : read.at("heads"))
            calibration.heads.push_back({head.at("layer"), head.at("head"), head.at("share")});
        if (!isFingerprint(calibration.fingerprint)) throw std::invalid_argument("fingerprint");
        return calibration;
    } catch (const std::exception& error) {
        return fail(ErrorCode::Damaged, "The calibration cannot be read.", error.what(),
                    "Calibrate the model again.");
    }
}

std::optional<ModelCalibration> findCalibration(const std::filesystem::path& folder,
                                                std::string_view fingerprint, const ModelConfig& model) {
    if (!isFingerprint(fingerprint)) return std::nullopt;
    initialiseCalibrations();
    const std::string name = std::string(fingerprint) + ".json";
    if (auto own = readFile(QString::fromStdString((folder / name).string()));
        own && own->fingerprint == fingerprint && fits(*own, model))
        return own;
    const QDir shipped(":/kvasir/calibrations");
    for (const QString& entry : shipped.entryList()) {
        auto calibration = readFile(shipped.filePath(entry));
        if (calibration && calibration->fingerprint == fingerprint && fits(*calibration, model))
            return calibration;
    }
    return std::nullopt;
}

Result<void> saveCalibration(const std::filesystem::path& folder, const ModelCalibration& calibration) {
    if (!isFingerprint(calibration.fingerprint)) {
        return fail(ErrorCode::InvalidArgument, "The calibration names no model file.", "",
                    "Calibrate the model again.");
    }
    const QString path = QString::fromStdString(folder.string());
    const std::string text = toJson(calibration);
    QSaveFile file(path + '/' + QString::fromStdString(calibration.fingerprint) + ".json");
    const bool written =
        QDir().mkpath(path) && file.open(QIODevice::WriteOnly) &&
        file.write(text.data(), static_cast<qint64>(text.size())) == static_cast<qint64>(text.size()) &&
        file.commit();
    if (written) return {};
    const bool full = file.error() == QFileDevice::ResourceError || file.error() == QFileDevice::WriteError;
    return fail(full ? ErrorCode::NoSpace : ErrorCode::ReadOnly, "The calibration cannot be kept.",
                file.fileName().toStdString(), "Free some space, or make the folder writable.");
}

}  // namespace kvasir
