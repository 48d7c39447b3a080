#include "ui/problem_panel.h"

#include <QHBoxLayout>
#include <QVBoxLayout>

#include "ui/widgets.h"

namespace kvasir {

ProblemPanel::ProblemPanel(QWidget* parent) : QWidget(parent) {
    setObjectName("problemPanel");
    auto* outer = new QVBoxLayout(this);
    auto* frame = new QFrame(this);
    frame->setProperty("group", true);
    frame->setMaximumWidth(520);
    auto* layout = new QVBoxLayout(frame);
    layout->setContentsMargins(16, 14, 16, 14);
    layout->setSpacing(8);
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    m_icon = new IconLabel("lock", &Colours::text, 18, frame);
    m_title = makeLabel({}, frame, false, 1, true);
    m_title->setWordWrap(true);
    m_title->setObjectName("problemTitle");
    head->addWidget(m_icon, 0, Qt::AlignTop);
    head->addWidget(m_title, 1);
    layout->addLayout(head);
    m_text = makeLabel({}, frame);
    m_text->setWordWrap(true);
    m_text->setObjectName("problemText");
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(m_text);
    auto* row = new QHBoxLayout;
    m_password = new QLineEdit(frame);
    m_password->setEchoMode(QLineEdit::Password);
    m_password->setObjectName("passwordEdit");
    m_password->setAccessibleName(tr("Password"));
    m_unlock = makeButton(tr("Unlock"), {}, "unlockButton", frame);
    m_unlock->setProperty("primary", true);
    m_other = makeButton(tr("Open another file…"), "folder", "otherFileButton", frame);
    row->addWidget(m_password, 1);
    row->addWidget(m_unlock);
    row->addWidget(m_other);
    row->addStretch();
    layout->addLayout(row);
    outer->addStretch(2);
    outer->addWidget(frame, 0, Qt::AlignHCenter);
    outer->addStretch(3);
    const auto enter = [this] {
        if (!m_password->text().isEmpty()) emit passwordEntered(m_password->text());
    };
    connect(m_unlock, &QPushButton::clicked, this, enter);
    connect(m_password, &QLineEdit::returnPressed, this, enter);
    connect(m_other, &QPushButton::clicked, this, &ProblemPanel::anotherFileWanted);
}

void ProblemPanel::showLocked(const QString& name, bool wrong) {
    m_icon->setIcon("lock", wrong ? &Colours::error : &Colours::text);
    m_title->setText(wrong ? tr("That was not the password") : tr("This document is locked"));
    m_text->setText(tr("“%1” opens with a password. It is used for opening only and not kept.").arg(name));
    m_password->setVisible(true);
    m_unlock->setVisible(true);
    m_other->setVisible(false);
    m_password->selectAll();
    m_password->setFocus();
}

void ProblemPanel::showError(const Error& error) {
    m_icon->setIcon("error", &Colours::error);
    m_title->setText(QString::fromStdString(error.what));
    QString text = QString::fromStdString(error.advice);
    if (!error.where.empty()) text = QString::fromStdString(error.where) + "\n\n" + text;
    m_text->setText(text);
    m_password->setVisible(false);
    m_unlock->setVisible(false);
    m_other->setVisible(true);
}

}  // namespace kvasir
