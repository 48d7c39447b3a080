#include "app/eval/generators.h"

#include <algorithm>
#include <array>
#include <random>

#include <QCryptographicHash>

#include "app/document_builder.h"

namespace kvasir::eval {
namespace {

/// Unlike the standard's distributions, the same draws with every library.
class Chance {
public:
    explicit Chance(std::uint64_t seed) : m_engine(seed) {}
    std::int32_t below(std::size_t bound) {
        return static_cast<std::int32_t>(m_engine() % static_cast<std::uint64_t>(bound));
    }
    std::int32_t between(std::int32_t least, std::int32_t most) {
        return least + below(static_cast<std::size_t>(most) - static_cast<std::size_t>(least) + 1);
    }
    template <typename List>
    std::string of(const List& list) {
        return std::string(list[static_cast<std::size_t>(below(list.size()))]);
    }

private:
    std::mt19937_64 m_engine;
};

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 16> kSubjects = {
    "The facilities group",    "The purchasing office", "The night shift",       "The archive team",
    "The regional manager",    "The canteen committee", "The fleet coordinator", "The reception desk",
    "The audit working party", "The training unit",     "The storekeeper",       "The safety circle",
    "The project office",      "The accounts section",  "The maintenance crew",  "The works council"};
constexpr std::array<std::string_view, 14> kVerbs = {
    "reviewed",   "postponed", "approved",  "discussed", "rearranged", "inspected",  "recorded",
    "summarised", "compared",  "completed", "reopened",  "clarified",  "circulated", "checked"};
constexpr std::array<std::string_view, 18> kObjects = {
    "the rota for the loading bay",       "the list of spare keys",
    "the draft of the visitor notice",    "the seating plan of the second floor",
    "the order of the stationery",        "the minutes of the last meeting",
    "the inventory of the tool room",     "the timetable of the shuttle",
    "the labels of the shelving",         "the wording of the parking rules",
    "the results of the staff survey",    "the sketch of the new entrance",
    "the budget of the summer event",     "the repair of the east lift",
    "the delivery of the chairs",         "the cleaning of the filters",
    "the numbering of the meeting rooms", "the renewal of the permits"};
constexpr std::array<std::string_view, 14> kEndings = {
    "and saw no reason to change it",      "before the working day ended",
    "together with the two deputies",      "after a short telephone call",
    "although the figures were late",      "and asked for a second copy",
    "without any further remark",          "because the earlier version was unclear",
    "and filed the papers as usual",       "while the hall was being painted",
    "with the help of an outside adviser", "and thanked everybody involved",
    "in the presence of the chair",        "as had been agreed in spring"};
constexpr std::array<std::string_view, 25> kNames = {
    "Alder",   "Birch", "Cedar",  "Damson", "Elm",    "Fir",    "Gorse",  "Hazel", "Ivy",
    "Juniper", "Larch", "Maple",  "Nettle", "Oak",    "Poplar", "Quince", "Rowan", "Sorrel",
    "Thistle", "Umber", "Violet", "Willow", "Yarrow", "Aspen",  "Bramble"};
constexpr std::array<std::string_view, 2> kHalls = {"East", "West"};
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

std::string filler(Chance& chance) {
    return chance.of(kSubjects) + ' ' + chance.of(kVerbs) + ' ' + chance.of(kObjects) + ' ' +
           chance.of(kEndings) + '.';
}

std::string date(Chance& chance, std::int32_t year) {
    return std::to_string(chance.between(1, 28)) + ' ' + chance.of(kMonths) + ' ' + std::to_string(year);
}

/// What a question is about: sentences that must stand in the document, each at a place of its own, and the
/// question with its answer.
struct Item {
    std::vector<std::string> sentences;  ///< the last one holds the answer, unless all do
    bool spread = false;                 ///< the sentences stand far apart
    std::string question, expected;
};

/// The i-th of up to fifty names that differ.
std::string place(std::int32_t index) {
    const auto i = static_cast<std::size_t>(index);
    return std::string(kNames[i % kNames.size()]) + ' ' + std::string(kHalls[i / kNames.size() % 2]);
}

Item needle(Chance& chance, std::int32_t index) {
    const std::string name = place(index), code = std::to_string(chance.between(100000, 999999));
    return {{"The access code of the " + name + " store is " + code + "."},
            false,
            "What is the access code of the " + name + " store?",
            code};
}

/// Sentence and question without a word of matter in common.
constexpr std::array<std::array<std::string_view, 2>, 12> kParaphrases = {{
    {"Whoever fails to hand back a badge owes NUMBER euros.",
     "What does losing an identity card cost an employee?"},
    {"Doors of the annex stay unlocked until NUMBER minutes past the final bell.",
     "How long can people still enter the building once lessons are over?"},
    {"Every lorry bound for the quay may weigh NUMBER kilograms and not one more.",
     "What is the heaviest vehicle that can drive to the harbour?"},
    {"The choir rehearses in front of at most NUMBER listeners.",
     "What is the largest audience permitted when the singers practise?"},
    {"Milk is thrown away NUMBER hours after opening.", "How soon must an unsealed drink be discarded?"},
    {"Holders of a yearly ticket pay NUMBER crowns for the swimming hall.",
     "How much is admission to the pool for people with an annual pass?"},
    {"A dog brought along must be registered NUMBER days ahead.",
     "How early does one have to sign up a pet before a visit?"},
    {"The boiler is switched off as soon as NUMBER kilopascals are exceeded.",
     "At which pressure does the heating stop by itself?"},
    {"Newly hired drivers sit beside a colleague for NUMBER trips.",
     "How many journeys does a beginner make accompanied?"},
    {"Fallen branches are collected within NUMBER hours of a storm.",
     "How quickly is broken wood removed following bad weather?"},
    {"The lamp on the tower blinks NUMBER times each night.",
     "How often does the light on top of the steeple flash between dusk and dawn?"},
    {"Borrowers who return a volume late are fined NUMBER cents.",
     "What is the penalty for keeping a book too long?"},
}};

Item paraphrase(Chance& chance, std::int32_t index) {
    const auto& [sentence, question] = kParaphrases[static_cast<std::size_t>(index)];
    const std::string number = std::to_string(chance.between(101, 989));
    std::string filled(sentence);
    constexpr std::string_view kNumber = "NUMBER";
    filled.replace(filled.find(kNumber), kNumber.size(), number);
    return {{filled}, false, std::string(question), number};
}

Item pair(Chance& chance, std::int32_t index) {
    const std::string name = place(index), number = std::to_string(chance.between(101, 989));
    const std::string shelf = "K-" + std::to_string(100 + index);
    return {{"The " + name + " ledger is kept on shelf " + shelf + ".",
             "Shelf " + shelf + " is emptied by courier number " + number + "."},
            true,
            "Which courier empties the shelf on which the " + name +
                " ledger is kept? Name the shelf and the courier's number.",
            shelf + " & " + number};
}

Item tableCell(Chance& chance, std::int32_t index) {
    const std::string name = place(index);
    std::string table = "Prices of " + name + "\tper day\tper week\tdeposit\n";
    constexpr std::array<std::string_view, 5> kGoods = {"Projector", "Trolley", "Ladder", "Marquee",
                                                        "Generator"};
    const auto asked = static_cast<std::size_t>(chance.below(kGoods.size()));
    std::string answer;
    for (std::size_t row = 0; row < kGoods.size(); ++row) {
        const std::string week = std::to_string(chance.between(110, 480)) + ".50";
        if (row == asked) answer = week;
        table += std::string(kGoods[row]) + '\t' + std::to_string(chance.between(20, 90)) + ".00\t" + week +
                 '\t' + std::to_string(chance.between(500, 900)) + ".00\n";
    }
    return {{table},
            false,
            "What does the " + std::string(kGoods[asked]) + " of " + name + " cost per week?",
            answer};
}

Item negation(Chance& chance, std::int32_t index) {
    constexpr std::array<std::string_view, 6> kThings = {"bicycles",  "parcels",   "plants",
                                                         "furniture", "batteries", "ladders"};
    const std::string name = place(index);
    const auto first = static_cast<std::size_t>(chance.below(kThings.size()));
    const auto thing = [&](std::size_t i) { return std::string(kThings[(first + i) % kThings.size()]); };
    return {{"In the " + name + " cellar " + thing(0) + ", " + thing(1) + " and " + thing(2) +
             " may be stored; " + thing(3) + " may not be stored there."},
            false,
            "What must not be stored in the " + name + " cellar?",
            thing(3)};
}

Item dated(Chance& chance, std::int32_t index) {
    const std::string name = place(index);
    std::vector<std::string> dates;
    for (std::int32_t year = 2019; year < 2023; ++year)
        dates.push_back(date(chance, year));
    return {{"The " + name + " bridge was closed on " + dates[0] + ", inspected on " + dates[1] +
             ", reopened on " + dates[2] + " and painted on " + dates[3] + "."},
            false,
            "On which date was the " + name + " bridge reopened?",
            dates[2]};
}

using Make = Item (*)(Chance&, std::int32_t);
constexpr std::array<std::string_view, 6> kKinds = {"needles", "paraphrase", "pairs",
                                                    "tables",  "negation",   "dates"};
constexpr std::array<Make, 6> kMake = {needle, paraphrase, pair, tableCell, negation, dated};

/// A paragraph of filler is about sixty words.
constexpr std::int64_t kWordsOfParagraph = 60;
constexpr int kSentencesOfParagraph = 4;

/// Lines from 1 where the sentences begin, for each item.
struct Text {
    std::string text;
    std::vector<std::vector<std::int32_t>> places;
};

Text write(Chance& chance, const std::vector<Item>& items, std::int64_t words) {
    const auto paragraphs = static_cast<std::size_t>(std::max<std::int64_t>(words / kWordsOfParagraph, 2));
    // Which sentences stand before paragraph p: evenly spread, the parts of a pair half a document apart.
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> before(paragraphs + 1);
    for (std::size_t i = 0; i < items.size(); ++i) {
        for (std::size_t s = 0; s < items[i].sentences.size(); ++s) {
            const std::size_t even = items.size() > 1 ? i * paragraphs / (items.size() - 1) : paragraphs / 2;
            before[(even + (items[i].spread ? s * paragraphs / 2 : 0)) % (paragraphs + 1)].emplace_back(i, s);
        }
    }
    Text result;
    result.places.resize(items.size());
    result.text = "NOTES OF THE HOUSE\n\n";
    std::int32_t line = 3;
    const auto add = [&](const std::string& text) {
        result.text += text;
        line += static_cast<std::int32_t>(std::ranges::count(text, '\n'));
    };
    for (std::size_t p = 0; p <= paragraphs; ++p) {
        for (const auto& [i, s] : before[p]) {
            const std::string& sentence = items[i].sentences[s];
            const auto lines = static_cast<std::int32_t>(std::ranges::count(sentence, '\n'));
            for (std::int32_t l = 0; l < std::max(lines, 1); ++l)
                result.places[i].push_back(line + l);
            add(sentence.ends_with('\n') ? sentence + '\n' : sentence + "\n\n");
        }
        if (p == paragraphs) break;
        std::string paragraph;
        for (int s = 0; s < kSentencesOfParagraph; ++s)
            paragraph += filler(chance) + (s + 1 < kSentencesOfParagraph ? ' ' : '\n');
        add(paragraph + '\n');
    }
    return result;
}

Result<std::size_t> kindOf(std::string_view kind) {
    const auto* const found = std::ranges::find(kKinds, kind);
    if (found != kKinds.end()) return static_cast<std::size_t>(found - kKinds.begin());
    std::string names;
    for (const std::string_view name : kKinds)
        names += (names.empty() ? "" : ", ") + std::string(name);
    return fail(ErrorCode::InvalidArgument, "There is no generator of this name.", std::string(kind),
                "Choose among " + names + ".");
}

}  // namespace

std::span<const std::string_view> generatorKinds() {
    return kKinds;
}

Result<Generated> generate(std::span<const std::string_view> kinds, const GeneratorSettings& settings) {
    std::vector<std::size_t> makes;
    std::string name;
    std::int64_t most = 50;
    for (const std::string_view kind : kinds) {
        const Result<std::size_t> index = kindOf(kind);
        if (!index) return tl::unexpected(index.error());
        makes.push_back(*index);
        name += (name.empty() ? "" : "-") + std::string(kind);
        if (kMake[*index] == paraphrase) most = std::ssize(kParaphrases);
    }
    if (makes.empty() || settings.words < 200 || settings.words > 2000000) {
        return fail(ErrorCode::InvalidArgument, "The length of a generated document is out of range.",
                    std::to_string(settings.words) + " words", "Choose 200 to 2,000,000 words, and a kind.");
    }
    most = std::min(most, settings.words / 50 / std::ssize(makes));
    if (settings.questions < 1 || settings.questions > most) {
        return fail(ErrorCode::InvalidArgument, "The number of generated questions is out of range.",
                    name + ": " + std::to_string(settings.questions),
                    "Choose 1 to " + std::to_string(most) + " for this length.");
    }
    Chance chance(settings.seed * kKinds.size() + makes.front());
    std::vector<Item> items;
    items.reserve(static_cast<std::size_t>(settings.questions) * makes.size());
    for (std::int32_t i = 0; i < settings.questions; ++i) {
        for (const std::size_t make : makes)
            items.push_back(kMake[make](chance, i));
    }
    const Text text = write(chance, items, settings.words);
    DocumentBuilder builder(DocumentKind::Text, name + ".txt", {{0, 0}});
    if (const Result<void> added = builder.addText(text.text); !added) return tl::unexpected(added.error());
    Generated generated;
    const QByteArrayView bytes(text.text.data(), static_cast<qsizetype>(text.text.size()));
    generated.document = std::make_shared<const Document>(
        builder.finish(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex().toStdString()));
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string kind(kKinds[makes[i % makes.size()]]);
        generated.questions.push_back({kind + '-' + std::to_string(i / makes.size() + 1),
                                       generated.document->name, items[i].question, kind,
                                       expectedFromText(items[i].expected), true, text.places[i]});
    }
    return generated;
}

}  // namespace kvasir::eval
