// How fast a model reads, answers and writes, by length of the prompt. Tokens are random: speed does not
// depend on what they say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/generation.h"
#include "engine/layer_runner.h"
#include "engine/resident_document.h"

namespace kvasir::bench {

/// What is measured; the names are those of `kvasir-cli bench --json`. Milliseconds to the first token of an
/// answer, or tokens per second.
namespace quantity {
inline constexpr std::string_view kFullPrefill = "full_prefill";    ///< ms, full context, nothing resident
inline constexpr std::string_view kColdPaper = "cold_quick_paper";  ///< ms, FastKV as in the paper, likewise
inline constexpr std::string_view kColdQuick = "cold_quick";        ///< ms, the shipped policy, likewise
inline constexpr std::string_view kResidentPaper =
    "resident_quick_paper";                                           ///< ms, behind a resident document
inline constexpr std::string_view kResidentQuick = "resident_quick";  ///< ms, likewise, shipped policy
inline constexpr std::string_view kAfterFull = "after_full";          ///< ms, after the full reading
inline constexpr std::string_view kConfirmation = "confirm_100";      ///< ms, 100 tokens at once after it
inline constexpr std::string_view kDecodeFull = "decode_full";        ///< tokens/s over all keys and values
inline constexpr std::string_view kDecode10 = "decode_10";            ///< tokens/s over 10 % of them
}  // namespace quantity

/// Whether a quantity is a rate, so that more is better.
bool isRate(std::string_view quantity);

/// Samples by quantity, in the order they were taken.
using Samples = std::map<std::string, std::vector<double>, std::less<>>;

struct SpeedSettings {
    std::int64_t question = 40;  ///< tokens behind the document
    std::int64_t written = 48;   ///< tokens of a sample of a rate
    bool confirmation = true;
    bool paper = true;  ///< the paper's policy too; 10 % of the keys and values are its own
};

/// One model on one device at one length. The runner must outlive it. One thread at a time.
class Speed {
public:
    /// Errors: InvalidArgument (a length that leaves no document), TooLarge (beyond the model's window).
    static Result<std::unique_ptr<Speed>> create(LayerRunner& runner, std::int64_t length,
                                                 const SpeedSettings& settings);

    /// Reads the resident documents that questions are asked of. Errors: those of
    /// ResidentDocument.
    Result<void> prepare(const std::stop_token& stop);
    /// Measures every quantity once; so that several programs can be measured in turn. The first call of a
    /// process also warms up. Errors: those of Generation.
    Result<void> sample(Samples& samples, const std::stop_token& stop);

    /// Bytes of the resident document with the full reading, on the device.
    std::size_t residentBytes() const { return m_full != nullptr ? m_full->bytes() : 0; }

private:
    Speed(LayerRunner& runner, std::int64_t length, const SpeedSettings& settings);
    const ModelConfig& config() const { return m_runner.model().config(); }
    Result<std::unique_ptr<ResidentDocument>> document(std::int64_t tokens, std::int32_t tspLayer);
    Result<std::unique_ptr<Generation>> answer(const ResidentDocument& resident, const Policy& policy,
                                               std::int64_t question);
    Result<void> cold(std::string_view quantity, const Policy& policy, Samples& samples);
    Result<std::unique_ptr<Generation>> ask(std::string_view quantity, const ResidentDocument& resident,
                                            const Policy& policy, std::int64_t question, Samples& samples);
    Result<void> write(std::string_view quantity, Generation& answer, Samples& samples);

    LayerRunner& m_runner;
    std::int64_t m_length;
    std::stop_token m_stop;  ///< of the call under way
    SpeedSettings m_settings;
    std::vector<TokenId> m_tokens;
    std::unique_ptr<ResidentDocument> m_nothing, m_early, m_earlyPaper, m_full;
};

/// Median, least and most of samples; there must be one at least.
struct Spread {
    double median = 0, least = 0, most = 0;
};
Spread spreadOf(std::vector<double> samples);

}  // namespace kvasir::bench
