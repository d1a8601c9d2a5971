// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace vineyard::server {
namespace {

constexpr std::size_t kMaxPattern = 4096;
constexpr std::int64_t kExpressionMemory = 1 << 20;

// One element of a glob at `at` against `c`; returns the element's end, or npos if it does not match.
std::size_t match_one(std::string_view glob, std::size_t at, char c) {
  constexpr auto kNo = std::string_view::npos;
  if (glob[at] == '?') return at + 1;
  if (glob[at] == '\\' && at + 1 < glob.size()) return glob[at + 1] == c ? at + 2 : kNo;
  if (glob[at] != '[') return glob[at] == c ? at + 1 : kNo;
  std::size_t p = at + 1;
  const bool negated = p < glob.size() && (glob[p] == '!' || glob[p] == '^');
  if (negated) ++p;
  bool found = false;
  for (std::size_t first = p; p < glob.size() && (glob[p] != ']' || p == first);) {
    if (p + 2 < glob.size() && glob[p + 1] == '-' && glob[p + 2] != ']') {
      found = found || (glob[p] <= c && c <= glob[p + 2]);
      p += 3;
    } else {
      found = found || glob[p] == c;
      ++p;
    }
  }
  if (p >= glob.size()) return c == '[' ? at + 1 : kNo;  // no closing bracket: a plain character
  return found != negated ? p + 1 : kNo;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = ++g;
      star_text = t;
      continue;
    }
    const std::size_t next = g < glob.size() ? match_one(glob, g, text[t]) : std::string_view::npos;
    if (next != std::string_view::npos) {
      g = next;
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    // Only the last star is ever tried again: what stands before it has matched as early as possible.
    g = star;
    t = ++star_text;
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

struct Pattern::Expression {
  explicit Expression(const std::string& text, const re2::RE2::Options& options)
      : re(text, options) {}
  re2::RE2 re;
};

Pattern::Pattern(std::string text) : text_(std::move(text)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::parse(std::string text, Syntax syntax) {
  if (text.size() > kMaxPattern) {
    return Error(ErrorCode::kInvalid, fmt::format("a pattern has at most {} bytes, this one has {}",
                                                  kMaxPattern, text.size()));
  }
  Pattern pattern(std::move(text));
  if (syntax == Syntax::kGlob) return pattern;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemory);
  pattern.expression_ = std::make_unique<Expression>(pattern.text_, options);
  if (!pattern.expression_->re.ok()) {
    return Error(ErrorCode::kInvalid, fmt::format("'{}' is not a regular expression (RE2): {}",
                                                  pattern.text_, pattern.expression_->re.error()));
  }
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  if (!expression_) return glob_matches(text_, text);
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), expression_->re);
}

std::string_view Pattern::literal_prefix() const {
  if (expression_) return {};
  return std::string_view(text_).substr(0, text_.find_first_of("*?[\\"));
}

}  // namespace vineyard::server
