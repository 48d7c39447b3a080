#include "engine/bench/speed_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace kvasir::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Words {
    std::string_view quantity;
    const char* text;
};
constexpr std::array kWords{
    Words{quantity::kFullPrefill, "full prefill"},
    Words{quantity::kColdQuick, "cold quick answer, shipped policy"},
    Words{quantity::kColdPaper, "cold quick answer, paper's policy"},
    Words{quantity::kResidentQuick, "resident quick answer, shipped policy"},
    Words{quantity::kResidentPaper, "resident quick answer, paper's policy"},
    Words{quantity::kAfterFull, "question behind what is read in full"},
    Words{quantity::kConfirmation, "100 tokens confirmed"},
    Words{quantity::kDecodeFull, "writing, all K/V"},
    Words{quantity::kDecode10, "writing, 10 % K/V"},
};

struct Ratio {
    const char* name;
    std::string_view ours, theirs;
};
constexpr std::array kRatios{
    Ratio{"dense", quantity::kFullPrefill, quantity::kFullPrefill},
    Ratio{"cold_quick", quantity::kColdQuick, quantity::kFullPrefill},
    Ratio{"resident_quick", quantity::kResidentQuick, quantity::kFullPrefill},
    Ratio{"after_full", quantity::kAfterFull, quantity::kFullPrefill},
    Ratio{"warm", quantity::kAfterFull, quantity::kAfterFull},
    Ratio{"decode_full", quantity::kDecodeFull, quantity::kDecodeFull},
    Ratio{"decode_10", quantity::kDecode10, quantity::kDecodeFull},
};

std::optional<double> medianOf(const Measured& measured, std::string_view quantity) {
    const auto found = measured.samples.find(quantity);
    if (found == measured.samples.end() || found->second.empty()) return std::nullopt;
    return spreadOf(found->second).median;
}

/// The best that a peer has at the same model and length.
std::optional<double> bestPeer(const std::vector<Measured>& all, const Measured& ours,
                               std::string_view quantity) {
    std::optional<double> best;
    for (const Measured& each : all) {
        if (each.program == kOurs || each.model != ours.model || each.length != ours.length) continue;
        const std::optional<double> value = medianOf(each, quantity);
        if (!value) continue;
        if (!best || (isRate(quantity) ? *value > *best : *value < *best)) best = value;
    }
    return best;
}

std::optional<double> ratioOf(const std::vector<Measured>& all, const Measured& ours, const Ratio& ratio) {
    const std::optional<double> mine = medianOf(ours, ratio.ours), theirs = bestPeer(all, ours, ratio.theirs);
    if (!mine || !theirs || *mine <= 0 || *theirs <= 0) return std::nullopt;
    return isRate(ratio.ours) ? *mine / *theirs : *theirs / *mine;
}

const char* unitOf(std::string_view quantity) {
    return isRate(quantity) ? "tokens/s" : "ms";
}

template <typename... Values>
std::string formatted(const char* format, Values... values) {
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(), format, values...);
    return line.data();
}

std::string lineOf(const Measured& measured, const Words& words) {
    const auto found = measured.samples.find(words.quantity);
    if (found == measured.samples.end() || found->second.empty()) return {};
    const Spread spread = spreadOf(found->second);
    std::string note;
    if (words.quantity == quantity::kFullPrefill)
        note = formatted("  reads %.0f tokens/s", static_cast<double>(measured.length) / spread.median * 1e3);
    return formatted("  %-38s %-12s %10.2f %-8s  %.2f to %.2f of %zu%s\n", words.text,
                     measured.program.c_str(), spread.median, unitOf(words.quantity), spread.least,
                     spread.most, found->second.size(), note.c_str());
}

}  // namespace

Json rowsOf(const std::vector<Measured>& measured) {
    Json rows = Json::array();
    for (const Measured& each : measured) {
        for (const Words& words : kWords) {
            const auto found = each.samples.find(words.quantity);
            if (found == each.samples.end() || found->second.empty()) continue;
            const Spread spread = spreadOf(found->second);
            rows.push_back({{"model", each.model},
                            {"program", each.program},
                            {"length", each.length},
                            {"quantity", words.quantity},
                            {"unit", unitOf(words.quantity)},
                            {"median", spread.median},
                            {"least", spread.least},
                            {"most", spread.most},
                            {"samples", found->second.size()}});
        }
    }
    return rows;
}

Json ratiosOf(const std::vector<Measured>& measured) {
    Json ratios = Json::object();
    for (const Ratio& ratio : kRatios) {
        Json models = Json::object();
        for (const Measured& each : measured) {
            if (each.program != kOurs) continue;
            const std::optional<double> value = ratioOf(measured, each, ratio);
            if (value) models[each.model][std::to_string(each.length)] = *value;
        }
        ratios[ratio.name] = std::move(models);
    }
    return ratios;
}

std::string tableOf(const std::vector<Measured>& measured) {
    std::string text;
    for (const Measured& ours : measured) {
        if (ours.program != kOurs) continue;
        text += formatted("%s, %lld tokens\n", ours.model.c_str(), static_cast<long long>(ours.length));
        for (const Words& words : kWords) {
            for (const Measured& each : measured) {
                if (each.model == ours.model && each.length == ours.length) text += lineOf(each, words);
            }
        }
        std::string ratios;
        for (const Ratio& ratio : kRatios) {
            const std::optional<double> value = ratioOf(measured, ours, ratio);
            if (value) ratios += formatted("%s%s %.2f", ratios.empty() ? "" : ", ", ratio.name, *value);
        }
        if (!ratios.empty()) text += "  times as fast as the fastest peer: " + ratios + "\n";
    }
    return text;
}

}  // namespace kvasir::bench
