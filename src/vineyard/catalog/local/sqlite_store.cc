// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"

namespace vineyard::catalog::local {
namespace {

constexpr Revision kKept = 100'000;     // revisions of the log
constexpr Revision kTrimEvery = 1'000;  // transactions

// Keys and values are bytes, so that they sort as such. `numbers`: revision, trimmed.
constexpr const char* kSetUp =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS items(key BLOB PRIMARY KEY, value BLOB NOT NULL, "
    "created INTEGER NOT NULL, changed INTEGER NOT NULL, session INTEGER) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS session_items ON items(session) WHERE session IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS sessions(number INTEGER PRIMARY KEY AUTOINCREMENT);"
    "CREATE TABLE IF NOT EXISTS log(revision INTEGER, place INTEGER, key BLOB NOT NULL, "
    "value BLOB, created INTEGER NOT NULL, PRIMARY KEY(revision, place)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS numbers(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS store(one INTEGER PRIMARY KEY CHECK(one = 1), identity TEXT NOT "
    "NULL);"
    "INSERT OR IGNORE INTO numbers VALUES('revision', 0), ('trimmed', 0);"
    "INSERT OR IGNORE INTO store VALUES(1, lower(hex(randomblob(16))));"
    "COMMIT;";

}  // namespace

/// A prepared statement with its arguments.
///
/// Owner:   a call.
/// Threads: one.
/// Always:  gone before the store.
class SqliteStore::Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    ok_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) == SQLITE_OK;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& add(std::int64_t value) {
    return bound(sqlite3_bind_int64(statement_, ++count_, value));
  }
  Statement& add(std::string_view bytes) {
    const char* data = bytes.data() == nullptr ? "" : bytes.data();  // null would be NULL
    return bound(sqlite3_bind_blob64(statement_, ++count_, data, bytes.size(), SQLITE_STATIC));
  }
  Statement& add(const std::optional<std::string>& bytes) {
    if (bytes) return add(std::string_view(*bytes));
    return bound(sqlite3_bind_null(statement_, ++count_));
  }
  /// Whether there is a row; nothing: it failed.
  std::optional<bool> step() {
    if (!ok_) return std::nullopt;
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return std::nullopt;
    return code == SQLITE_ROW;
  }
  [[nodiscard]] std::int64_t number(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] Revision revision(int column) const {
    return static_cast<Revision>(number(column));
  }
  [[nodiscard]] bool is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::string bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(data, size);
  }

 private:
  Statement& bound(int code) {
    ok_ = ok_ && code == SQLITE_OK;
    return *this;
  }
  sqlite3_stmt* statement_ = nullptr;
  int count_ = 0;
  bool ok_;
};

/// What is read and written between its beginning and `end` is of one moment; without `end` it did not happen.
///
/// Owner:   a call.
/// Threads: one.
/// Always:  one at a time.
class SqliteStore::Turn {
 public:
  explicit Turn(SqliteStore& store) : store_(store) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (open_) static_cast<void>(store_.run("ROLLBACK").has_value());
  }
  Result<void> begin(const char* sql) {
    VY_TRY(store_.run(sql));
    open_ = true;
    return {};
  }
  Result<void> end() {
    VY_TRY(store_.run("COMMIT"));
    open_ = false;
    return {};
  }

 private:
  SqliteStore& store_;
  bool open_ = false;
};

Error SqliteStore::failure(const char* what) const {
  return database_error(db_.get(), path_, what);
}

Result<SqliteStore> SqliteStore::open(const std::string& path) {
  VY_TRY(Database db, open_database(path, kSetUp));
  return SqliteStore(std::move(db), path);
}

Result<void> SqliteStore::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure("use");
}

Result<std::int64_t> SqliteStore::number(const char* name) {
  Statement read(db_.get(), "SELECT value FROM numbers WHERE name = CAST(?1 AS TEXT)");
  if (read.add(std::string_view(name)).step() != true) return failure("read");
  return read.number(0);
}

Result<void> SqliteStore::set_number(const char* name, std::int64_t value) {
  Statement write(db_.get(), "UPDATE numbers SET value = ?2 WHERE name = CAST(?1 AS TEXT)");
  if (!write.add(std::string_view(name)).add(value).step()) return failure("write");
  return {};
}

Result<std::vector<Item>> SqliteStore::items(const char* sql, std::string_view first,
                                             std::string_view end, std::size_t limit) {
  Statement read(db_.get(), sql);
  read.add(first).add(end).add(static_cast<std::int64_t>(limit));
  std::vector<Item> found;
  for (;;) {
    const auto row = read.step();
    if (!row) return failure("read");
    if (!*row) return found;
    found.push_back({read.bytes(0), read.bytes(1), read.revision(2), read.revision(3)});
  }
}

Result<bool> SqliteStore::holds(const Transaction& transaction, std::vector<Item>& present) {
  bool all = true;
  for (const Condition& c : transaction.conditions) {
    VY_TRY(std::vector<Item> found, items("SELECT key, value, created, changed FROM items "
                                          "WHERE key = ?1 AND key = ?2 LIMIT ?3",
                                          c.key, c.key, 1));
    Revision at = 0;
    if (!found.empty()) at = c.of == Condition::Of::kCreated ? found[0].created : found[0].changed;
    all = all && at == c.revision;
    for (Item& item : found) present.push_back(std::move(item));
  }
  return all;
}

// Whether that changed something.
Result<bool> SqliteStore::apply(const Change& change, Revision revision, std::int64_t place) {
  const auto now = static_cast<std::int64_t>(revision);
  std::int64_t created = 0;
  if (change.value) {
    Statement write(db_.get(),
                    "INSERT INTO items VALUES(?1, ?2, ?3, ?3, ?4) ON CONFLICT(key) DO UPDATE SET "
                    "value = excluded.value, changed = excluded.changed, session = "
                    "excluded.session RETURNING created");
    write.add(std::string_view(change.key)).add(change.value).add(now);
    if (change.session && session_)
      write.add(session_->number);
    else
      write.add(std::optional<std::string>());
    if (write.step() != true) return failure("write");
    created = write.number(0);
    if (write.step() != false) return failure("write");
  } else {
    Statement write(db_.get(), "DELETE FROM items WHERE key = ?1");
    if (!write.add(std::string_view(change.key)).step()) return failure("write");
    if (sqlite3_changes(db_.get()) == 0) return false;
  }
  Statement log(db_.get(), "INSERT INTO log VALUES(?1, ?2, ?3, ?4, ?5)");
  log.add(now).add(place).add(std::string_view(change.key)).add(change.value).add(created);
  if (!log.step()) return failure("write");
  return true;
}

// As the transaction behind revision `last`; whether that changed something.
Result<bool> SqliteStore::apply_all(const std::vector<Change>& changes, std::int64_t last) {
  bool changed = false;
  for (std::size_t place = 0; place < changes.size(); ++place) {
    VY_TRY(const bool one, apply(changes[place], static_cast<Revision>(last) + 1,
                                 static_cast<std::int64_t>(place)));
    changed = changed || one;
  }
  if (changed) VY_TRY(set_number("revision", last + 1));
  return changed;
}

// Its lock is taken before anybody can see its number.
Result<void> SqliteStore::begin_session() {
  if (session_) return {};
  Turn turn(*this);
  VY_TRY(turn.begin("BEGIN IMMEDIATE"));
  std::int64_t number = 0;
  {
    Statement write(db_.get(), "INSERT INTO sessions VALUES(NULL) RETURNING number");
    if (write.step() != true) return failure("write");
    number = write.number(0);
    if (write.step() != false) return failure("write");
  }
  VY_TRY(auto lock, os::FileLock::try_lock(lock_path(number)));
  if (!lock)
    return Error(ErrorCode::kCorrupt,
                 fmt::format("'{}' is locked by a process that does not use '{}'",
                             lock_path(number), path_));
  VY_TRY(turn.end());
  session_.emplace(number, *std::move(lock));
  return {};
}

std::string SqliteStore::lock_path(std::int64_t session) const {
  return fmt::format("{}.session-{}", path_, session);
}

// Deletes what processes have left that are gone: nobody holds their lock any more.
Result<void> SqliteStore::end_sessions() {
  VY_TRY(const std::vector<std::int64_t> sessions, numbers("SELECT number FROM sessions"));
  for (const std::int64_t number : sessions) {
    if (session_ && number == session_->number) continue;
    VY_TRY(const auto lock, os::FileLock::try_lock(lock_path(number)));
    if (!lock) continue;
    Turn turn(*this);
    VY_TRY(turn.begin("BEGIN IMMEDIATE"));
    std::vector<Change> gone;
    {
      Statement read(db_.get(), "SELECT key FROM items WHERE session = ?1 ORDER BY key");
      read.add(number);
      for (;;) {
        const auto row = read.step();
        if (!row) return failure("read");
        if (!*row) break;
        gone.push_back({.key = read.bytes(0), .value = std::nullopt});
      }
    }
    VY_TRY(const std::int64_t last, this->number("revision"));
    VY_TRY(apply_all(gone, last));
    Statement drop(db_.get(), "DELETE FROM sessions WHERE number = ?1");
    if (!drop.add(number).step()) return failure("write");
    VY_TRY(turn.end());
    VY_TRY(os::remove_file(lock_path(number)));
  }
  return {};
}

Result<std::vector<std::int64_t>> SqliteStore::numbers(const char* sql) {
  Statement read(db_.get(), sql);
  std::vector<std::int64_t> found;
  for (;;) {
    const auto row = read.step();
    if (!row) return failure("read");
    if (!*row) return found;
    found.push_back(read.number(0));
  }
}

Result<Committed> SqliteStore::commit(const Transaction& transaction) {
  VY_TRY(check(transaction));
  if (std::ranges::any_of(transaction.changes, &Change::session)) VY_TRY(begin_session());
  Turn turn(*this);
  VY_TRY(turn.begin("BEGIN IMMEDIATE"));
  VY_TRY(is_meant(transaction.identity));
  VY_TRY(const std::int64_t last, number("revision"));
  Committed result{.done = false, .revision = static_cast<Revision>(last), .present = {}};
  VY_TRY(result.done, holds(transaction, result.present));
  if (!result.done) return result;
  result.present.clear();
  VY_TRY(const bool changed, apply_all(transaction.changes, last));
  if (!changed) return result;
  ++result.revision;
  VY_TRY(turn.end());
  // It is committed, whether or not the log could be cut now.
  if (result.revision % kTrimEvery == 0 && result.revision > kKept)
    static_cast<void>(trim(result.revision - kKept).has_value());
  return result;
}

Result<Page> SqliteStore::range(std::string_view prefix, std::string_view after, std::size_t limit,
                                std::string_view meant) {
  Turn turn(*this);
  VY_TRY(turn.begin("BEGIN"));
  VY_TRY(is_meant(meant));
  VY_TRY(const std::int64_t last, number("revision"));
  Page page{.items = {}, .revision = static_cast<Revision>(last), .more = false};
  const std::string end = key_behind(prefix);
  // The key right behind `after` is `after` and a zero byte.
  const std::string first = after.empty() ? std::string() : std::string(after) + '\0';
  const char* sql =
      end.empty() ? "SELECT key, value, created, changed FROM items WHERE key >= ?1 AND ?2 = x'' "
                    "ORDER BY key LIMIT ?3"
                  : "SELECT key, value, created, changed FROM items WHERE key >= ?1 AND key < ?2 "
                    "ORDER BY key LIMIT ?3";
  VY_TRY(page.items, items(sql, std::max(prefix, std::string_view(first)), end, limit + 1));
  page.more = page.items.size() > limit;
  if (page.more) page.items.pop_back();
  return page;
}

Result<Changes> SqliteStore::changes(Revision after, std::size_t limit, std::string_view meant) {
  VY_TRY(is_meant(meant));
  VY_TRY(end_sessions());
  Turn turn(*this);
  VY_TRY(turn.begin("BEGIN"));
  VY_TRY(const std::int64_t last, number("revision"));
  VY_TRY(const std::int64_t trimmed, number("trimmed"));
  Changes found{.changes = {}, .revision = static_cast<Revision>(last), .trimmed = false};
  found.trimmed = after < static_cast<Revision>(trimmed) || after > found.revision;
  if (found.trimmed) return found;
  Statement read(db_.get(),
                 "SELECT revision, key, value, created FROM log WHERE revision > ?1 ORDER BY "
                 "revision, place");
  read.add(static_cast<std::int64_t>(after));
  for (;;) {
    const auto row = read.step();
    if (!row) return failure("read");
    if (!*row) return found;
    const Revision revision = read.revision(0);
    if (found.changes.size() >= limit && !found.changes.empty() &&
        found.changes.back().revision != revision) {
      found.revision = found.changes.back().revision;
      return found;
    }
    Change change{.key = read.bytes(1), .value = std::nullopt};
    if (!read.is_null(2)) change.value = read.bytes(2);
    found.changes.push_back({revision, std::move(change), read.revision(3)});
  }
}

Result<void> SqliteStore::is_meant(std::string_view meant) {
  if (meant.empty()) return {};
  VY_TRY(const std::string actual, identity());
  return check_identity(meant, actual);
}

Result<std::string> SqliteStore::identity() {
  Statement read(db_.get(), "SELECT identity FROM store");
  if (read.step() != true) return failure("read");
  return read.bytes(0);
}

Result<void> SqliteStore::trim(Revision up_to) {
  Turn turn(*this);
  VY_TRY(turn.begin("BEGIN IMMEDIATE"));
  VY_TRY(const std::int64_t last, number("revision"));
  VY_TRY(const std::int64_t before, number("trimmed"));
  const std::int64_t now = std::max(before, std::min(static_cast<std::int64_t>(up_to), last));
  Statement drop(db_.get(), "DELETE FROM log WHERE revision <= ?1");
  if (!drop.add(now).step()) return failure("trim");
  VY_TRY(set_number("trimmed", now));
  return turn.end();
}

}  // namespace vineyard::catalog::local
