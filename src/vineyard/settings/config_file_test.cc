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

TEST(ConfigFile, takes_one_value_a_line) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("\n  \n\t# nothing\n"), "");
  EXPECT_EQ(read("size = \"8Gi\"\nuntil-idle = true\n"), "size=8Gi|until-idle=true");
  EXPECT_EQ(read("a='x'\r\n\tb\t=\t7\t# seven\r\n"), "a=x|b=7");
  EXPECT_EQ(read("size = 8Gi#all\nsocket = /run/v.sock"), "size=8Gi|socket=/run/v.sock");
}
TEST(ConfigFile, keeps_what_stands_in_quotes) {
  EXPECT_EQ(read(R"(a = "# [x], 'y' = z ")"), "a=# [x], 'y' = z ");
  EXPECT_EQ(read(R"(a = "\"x\\" # "b")"), R"(a="x\)");
  EXPECT_EQ(read(R"(a = '\"\')"), R"(a=\"\)");
}
TEST(ConfigFile, says_which_line_it_does_not_understand_and_why) {
  EXPECT_THAT(read("a = 1\nb\n"), AllOf(StartsWith("invalid: line 2: "), HasSubstr("key = value")));
  EXPECT_THAT(read("[a]"), HasSubstr("no tables"));
  EXPECT_THAT(read("= 1"), HasSubstr("key = value"));
  EXPECT_THAT(read("a b = 1"), HasSubstr("key = value"));
  EXPECT_THAT(read("a ="), HasSubstr("no value"));
  EXPECT_THAT(read("a = # b"), HasSubstr("no value"));
  EXPECT_THAT(read("a = ''"), HasSubstr("a is empty"));
  EXPECT_THAT(read("a = \"x"), HasSubstr("the quote at the end is missing"));
  EXPECT_THAT(read("a = \"x\\"), HasSubstr("only"));
  EXPECT_THAT(read("a = \"\\n\""), HasSubstr("only"));
  EXPECT_THAT(read("a = x\"y\""), HasSubstr("in quotes"));
  EXPECT_THAT(read("a = 1, 2"), HasSubstr("in quotes"));
  EXPECT_THAT(read("a = 1 2"), HasSubstr("more than one value"));
  EXPECT_THAT(read("a = \"\"\"x\"\"\""), HasSubstr("a is empty"));
  EXPECT_THAT(read("a = 1\na = 2"), HasSubstr("line 2: a is set a second time"));
  for (const char* list : {"a = [1, 2]", "a = [", "a = [\r]", "a = []", "a = {b = 1}"})
    EXPECT_THAT(read(list), StartsWith("invalid: line 1: ")) << list;
  EXPECT_THAT(read(std::string_view("a = \"\0\"", 7)), HasSubstr("control characters"));
  EXPECT_THAT(read("a = '\x1b[2J'"), AllOf(HasSubstr("control"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace vineyard::settings
