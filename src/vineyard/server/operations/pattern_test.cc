// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/pattern.h"

#include <gtest/gtest.h>

namespace vineyard::server {
namespace {

TEST(Pattern, takes_a_glob_over_the_whole_text) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("vineyard::*", "vineyard::Tensor<double>"));
  EXPECT_FALSE(glob_matches("vineyard::", "vineyard::Blob"));
  EXPECT_TRUE(glob_matches("*Tensor*", "vineyard::Tensor<double>"));
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_TRUE(glob_matches("[a-c]x[!0-9]", "bxz"));
  EXPECT_FALSE(glob_matches("[a-c]x[!0-9]", "bx5"));
  EXPECT_TRUE(glob_matches("a\\*", "a*"));
  EXPECT_FALSE(glob_matches("a\\*", "ab"));
  EXPECT_TRUE(glob_matches("a[", "a["));
  EXPECT_TRUE(glob_matches("**a**", "bab"));
}
TEST(Pattern, does_not_take_for_ever_on_a_pathological_glob) {
  std::string glob;
  for (int n = 0; n < 1000; ++n) glob += "*a";
  EXPECT_FALSE(glob_matches(glob + "b", std::string(4000, 'a')));
}
TEST(Pattern, takes_regular_expressions_as_full_matches) {
  const auto p = Pattern::parse("vineyard::(Tensor|Blob).*", Pattern::Syntax::kRegularExpression);
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->matches("vineyard::Tensor<int>"));
  EXPECT_FALSE(p->matches("x vineyard::Blob"));
}
TEST(Pattern, says_what_is_wrong_with_an_expression) {
  const auto p = Pattern::parse("(", Pattern::Syntax::kRegularExpression);
  ASSERT_FALSE(p);
  EXPECT_NE(p.error().message().find("missing"), std::string::npos);
}
TEST(Pattern, knows_what_every_match_begins_with) {
  EXPECT_EQ(Pattern::parse("ab*c", Pattern::Syntax::kGlob)->literal_prefix(), "ab");
  EXPECT_EQ(Pattern::parse("abc", Pattern::Syntax::kGlob)->literal_prefix(), "abc");
}

}  // namespace
}  // namespace vineyard::server
