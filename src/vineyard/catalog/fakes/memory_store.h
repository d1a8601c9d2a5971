// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "vineyard/base/try.h"
#include "vineyard/catalog/store.h"

namespace vineyard::catalog {

/// A store in memory: the reference for the suite, and the store of simulations.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  a store (store.h); the log is kept until `trim`.
class MemoryStore {
 public:
  Result<Committed> commit(const Transaction& transaction) {
    VY_TRY(check(transaction));
    Committed result{.done = holds(transaction), .revision = revision_, .present = {}};
    if (!result.done) {
      for (const Condition& c : transaction.conditions)
        if (const auto at = items_.find(c.key); at != items_.end())
          result.present.push_back(at->second);
      return result;
    }
    const Revision next = revision_ + 1;
    for (const Change& change : transaction.changes) apply(change, next);
    result.revision = revision_;
    return result;
  }

  Result<Page> range(std::string_view prefix, std::string_view after, std::size_t limit) const {
    Page page{.items = {}, .revision = revision_, .more = false};
    for (auto at = items_.lower_bound(std::string(std::max(prefix, after))); at != items_.end();
         ++at) {
      if (!at->first.starts_with(prefix)) break;
      if (at->first <= after && !after.empty()) continue;
      if (page.items.size() == limit) {
        page.more = true;
        break;
      }
      page.items.push_back(at->second);
    }
    return page;
  }

  Result<Changes> changes(Revision after, std::size_t limit) const {
    Changes found{
        .changes = {}, .revision = revision_, .trimmed = after < trimmed_ || after > revision_};
    if (found.trimmed) return found;
    for (const LoggedChange& change : log_) {
      if (change.revision <= after) continue;
      const bool begins = found.changes.empty() || found.changes.back().revision != change.revision;
      if (begins && !found.changes.empty() && found.changes.size() >= limit) {
        found.revision = found.changes.back().revision;
        break;
      }
      found.changes.push_back(change);
    }
    return found;
  }

  Result<std::string> identity() const { return "memory-" + std::to_string(losses_); }

  /// Forgets the log up to a revision.
  void trim(Revision up_to) {
    trimmed_ = std::max(trimmed_, std::min(up_to, revision_));
    std::erase_if(log_, [&](const LoggedChange& c) { return c.revision <= trimmed_; });
  }
  /// Loses everything, and is another store from now on.
  void lose() {
    const int losses = losses_ + 1;
    *this = MemoryStore();
    losses_ = losses;
  }

 private:
  [[nodiscard]] bool holds(const Transaction& transaction) const {
    return std::ranges::all_of(transaction.conditions, [&](const Condition& c) {
      const auto at = items_.find(c.key);
      if (at == items_.end()) return c.revision == 0;
      return c.revision ==
             (c.of == Condition::Of::kCreated ? at->second.created : at->second.changed);
    });
  }
  void apply(const Change& change, Revision next) {
    const auto at = items_.find(change.key);
    if (!change.value) {
      if (at == items_.end()) return;
      items_.erase(at);
      log_.push_back({.revision = next, .change = change, .created = 0});
    } else {
      const Revision created = at == items_.end() ? next : at->second.created;
      items_[change.key] = {
          .key = change.key, .value = *change.value, .created = created, .changed = next};
      log_.push_back({.revision = next, .change = change, .created = created});
    }
    revision_ = next;
  }

  std::map<std::string, Item, std::less<>> items_;
  std::vector<LoggedChange> log_;
  Revision revision_ = 0;
  Revision trimmed_ = 0;
  int losses_ = 0;
};
static_assert(Store<MemoryStore&>);

}  // namespace vineyard::catalog
