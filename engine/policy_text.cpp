#include "engine/policy_text.h"

#include <charconv>
#include <cmath>
#include <string>

namespace kvasir {
namespace {

tl::unexpected<Error> invalid(std::string what, std::string_view where) {
    return fail(ErrorCode::InvalidArgument, std::move(what), std::string(where),
                "Write for example shipped, paper, full, or shipped,rate=0.4,window=8.");
}

/// What stands before the next comma; `rest` is what stands behind it.
std::string_view cut(std::string_view& rest) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    return part;
}

template <typename Number>
bool read(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

bool readShare(std::string_view text, std::int32_t& perMille) {
    double share = 0;
    if (!read(text, share) || !(share >= 0 && share <= 1)) return false;
    perMille = static_cast<std::int32_t>(std::lround(share * 1000));
    return true;
}

bool readPooling(std::string_view text, kernels::Pooling& pooling) {
    if (text != "max" && text != "avg") return false;
    pooling = text == "max" ? kernels::Pooling::Max : kernels::Pooling::Average;
    return true;
}

/// Whether key and value could be read.
bool set(Policy& policy, std::string_view key, std::string_view value) {
    if (key == "tsp") return read(value, policy.tspLayer);
    if (key == "rate") return readShare(value, policy.ratePerMille);
    if (key == "retention") return readShare(value, policy.retentionPerMille);
    if (key == "coverage") return readShare(value, policy.coveragePerMille);
    if (key == "least") return read(value, policy.minimumCarried);
    if (key == "most") return read(value, policy.maximumCarried);
    if (key == "window") return read(value, policy.window);
    if (key == "pool") return readPooling(value, policy.pooling);
    return key == "kernel" && read(value, policy.kernel);
}

}  // namespace

Result<Policy> policyFromText(std::string_view text, const ModelConfig& model) {
    std::string_view rest = text;
    const std::string_view name = cut(rest);
    Policy policy;
    if (name == "shipped") {
        policy = Policy::shipped(model);
    } else if (name == "paper") {
        policy = Policy::paper(model);
    } else if (name == "full") {
        policy = Policy::full(model);
    } else {
        return invalid("There is no policy of this name.", name);
    }
    if (rest.find("rate=") != std::string_view::npos) {
        policy.coveragePerMille = 0;
        policy.minimumCarried = policy.maximumCarried = 0;
    }
    if (!rest.empty()) policy.name = "custom";
    while (!rest.empty()) {
        const std::string_view setting = cut(rest);
        const std::size_t equals = setting.find('=');
        if (equals == std::string_view::npos ||
            !set(policy, setting.substr(0, equals), setting.substr(equals + 1)))
            return invalid("This setting cannot be read.", setting);
    }
    if (const Result<void> checked = policy.check(model); !checked) return tl::unexpected(checked.error());
    return policy;
}

}  // namespace kvasir
