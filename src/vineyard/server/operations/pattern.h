// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "vineyard/base/result.h"

namespace vineyard::server {

/// A pattern that a caller sent: a glob (`*`, `?`, `[abc]`, `[!a-z]`, `\` takes the next character as it is) or a
/// regular expression (RE2 syntax, full match). Matching takes time linear in the text for each star at most: nothing
/// backtracks without bound.
///
/// Owner:   the operation at hand.
/// Threads: one at a time.
/// Always:  never matches half a text.
class Pattern {
 public:
  enum class Syntax : std::uint32_t { kGlob = 0, kRegularExpression = 1 };
  /// Errors: invalid (too long; a regular expression that RE2 cannot read, with its reason).
  static Result<Pattern> parse(std::string text, Syntax syntax);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern();

  [[nodiscard]] bool matches(std::string_view text) const;
  /// What every match begins with.
  [[nodiscard]] std::string_view literal_prefix() const;

 private:
  struct Expression;
  explicit Pattern(std::string text);
  std::string text_;
  std::unique_ptr<Expression> expression_;  // null: a glob
};

/// Whether a glob matches all of `text`.
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace vineyard::server
