// kvasir-cli calibrate: measures where FastKV should select in a model, and keeps what was found.
#include <cstdio>

#include "app/answer_engine.h"
#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/eval/calibration.h"
#include "app/model_calibration.h"
#include "app/model_catalogue.h"
#include "app/store/store.h"

namespace kvasir::cli {
namespace {

void printCurve(const ModelCalibration& calibration) {
    std::printf("%s, %d questions\n\nlayer  distance  facts kept\n", calibration.model.c_str(),
                calibration.questions);
    constexpr int kBar = 40;
    for (const ModelCalibration::Point& point : calibration.curve) {
        std::printf("%5d  %8.4f  %9.0f%%  %s%s\n", point.layer, point.distance, 100 * point.kept,
                    std::string(static_cast<std::size_t>(point.kept * kBar), '#').c_str(),
                    point.layer == calibration.tspLayer ? "  <- chosen" : "");
    }
    std::printf("\nHeads that look at what is told (layer.head, share of their attention on it):\n");
    for (const ModelCalibration::Head& head : calibration.heads)
        std::printf("%d.%d %.0f%%  ", head.layer, head.head, 100 * head.share);
    std::printf("%s\n", calibration.heads.empty() ? "none stands out" : "");
}

Result<void> run(const CalibrateArguments& arguments) {
    const InterruptStop stop;
    ProgressLine progress;
    const Result<std::filesystem::path> path = findModel(arguments.model);
    if (!path) return tl::unexpected(path.error());
    const Result<std::filesystem::path> folder = Store::defaultFolder();
    if (!folder) return tl::unexpected(folder.error());
    Result<std::unique_ptr<AnswerEngine>> engine = AnswerEngine::create(*path, arguments.threads, {});
    if (!engine) return tl::unexpected(engine.error());
    const Result<std::string> fingerprint = (*engine)->model().fingerprint();
    if (!fingerprint) return tl::unexpected(fingerprint.error());
    eval::Calibrator calibrator(
        **engine, {}, [&](const std::string& step, double share) { progress.show(step, share, -1); });
    const Result<double> seconds = calibrator.estimateSeconds(stop.token());
    if (!seconds) return tl::unexpected(seconds.error());
    std::fprintf(stderr, "Calibrating %s takes about %.0f minutes on %s.\n",
                 (*engine)->model().config().name.c_str(), *seconds / 60 + 0.5,
                 (*engine)->deviceName().c_str());
    Result<ModelCalibration> calibration = calibrator.run(stop.token());
    progress.finish();
    if (!calibration) return tl::unexpected(calibration.error());
    calibration->fingerprint = *fingerprint;
    if (const Result<void> kept = saveCalibration(*folder / kCalibrationFolder, *calibration); !kept)
        return kept;
    if (arguments.json) {
        print(Json::parse(toJson(*calibration)));
    } else {
        printCurve(*calibration);
    }
    return {};
}

}  // namespace

int calibrate(const CalibrateArguments& arguments) {
    const Result<void> done = run(arguments);
    return done ? 0 : failed(done.error(), arguments.json);
}

}  // namespace kvasir::cli
