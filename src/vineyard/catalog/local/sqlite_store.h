// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vineyard/catalog/local/database.h"
#include "vineyard/catalog/store.h"
#include "vineyard/os/file_lock.h"

namespace vineyard::catalog::local {

/// The catalog's store on one host: a SQLite file that all instances of a user share (docs/adr/0015).
///
/// Owner:   the worker, for its helper thread.
/// Threads: one at a time; other processes may have the same file open.
/// Always:  a store (catalog/store.h); what was committed is synced.
class SqliteStore {
 public:
  /// Opens or creates `path`. Errors: unavailable, denied, corrupt (not our file), each naming the path.
  static Result<SqliteStore> open(const std::string& path);

  Result<Committed> commit(const Transaction& transaction);
  Result<Page> range(std::string_view prefix, std::string_view after, std::size_t limit,
                     std::string_view meant = {});
  Result<Changes> changes(Revision after, std::size_t limit, std::string_view meant = {});
  Result<std::string> identity();
  /// Forgets the log up to a revision; `commit` keeps the last 100,000 of them by itself.
  Result<void> trim(Revision up_to);

 private:
  class Statement;
  class Turn;
  SqliteStore(Database db, std::string path) : db_(std::move(db)), path_(std::move(path)) {}
  [[nodiscard]] Error failure(const char* what) const;
  Result<void> run(const char* sql);
  Result<void> is_meant(std::string_view meant);
  Result<std::int64_t> number(const char* name);
  Result<void> set_number(const char* name, std::int64_t value);
  Result<std::vector<Item>> items(const char* sql, std::string_view first, std::string_view end,
                                  std::size_t limit);
  Result<bool> holds(const Transaction& transaction, std::vector<Item>& present);
  Result<bool> apply(const Change& change, Revision revision, std::int64_t place);
  Result<bool> apply_all(const std::vector<Change>& changes, std::int64_t last);
  Result<std::vector<std::int64_t>> numbers(const char* sql);
  Result<void> begin_session();
  Result<void> end_sessions();
  [[nodiscard]] std::string lock_path(std::int64_t session) const;

  struct Session {
    std::int64_t number = 0;
    os::FileLock lock;  // held as long as the process lives
  };
  Database db_;
  std::string path_;
  std::optional<Session> session_;
};
static_assert(Store<SqliteStore&>);

}  // namespace vineyard::catalog::local
