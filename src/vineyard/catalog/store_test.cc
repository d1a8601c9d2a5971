// SPDX-License-Identifier: Apache-2.0
#include <deque>

#include "vineyard/catalog/fakes/store_suite.h"

namespace vineyard::catalog {
namespace {

struct MemoryStores {
  MemoryStore store;
  std::deque<MemoryClient> clients;
  MemoryClient& open() { return clients.emplace_back(store, clients.size() + 1); }
  static void kill(MemoryClient& client) { client.end(); }
  void trim(Revision up_to) { store.trim(up_to); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreSuite, MemoryStores);

TEST(MemoryStore, is_another_one_when_it_lost_its_data) {
  MemoryStore store;
  ASSERT_TRUE(store.commit({.conditions = {}, .changes = {{"a", "1"}}})->done);
  const std::string before = *store.identity();
  store.lose();
  EXPECT_NE(*store.identity(), before);
  EXPECT_TRUE(store.range("", "", 10)->items.empty());
  EXPECT_TRUE(store.changes(1, 10)->trimmed);
}

}  // namespace
}  // namespace vineyard::catalog
