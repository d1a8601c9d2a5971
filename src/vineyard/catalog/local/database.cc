// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace vineyard::catalog::local {
namespace {
constexpr int kBusyMs = 5000;
}

void CloseDatabase::operator()(sqlite3* db) const {
  sqlite3_close(db);
}

Error database_error(sqlite3* db, const std::string& path, const char* what) {
  const int code = sqlite3_errcode(db);
  const auto kind = code == SQLITE_NOTADB || code == SQLITE_CORRUPT  ? ErrorCode::kCorrupt
                    : code == SQLITE_PERM || code == SQLITE_READONLY ? ErrorCode::kDenied
                                                                     : ErrorCode::kUnavailable;
  return Error(
      kind, fmt::format("cannot {} '{}': {}; check the file, or choose another --state-dir", what,
                        path, sqlite3_errmsg(db)));
}

Result<Database> open_database(const std::string& path, const char* set_up) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (raw == nullptr || code != SQLITE_OK) return database_error(raw, path, "open");
  sqlite3_busy_timeout(raw, kBusyMs);
  if (sqlite3_exec(raw, set_up, nullptr, nullptr, nullptr) != SQLITE_OK)
    return database_error(raw, path, "set up");
  return db;
}

}  // namespace vineyard::catalog::local
