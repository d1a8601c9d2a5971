// SPDX-License-Identifier: Apache-2.0
// A document: is refused, or can be read to the end, printed, and built again equal.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "vineyard/base/check.h"
#include "vineyard/meta/document_json.h"
#include "vineyard/meta/fakes/random_document.h"
#include "vineyard/meta/validate.h"

using namespace vineyard::meta;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> words((size + 7) / 8);  // aligned, and no byte more than the document
  if (size != 0) std::memcpy(words.data(), data, size);
  const auto view = validate(std::as_bytes(std::span(words)).first(size));
  if (!view) return 0;
  const std::uint64_t sum = testing::read_all(*view);
  static DocumentBuilder builder;
  copy_into(builder, *view);
  const auto bytes = builder.finish();
  VY_CHECK(bytes.has_value());
  const auto again = validate(*bytes);
  VY_CHECK(again.has_value());
  // References that no item uses are dropped by the copy; only the trees must be the same.
  VY_CHECK(testing::read_all(again->root()) == testing::read_all(view->root()));
  VY_CHECK(to_json(*again, vineyard::ObjectId(1)) == to_json(*view, vineyard::ObjectId(1)));
  VY_CHECK(sum == testing::read_all(*view));
  return 0;
}
