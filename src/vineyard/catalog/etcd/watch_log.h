// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "vineyard/base/mutex.h"
#include "vineyard/base/result.h"
#include "vineyard/catalog/etcd/connection.h"
#include "vineyard/catalog/store.h"

namespace etcdserverpb {
class WatchResponse;
}

namespace vineyard::catalog::etcd {

/// The changes below the prefix as etcd tells them, from a revision on, held until they are asked for.
///
/// Owner:   the store.
/// Threads: one at a time, beside its own.
/// Always:  whole transactions, in order, none missing and none twice, from the revision of `follow` on. When more than
///          `kMostHeld` are waiting, etcd waits too.
class WatchLog {
 public:
  /// `news` is called by another thread when something new can be taken, or the watch has ended.
  WatchLog(Connection& connection, std::function<void()> news);
  ~WatchLog();
  WatchLog(const WatchLog&) = delete;
  WatchLog& operator=(const WatchLog&) = delete;

  /// Begins anew, behind a revision.
  Result<void> follow(Revision after);
  /// Whether the next that `take` gives is what comes behind `after`.
  [[nodiscard]] bool is_at(Revision after) const;
  /// What has come: at least a transaction if one is there, no more than `limit` changes unless it alone has more.
  Changes take(std::size_t limit);
  void stop();

 private:
  struct Stream;
  static constexpr std::size_t kMostHeld = 10'000;
  void read(Stream& stream);
  bool add(const etcdserverpb::WatchResponse& response);

  Connection& connection_;
  std::function<void()> news_;
  mutable Mutex mutex_;
  CondVar room_;
  std::deque<LoggedChange> held_ VY_GUARDED_BY(mutex_);
  Revision taken_ VY_GUARDED_BY(mutex_) = 0;  // up to which everything was given out
  bool is_over_ VY_GUARDED_BY(mutex_) =
      true;  // nothing more comes: it was never begun, broke, or was cut
  bool is_trimmed_ VY_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Stream> stream_;
  std::jthread reader_;
};

}  // namespace vineyard::catalog::etcd
