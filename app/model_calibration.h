// What was measured about a model once: where FastKV should select, and which heads look at what is told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/family.h"

namespace kvasir {

struct ModelCalibration {
    std::string fingerprint;  ///< Model::fingerprint of the file that was measured
    std::string model;        ///< its name, for people
    std::int32_t tspLayer = 0;
    /// A head whose attention lands on the passage that holds the answer while it is told ('retrieval head',
    /// arXiv 2404.15574).
    struct Head {
        std::int32_t layer = 0, head = 0;
        double share = 0;  ///< of its attention on the document
    };
    std::vector<Head> heads;  ///< the highest share first
    /// One layer that was tried as T.
    struct Point {
        std::int32_t layer = 0;
        double distance = 0;  ///< mean of |h - full|^2 / |full|^2, h: last hidden state before the answer
        double kept = 0;      ///< share of answers with the words or the facts of the full answer
    };
    std::vector<Point> curve;    ///< by layer
    std::int32_t questions = 0;  ///< that each point was measured with
};

/// Of the folder for the user's data: where calibrations are kept.
inline constexpr const char* kCalibrationFolder = "calibrations";

/// A JSON text, and back. Errors: Damaged (not such a text, or values out of range).
std::string toJson(const ModelCalibration& calibration);
Result<ModelCalibration> calibrationFromJson(std::string_view json);

/// Of the model with this fingerprint: the user's own measurement in `folder`, else the one that ships
/// (resources/models/calibrations). Nothing where there is none, where it cannot be read, or where it does
/// not fit the model.
std::optional<ModelCalibration> findCalibration(const std::filesystem::path& folder,
                                                std::string_view fingerprint, const ModelConfig& model);

/// Keeps it in `folder` in place of an earlier one. Errors: ReadOnly, NoSpace, InvalidArgument (no
/// fingerprint).
Result<void> saveCalibration(const std::filesystem::path& folder, const ModelCalibration& calibration);

}  // namespace kvasir
