// SPDX-License-Identifier: Apache-2.0
// JSON text: is refused, or is written and read back equal. If it is a document in its exact form, the document validates.
#include <cstdint>
#include <string_view>

#include "vineyard/base/check.h"
#include "vineyard/meta/document_json.h"
#include "vineyard/meta/type_name.h"
#include "vineyard/meta/validate.h"

using namespace vineyard::meta;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = parse_type_name(text)) VY_CHECK(name->to_string() == text);
  const std::string canonical = canonical_type_name(text);
  (void)canonical;
  const auto value = JsonValue::parse(text);
  if (!value) return 0;
  JsonWriter writer;
  value->write(writer);
  const auto again = JsonValue::parse(writer.text());
  VY_CHECK(again.has_value());
  JsonWriter second;
  again->write(second);
  VY_CHECK(second.text() == writer.text());
  static DocumentBuilder builder;
  if (!read_exact_json(*value, builder)) return 0;
  if (const auto bytes = builder.finish()) VY_CHECK(validate(*bytes).has_value());
  return 0;
}
