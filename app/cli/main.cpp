// kvasir-cli: what the window does, for scripts, tests and machines without a display. See docs/cli.md.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include <QCoreApplication>

#include "app/cli/commands.h"

namespace {

using namespace kvasir::cli;

struct Commands {
    AskArguments ask;
    IngestArguments ingest;
    EvalArguments eval;
    CalibrateArguments calibrate;
    BenchArguments bench;
    ProbeArguments probe;
    TokenizeArguments tokenize;
    std::string inspectedAnswer, inspectedHtml;
    bool inspectJson = false, sessionsJson = false, modelsJson = false, alwaysJson = false;
};

void addAsk(CLI::App& app, Commands& c) {
    CLI::App* ask =
        app.add_subcommand("ask", "Answer a question about documents, with the pages it stands on");
    ask->add_option("--model", c.ask.model, "Model file, or a name of `kvasir-cli models`");
    ask->add_option("--mode", c.ask.mode, "quick, full or auto")
        ->check(CLI::IsMember({"quick", "full", "auto"}));
    ask->add_option("--rate", c.ask.rate, "Share of the document carried forward, for example 0.2");
    ask->add_option("--retention", c.ask.retention, "Share of the keys and values kept for writing");
    ask->add_option("--carried", c.ask.carried, "Number of tokens carried forward, whatever the length")
        ->check(CLI::Range(1, 1 << 24));
    ask->add_option("--coverage", c.ask.coverage,
                    "Carry as few as hold this share of the attention, for example 0.9");
    ask->add_option("--pin", c.ask.pins, "Words of the document that are always carried; may be repeated")
        ->allow_extra_args(false);
    ask->add_option("--pin-lines", c.ask.pinLines,
                    "The same by [PAGE:]FIRST[-LAST], for example 3:12-14; may be repeated")
        ->allow_extra_args(false);
    ask->add_option("--temperature", c.ask.sampling.temperature, "0: always the likeliest token");
    ask->add_option("--top-p", c.ask.sampling.topP, "Draw from the likeliest tokens with this probability");
    ask->add_option("--min-p", c.ask.sampling.minP, "Least probability, as a share of the likeliest's");
    ask->add_option("--repeat-penalty", c.ask.sampling.repeatPenalty,
                    "Above 1: what was written lately becomes less likely");
    ask->add_option("--seed", c.ask.sampling.seed, "The same seed draws the same answer");
    ask->add_option("--max-tokens", c.ask.maxTokens, "Longest answer")->check(CLI::Range(1, 4096));
    ask->add_option("--threads", c.ask.threads, "Processor threads; 0: one per core")
        ->check(CLI::Range(0, 1024));
    ask->add_option("--password", c.ask.password, "Password of a locked PDF");
    ask->add_option("--after", c.ask.after, "Go on from this answer, for example A12")
        ->check([](const std::string& id) { return id.empty() ? "must not be empty" : std::string(); });
    ask->add_flag("--json", c.ask.json, "One JSON object on standard output");
    ask->add_option("words", c.ask.words, "Documents, then the question")->required();
}

void addLibrary(CLI::App& app, Commands& c) {
    CLI::App* ingest = app.add_subcommand("ingest", "Read documents into the store");
    ingest->add_option("documents", c.ingest.documents, "PDF, text, Markdown or log files")->required();
    ingest->add_option("--password", c.ingest.password, "Password of a locked PDF");
    ingest->add_flag("--json", c.ingest.json, "One JSON object on standard output");
    CLI::App* inspect = app.add_subcommand("inspect", "What was carried forward for an answer");
    inspect->add_option("answer", c.inspectedAnswer, "The answer's id, for example A12")->required();
    inspect->add_option("--html", c.inspectedHtml, "Write the document with its marks to this file");
    inspect->add_flag("--json", c.inspectJson, "One JSON object on standard output");
    CLI::App* sessions = app.add_subcommand("sessions", "Documents, questions and answers that are kept");
    sessions->add_flag("--json", c.sessionsJson, "One JSON object on standard output");
}

void addEngine(CLI::App& app, Commands& c) {
    CLI::App* models =
        app.add_subcommand("models", "Models that Kvasir knows, and which are on this computer");
    models->add_flag("--json", c.modelsJson, "One JSON object on standard output");
    CLI::App* probe =
        app.add_subcommand("probe", "The engine alone on token ids, for comparison with a reference");
    probe->add_option("model", c.probe.model, "Model file or name")->required();
    probe
        ->add_option("--tokens", c.probe.tokens, "JSON file: a list of token ids, or an object with `tokens`")
        ->required();
    probe->add_option("--device", c.probe.device, "cpu or cuda");
    probe->add_option("--activations", c.probe.activations, "f32 or int8");
    probe->add_option("--kv", c.probe.kv, "Keys and values in f32, f16 or int8");
    probe->add_option("--tsp-layer", c.probe.tspLayer, "T, 0-based");
    probe->add_option("--rate", c.probe.rate, "Share carried");
    probe->add_option("--retention", c.probe.retention, "Share kept");
    probe->add_option("--window", c.probe.window, "Observation window in tokens");
    probe->add_option("--pool", c.probe.pool, "max or avg");
    probe->add_option("--kernel", c.probe.kernel, "Pooling width, odd");
    probe->add_option("--decode", c.probe.decode, "Answer tokens");
    probe->add_option("--resident", c.probe.resident, "Prompt tokens computed beforehand");
    probe->add_option("--threads", c.probe.threads, "Processor threads; 0: one per core");
    probe->add_option("--out", c.probe.out, "File for the result; standard output when missing");
    probe->add_flag("--json", c.alwaysJson, "The result is always JSON");
    CLI::App* tokenize = app.add_subcommand("tokenize", "Token ids of each line of standard input");
    tokenize->add_option("model", c.tokenize.model, "Model file or name")->required();
    tokenize->add_flag("--special", c.tokenize.special, "Control tokens in the text become those tokens");
    tokenize->add_flag("--json-lines", c.tokenize.jsonLines, "Each line is a JSON string");
    tokenize->add_flag("--json", c.alwaysJson, "The result is always JSON");
}

void addEval(CLI::App& app, Commands& c) {
    CLI::App* eval =
        app.add_subcommand("eval", "Ask a file of questions, or generated ones, and judge the answers");
    eval->add_option("file", c.eval.file, "Tab-separated, first line: column names; `document`, `question`");
    eval->add_option("--documents", c.eval.documents,
                     "Folder of the documents; that of the file when missing");
    eval->add_option("--setting", c.eval.settings,
                     "full, shipped, paper, random or look, with changes: shipped,rate=0.4 or "
                     "full,turns=1; may be repeated");
    eval->add_option("--generate", c.eval.generators,
                     "needles, paraphrase, pairs, tables, negation or dates; may be repeated");
    eval->add_option("--words", c.eval.words, "Length of each generated document");
    eval->add_option("--questions", c.eval.questions, "Number of questions to each generated document");
    eval->add_option("--seed", c.eval.seed, "The same seed generates the same documents");
    eval->add_option("--model", c.eval.model, "Model file or name");
    eval->add_option("--threads", c.eval.threads, "Processor threads; 0: one per core")
        ->check(CLI::Range(0, 1024));
    eval->add_flag("--json", c.eval.json, "One JSON object on standard output");
}

void addCalibrate(CLI::App& app, Commands& c) {
    CLI::App* calibrate =
        app.add_subcommand("calibrate", "Measure where quick answers of a model should select, and keep it");
    calibrate->add_option("model", c.calibrate.model, "Model file or name")->required();
    calibrate->add_option("--threads", c.calibrate.threads, "Processor threads; 0: one per core")
        ->check(CLI::Range(0, 1024));
    calibrate->add_flag("--json", c.calibrate.json, "One JSON object on standard output");
}

void addBench(CLI::App& app, Commands& c) {
    CLI::App* bench = app.add_subcommand("bench", "How fast a model reads, answers and writes here");
    bench->add_option("models", c.bench.models, "Model files or names");
    bench->add_option("--shape", c.bench.shape, "A model of a named shape with random weights");
    bench->add_option("--device", c.bench.device, "auto, cpu or cuda")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
    bench->add_option("--threads", c.bench.threads, "Processor threads; 0: one per core")
        ->check(CLI::Range(0, 1024));
    bench->add_option("--lengths", c.bench.lengths, "Prompt lengths in tokens, separated by commas")
        ->delimiter(',');
    bench->add_option("--peer", c.bench.peers, "NAME=PATH of a llama-bench program to compare with")
        ->allow_extra_args(false);
    bench->add_option("--runs", c.bench.runs, "Samples of everything")->check(CLI::Range(1, 1000));
    bench->add_option("--written", c.bench.written, "Tokens of a sample of a writing rate")
        ->check(CLI::Range(1, 1024));
    bench->add_flag("--json", c.bench.json, "One JSON object on standard output");
    bench->callback([&c] {
        if (c.bench.models.empty() && c.bench.shape.empty())
            throw CLI::RequiredError("A model, or --shape NAME,");
    });
}

int run(const CLI::App& app, const Commands& c) {
    if (app.got_subcommand("ask")) return ask(c.ask);
    if (app.got_subcommand("ingest")) return ingest(c.ingest);
    if (app.got_subcommand("inspect")) return inspect(c.inspectedAnswer, c.inspectedHtml, c.inspectJson);
    if (app.got_subcommand("sessions")) return sessions(c.sessionsJson);
    if (app.got_subcommand("models")) return models(c.modelsJson);
    if (app.got_subcommand("eval")) return eval(c.eval);
    if (app.got_subcommand("calibrate")) return calibrate(c.calibrate);
    if (app.got_subcommand("bench")) return bench(c.bench);
    if (app.got_subcommand("probe")) return probe(c.probe);
    return tokenize(c.tokenize);
}

}  // namespace

int main(int argc, char** argv) {
    // Last barrier: what escapes here is a defect, and still no abort.
    try {
        const QCoreApplication application(argc, argv);
        QCoreApplication::setApplicationName("kvasir");
        Commands commands;
        CLI::App app("Ask long documents questions on your own machine. Nothing leaves it.", "kvasir-cli");
        app.require_subcommand(1);
        app.set_version_flag("--version", KVASIR_VERSION);
        addAsk(app, commands);
        addLibrary(app, commands);
        addEngine(app, commands);
        addEval(app, commands);
        addCalibrate(app, commands);
        addBench(app, commands);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            return app.exit(error) == 0 ? 0 : 2;
        }
        return run(app, commands);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "kvasir-cli: Something went wrong inside: %s. Nothing that was kept is lost.\n",
                     error.what());
        return 1;
    }
}
