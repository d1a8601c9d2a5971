// SPDX-License-Identifier: Apache-2.0
// Ids and results, compiled as C++20 by somebody who has only the installed headers and one archive.
#include <vineyard/base/ids.h>
#include <vineyard/base/result.h>
#include <cstdio>

static_assert(__cplusplus >= 202002L && __cplusplus < 202100L,
              "the interface asks for C++20 and for no more");

namespace {

vineyard::Result<vineyard::ObjectId> parse(const char* text) {
  if (auto id = vineyard::ObjectId::parse(text)) return *id;
  return vineyard::Error(vineyard::ErrorCode::kInvalid, "no id");
}

}  // namespace

int main() {
  const auto id = parse("o800000000000002a");
  const auto none = parse("o12");
  if (!id || !id->is_blob() || id->to_string() != "o800000000000002a") return 1;
  if (none || none.error().to_string() != "invalid: no id") return 2;
  std::puts(id->to_string().c_str());
  return 0;
}
