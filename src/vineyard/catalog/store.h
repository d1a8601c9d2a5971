// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"

// What the catalog asks of a store of metadata: docs/adr/0015.
namespace vineyard::catalog {

/// Counts transactions that changed something; 0: before the first.
using Revision = std::uint64_t;

inline constexpr std::size_t kMostOperations =
    127;  // of a transaction: etcd takes 128, one is the identity
inline constexpr std::size_t kMostBytes = std::size_t{1}
                                          << 20;  // of a transaction's keys and values

struct Item {
  std::string key;
  std::string value;
  Revision created = 0;
  Revision changed = 0;
  bool operator==(const Item&) const = default;
};

/// Holds when the key was created, or changed last, at exactly that revision; 0: when it is not there.
struct Condition {
  enum class Of : std::uint8_t { kCreated, kChanged };
  std::string key;
  Of of = Of::kChanged;
  Revision revision = 0;
};

/// Sets a key, or deletes it (no value). Deleting one that is not there changes nothing.
struct Change {
  std::string key;
  std::optional<std::string> value;
  bool session =
      false;  // deleted, as by a transaction, once the process that set it is gone or long out of reach
  bool operator==(const Change&) const = default;
};

struct Transaction {
  std::vector<Condition> conditions;
  std::vector<Change> changes;  // no key twice
  std::string identity = {};    // of the store that is meant
};

struct Committed {
  bool done = false;      // false: a condition did not hold, and nothing changed
  Revision revision = 0;  // of the store after it
  std::vector<Item>
      present;  // not done: the keys of the conditions as they are, those that are there
};

struct Page {
  std::vector<Item> items;  // by key
  Revision revision = 0;    // at which it was read; other pages may be of later ones
  bool more = false;        // behind the last key
};

struct LoggedChange {
  Revision revision = 0;
  Change change;
  Revision created = 0;  // of the key that was set
  bool operator==(const LoggedChange&) const = default;
};

struct Changes {
  std::vector<LoggedChange> changes;  // by revision, whole transactions
  Revision revision = 0;              // up to which nothing is missing
  bool trimmed = false;               // the log does not reach back so far, or ahead: list again
};

/// What a store is; which one it is, is told by `identity`: it stays the same as long as no data were lost. Calls say
/// which one they mean (empty: whichever is there), since revisions of one mean nothing to another.
/// All session keys that are set through one object live and go together.
///
/// Errors of all calls: unavailable (cannot be reached now, or is another one), denied, corrupt (not our data), invalid
/// (too large).
template <class S>
concept Store = requires(S store, const Transaction& transaction, std::string_view text,
                         std::size_t limit, Revision revision) {
  { store.commit(transaction) } -> std::same_as<Result<Committed>>;
  // The items whose key begins with the prefix and lies behind `after`.
  { store.range(text, text, limit, text) } -> std::same_as<Result<Page>>;
  // At least one transaction, if there is one, and no more than `limit` changes unless it alone has more.
  { store.changes(revision, limit, text) } -> std::same_as<Result<Changes>>;
  { store.identity() } -> std::same_as<Result<std::string>>;
};

/// The first key behind all that begin with `prefix`; empty: there is none.
[[nodiscard]] std::string key_behind(std::string_view prefix);

/// Why a call is refused that means `meant` when the store is `actual`.
[[nodiscard]] Result<void> check_identity(std::string_view meant, std::string_view actual);

/// Why a transaction is refused by every store before it is tried: its size, a key twice.
[[nodiscard]] Result<void> check(const Transaction& transaction);

}  // namespace vineyard::catalog
