// SPDX-License-Identifier: Apache-2.0
// Text that a user or another program wrote: sizes, ids, type names, UTF-8, base64, Arrow formats,
// patterns. Each parser refuses it, or what it understood can be written and read again.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/check.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/units.h"
#include "vineyard/meta/document_json.h"
#include "vineyard/meta/type_name.h"
#include "vineyard/meta/utf8.h"
#include "vineyard/server/operations/pattern.h"
#include "vineyard/types/arrow/layout.h"

using namespace vineyard;

namespace {

void try_size(std::string_view text) {
  const auto bytes = parse_byte_count(text);
  if (!bytes) return;
  VY_CHECK(bytes->value < std::uint64_t{1} << 63);
  const auto shown = parse_byte_count(to_string(*bytes));
  if (!shown) return;  // rounded up to more than any machine has
  const std::uint64_t more = std::max(shown->value, bytes->value);
  const std::uint64_t less = std::min(shown->value, bytes->value);
  VY_CHECK(more - less <= more / 16);
}

void try_names(std::string_view text) {
  if (const auto id = ObjectId::parse(text)) VY_CHECK(ObjectId::parse(id->to_string()) == *id);
  const std::string canonical = meta::canonical_type_name(text);
  VY_CHECK(meta::canonical_type_name(canonical) == canonical);
  if (const auto name = meta::parse_type_name(text)) VY_CHECK(name->to_string() == text);
  if (const auto type = meta::parse_element_type(text)) {
    VY_CHECK(meta::parse_element_type(meta::name_in_type(*type)) == type);
    VY_CHECK(meta::parse_element_type(meta::numpy_name(*type)) == type);
  }
}

void try_arrow(std::string_view text) {
  (void)arrow::format_of_type_name(text);
  const auto layout = arrow::parse_format(text);
  if (!layout) return;
  VY_CHECK(layout->has_validity() ? layout->buffer_count() >= 1 : true);
  const std::string format = arrow::format_of_type_name(arrow::type_name_of(text, *layout));
  if (format.empty()) return;  // the name alone does not say it
  const auto again = arrow::parse_format(format);
  VY_CHECK(again && again->kind == layout->kind && again->width == layout->width);
}

void try_base64(std::string_view text) {
  const auto same = meta::from_base64(meta::to_base64(std::as_bytes(std::span(text))));
  VY_CHECK(same && *same == text);
  const auto bytes = meta::from_base64(text);
  if (bytes) VY_CHECK(meta::to_base64(std::as_bytes(std::span(*bytes))).size() == text.size());
}

// The code point at the beginning of `text`, by the definition of UTF-8, or nothing.
std::optional<std::uint32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t n) { return static_cast<unsigned char>(text[n]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || text.size() < length) return {};
  std::uint32_t value = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t n = 1; n < length; ++n) {
    if ((byte(n) & 0xc0U) != 0x80) return {};
    value = value << 6 | (byte(n) & 0x3fU);
  }
  static constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return {};
  text.remove_prefix(length);
  return value;
}

void try_utf8(std::string_view text) {
  bool is_ascii = true;
  bool is_utf8 = true;
  for (char c : text) is_ascii = is_ascii && static_cast<unsigned char>(c) < 0x80;
  for (std::string_view rest = text; !rest.empty() && is_utf8;)
    is_utf8 = take_code_point(rest).has_value();
  VY_CHECK(meta::is_ascii(text) == is_ascii);
  VY_CHECK(meta::is_utf8(text) == is_utf8);
}

// The first line is a pattern, the rest what it is matched with.
void try_pattern(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string pattern(text.substr(0, end));
  const std::string_view subject = text.substr(std::min(end + 1, text.size()));
  const auto glob = server::Pattern::parse(pattern, server::Pattern::Syntax::kGlob);
  if (glob && glob->matches(subject)) VY_CHECK(subject.starts_with(glob->literal_prefix()));
  VY_CHECK(server::glob_matches('*' + pattern, subject) || !server::glob_matches(pattern, subject));
  std::string exactly;
  for (char c : subject) exactly.append({'\\', c});
  VY_CHECK(server::glob_matches(exactly, subject));
  const auto expression =
      server::Pattern::parse(pattern, server::Pattern::Syntax::kRegularExpression);
  if (expression) (void)expression->matches(subject);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its very size, so that a sanitizer sees any access beyond it.
  const std::vector<char> exact(data, data + size);
  const std::string_view text(exact.data(), exact.size());
  try_size(text);
  try_names(text);
  try_arrow(text);
  try_base64(text);
  try_utf8(text);
  try_pattern(text);
  return 0;
}
