#include "tests/bench/needle_document.h"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace kvasir::test {
namespace {

constexpr int kDepths = 10;

/// splitmix64: the same numbers everywhere.
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}
    std::uint64_t next() {
        std::uint64_t z = m_state += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
    template <std::size_t kSize>
    std::string_view from(const std::array<std::string_view, kSize>& words) {
        return words[below(kSize)];
    }
    std::string number(std::size_t least, std::size_t most) {
        return std::to_string(least + below(most - least + 1));
    }

private:
    std::uint64_t m_state;
};

constexpr std::array<std::string_view, 24> kMachines{
    "pump",      "compressor", "conveyor",   "boiler",      "chiller",   "generator", "crusher",  "mixer",
    "turbine",   "elevator",   "furnace",    "dryer",       "separator", "press",     "lathe",    "crane",
    "condenser", "extruder",   "ventilator", "transformer", "filter",    "hoist",     "agitator", "blower"};
constexpr std::array<std::string_view, 16> kPlaces{
    "north hall",   "south hall", "east wing",    "loading bay", "basement",     "upper gallery",
    "test stand",   "paint shop", "warehouse",    "tank farm",   "control room", "pump house",
    "switch house", "quarry",     "sorting line", "cold store"};
constexpr std::array<std::string_view, 16> kParts{
    "bearing", "seal", "gasket", "valve",   "coupling", "belt",   "sensor", "impeller",
    "piston",  "hose", "flange", "spindle", "rotor",    "nozzle", "relay",  "fuse"};
constexpr std::array<std::string_view, 16> kCrews{
    "maintenance crew", "shift leader",  "safety officer", "electrician", "planner", "inspector",
    "night shift",      "day shift",     "contractor",     "apprentice",  "fitter",  "welder",
    "storekeeper",      "plant manager", "operator",       "quality team"};
constexpr std::array<std::string_view, 12> kVerbs{"checks",   "cleans",   "replaces", "adjusts",
                                                  "records",  "tests",    "orders",   "lubricates",
                                                  "tightens", "inspects", "measures", "labels"};
constexpr std::array<std::string_view, 8> kUnits{"bar",         "litres", "degrees",   "hours",
                                                 "millimetres", "volts",  "kilograms", "minutes"};
constexpr std::array<std::string_view, 10> kRemarks{"Deviations are written into the log of the day.",
                                                    "Without this step the line must not be started.",
                                                    "The form is kept for ten years.",
                                                    "Questions about this go to the head of the section.",
                                                    "In winter the interval is halved.",
                                                    "The old procedure is no longer valid.",
                                                    "Two people are present at all times.",
                                                    "The result is shown on the board at the entrance.",
                                                    "This applies to all sites.",
                                                    "Spare units stand ready in the store."};

std::string sentence(Random& random) {
    const std::string machine(random.from(kMachines)), place(random.from(kPlaces)), part(random.from(kParts)),
        crew(random.from(kCrews)), verb(random.from(kVerbs)), unit(random.from(kUnits));
    switch (random.below(6)) {
        case 0:
            return "The " + crew + " " + verb + " the " + part + " of the " + machine + " in the " + place +
                   " every " + random.number(2, 60) + " days.";
        case 1:
            return "The " + machine + " in the " + place + " runs at " + random.number(3, 900) + " " + unit +
                   ", and the " + part + " is changed when it falls below " + random.number(1, 400) + " " +
                   unit + ".";
        case 2:
            return "Before the " + part + " of the " + machine + " is opened, the " + crew + " " + verb +
                   " the " + std::string(random.from(kParts)) + " and waits " + random.number(2, 45) +
                   " minutes.";
        case 3:
            return "A worn " + part + " shows as noise in the " + place + "; the " + crew +
                   " then stops the " + machine + ".";
        case 4:
            return "Order number " + random.number(10000, 99999) + " covers the " + part + " for the " +
                   machine + " in the " + place + ".";
        default:
            return std::string(random.from(kRemarks));
    }
}

struct Pair {
    std::string_view fact, question, expected;
};
/// No word of any weight is in both.
constexpr std::array<Pair, kDepths> kParaphrased{{
    {"The cook of the harbour canteen cannot eat peanuts.", "Which food is the chef allergic to?", "peanut"},
    {"Old Benedikt travels to his office by tram.", "How does the elderly man commute to work?", "tram"},
    {"The lighthouse was painted green after the storm.", "What colour did the beacon tower get?", "green"},
    {"The choir rehearses beneath the post office.", "Where do the singers practise?", "post office"},
    {"The best chess player of the village received a silver kettle.",
     "What prize was given to the champion of the board game?", "kettle"},
    {"The vet said that the donkey has a broken tooth.", "What did the animal doctor diagnose?", "tooth"},
    {"The mayor's daughter studies botany in Uppsala.",
     "Which science does the child of the town's leader learn at university?", "botany"},
    {"The night train to the coast departs from platform seven.",
     "From which track does the sleeper to the seaside leave?", "seven"},
    {"The gardener hides the spare key under a blue flowerpot.",
     "Where is the extra opener for the door concealed?", "flowerpot"},
    {"The bridge may not be crossed by vehicles above eleven tonnes.",
     "How heavy may a lorry over the river be at most?", "eleven"},
}};

constexpr std::array<std::string_view, kDepths> kNames{"Orvell",    "Tamsin",  "Quorn",  "Brackwater",
                                                       "Lindqvist", "Mazzano", "Pellor", "Ashgrove",
                                                       "Vintar",    "Holloway"};
constexpr std::array<std::string_view, kDepths> kGuards{"Halloran", "Bexley",   "Castellan", "Drummond",
                                                        "Eskola",   "Fontaine", "Gruber",    "Iversen",
                                                        "Jankovic", "Kestrel"};

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
}

/// A fact and the share of the document in thousandths before it.
struct Hidden {
    int place = 0;
    std::string fact;
};

std::string sentence(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts)
        text += part;
    return text;
}

void hide(NeedleDocument& document, std::vector<Hidden>& hidden, Random& random) {
    for (int depth = 0; depth < kDepths; ++depth) {
        const auto index = static_cast<std::size_t>(depth);
        const std::string name(kNames[index]), guard(kGuards[index]), code = random.number(100000, 999999);
        const std::string building = "building K" + std::to_string(40 + 7 * depth);
        const std::string codeIs = sentence({"The access code of the ", name, " vault is ", code, "."});
        const std::string aside(kParaphrased[index].fact);
        const std::string keptIn = sentence({"The archive of ", name, " is kept in ", building, "."});
        const std::string guardIs = sentence({"The guard of ", building, " is Sergeant ", guard, "."});
        const int place = depth * 100;
        hidden.push_back({place + 30, codeIs});
        hidden.push_back({place + 55, aside});
        hidden.push_back({place + 80, keptIn});
        hidden.push_back({(place + 520) % 1000, guardIs});
        document.needles.push_back({NeedleKind::Literal,
                                    depth,
                                    "What is the access code of the " + name + " vault?",
                                    code,
                                    {codeIs}});
        document.needles.push_back({NeedleKind::Paraphrased,
                                    depth,
                                    std::string(kParaphrased[index].question),
                                    std::string(kParaphrased[index].expected),
                                    {aside}});
        document.needles.push_back({NeedleKind::TwoPart,
                                    depth,
                                    "Who guards the building in which the archive of " + name + " is kept?",
                                    lower(guard),
                                    {keptIn, guardIs}});
    }
}

}  // namespace

NeedleDocument makeNeedleDocument(std::size_t bytes, std::uint64_t seed) {
    NeedleDocument document;
    Random random(seed);
    std::vector<Hidden> hidden;
    hide(document, hidden, random);
    std::vector<bool> told(hidden.size(), false);
    for (int section = 1; document.text.size() < bytes; ++section) {
        document.text += "Section " + std::to_string(section) + "\n\n";
        for (int paragraph = 0; paragraph < 6; ++paragraph) {
            for (int i = 0; i < 5; ++i) {
                document.text += sentence(random) + (i < 4 ? " " : "\n\n");
                for (std::size_t k = 0; k < hidden.size(); ++k) {
                    const std::size_t place = bytes / 1000 * static_cast<std::size_t>(hidden[k].place);
                    if (told[k] || document.text.size() < place || i == 4) continue;
                    document.text += hidden[k].fact + " ";
                    told[k] = true;
                }
            }
        }
    }
    return document;
}

}  // namespace kvasir::test
