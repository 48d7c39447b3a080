#include "tests/ui/scripted_workspace.h"

#include <algorithm>

#include <QFileInfo>
#include <QFontMetricsF>
#include <QPainter>
#include <QRegularExpression>

namespace kvasir {
namespace {

constexpr double kPageWidth = 595, kPageHeight = 842;
constexpr double kLeft = 64, kRight = 64, kTop = 92;

QFont pageFont(bool japanese, bool bold) {
    QFont font(japanese ? "Noto Serif CJK JP" : "Noto Serif");
    font.setPixelSize(13);
    font.setBold(bold);
    font.setHintingPreference(QFont::PreferNoHinting);
    return font;
}

// A word with what the script says about it.
struct Piece {
    QString text;
    bool carried = false, bold = false, glued = false;
    int cited = 0;
};

std::vector<Piece> piecesOf(const QString& paragraph, bool japanese) {
    std::vector<Piece> pieces;
    Piece state;
    state.bold = paragraph.startsWith('#');
    QString rest = state.bold ? paragraph.mid(1).trimmed() : paragraph;
    static const QRegularExpression kToken(R"(\[\[|\]\]|\{\{(\d+):|\}\}|\*\*|\s+|[^\s\[\]\{\}\*]+)");
    for (auto it = kToken.globalMatch(rest); it.hasNext();) {
        const QRegularExpressionMatch match = it.next();
        const QString token = match.captured();
        if (token == "[[" || token == "]]")
            state.carried = token == "[[";
        else if (token.startsWith("{{"))
            state.cited = match.captured(1).toInt(), state.carried = true;
        else if (token == "}}")
            state.cited = 0, state.carried = false;
        else if (token == "**")
            state.bold = !state.bold;
        else if (!token.trimmed().isEmpty()) {
            // Japanese has no blanks: two characters a word, so that marks can end inside a line.
            const int step = japanese ? 2 : static_cast<int>(token.size());
            for (int i = 0; i < token.size(); i += step) {
                Piece piece = state;
                piece.text = token.mid(i, step);
                piece.glued = japanese;
                pieces.push_back(piece);
            }
        }
    }
    return pieces;
}

class Layouter {
public:
    Layouter(Document& document, WordMarks& marks, bool japanese,
             std::map<int, std::pair<std::uint32_t, std::uint32_t>>& cited)
        : m_document(document), m_marks(marks), m_cited(cited), m_japanese(japanese) {}

    void addPage(const ScriptedPage& source) {
        Page page;
        page.width = kPageWidth;
        page.height = kPageHeight;
        if (!m_document.text.empty()) m_document.text += "\n\n";
        page.begin = static_cast<std::uint32_t>(m_document.text.size());
        page.firstLine = static_cast<std::uint32_t>(m_document.lines.size());
        m_y = kTop;
        for (const QString& paragraph : source.paragraphs)
            addParagraph(paragraph);
        page.lastLine = static_cast<std::uint32_t>(m_document.lines.size());
        page.end = static_cast<std::uint32_t>(m_document.text.size());
        m_document.pages.push_back(page);
    }

private:
    void addParagraph(const QString& paragraph) {
        double x = kLeft;
        beginLine();
        for (const Piece& piece : piecesOf(paragraph, m_japanese)) {
            const QFontMetricsF metrics(pageFont(m_japanese, piece.bold));
            const double width = metrics.horizontalAdvance(piece.text);
            if (x + width > kPageWidth - kRight && x > kLeft) {
                endLine();
                m_y += m_japanese ? 20.5 : 19;
                beginLine();
                x = kLeft;
            }
            if (m_document.text.size() > m_document.lines.back().begin && !piece.glued)
                m_document.text += ' ';
            Word word;
            word.begin = static_cast<std::uint32_t>(m_document.text.size());
            m_document.text += piece.text.toStdString();
            word.end = static_cast<std::uint32_t>(m_document.text.size());
            word.box = {static_cast<float>(x), static_cast<float>(m_y), static_cast<float>(x + width),
                        static_cast<float>(m_y + 15.5)};
            const auto tokens = static_cast<std::uint8_t>(1 + piece.text.size() / 5);
            m_document.words.push_back(word);
            m_marks.tokens.push_back(tokens);
            m_marks.carried.push_back(piece.carried ? tokens : 0);
            if (piece.cited > 0) {
                auto& range = m_cited.try_emplace(piece.cited, word.begin, word.end).first->second;
                range.second = word.end;
            }
            x += width + (piece.glued ? 0 : metrics.horizontalAdvance(' '));
        }
        endLine();
        m_y += m_japanese ? 27 : 28;
    }
    void beginLine() {
        if (!m_document.text.empty() && m_document.text.back() != '\n') m_document.text += '\n';
        Line line;
        line.begin = line.end = static_cast<std::uint32_t>(m_document.text.size());
        line.firstWord = line.lastWord = static_cast<std::uint32_t>(m_document.words.size());
        m_document.lines.push_back(line);
    }
    void endLine() {
        m_document.lines.back().end = static_cast<std::uint32_t>(m_document.text.size());
        m_document.lines.back().lastWord = static_cast<std::uint32_t>(m_document.words.size());
    }

    Document& m_document;
    WordMarks& m_marks;
    std::map<int, std::pair<std::uint32_t, std::uint32_t>>& m_cited;
    bool m_japanese;
    double m_y = kTop;
};

Citation citationOf(const Document& document, int number, std::uint32_t begin, std::uint32_t end) {
    Citation citation;
    citation.number = number;
    citation.begin = begin;
    citation.end = end;
    citation.page = static_cast<std::int32_t>(document.pageAt(begin));
    citation.line = static_cast<std::int32_t>(document.lineAt(begin));
    citation.quote = document.text.substr(begin, end - begin);
    return citation;
}

}  // namespace

Answer scriptedAnswer(const QString& question, const QString& text, const std::vector<Citation>& places) {
    Answer answer;
    answer.question = question.toStdString();
    answer.state = AnswerState::Complete;
    answer.figures.firstTokenMs = 1100;
    static const QRegularExpression kMark(R"( ?\[(\d+)\])");
    qsizetype at = 0;
    for (auto it = kMark.globalMatch(text); it.hasNext();) {
        const QRegularExpressionMatch match = it.next();
        answer.text += text.mid(at, match.capturedStart() - at).toStdString();
        at = match.capturedEnd();
        const int number = match.captured(1).toInt();
        for (Citation place : places) {
            if (place.number != number) continue;
            // Sentences end after their full stop.
            place.sentenceEnd =
                static_cast<std::uint32_t>(answer.text.size() + text.mid(at, 1).toUtf8().size());
            answer.citations.push_back(place);
        }
    }
    answer.text += text.mid(at).toStdString();
    return answer;
}

ScriptedWorkspace::ScriptedWorkspace() {
    m_stream.setInterval(1);
    connect(&m_stream, &QTimer::timeout, this, &ScriptedWorkspace::stream);
    m_model.name = "Standard 4B";
    m_model.loaded = true;
    m_model.memoryBytes = 5100000000;
}

DocumentId ScriptedWorkspace::addPdf(const QString& name, const std::vector<ScriptedPage>& pages,
                                     bool japanese) {
    const auto id = static_cast<DocumentId>(m_entries.size() + 1);
    Entry entry;
    entry.text = std::make_shared<Document>();
    entry.text->name = name.toStdString();
    std::map<int, std::pair<std::uint32_t, std::uint32_t>> cited;
    Layouter layouter(*entry.text, entry.marks, japanese, cited);
    for (const ScriptedPage& page : pages)
        layouter.addPage(page);
    for (const auto& [number, range] : cited)
        entry.cited.push_back(citationOf(*entry.text, number, range.first, range.second));
    entry.info = {id, name, "/documents/" + name, DocumentKind::Pdf, {}, true};
    for (std::size_t i = 0; i < pages.size(); ++i)
        entry.info.pageSizes.emplace_back(kPageWidth, kPageHeight);
    entry.reading.stage = ReadingStage::FirstDone;
    entry.japanese = japanese;
    m_entries[id] = std::move(entry);
    emit documentsChanged();
    return id;
}

DocumentId ScriptedWorkspace::addLog(const QString& name, const QStringList& lines) {
    const auto id = static_cast<DocumentId>(m_entries.size() + 1);
    Entry entry;
    entry.text = std::make_shared<Document>();
    Document& document = *entry.text;
    document.kind = name.endsWith(".log") ? DocumentKind::Log : DocumentKind::Text;
    document.name = name.toStdString();
    std::map<int, std::pair<std::uint32_t, std::uint32_t>> cited;
    for (const QString& source : lines) {
        if (!document.text.empty()) document.text += '\n';
        Line line;
        line.begin = static_cast<std::uint32_t>(document.text.size());
        line.firstWord = static_cast<std::uint32_t>(document.words.size());
        for (const Piece& piece : piecesOf(source, false)) {
            if (document.text.size() > line.begin) document.text += ' ';
            Word word;
            word.begin = static_cast<std::uint32_t>(document.text.size());
            document.text += piece.text.toStdString();
            word.end = static_cast<std::uint32_t>(document.text.size());
            document.words.push_back(word);
            entry.marks.tokens.push_back(1);
            entry.marks.carried.push_back(piece.carried ? 1 : 0);
            if (piece.cited > 0) {
                auto& range = cited.try_emplace(piece.cited, word.begin, word.end).first->second;
                range.second = word.end;
            }
        }
        line.end = static_cast<std::uint32_t>(document.text.size());
        line.lastWord = static_cast<std::uint32_t>(document.words.size());
        document.lines.push_back(line);
    }
    Page page;
    page.end = static_cast<std::uint32_t>(document.text.size());
    page.lastLine = static_cast<std::uint32_t>(document.lines.size());
    document.pages.push_back(page);
    for (const auto& [number, range] : cited)
        entry.cited.push_back(citationOf(document, number, range.first, range.second));
    entry.info = {id, name, "/documents/" + name, document.kind, {}, true};
    entry.reading.stage = ReadingStage::FirstDone;
    m_entries[id] = std::move(entry);
    emit documentsChanged();
    return id;
}

void ScriptedWorkspace::setReading(DocumentId id, const ReadingState& state) {
    m_entries[id].reading = state;
    emit readingChanged(id);
}

void ScriptedWorkspace::setModel(const ModelInfo& model) {
    m_model = model;
    emit modelChanged();
}

void ScriptedWorkspace::hidePages(DocumentId id, bool hidden) {
    m_entries[id].hidden = hidden;
    emit infoChanged(id);
}

void ScriptedWorkspace::setScript(DocumentId id, const Answer& answer) {
    m_entries[id].script = answer;
}

QString ScriptedWorkspace::addAnswer(DocumentId id, Answer answer) {
    const QString key = QString("A%1").arg(m_nextAnswer++);
    answer.id = key.toStdString();
    m_answers[key] = {id, answer};
    Entry& entry = m_entries[id];
    if (entry.open == 0) entry.open = m_nextConversation++;
    entry.talks[entry.open].push_back(key);
    emit answersChanged(id);
    return key;
}

std::vector<Citation> ScriptedWorkspace::citations(DocumentId id) const {
    return m_entries.at(id).cited;
}

std::vector<DocumentInfo> ScriptedWorkspace::documents() const {
    std::vector<DocumentInfo> infos;
    infos.reserve(m_entries.size());
    for (const auto& [id, entry] : m_entries)
        infos.push_back(entry.info);
    return infos;
}

DocumentId ScriptedWorkspace::open(const QString& path) {
    opened << path;
    for (auto& [id, entry] : m_entries)
        if (entry.info.path == path) {
            entry.info.open = true;
            return id;
        }
    const auto id = static_cast<DocumentId>(m_entries.size() + 1);
    Entry entry;
    entry.info = {id, QFileInfo(path).fileName(), path, DocumentKind::Pdf, {}, true};
    entry.reading.stage = ReadingStage::Failed;
    entry.reading.error =
        Error{ErrorCode::NotFound, "There is no such file.", path.toStdString(), "Choose another file."};
    m_entries[id] = std::move(entry);
    emit documentsChanged();
    return id;
}

void ScriptedWorkspace::unlock(DocumentId document, const QString& password) {
    ReadingState state = m_entries[document].reading;
    if (password == "open sesame")
        state.stage = ReadingStage::FirstDone;
    else
        state.error = Error{ErrorCode::Locked, "The password is wrong.", "", "Try again."};
    setReading(document, state);
    emit infoChanged(document);
}

void ScriptedWorkspace::close(DocumentId document) {
    m_entries[document].info.open = false;
    emit documentsChanged();
}

void ScriptedWorkspace::forget(DocumentId document) {
    m_entries.erase(document);
    emit documentsChanged();
}

DocumentInfo ScriptedWorkspace::info(DocumentId document) const {
    const auto it = m_entries.find(document);
    if (it == m_entries.end()) return {};
    DocumentInfo info = it->second.info;
    if (it->second.hidden) info.pageSizes.clear();
    return info;
}

ReadingState ScriptedWorkspace::reading(DocumentId document) const {
    return m_entries.at(document).reading;
}

std::shared_ptr<const Document> ScriptedWorkspace::text(DocumentId document) const {
    const Entry& entry = m_entries.at(document);
    return entry.hidden || entry.reading.stage == ReadingStage::Locked ? nullptr : entry.text;
}

QImage ScriptedWorkspace::paintPage(const Entry& entry, int index, double pixelsPerPoint) const {
    QImage image(qRound(kPageWidth * pixelsPerPoint), qRound(kPageHeight * pixelsPerPoint),
                 QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.scale(pixelsPerPoint, pixelsPerPoint);
    painter.setPen(QColor("#111111"));
    const Document& document = *entry.text;
    const Page& page = document.pages[static_cast<std::size_t>(index)];
    QFont small = pageFont(entry.japanese, false);
    small.setPixelSize(10);
    painter.setFont(small);
    painter.drawText(QPointF(kLeft, 60), QString::fromStdString(document.name).section('.', 0, 0));
    painter.drawLine(QPointF(kLeft, 68), QPointF(kPageWidth - kRight, 68));
    for (std::size_t l = page.firstLine; l < page.lastLine; ++l)
        for (std::size_t w = document.lines[l].firstWord; w < document.lines[l].lastWord; ++w) {
            const Word& word = document.words[w];
            painter.setFont(pageFont(entry.japanese, false));
            painter.drawText(QPointF(word.box.left, word.box.bottom - 3.5),
                             QString::fromStdString(document.text.substr(word.begin, word.end - word.begin)));
        }
    return image;
}

void ScriptedWorkspace::requestPageImage(DocumentId document, int page, double pixelsPerPoint) {
    ++imagesRequested;
    m_requests.push_back({document, page, pixelsPerPoint});
    QTimer::singleShot(0, this, [this] {
        if (m_requests.empty()) return;
        const Request request = m_requests.front();
        m_requests.erase(m_requests.begin());
        emit pageImageReady(request.document, request.page, request.pixelsPerPoint,
                            paintPage(m_entries.at(request.document), request.page, request.pixelsPerPoint));
    });
}

void ScriptedWorkspace::cancelPageImages(DocumentId document) {
    ++imagesCancelled;
    std::erase_if(m_requests, [&](const Request& request) { return request.document == document; });
}

void ScriptedWorkspace::stopReading(DocumentId document) {
    ReadingState state = m_entries[document].reading;
    state.stage = ReadingStage::Stopped;
    setReading(document, state);
}

void ScriptedWorkspace::continueReading(DocumentId document) {
    ReadingState state = m_entries[document].reading;
    state.stage = ReadingStage::FirstReading;
    setReading(document, state);
}

QString ScriptedWorkspace::ask(DocumentId document, const QString& question, const QString& after) {
    Answer answer;
    answer.question = question.toStdString();
    answer.after = after.toStdString();
    answer.state = AnswerState::Waiting;
    answer.pins = static_cast<std::int32_t>(m_entries.at(document).pins.size());
    const QString id = addAnswer(document, answer);
    m_stream.start(streamMs);
    return id;
}

QString ScriptedWorkspace::askAgain(const QString& answer) {
    const auto& [document, asked] = m_answers.at(answer);
    return ask(document, QString::fromStdString(asked.question), QString::fromStdString(asked.after));
}

void ScriptedWorkspace::stream() {
    bool running = false;
    for (auto& [id, item] : m_answers) {
        auto& [document, answer] = item;
        const ReadingStage stage = m_entries[document].reading.stage;
        if (answer.state == AnswerState::Waiting && stage != ReadingStage::FirstReading)
            answer.state = AnswerState::Writing;
        if (answer.state != AnswerState::Writing) continue;
        running = true;
        const Answer& script = m_entries[document].script;
        const std::size_t blank = script.text.find(' ', answer.text.size() + 1);
        answer.text = script.text.substr(0, blank);
        answer.mode = script.mode;
        answer.figures = script.figures;
        answer.citations.clear();
        for (const Citation& citation : script.citations)
            if (citation.sentenceEnd <= answer.text.size()) answer.citations.push_back(citation);
        if (answer.text.size() == script.text.size()) {
            answer.facts = script.facts;
            answer.answerable = script.answerable;
            answer.missingPages = script.missingPages;
            answer.state = AnswerState::Complete;
        }
        emit answerChanged(id);
    }
    if (!running) m_stream.stop();
}

void ScriptedWorkspace::stop(const QString& answer) {
    m_answers[answer].second.state = AnswerState::Stopped;
    emit answerChanged(answer);
}

std::vector<QString> ScriptedWorkspace::answers(DocumentId document) const {
    const ConversationId open = conversation(document);
    return open == 0 ? std::vector<QString>() : m_entries.at(document).talks.at(open);
}

std::vector<ConversationInfo> ScriptedWorkspace::conversations(DocumentId document) const {
    std::vector<ConversationInfo> list;
    const auto it = m_entries.find(document);
    if (it == m_entries.end()) return list;
    for (const auto& [id, answers] : it->second.talks) {
        const auto questions = std::count_if(answers.begin(), answers.end(), [&](const QString& key) {
            return m_answers.at(key).second.follows.empty();
        });
        list.push_back({id, QString::fromStdString(m_answers.at(answers.front()).second.question),
                        static_cast<int>(questions)});
    }
    return list;
}

ConversationId ScriptedWorkspace::conversation(DocumentId document) const {
    const auto it = m_entries.find(document);
    return it == m_entries.end() ? 0 : it->second.open;
}

void ScriptedWorkspace::openConversation(DocumentId document, ConversationId conversation) {
    m_entries[document].open = conversation;
    emit answersChanged(document);
}

Answer ScriptedWorkspace::answer(const QString& answer) const {
    const auto it = m_answers.find(answer);
    return it == m_answers.end() ? Answer() : it->second.second;
}

WordMarks ScriptedWorkspace::marks(const QString& answer) const {
    const auto it = m_answers.find(answer);
    if (it == m_answers.end() || it->second.second.text.empty()) return {};
    WordMarks marks = m_entries.at(it->second.first).marks;
    if (it->second.second.mode == AnswerMode::Full) marks.carried = marks.tokens;
    return marks;
}

void ScriptedWorkspace::useModel(const QString& path) {
    ModelInfo model;
    model.name = QFileInfo(path).baseName();
    model.path = path;
    model.loaded = true;
    setModel(model);
}

}  // namespace kvasir
