// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace vineyard::meta {
namespace {

std::string encoded(std::uint32_t c) {
  std::string out;
  if (c < 0x80) return out += static_cast<char>(c), out;
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static constexpr std::uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3f));
  return out;
}

TEST(Utf8, takes_every_character_but_surrogates_wherever_it_stands) {
  for (std::uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 7) {
    const bool is_surrogate = c >= 0xd800 && c < 0xe000;
    EXPECT_EQ(is_utf8(encoded(c)), !is_surrogate) << c;
    EXPECT_EQ(is_utf8("12345678" + encoded(c) + "1234567"), !is_surrogate) << c;
  }
  EXPECT_FALSE(is_utf8(encoded(0x110000)));
}
TEST(Utf8, refuses_overlong_and_broken_sequences) {
  for (const char* text : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\x80",
                           "\xbf", "\xc3", "\xe2\x82", "\xf0\x9f\x8d", "\xc3\x28", "\xe2\x28\xa1",
                           "\xe2\x82\x28", "\xfe", "\xff", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text));
    EXPECT_FALSE(is_utf8(std::string("abc") + text));
    EXPECT_FALSE(is_utf8(text + std::string("defghijkl")));
  }
}
TEST(Utf8, finds_a_bad_byte_at_every_place) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      EXPECT_TRUE(is_utf8(text));
      text[at] = '\xff';
      EXPECT_FALSE(is_utf8(text)) << size << ' ' << at;
    }
  }
  EXPECT_TRUE(is_utf8(""));
}

}  // namespace
}  // namespace vineyard::meta
