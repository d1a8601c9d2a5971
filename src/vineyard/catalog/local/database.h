// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "vineyard/base/result.h"

struct sqlite3;

namespace vineyard::catalog::local {

struct CloseDatabase {
  void operator()(sqlite3* db) const;
};
/// An open SQLite file.
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

/// Opens or creates `path` for several processes, and runs `set_up`.
/// Errors: unavailable, denied, corrupt (not our file), each naming the path.
[[nodiscard]] Result<Database> open_database(const std::string& path, const char* set_up);

/// What went wrong with the last call: "cannot WHAT 'PATH': ...".
[[nodiscard]] Error database_error(sqlite3* db, const std::string& path, const char* what);

}  // namespace vineyard::catalog::local
