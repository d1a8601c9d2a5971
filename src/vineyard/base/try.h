// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "vineyard/base/result.h"

// The only macro that returns.
//   VY_TRY(expression);            returns the error of a Result, goes on otherwise
//   VY_TRY(auto x, expression);    the same, and declares x with the value
#define VY_TRY_CONCAT_(a, b) a##b
#define VY_TRY_NAME_(line) VY_TRY_CONCAT_(vy_try_, line)
#define VY_TRY_ONE_(expression)                                                         \
  do {                                                                                  \
    if (auto vy_result = (expression); !vy_result) return std::move(vy_result).error(); \
  } while (false)
#define VY_TRY_TWO_(declaration, expression)                                     \
  auto VY_TRY_NAME_(__LINE__) = (expression);                                    \
  if (!VY_TRY_NAME_(__LINE__)) return std::move(VY_TRY_NAME_(__LINE__)).error(); \
  declaration = *std::move(VY_TRY_NAME_(__LINE__))
#define VY_TRY_PICK_(a, b, macro, ...) macro
#define VY_TRY(...) VY_TRY_PICK_(__VA_ARGS__, VY_TRY_TWO_, VY_TRY_ONE_, )(__VA_ARGS__)
