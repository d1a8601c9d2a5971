// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "vineyard/base/try.h"

namespace vineyard {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalid, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  VY_TRY(auto h, half(n));
  return half(h);
}
Result<void> check_even(int n) {
  VY_TRY(half(n));
  return {};
}

TEST(Result, holds_a_value_or_an_error) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_EQ(half(3).error().code(), ErrorCode::kInvalid);
}
TEST(Result, try_returns_the_first_error) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6));
  EXPECT_FALSE(quarter(3));
  EXPECT_TRUE(check_even(2));
  EXPECT_FALSE(check_even(1));
}
TEST(Result, moves_what_cannot_be_copied) {
  Result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  std::unique_ptr<int> p = *std::move(r);
  EXPECT_EQ(*p, 7);
}
TEST(Result, says_where_an_error_came_from) {
  const Error e = Error(ErrorCode::kFull, "no room").with_context("cannot put");
  EXPECT_EQ(e.to_string(), "full: cannot put: no room");
}
TEST(ResultDeathTest, aborts_when_a_missing_value_is_used) {
  EXPECT_DEATH((void)*half(3), "odd");
}

}  // namespace
}  // namespace vineyard
