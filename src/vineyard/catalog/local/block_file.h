// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/catalog/local/database.h"

namespace vineyard::catalog::local {

/// Which blocks of the id space were given out on this host: a SQLite file, shared by all instances that use it.
///
/// Owner:   the worker.
/// Threads: one at a time; other processes may have the same file open.
/// Always:  a block is stored as taken, synced, before it is returned; no block is returned twice, by anybody.
class BlockFile {
 public:
  /// Opens or creates `path`. Errors: unavailable, denied, corrupt (not our file), each naming the path.
  static Result<BlockFile> open(const std::string& path);

  /// The next block, counting up from a random start in the upper half of all blocks (docs/adr/0003).
  /// Errors: unavailable (locked for long, disk), full (no block left).
  Result<BlockId> take();

 private:
  BlockFile(Database db, std::string path) : db_(std::move(db)), path_(std::move(path)) {}
  Error failure(const char* what) const;

  Database db_;
  std::string path_;
};

}  // namespace vineyard::catalog::local
