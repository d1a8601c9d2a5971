// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <thread>

#include "vineyard/base/mutex.h"
#include "vineyard/base/result.h"
#include "vineyard/catalog/etcd/connection.h"

namespace vineyard::catalog::etcd {

/// The lease under which a process sets its session keys, kept alive by a thread of its own: what else goes to etcd does
/// not hold it up.
///
/// Owner:   the store.
/// Threads: one at a time, beside its own.
/// Always:  a lease that etcd has ended is not used again. The destructor leaves it to its time: the process may have died.
class Session {
 public:
  explicit Session(Connection& connection) : connection_(connection) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The lease to set keys under; a new one if there is none. Errors: as the connection's.
  Result<std::int64_t> lease();
  /// etcd does not know that lease any more.
  void lost(std::int64_t lease);
  /// Ends it now: its keys go. Errors: as the connection's.
  Result<void> end();

 private:
  void keep_alive();
  bool renew(std::int64_t lease);

  Connection& connection_;
  Mutex mutex_;
  CondVar changed_;
  std::int64_t lease_ VY_GUARDED_BY(mutex_) = 0;  // 0: none
  bool is_over_ VY_GUARDED_BY(mutex_) = false;
  std::jthread keeper_;  // runs from the first lease on
};

}  // namespace vineyard::catalog::etcd
