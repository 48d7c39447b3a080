// Whether the time left that is shown while a document is read is true, and how soon a stop takes effect.
//   reading_bench MODEL DOCUMENT
// Prints, for each tenth of both readings, the estimate and what it then was; then the delays of stops at
// random moments.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "app/answer_engine.h"
#include "app/reader/reader_client.h"
#include "app/reading_clock.h"
#include "tests/bench/or_end.h"

namespace {

using namespace kvasir;
using bench::orEnd;
using Clock = ReadingClock::Clock;

double secondsBetween(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

using Reading = std::function<Result<void>(const std::stop_token&, const ResidentDocument::Progress&)>;

void measureEstimates(const char* name, ReadingClock clock, const Reading& read) {
    struct Shown {
        double share, left;
        Clock::time_point at;
    };
    std::vector<Shown> shown;
    clock.start(0);
    const Clock::time_point begin = Clock::now();
    orEnd(read({}, [&](std::int64_t rows, std::int64_t all) {
        clock.advance(rows);
        const double share = static_cast<double>(rows) / static_cast<double>(all);
        shown.push_back({share, clock.secondsLeft(all), Clock::now()});
    }));
    const Clock::time_point end = Clock::now();
    std::printf("%s: %.1f s\n  read  said  was (s)\n", name, secondsBetween(begin, end));
    double next = 0.1;
    for (const Shown& each : shown) {
        if (each.share < next || each.share > 0.99) continue;
        next = each.share + 0.1;
        const double was = secondsBetween(each.at, end);
        std::printf("  %3.0f %%  %6.1f  %6.1f  %+5.1f %%\n", 100 * each.share, each.left, was,
                    100 * (each.left / was - 1));
    }
}

void measureStops(AnswerEngine& engine, const std::shared_ptr<const Document>& document) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> milliseconds(20, 900);
    std::vector<double> delays;
    auto read = orEnd(engine.prepare(document));
    for (int i = 0; i < 40 && !read->resident->earlyDone(); ++i) {
        std::stop_source stop;
        Clock::time_point asked;
        std::thread stopper([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
            asked = Clock::now();
            stop.request_stop();
        });
        const Result<void> done = engine.readEarly(*read, stop.get_token(), {});
        const Clock::time_point ended = Clock::now();
        stopper.join();
        if (!done) delays.push_back(1000 * secondsBetween(asked, ended));
    }
    if (delays.empty()) return;
    std::sort(delays.begin(), delays.end());
    std::printf("%zu stops: median %.1f ms, longest %.1f ms\n", delays.size(), delays[delays.size() / 2],
                delays.back());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: reading_bench MODEL DOCUMENT\n");
        return 2;
    }
    const auto engine = orEnd(AnswerEngine::create(argv[1], 0, {}));
    const auto document = std::make_shared<const Document>(orEnd(readDocument(argv[2], "", {}, {})));
    const auto read = orEnd(engine->prepare(document));
    std::printf("%s on %s, %lld tokens\n", document->name.c_str(), engine->deviceName().c_str(),
                static_cast<long long>(read->resident->size()));
    measureEstimates("first reading", ReadingClock(costGrowth(engine->model().config())),
                     [&](const std::stop_token& stop, const auto& progress) {
                         return engine->readEarly(*read, stop, progress);
                     });
    measureEstimates("full reading", ReadingClock(), [&](const std::stop_token& stop, const auto& progress) {
        return engine->readLate(*read, stop, progress);
    });
    measureStops(*engine, document);
    return 0;
}
