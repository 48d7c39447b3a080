#include "engine/sha256.h"

#include <gtest/gtest.h>

namespace kvasir {
namespace {

std::string hash(std::string_view text) {
    Sha256 sum;
    sum.add(text);
    return hexadecimal(sum.digest());
}

// The examples of FIPS 180-2, appendix B.
TEST(Sha256Test, GivesTheStandardsExamples) {
    EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hash(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, AddsInAnyPortions) {
    std::string text;
    for (int i = 0; i < 300; ++i)
        text += static_cast<char>(i * 7);
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const std::string part = text.substr(0, length);
        for (const std::size_t step : {1U, 55U, 56U, 63U, 64U, 65U}) {
            Sha256 sum;
            for (std::size_t at = 0; at < length; at += step)
                sum.add(std::string_view(part).substr(at, step));
            ASSERT_EQ(hexadecimal(sum.digest()), hash(part)) << length << " bytes, " << step << " at a time";
        }
    }
}

TEST(Sha256Test, GoesOnAfterADigest) {
    Sha256 sum;
    sum.add("ab");
    EXPECT_EQ(hexadecimal(sum.digest()), hash("ab"));
    sum.add("c");
    EXPECT_EQ(hexadecimal(sum.digest()), hash("abc"));
}

}  // namespace
}  // namespace kvasir
