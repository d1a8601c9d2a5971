// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/store.h"

#include <fmt/format.h>

#include <unordered_set>

namespace vineyard::catalog {

std::string key_behind(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

Result<void> check_identity(std::string_view meant, std::string_view actual) {
  if (meant.empty() || meant == actual) return {};
  return Error(ErrorCode::kUnavailable,
               fmt::format("the catalog's store is another one now: {}, not {}", actual, meant));
}

Result<void> check(const Transaction& transaction) {
  const std::size_t operations = transaction.conditions.size() + transaction.changes.size();
  if (operations > kMostOperations)
    return Error(ErrorCode::kInvalid, fmt::format("{} operations in a transaction, {} at most",
                                                  operations, kMostOperations));
  std::size_t bytes = 0;
  std::unordered_set<std::string_view> keys;
  for (const Condition& c : transaction.conditions) bytes += c.key.size();
  for (const Change& c : transaction.changes) {
    bytes += c.key.size() + (c.value ? c.value->size() : 0);
    if (c.key.empty()) return Error(ErrorCode::kInvalid, "an empty key");
    if (!keys.insert(c.key).second)
      return Error(ErrorCode::kInvalid, fmt::format("key '{}' twice in a transaction", c.key));
  }
  if (bytes > kMostBytes)
    return Error(
        ErrorCode::kInvalid,
        fmt::format("{} bytes of metadata in a transaction, {} at most", bytes, kMostBytes));
  return {};
}

}  // namespace vineyard::catalog
