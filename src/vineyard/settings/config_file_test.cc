// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vineyard::settings {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// `key=value` of each setting, with a bar between them.
std::string read(std::string_view text) {
  const auto settings = parse_config_file(text);
  if (!settings) return settings.error().to_string();
  std::string shown;
  for (const auto& [key, value] : *settings)
    shown.append(shown.empty() ? "" : "|").append(key).append("=").append(value);
  return shown;
}

TEST(ConfigFile, takes_text_numbers_and_switches) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("\n  \n\t# nothing\n"), "");
  EXPECT_EQ(read("size = \"8Gi\"\nuntil-idle = true\n"), "size=8Gi|until-idle=true");
  EXPECT_EQ(read("a='x'\r\n\tb\t=\t7\t# seven\r\n"), "a=x|b=7");
  EXPECT_EQ(read(R"(a = "# [x], 'y' = \"z\" ")"), R"(a=# [x], 'y' = "z" )");
}
TEST(ConfigFile, says_which_line_it_does_not_understand_and_why) {
  EXPECT_THAT(read("a = 1\nb\n"), StartsWith("invalid: line 2: "));
  EXPECT_THAT(read("size = 8Gi"), AllOf(StartsWith("invalid: line 1: "), HasSubstr("in quotes")));
  EXPECT_THAT(read("a = ''"), HasSubstr("line 1: a is empty"));
  EXPECT_THAT(read("a = 1\na = 2"), StartsWith("invalid: line 2: "));
  EXPECT_THAT(read("\n[a]\nb = 1"), AllOf(StartsWith("invalid: line 2: "), HasSubstr("a must be")));
  for (const char* other :
       {"a = [1, 2]", "a = []", "a = {b = 1}", "a = 1.5", "a = 1979-05-27", "a.b = 1"})
    EXPECT_THAT(read(other), AllOf(StartsWith("invalid: line 1: "), HasSubstr("a must be")))
        << other;
  for (const char* broken :
       {"= 1", "a b = 1", "a =", "a = # b", "a = \"x", "a = [\r]", "a = 1, 2", "\xff = 1"})
    EXPECT_THAT(read(broken), StartsWith("invalid: line 1: ")) << broken;
  EXPECT_THAT(read("a = '\x1b[2J'"), AllOf(HasSubstr("control"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace vineyard::settings
