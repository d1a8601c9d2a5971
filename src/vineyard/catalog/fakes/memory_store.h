// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/try.h"
#include "vineyard/catalog/store.h"

namespace vineyard::catalog {

/// A store in memory: the reference for the suite, and the store of simulations.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  a store (store.h) for each session; the log is kept until `trim`.
class MemoryStore {
 public:
  using Session = std::uint64_t;  // 0: none, so whoever sets a key of it never goes

  Result<Committed> commit(const Transaction& transaction, Session session = 0) {
    VY_TRY(check(transaction));
    VY_TRY(check_identity(transaction.identity, *identity()));
    if (ended_.contains(session) && std::ranges::any_of(transaction.changes, &Change::session))
      return Error(ErrorCode::kUnavailable, "the session has ended");
    Committed result{.done = holds(transaction), .revision = revision_, .present = {}};
    if (!result.done) {
      for (const Condition& c : transaction.conditions)
        if (const auto at = items_.find(c.key); at != items_.end())
          result.present.push_back(at->second);
      return result;
    }
    const Revision next = revision_ + 1;
    for (const Change& change : transaction.changes) apply(change, next, session);
    result.revision = revision_;
    return result;
  }

  Result<Page> range(std::string_view prefix, std::string_view after, std::size_t limit,
                     std::string_view meant = {}) const {
    VY_TRY(check_identity(meant, *identity()));
    Page page{.items = {}, .revision = revision_, .more = false};
    for (auto at = items_.lower_bound(std::max(prefix, after)); at != items_.end(); ++at) {
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

  Result<Changes> changes(Revision after, std::size_t limit, std::string_view meant = {}) const {
    VY_TRY(check_identity(meant, *identity()));
    Changes found{
        .changes = {}, .revision = revision_, .trimmed = after < trimmed_ || after > revision_};
    if (found.trimmed) return found;
    for (auto at = std::ranges::upper_bound(log_, after, {}, &LoggedChange::revision);
         at != log_.end(); ++at) {
      const bool begins = found.changes.empty() || found.changes.back().revision != at->revision;
      if (begins && !found.changes.empty() && found.changes.size() >= limit) {
        found.revision = found.changes.back().revision;
        break;
      }
      found.changes.push_back(*at);
    }
    return found;
  }

  Result<std::string> identity() const { return "memory-" + std::to_string(losses_); }

  [[nodiscard]] const Item* find(std::string_view key) const {
    const auto at = items_.find(key);
    return at == items_.end() ? nullptr : &at->second;
  }
  /// Its process is gone, as far as the store can tell.
  void end(Session session) {
    ended_.insert(session);
    Transaction gone;
    for (const auto& [key, of] : sessions_)
      if (of == session) gone.changes.push_back({.key = key, .value = std::nullopt});
    const Revision next = revision_ + 1;
    for (const Change& change : gone.changes) apply(change, next, 0);
  }
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
  void apply(const Change& change, Revision next, Session session) {
    const auto at = items_.find(change.key);
    sessions_.erase(change.key);
    if (!change.value) {
      if (at == items_.end()) return;
      items_.erase(at);
      log_.push_back({.revision = next, .change = {change.key, std::nullopt}, .created = 0});
    } else {
      const Revision created = at == items_.end() ? next : at->second.created;
      items_[change.key] = {
          .key = change.key, .value = *change.value, .created = created, .changed = next};
      if (change.session) sessions_[change.key] = session;
      log_.push_back({.revision = next, .change = {change.key, change.value}, .created = created});
    }
    revision_ = next;
  }

  std::map<std::string, Item, std::less<>> items_;
  std::map<std::string, Session> sessions_;  // of the keys that have one
  std::set<Session> ended_;
  std::vector<LoggedChange> log_;
  Revision revision_ = 0;
  Revision trimmed_ = 0;
  int losses_ = 0;
};

/// A process that uses a store in memory.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  a store (store.h); does not outlive what it uses.
class MemoryClient {
 public:
  MemoryClient(MemoryStore& store, MemoryStore::Session session)
      : store_(&store), session_(session) {}
  Result<Committed> commit(const Transaction& transaction) {
    return store_->commit(transaction, session_);
  }
  Result<Page> range(std::string_view prefix, std::string_view after, std::size_t limit,
                     std::string_view meant = {}) {
    return store_->range(prefix, after, limit, meant);
  }
  Result<Changes> changes(Revision after, std::size_t limit, std::string_view meant = {}) {
    return store_->changes(after, limit, meant);
  }
  Result<std::string> identity() { return store_->identity(); }
  void end() { store_->end(session_); }

 private:
  MemoryStore* store_;
  MemoryStore::Session session_;
};
static_assert(Store<MemoryClient&>);

}  // namespace vineyard::catalog
