// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/units.h"

#include <gtest/gtest.h>

namespace vineyard {
namespace {

TEST(ByteCount, reads_what_people_write) {
  EXPECT_EQ(parse_byte_count("512")->value, 512U);
  EXPECT_EQ(parse_byte_count("64K")->value, 64U << 10);
  EXPECT_EQ(parse_byte_count("64ki")->value, 64U << 10);
  EXPECT_EQ(parse_byte_count("1.5GiB")->value, 3ULL << 29);
  EXPECT_EQ(parse_byte_count("2 MB")->value, 2U << 20);
}
TEST(ByteCount, refuses_anything_else_and_says_what_is_understood) {
  for (const char* text : {"", "x", "-1", "1Q", "1Kx", "nan", "inf"}) {
    const auto r = parse_byte_count(text);
    ASSERT_FALSE(r) << text;
    EXPECT_NE(r.error().message().find("512Mi"), std::string::npos);
  }
}
TEST(ByteCount, says_when_a_size_is_too_large_to_be_one) {
  for (const char* text : {"9223372036854775808", "18446744073709551616", "8192P", "1e30G"}) {
    const auto r = parse_byte_count(text);
    ASSERT_FALSE(r) << text;
    EXPECT_NE(r.error().message().find("more than any machine has"), std::string::npos);
  }
  EXPECT_TRUE(parse_byte_count("8191P"));
}
TEST(ByteCount, is_shown_with_a_unit) {
  EXPECT_EQ(to_string(12_B), "12 B");
  EXPECT_EQ(to_string(4_KiB), "4.0 KiB");
  EXPECT_EQ(to_string(ByteCount(5ULL << 29)), "2.5 GiB");
}

}  // namespace
}  // namespace vineyard
