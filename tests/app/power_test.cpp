#include "app/power.h"

#include "tests/app/app_support.h"

namespace kvasir {
namespace {

class PowerTest : public testing::Test {
protected:
    void supply(const std::string& name, const std::map<std::string, std::string>& files) const {
        std::filesystem::create_directories(m_folder.path() / name);
        for (const auto& [file, text] : files)
            static_cast<void>(m_folder.write(std::string(name).append("/").append(file), text));
    }
    test::ScratchFolder m_folder;
};

TEST_F(PowerTest, AComputerWithoutABatteryIsOnMains) {
    EXPECT_TRUE(isOnMains(m_folder.path() / "nothing"));
    EXPECT_TRUE(isOnMains(m_folder.path()));
    supply("mouse", {{"type", "Battery"}, {"scope", "Device"}, {"status", "Discharging"}});
    EXPECT_TRUE(isOnMains(m_folder.path()));
}

TEST_F(PowerTest, TheAdapterDecides) {
    supply("AC", {{"type", "Mains"}, {"online", "1"}});
    supply("BAT0", {{"type", "Battery"}, {"status", "Charging"}});
    EXPECT_TRUE(isOnMains(m_folder.path()));
    supply("AC", {{"type", "Mains"}, {"online", "0"}});
    supply("BAT0", {{"type", "Battery"}, {"status", "Discharging"}});
    EXPECT_FALSE(isOnMains(m_folder.path()));
    supply("usb", {{"type", "USB"}, {"online", "1"}});
    EXPECT_TRUE(isOnMains(m_folder.path()));
}

TEST_F(PowerTest, ABatteryAloneSaysIt) {
    supply("BAT0", {{"type", "Battery"}, {"status", "Discharging"}});
    EXPECT_FALSE(isOnMains(m_folder.path()));
    supply("BAT0", {{"type", "Battery"}, {"status", "Full"}});
    EXPECT_TRUE(isOnMains(m_folder.path()));
}

}  // namespace
}  // namespace kvasir
