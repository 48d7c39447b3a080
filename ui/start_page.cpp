#include "ui/start_page.h"

#include <QDir>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QPainter>
#include <QScrollArea>
#include <QVBoxLayout>

#include "ui/icons.h"

namespace kvasir {
namespace {

class DropArea : public QWidget {
public:
    using QWidget::QWidget;
    bool dropping = false;

protected:
    void paintEvent(QPaintEvent*) override {
        const Colours& colours = coloursOf(this);
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing, true);
        painter.setBrush(dropping ? colours.accentWash : colours.base);
        painter.setPen(QPen(dropping ? colours.accent : colours.buttonBorder, 2, Qt::DashLine));
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4, 4);
    }
};

QFrame* makeGroup(QWidget* parent) {
    auto* group = new QFrame(parent);
    group->setProperty("group", true);
    return group;
}

QVBoxLayout* addSection(QVBoxLayout* column, const QString& title, QWidget* content, QWidget* parent) {
    auto* section = new QVBoxLayout;
    section->setSpacing(5);
    section->addWidget(makeLabel(title, parent, false, 0, true));
    section->addWidget(content);
    column->addLayout(section);
    return section;
}

}  // namespace

std::vector<Sample> samplesIn(const QString& folder) {
    const std::vector<Sample> known = {
        {"framework-agreement.pdf",
         StartPage::tr("Framework supply agreement"),
         StartPage::tr("PDF, 21 pages"),
         "document",
         {"When may the Purchaser end the agreement at once?",
          "What is paid for each day of late delivery?"}},
        {"supply-agreement-ja.pdf",
         StartPage::tr("Purchase agreement in Japanese"),
         StartPage::tr("PDF, 20 pages"),
         "document",
         {QString::fromUtf8("納入が遅れたとき、契約を解除できるのはどのような場合ですか。")}},
        {"pump-manual.pdf",
         StartPage::tr("Pump maintenance manual"),
         StartPage::tr("PDF, 60 pages"),
         "document",
         {"Which torque does the impeller nut need?"}},
        {"order-gateway.log",
         StartPage::tr("Order gateway, one night"),
         StartPage::tr("log file"),
         "log",
         {"Why were orders answered with 503?"}},
    };
    std::vector<Sample> found;
    for (Sample sample : known) {
        sample.path = QDir(folder).filePath(sample.path);
        if (!folder.isEmpty() && QFileInfo(sample.path).isReadable()) found.push_back(sample);
    }
    return found;
}

StartPage::StartPage(Workspace& workspace, const QString& samplesFolder, QWidget* parent)
    : QWidget(parent), m_workspace(workspace) {
    setObjectName("startPage");
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    auto* scroll = new QScrollArea(this);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setFocusPolicy(Qt::NoFocus);
    outer->addWidget(scroll);
    auto* page = new QWidget;
    scroll->setWidget(page);
    auto* columns = new QHBoxLayout(page);
    columns->setContentsMargins(26, 18, 26, 18);
    columns->setSpacing(24);
    auto* left = new QVBoxLayout;
    left->setSpacing(16);
    auto* titles = new QVBoxLayout;
    titles->setSpacing(2);
    titles->addWidget(makeLabel(tr("Ask your documents"), page, false, 6, true));
    auto* subtitle =
        makeLabel(tr("Answers with page numbers, from a language model on your own computer."), page, true);
    subtitle->setWordWrap(true);
    titles->addWidget(subtitle);
    left->addLayout(titles);
    left->addWidget(buildDropArea());
    const std::vector<Sample> samples = samplesIn(samplesFolder);
    if (!samples.empty()) addSection(left, tr("Or look at a sample"), buildSamples(samples), page);
    addSection(left, tr("How it works"), buildHowItWorks(), page);
    left->addStretch(1);
    auto* right = new QVBoxLayout;
    right->setSpacing(16);
    auto* offline = new Note(Note::Kind::Good, page);
    offline->setIcon("lock");
    offline->setText("<b>" + tr("Nothing leaves this computer.") + "</b> " +
                         tr("Reading and answering work without a network connection."),
                     tr("How to check this"));
    connect(offline, &Note::actionTriggered, this, &StartPage::offlineHelpWanted);
    right->addWidget(offline);
    addSection(right, tr("Language model"), buildModelBox(), page);
    right->addStretch(1);
    columns->addLayout(left, 62);
    columns->addLayout(right, 38);
    connect(&workspace, &Workspace::modelChanged, this, &StartPage::refreshModel);
    refreshModel();
}

QWidget* StartPage::buildDropArea() {
    auto* area = new DropArea(this);
    m_drop = area;
    area->setMinimumHeight(186);
    auto* layout = new QVBoxLayout(area);
    layout->setSpacing(9);
    layout->addStretch();
    layout->addWidget(new IconLabel("document", &Colours::accent, 34, area), 0, Qt::AlignHCenter);
    layout->addWidget(makeLabel(tr("Drop a PDF or a log file here"), area, false, 3, true), 0,
                      Qt::AlignHCenter);
    auto* row = new QHBoxLayout;
    row->setSpacing(10);
    auto* open = makeButton(tr("Open…"), "folder", "startOpen", area);
    open->setIcon(icon("folder", true));
    open->setProperty("primary", true);
    connect(open, &QPushButton::clicked, this, &StartPage::openRequested);
    row->addStretch();
    row->addWidget(open);
    row->addWidget(
        makeLabel(tr("or press %1").arg(QKeySequence(QKeySequence::Open).toString(QKeySequence::NativeText)),
                  area, true));
    row->addStretch();
    layout->addLayout(row);
    layout->addWidget(makeLabel(tr("PDF, text and log files of any length."), area, true, -0.75), 0,
                      Qt::AlignHCenter);
    layout->addStretch();
    return area;
}

QWidget* StartPage::buildSamples(const std::vector<Sample>& samples) {
    auto* group = makeGroup(this);
    auto* layout = new QVBoxLayout(group);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const Sample& sample = samples[i];
        if (i > 0) layout->addWidget(makeHairline(group));
        auto* block = new QVBoxLayout;
        block->setContentsMargins(12, 8, 12, 8);
        block->setSpacing(2);
        auto* row = new QHBoxLayout;
        row->setSpacing(9);
        row->addWidget(new IconLabel(sample.iconName, &Colours::text, 16, group));
        row->addWidget(makeLabel(sample.title, group, false, 0, true));
        row->addWidget(makeLabel(sample.detail, group, true, -0.75));
        row->addStretch();
        auto* open = makeButton(tr("Open"), {}, "openSample", group);
        open->setProperty("small", true);
        open->setFont(sizedFont(font(), -0.75));
        open->setAccessibleName(tr("Open %1").arg(sample.title));
        connect(open, &QPushButton::clicked, this,
                [this, path = sample.path] { emit sampleChosen(path, {}); });
        row->addWidget(open);
        block->addLayout(row);
        for (const QString& question : sample.questions) {
            auto* link = makeLinkButton(question, "sampleQuestion", group);
            connect(link, &QPushButton::clicked, this,
                    [this, path = sample.path, question] { emit sampleChosen(path, question); });
            auto* indented = new QHBoxLayout;
            indented->addSpacing(22);
            indented->addWidget(link);
            indented->addStretch();
            block->addLayout(indented);
        }
        layout->addLayout(block);
    }
    return group;
}

QWidget* StartPage::buildHowItWorks() {
    auto* group = makeGroup(this);
    auto* layout = new QHBoxLayout(group);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    struct Step {
        const char* icon;
        QString title, text;
    };
    const Step steps[] = {
        {"quick", tr("Quick answer"),
         tr("A first reading takes seconds to minutes. Then answers start at once. They use the part of the "
            "document "
            "that the question draws on; you see which part.")},
        {"book", tr("Full reading"),
         tr("Goes on in the background. When it is finished, nothing is left out. Every answer says which of "
            "both it "
            "is.")},
        {"eye", tr("Look and check"),
         tr("Each answer names its pages. Marks on the page show what was carried forward and what was "
            "not.")},
    };
    for (const Step& step : steps) {
        if (&step != steps) {
            auto* line = makeSeparator(group);
            line->setFixedHeight(QWIDGETSIZE_MAX);
            line->setMinimumHeight(0);
            layout->addWidget(line);
        }
        auto* cell = new QVBoxLayout;
        cell->setContentsMargins(13, 10, 13, 10);
        cell->setSpacing(3);
        auto* head = new QHBoxLayout;
        head->setSpacing(7);
        head->addWidget(new IconLabel(step.icon, &Colours::text, 16, group));
        head->addWidget(makeLabel(step.title, group, false, 0, true), 1);
        cell->addLayout(head);
        auto* text = makeLabel(step.text, group, true, -0.75);
        text->setWordWrap(true);
        cell->addWidget(text);
        cell->addStretch();
        layout->addLayout(cell, 1);
    }
    return group;
}

QWidget* StartPage::buildModelBox() {
    auto* group = makeGroup(this);
    auto* layout = new QVBoxLayout(group);
    layout->setContentsMargins(12, 10, 12, 10);
    layout->setSpacing(5);
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    m_modelIcon = new IconLabel("info", &Colours::warning, 16, group);
    head->addWidget(m_modelIcon, 0, Qt::AlignTop);
    m_modelTitle = makeLabel({}, group, false, 0, true);
    m_modelTitle->setObjectName("modelTitle");
    m_modelTitle->setWordWrap(true);
    head->addWidget(m_modelTitle, 1);
    layout->addLayout(head);
    m_modelText = makeLabel({}, group, true, -0.75);
    m_modelText->setWordWrap(true);
    layout->addWidget(m_modelText);
    m_useFile = makeButton(tr("Use a file…"), "folder", "useModelFile", group);
    connect(m_useFile, &QPushButton::clicked, this, &StartPage::modelFileWanted);
    layout->addWidget(m_useFile, 0, Qt::AlignLeft);
    return group;
}

void StartPage::refreshModel() {
    const ModelInfo model = m_workspace.model();
    if (model.error) {
        m_modelIcon->setIcon("error", &Colours::error);
        m_modelTitle->setText(QString::fromStdString(model.error->what));
        m_modelText->setText(QString::fromStdString(model.error->advice));
    } else if (model.name.isEmpty()) {
        m_modelIcon->setIcon("info", &Colours::warning);
        m_modelTitle->setText(tr("No model on this computer yet"));
        m_modelText->setText(
            tr("Documents can be opened and searched without one; answers need a model. Choose a model "
               "file (.gguf) that you have."));
    } else {
        m_modelIcon->setIcon("check", &Colours::good);
        m_modelTitle->setText(model.name);
        m_modelText->setText(model.loaded ? tr("Ready.") : tr("Being loaded…"));
    }
    m_useFile->setText(" " + (model.name.isEmpty() ? tr("Use a file…") : tr("Use another file…")));
}

void StartPage::setDropping(bool dropping) {
    static_cast<DropArea*>(m_drop)->dropping = dropping;
    m_drop->update();
}

}  // namespace kvasir
