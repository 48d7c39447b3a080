// The commands of kvasir-cli. Each returns the exit status: 0, or 1 after saying what is wrong
// (ask: 2 for wrong usage that the parser cannot see).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/policy.h"
#include "engine/sampler.h"

namespace kvasir::cli {

struct AskArguments {
    std::string model;
    std::string mode = "auto";  ///< quick, full, auto
    std::optional<double> rate, retention, coverage;
    std::optional<std::int64_t> carried;
    std::vector<std::string> pins, pinLines;  ///< words of the document; [PAGE:]FIRST[-LAST]
    SamplerSettings sampling;
    std::int64_t maxTokens = 256;
    int threads = 0;
    std::string password;
    std::string after;               ///< id of the answer to go on from; empty: none
    std::vector<std::string> words;  ///< documents, then the question
    bool json = false;
};
int ask(const AskArguments& arguments);

struct IngestArguments {
    std::vector<std::string> documents;
    std::string password;
    bool json = false;
};
int ingest(const IngestArguments& arguments);

int inspect(const std::string& answerId, const std::string& htmlFile, bool json);
int sessions(bool json);
int models(bool json);

struct EvalArguments {
    std::string file, documents, model;
    std::vector<std::string> settings;    ///< see eval::settingFromText; none: full, shipped
    std::vector<std::string> generators;  ///< instead of a file
    std::int64_t words = 3000;            ///< of each generated document
    std::int32_t questions = 10;          ///< to each generated document
    std::uint64_t seed = 1;
    int threads = 0;
    bool json = false;
};
int eval(const EvalArguments& arguments);

struct CalibrateArguments {
    std::string model;
    int threads = 0;
    bool json = false;
};
int calibrate(const CalibrateArguments& arguments);

struct BenchArguments {
    std::vector<std::string> models;  ///< files or names
    std::string shape;                ///< a named shape with random weights, beside them or instead
    std::string device = "auto";      ///< auto, cpu, cuda
    int threads = 0;
    std::vector<std::string> lengths{"2048", "8192"};
    std::vector<std::string> peers;  ///< NAME=PATH of a llama-bench program
    int runs = 3;
    std::int64_t written = 48;  ///< tokens of a sample of a writing rate
    bool json = false;
};
int bench(const BenchArguments& arguments);

struct ProbeArguments {
    std::string model, tokens, device = "cpu", activations = "int8", kv, pool = "max";
    std::optional<std::int32_t> tspLayer;
    double rate = 0.2, retention = 0.1;
    std::int64_t window = 8, decode = 16, resident = 0;
    std::int32_t kernel = 7;
    int threads = 0;
    std::string out;
};
int probe(const ProbeArguments& arguments);

struct TokenizeArguments {
    std::string model;
    bool special = false, jsonLines = false;
};
int tokenize(const TokenizeArguments& arguments);

}  // namespace kvasir::cli
