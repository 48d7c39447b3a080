// Widget tests need an application: without a screen they paint into memory.
#include <gtest/gtest.h>

#include <QApplication>
#include <QLocale>

#include "ui/theme.h"

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    testing::InitGoogleTest(&argc, argv);
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    kvasir::applyTheme(application, kvasir::ThemeChoice::Light, false);
    return RUN_ALL_TESTS();
}
