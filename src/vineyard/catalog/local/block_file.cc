// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/block_file.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "vineyard/base/try.h"
#include "vineyard/os/random.h"

namespace vineyard::catalog::local {
namespace {

constexpr std::int64_t kUpperHalf = std::int64_t{1} << (ObjectId::kBlockBits - 1);
constexpr std::int64_t kLast =
    (std::int64_t{1} << ObjectId::kBlockBits) - 2;  // the highest value is reserved

}  // namespace

Error BlockFile::failure(const char* what) const {
  return database_error(db_.get(), path_, what);
}

Result<BlockFile> BlockFile::open(const std::string& path) {
  const char* set_up =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE IF NOT EXISTS id_blocks(one INTEGER PRIMARY KEY CHECK(one = 1), next INTEGER "
      "NOT NULL);";
  VY_TRY(Database db, open_database(path, set_up));
  return BlockFile(std::move(db), path);
}

Result<BlockId> BlockFile::take() {
  // The first one who comes draws where counting starts; the upper quarter of the upper half is left as room.
  const std::int64_t start =
      kUpperHalf + static_cast<std::int64_t>(os::random_bits() % (kUpperHalf / 2));
  sqlite3_stmt* statement = nullptr;
  const char* sql =
      "INSERT INTO id_blocks(one, next) VALUES(1, ?1 + 1) "
      "ON CONFLICT(one) DO UPDATE SET next = next + 1 RETURNING next - 1";
  if (sqlite3_prepare_v2(db_.get(), sql, -1, &statement, nullptr) != SQLITE_OK)
    return failure("read");
  sqlite3_bind_int64(statement, 1, start);
  const int step = sqlite3_step(statement);
  const std::int64_t block = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  const bool stored = step == SQLITE_ROW && sqlite3_step(statement) == SQLITE_DONE;
  const bool finished = sqlite3_finalize(statement) == SQLITE_OK;
  if (!stored || !finished) return failure("take an id block from");
  if (block < kUpperHalf || block > kLast) {
    return Error(ErrorCode::kFull, fmt::format("'{}' has no id block left", path_));
  }
  return BlockId{static_cast<std::uint32_t>(block)};
}

}  // namespace vineyard::catalog::local
