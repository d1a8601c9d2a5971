// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "vineyard/catalog/etcd/connection.h"
#include "vineyard/catalog/etcd/session.h"
#include "vineyard/catalog/etcd/watch_log.h"
#include "vineyard/catalog/store.h"

namespace vineyard::catalog::etcd {

/// The catalog's store in etcd, for many hosts (docs/adr/0017).
///
/// Owner:   the worker, for its helper thread.
/// Threads: one at a time; threads of its own renew the session and read the log.
/// Always:  a store (catalog/store.h). Its log comes by itself, so `changes` may be a moment behind `commit`.
class EtcdStore {
  struct OfOpen {};

 public:
  /// Asks nobody yet. `news` is called by another thread when `changes` has something new to tell.
  /// Errors: invalid (the settings).
  static Result<std::unique_ptr<EtcdStore>> open(Settings settings,
                                                 std::function<void()> news = {});

  EtcdStore(OfOpen, std::unique_ptr<Connection> connection, std::function<void()> news);

  Result<Committed> commit(const Transaction& transaction);
  Result<Page> range(std::string_view prefix, std::string_view after, std::size_t limit,
                     std::string_view meant = {});
  Result<Changes> changes(Revision after, std::size_t limit, std::string_view meant = {});
  /// Also makes it, where nobody was before.
  Result<std::string> identity();
  /// Ends the session now: its keys go.
  Result<void> end_session() { return session_.end(); }
  /// Has etcd forget the log up to a revision, of all that is stored there. For tests: etcd's own settings say when it does.
  Result<void> trim(Revision up_to);

 private:
  [[nodiscard]] std::string key_of(std::string_view key) const;
  Result<Changes> begin_log(Revision after, std::size_t limit, std::string_view meant);

  std::unique_ptr<Connection> connection_;
  Session session_;
  WatchLog log_;
  std::string log_identity_;  // of the store whose log it is
};
static_assert(Store<EtcdStore&>);

}  // namespace vineyard::catalog::etcd
