// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/block_file.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <random>

#include "vineyard/base/try.h"

namespace vineyard::catalog::local {
namespace {

constexpr std::int64_t kUpperHalf = std::int64_t{1} << (ObjectId::kBlockBits - 1);
constexpr std::int64_t kLast =
    (std::int64_t{1} << ObjectId::kBlockBits) - 2;  // the highest value is reserved
constexpr int kBusyMs = 5000;

}  // namespace

void BlockFile::Close::operator()(sqlite3* db) const {
  sqlite3_close(db);
}

Error BlockFile::failure(const char* what) const {
  const int code = sqlite3_errcode(db_.get());
  const auto kind = code == SQLITE_NOTADB || code == SQLITE_CORRUPT  ? ErrorCode::kCorrupt
                    : code == SQLITE_PERM || code == SQLITE_READONLY ? ErrorCode::kDenied
                                                                     : ErrorCode::kUnavailable;
  return Error(
      kind, fmt::format("cannot {} '{}': {}; check the file, or choose another --state-dir", what,
                        path_, sqlite3_errmsg(db_.get())));
}

Result<BlockFile> BlockFile::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, nullptr);
  BlockFile file(std::unique_ptr<sqlite3, Close>(raw), path);
  if (raw == nullptr || code != SQLITE_OK) return file.failure("open");
  sqlite3_busy_timeout(raw, kBusyMs);
  const char* setup =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE IF NOT EXISTS id_blocks(one INTEGER PRIMARY KEY CHECK(one = 1), next INTEGER "
      "NOT NULL);";
  if (sqlite3_exec(raw, setup, nullptr, nullptr, nullptr) != SQLITE_OK)
    return file.failure("set up");
  return file;
}

Result<BlockId> BlockFile::take() {
  // The first one who comes draws where counting starts; the upper quarter of the upper half is left as room.
  const std::int64_t start =
      kUpperHalf + static_cast<std::int64_t>(std::random_device{}() % (kUpperHalf / 2));
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
