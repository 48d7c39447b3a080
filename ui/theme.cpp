#include "ui/theme.h"

#include <algorithm>

#include <QFontDatabase>
#include <QFontInfo>
#include <QStyle>
#include <QStyleFactory>

namespace kvasir {
namespace {

constexpr double kSmallestPoints = 8.5;

Colours makeLight() {
    Colours c;
    c.window = "#F2F3F4", c.windowAlt = "#E7E9EC", c.modeBar = "#E9EBED", c.base = "#FFFFFF";
    c.canvas = "#CDD1D6", c.text = "#1A1D21", c.secondary = "#535A64", c.line = "#C3C8CE";
    c.lineSoft = "#DBDEE2", c.button = "#FDFDFD", c.buttonShade = "#ECEEF0", c.buttonBorder = "#B4BAC2";
    c.fieldBorder = "#868D97", c.accent = "#0F6459", c.accentText = "#FFFFFF", c.accentWash = "#D8EAE6";
    c.link = "#0B4F46", c.selection = "#0F6459", c.selectionText = "#FFFFFF";
    c.paper = "#FFFFFF", c.ink = "#14161A";
    c.carried = "#2A6CB0", c.carriedWash = "#D3E4F6", c.notCarried = "#696F78", c.hatch = "#8A9099";
    c.cited = "#B86200", c.citedWash = "#FFDFA6", c.citedText = "#1A1D21";
    c.pinned = "#7A3A9E", c.pinnedWash = "#F3EAF8";
    c.error = "#A4262C", c.errorGround = "#FBE7E7", c.warning = "#7A5200", c.warningGround = "#FFF3D6";
    c.good = "#1D6B3A", c.goodGround = "#E3F2E7", c.veil = 0.41;
    return c;
}

Colours makeDark() {
    Colours c;
    c.dark = true;
    c.window = "#26292D", c.windowAlt = "#1F2225", c.modeBar = "#202327", c.base = "#1A1C1F";
    c.canvas = "#121416", c.text = "#E8EAED", c.secondary = "#A9B0B9", c.line = "#41464D";
    c.lineSoft = "#33373D", c.button = "#3A3E44", c.buttonShade = "#32363B", c.buttonBorder = "#565C65";
    c.fieldBorder = "#7E858F", c.accent = "#4FB8A6", c.accentText = "#08201C", c.accentWash = "#1E3D39";
    c.link = "#8FDCCD", c.selection = "#1F6F63", c.selectionText = "#FFFFFF";
    c.paper = "#23262A", c.ink = "#F4F5F7";
    c.carried = "#6FB2F2", c.carriedWash = "#1D426B", c.notCarried = "#9299A3", c.hatch = "#7B828C";
    c.cited = "#F2A93B", c.citedWash = "#5B3B06", c.citedText = "#F4F5F7";
    c.pinned = "#D6A3F2", c.pinnedWash = "#37264A";
    c.error = "#FF9A94", c.errorGround = "#46201F", c.warning = "#F0C674", c.warningGround = "#3D3215";
    c.good = "#84D3A0", c.goodGround = "#1D3A28", c.veil = 0.47;
    return c;
}

QPalette makePalette(const Colours& c) {
    QPalette p(c.text, c.button, c.base, c.line, c.buttonBorder, c.text, c.text, c.base, c.window);
    p.setColor(QPalette::AlternateBase, c.windowAlt);
    p.setColor(QPalette::Highlight, c.selection);
    p.setColor(QPalette::HighlightedText, c.selectionText);
    p.setColor(QPalette::Link, c.link);
    p.setColor(QPalette::LinkVisited, c.link);
    p.setColor(QPalette::PlaceholderText, c.secondary);
    p.setColor(QPalette::ToolTipBase, c.dark ? c.button : c.base);
    p.setColor(QPalette::ToolTipText, c.text);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        p.setColor(QPalette::Disabled, role, c.notCarried);
    return p;
}

// One sheet for what the palette cannot say. @names are replaced by the table's colours.
constexpr const char* kSheet = R"(
QMenuBar { background: @window; border-bottom: 1px solid @lineSoft; padding: 1px 4px; }
QMenuBar::item { padding: 3px 9px; background: transparent; border-radius: 3px; }
QMenuBar::item:selected { background: @accentWash; }
QMenu { background: @base; border: 1px solid @line; padding: 3px 0; }
QMenu::item { padding: 4px 28px 4px 26px; }
QMenu::item:selected { background: @selection; color: @selectionText; }
QMenu::item:disabled { color: @notCarried; }
QMenu::separator { height: 1px; background: @lineSoft; margin: 3px 0; }
QPushButton, QToolButton[framed="true"] {
  background: qlineargradient(x1:0, y1:0, x2:0, y2:1, stop:0 @button, stop:1 @buttonShade);
  border: 1px solid @buttonBorder; border-radius: 3px; padding: 2px 10px; min-height: 19px; color: @text; }
QPushButton:hover, QToolButton[framed="true"]:hover { border-color: @fieldBorder; background: @button; }
QPushButton:pressed, QToolButton[framed="true"]:pressed { background: @buttonShade; }
QPushButton:disabled { color: @notCarried; background: @window; border-color: @line; }
QPushButton[small="true"] { padding: 1px 8px; min-height: 18px; }
QPushButton[primary="true"] {
  background: @accent; border-color: @accent; color: @accentText; font-weight: 600; padding: 2px 14px; }
QPushButton[primary="true"]:hover { border-color: @text; }
QPushButton[primary="true"]:disabled { background: @window; border-color: @line; color: @notCarried; }
QPushButton:focus, QToolButton[framed="true"]:focus { border: 2px solid @accent; padding: 1px 9px; }
QPushButton[small="true"]:focus { padding: 0 7px; }
QPushButton[primary="true"]:focus { border: 2px solid @text; padding: 1px 13px; }
QPushButton[link="true"] { border: none; background: transparent; color: @link; text-decoration: underline;
  padding: 0 2px; min-height: 17px; text-align: left; }
QPushButton[link="true"]:focus { border: 2px solid @accent; padding: 0; }
QToolButton { border: 1px solid transparent; border-radius: 3px; padding: 3px; color: @text; }
QToolButton:hover { background: @windowAlt; border-color: @line; }
QToolButton:pressed { background: @accentWash; }
QToolButton:focus { border: 2px solid @accent; padding: 2px; }
QToolButton:disabled { color: @notCarried; }
QToolButton[segment="first"], QToolButton[segment="middle"], QToolButton[segment="last"] {
  background: qlineargradient(x1:0, y1:0, x2:0, y2:1, stop:0 @button, stop:1 @buttonShade);
  border: 1px solid @buttonBorder; border-radius: 0; padding: 2px 10px; min-height: 19px; }
QToolButton[segment="first"] { border-right: none; border-top-left-radius: 3px; border-bottom-left-radius: 3px; }
QToolButton[segment="last"] { border-left: none; border-top-right-radius: 3px; border-bottom-right-radius: 3px; }
QToolButton[segment="first"]:checked, QToolButton[segment="middle"]:checked, QToolButton[segment="last"]:checked {
  background: @accent; border-color: @accent; color: @accentText; font-weight: 600; }
QToolButton[segment="first"]:checked:disabled, QToolButton[segment="middle"]:checked:disabled,
QToolButton[segment="last"]:checked:disabled { background: @windowAlt; color: @notCarried; border-color: @line; }
QToolButton[segment="first"]:focus, QToolButton[segment="middle"]:focus, QToolButton[segment="last"]:focus {
  border: 2px solid @text; padding: 1px 9px; }
QToolButton::menu-indicator { image: none; }
QLineEdit, QPlainTextEdit#questionEdit {
  background: @base; border: 1px solid @fieldBorder; border-radius: 2px; padding: 2px 6px; color: @text;
  selection-background-color: @selection; selection-color: @selectionText; }
QLineEdit:focus, QPlainTextEdit#questionEdit:focus { border: 2px solid @accent; padding: 1px 5px; }
QLineEdit:disabled, QPlainTextEdit#questionEdit:disabled { background: @window; border-color: @line; }
QComboBox { background: qlineargradient(x1:0, y1:0, x2:0, y2:1, stop:0 @button, stop:1 @buttonShade);
  border: 1px solid @buttonBorder; border-radius: 3px; padding: 1px 6px 1px 8px; min-height: 19px; }
QComboBox:focus { border: 2px solid @accent; padding: 0 5px 0 7px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(:/kvasir/icons/@downFile); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @base; border: 1px solid @line; selection-background-color: @selection;
  selection-color: @selectionText; outline: none; }
QTabBar { background: @windowAlt; }
QTabBar::tab { background: transparent; color: @secondary; padding: 5px 10px; border: 1px solid transparent;
  border-bottom: none; min-height: 16px; }
QTabBar::tab:selected { background: @window; color: @text; border-color: @line; border-top: 2px solid @accent;
  border-top-left-radius: 3px; border-top-right-radius: 3px; padding-top: 4px; }
QTabBar::close-button { image: url(:/kvasir/icons/@closeFile); width: 13px; height: 13px; padding: 1px; }
QTabBar::close-button:hover { background: @line; border-radius: 2px; }
QTabBar::tab:focus { color: @link; text-decoration: underline; }
QTreeView, QListView { background: @base; border: none; outline: none; }
QSplitter::handle { background: @line; }
QStatusBar { background: @window; border-top: 1px solid @line; }
QStatusBar::item { border: none; }
QProgressBar { border: 1px solid @fieldBorder; border-radius: 2px; background: @base; max-height: 7px;
  min-height: 7px; }
QProgressBar::chunk { background: @accent; }
QScrollBar:vertical { background: @windowAlt; width: 14px; border-left: 1px solid @lineSoft; margin: 0; }
QScrollBar:horizontal { background: @windowAlt; height: 14px; border-top: 1px solid @lineSoft; margin: 0; }
QScrollBar::handle { background: @hatch; border-radius: 4px; margin: 3px; }
QScrollBar::handle:hover { background: @fieldBorder; }
QScrollBar::handle:vertical { min-height: 26px; }
QScrollBar::handle:horizontal { min-width: 26px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QToolTip { background: @base; color: @text; border: 1px solid @line; padding: 3px 5px; }
QFrame[note="plain"], QFrame[note="warning"], QFrame[note="error"], QFrame[note="good"] {
  border: 1px solid @line; border-left: 3px solid @line; border-radius: 2px; background: @window; }
QFrame[note="warning"] { border-color: @warning; background: @warningGround; }
QFrame[note="error"] { border-color: @error; background: @errorGround; }
QFrame[note="good"] { border-color: @good; background: @goodGround; }
QLabel#answerQuestion { background: @windowAlt; border: 1px solid @lineSoft; border-radius: 3px; padding: 5px 8px; }
QFrame[group="true"] { background: @base; border: 1px solid @line; border-radius: 3px; }
QFrame[panel="base"] { background: @base; border: none; }
QWidget[tone="secondary"] { color: @secondary; }
QCheckBox::indicator { width: 13px; height: 13px; border: 1px solid @fieldBorder; border-radius: 2px;
  background: @base; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent;
  image: url(:/kvasir/icons/@checkFile); }
QCheckBox:focus { color: @link; text-decoration: underline; }
)";

QString sheetOf(const Colours& c) {
    // Longer names before their prefixes: "@windowAlt" must not be read as "@window" and "Alt".
    const std::pair<const char*, QColor> names[] = {
        {"@windowAlt", c.windowAlt},
        {"@window", c.window},
        {"@base", c.base},
        {"@lineSoft", c.lineSoft},
        {"@line", c.line},
        {"@buttonShade", c.buttonShade},
        {"@buttonBorder", c.buttonBorder},
        {"@button", c.button},
        {"@fieldBorder", c.fieldBorder},
        {"@accentText", c.accentText},
        {"@accentWash", c.accentWash},
        {"@accent", c.accent},
        {"@link", c.link},
        {"@selectionText", c.selectionText},
        {"@selection", c.selection},
        {"@secondary", c.secondary},
        {"@text", c.text},
        {"@notCarried", c.notCarried},
        {"@hatch", c.hatch},
        {"@errorGround", c.errorGround},
        {"@error", c.error},
        {"@warningGround", c.warningGround},
        {"@warning", c.warning},
        {"@goodGround", c.goodGround},
        {"@good", c.good},
    };
    QString sheet = QString::fromUtf8(kSheet);
    const QString suffix = c.dark ? "_on_dark.svg" : "_on_light.svg";
    sheet.replace("@downFile", "down" + suffix);
    sheet.replace("@closeFile", "close" + suffix);
    sheet.replace("@checkFile", "check" + suffix);
    for (const auto& [name, colour] : names)
        sheet.replace(name, colour.name());
    return sheet;
}

bool systemIsDark() {
    static const bool dark = QGuiApplication::palette().color(QPalette::Window).lightness() < 128;
    return dark;
}

QFont interfaceFont(bool japanese) {
    static const QFont system = QApplication::font();
    const QStringList known = QFontDatabase::families();
    // The family by its real name: beside a generic one ("Sans Serif") the CJK font below would win.
    const QStringList families{QFontInfo(system).family()};
    QStringList cjk;
    for (const char* name : {"Noto Sans CJK JP", "Noto Sans JP", "IPAPGothic"})
        if (known.contains(QString::fromLatin1(name))) cjk << QString::fromLatin1(name);
    QFont font = system;
    font.setFamilies(japanese ? cjk + families : families + cjk);
    if (font.pointSizeF() < 10) font.setPointSizeF(10);
    return font;
}

}  // namespace

ThemeChoice themeChoice(const QString& setting) {
    if (setting == "light") return ThemeChoice::Light;
    return setting == "dark" ? ThemeChoice::Dark : ThemeChoice::System;
}

QString themeSetting(ThemeChoice choice) {
    if (choice == ThemeChoice::Light) return "light";
    return choice == ThemeChoice::Dark ? "dark" : "system";
}

const Colours& lightColours() {
    static const Colours colours = makeLight();
    return colours;
}

const Colours& darkColours() {
    static const Colours colours = makeDark();
    return colours;
}

const Colours& coloursOf(const QPalette& palette) {
    return palette.color(QPalette::Active, QPalette::Window).lightness() < 128 ? darkColours()
                                                                               : lightColours();
}

void applyTheme(QApplication& application, ThemeChoice choice, bool japanese) {
    const bool systemDark = systemIsDark();  // asked once, before the palette is ours
    const bool dark = choice == ThemeChoice::Dark || (choice == ThemeChoice::System && systemDark);
    const Colours& colours = dark ? darkColours() : lightColours();
    application.setFont(interfaceFont(japanese));
    application.setStyle(QStyleFactory::create("Fusion"));
    application.setPalette(makePalette(colours));
    application.setStyleSheet(sheetOf(colours));
}

QFont sizedFont(const QFont& font, double pointsMore, bool bold) {
    QFont sized = font;
    sized.setPointSizeF(std::max(kSmallestPoints, font.pointSizeF() + pointsMore));
    if (bold) sized.setWeight(QFont::DemiBold);
    return sized;
}

QFont monospacedFont(const QFont& font) {
    const QStringList known = QFontDatabase::families();
    QFont mono = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    QStringList families;
    for (const char* name : {"Noto Sans Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK JP"})
        if (known.contains(QString::fromLatin1(name))) families << QString::fromLatin1(name);
    if (!families.isEmpty()) mono.setFamilies(families);
    mono.setPointSizeF(std::max(kSmallestPoints, font.pointSizeF() - 0.5));
    mono.setStyleHint(QFont::Monospace);
    return mono;
}

bool reducedMotion(const QWidget* widget) {
    return widget->style()->styleHint(QStyle::SH_Widget_Animation_Duration, nullptr, widget) <= 0;
}

}  // namespace kvasir
