// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/sqlite_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <list>
#include <thread>

#include "vineyard/catalog/fakes/store_suite.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::catalog {
namespace {

using local::SqliteStore;

class SqliteStores {
 public:
  SqliteStore& open() {
    auto store = SqliteStore::open(path());
    if (!store) ADD_FAILURE() << store.error().message();
    return stores_.emplace_back(*std::move(store));
  }
  void kill(SqliteStore& store) {
    std::erase_if(stores_, [&](const SqliteStore& one) { return &one == &store; });
  }
  void trim(Revision up_to) { ASSERT_TRUE(open().trim(up_to).has_value()); }
  [[nodiscard]] std::string path() const { return folder_ / "catalog.sqlite"; }

 private:
  os::TestFolder folder_;
  std::list<SqliteStore> stores_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StoreSuite, SqliteStores);

TEST(SqliteStore, keeps_everything_when_it_is_opened_again) {
  SqliteStores stores;
  std::string identity;
  {
    auto store = *SqliteStore::open(stores.path());
    identity = *store.identity();
    ASSERT_TRUE(store.commit({.conditions = {}, .changes = {{"k", std::string("\0v", 2)}}})->done);
  }
  auto again = *SqliteStore::open(stores.path());
  EXPECT_EQ(*again.identity(), identity);
  EXPECT_EQ(again.range("", "", 10)->items.at(0).value, std::string("\0v", 2));
  EXPECT_EQ(again.changes(0, 10)->changes.size(), 1U);
}

TEST(SqliteStore, many_writers_lose_no_increment) {
  SqliteStores stores;
  stores.open();
  constexpr int kWriters = 4, kEach = 25;
  const auto write = [&] {
    auto store = *SqliteStore::open(stores.path());
    for (int n = 0; n < kEach;) {
      const auto page = store.range("count", "", 1);
      ASSERT_TRUE(page.has_value()) << page.error().message();
      const bool there = !page->items.empty();
      const int count = there ? std::stoi(page->items[0].value) : 0;
      const auto done = store.commit(
          {.conditions = {{.key = "count", .revision = there ? page->items[0].changed : 0}},
           .changes = {{"count", std::to_string(count + 1)}}});
      ASSERT_TRUE(done.has_value()) << done.error().message();
      n += done->done ? 1 : 0;
    }
  };
  {
    std::vector<std::jthread> writers;
    for (int n = 0; n < kWriters; ++n) writers.emplace_back(write);
  }
  auto store = *SqliteStore::open(stores.path());
  EXPECT_EQ(store.range("count", "", 1)->items.at(0).value, std::to_string(kWriters * kEach));
  EXPECT_EQ(store.changes(0, 1)->changes.at(0).revision, 1U);
  EXPECT_EQ(store.changes(kWriters * kEach, 1)->revision, static_cast<Revision>(kWriters * kEach));
}

TEST(SqliteStore, names_a_file_that_is_none_of_ours) {
  SqliteStores stores;
  std::ofstream(stores.path()) << std::string(8192, 'x');
  const auto store = SqliteStore::open(stores.path());
  ASSERT_FALSE(store.has_value());
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(store.error().message().find(stores.path()), std::string::npos);
  const auto nowhere = SqliteStore::open(stores.path() + "/no/such/folder");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace vineyard::catalog
