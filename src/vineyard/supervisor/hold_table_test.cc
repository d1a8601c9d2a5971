// SPDX-License-Identifier: Apache-2.0
#include "vineyard/supervisor/hold_table.h"

#include <gtest/gtest.h>

#include "vineyard/os/memfd.h"
#include "vineyard/os/process.h"

namespace vineyard::supervisor {
namespace {

constexpr std::uint64_t kSize = 4096;

HoldMessage message_of(HoldOp op, std::vector<std::pair<HoldKind, std::uint64_t>> items) {
  HoldMessage message{.op = op, .count = static_cast<std::uint32_t>(items.size()), .items = {}};
  for (std::size_t i = 0; i < items.size() && i < kMaxHoldsPerMessage; ++i) {
    message.items[i].kind = items[i].first;
    message.items[i].number = items[i].second;
    message.items[i].size = kSize;
  }
  return message;
}
std::vector<os::UniqueFd> memory(std::size_t count) {
  std::vector<os::UniqueFd> fds;
  while (fds.size() < count) fds.push_back(os::create_memfd("held", ByteCount(kSize)).value());
  return fds;
}

TEST(HoldTable, maps_a_home_arena_writable_and_nothing_else) {
  HoldTable table;
  ASSERT_TRUE(table.apply(message_of(kHold, {{kHomeArena, 1}, {kOutbox, 2}}), memory(2)));
  const auto list = table.list_for_worker();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].kind, kOutbox);
  EXPECT_EQ(list[0].address, 0U);
  EXPECT_EQ(list[1].kind, kHomeArena);
  *reinterpret_cast<std::uint64_t*>(list[1].address) = 1;
}
TEST(HoldTable, the_mapping_works_after_sealing) {
  HoldTable table;
  ASSERT_TRUE(table.apply(message_of(kHold, {{kHomeArena, 1}}), memory(1)));
  ASSERT_TRUE(os::seal_against_new_writers(table.find(kHomeArena, 1)));
  *reinterpret_cast<std::uint64_t*>(table.list_for_worker()[0].address) = 1;
}
TEST(HoldTable, does_all_of_a_message_or_nothing) {
  HoldTable table;
  auto fds = memory(2);
  ASSERT_TRUE(os::seal_against_new_writers(fds[1]));  // can no longer be mapped writable
  ASSERT_TRUE(table.apply(message_of(kHold, {{kHomeArena, 1}}), memory(1)));
  const auto before = table.list_for_worker();
  EXPECT_FALSE(table.apply(message_of(kHold, {{kHomeArena, 1}, {kHomeArena, 2}}), std::move(fds)));
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table.list_for_worker()[0].address, before[0].address);
}
TEST(HoldTable, replaces_and_drops_without_leaking) {
  HoldTable table;
  const unsigned before = os::descriptor_count().value();
  ASSERT_TRUE(table.apply(message_of(kHold, {{kOutbox, 1}}), memory(1)));
  ASSERT_TRUE(table.apply(message_of(kHold, {{kOutbox, 1}}), memory(1)));
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(os::descriptor_count().value(), before + 1);
  ASSERT_TRUE(table.apply(message_of(kDrop, {{kOutbox, 1}, {kOutbox, 2}}), {}));
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(os::descriptor_count().value(), before);
}
TEST(HoldTable, refuses_counts_that_do_not_fit) {
  HoldTable table;
  EXPECT_FALSE(table.apply(message_of(kHold, {{kOutbox, 1}}), {}));
  EXPECT_FALSE(table.apply(message_of(kHold, {}), memory(1)));
  EXPECT_FALSE(table.apply(message_of(kDrop, {{kOutbox, 1}}), memory(1)));
  EXPECT_FALSE(table.apply(message_of(kStop, {}), {}));
  EXPECT_FALSE(table.apply(message_of(kHold, {5, {kOutbox, 1}}), memory(5)));
  EXPECT_EQ(table.size(), 0U);
}
TEST(HoldTable, keeps_the_workers_pidfd_to_itself) {
  HoldTable table;
  ASSERT_TRUE(table.apply(message_of(kHold, {{kWorker, 0}, {kOutbox, 1}}), memory(2)));
  EXPECT_GE(table.find(kWorker, 0).get(), 0);
  EXPECT_EQ(table.find(kWorker, 1).get(), -1);
  ASSERT_EQ(table.list_for_worker().size(), 1U);
  EXPECT_EQ(table.list_for_worker()[0].kind, kOutbox);
}
TEST(HoldTable, names_the_descriptors_to_pass_on_in_the_order_of_the_message) {
  HoldTable table;
  const auto message = message_of(kHold, {{kPinTable, 9}, {kOutbox, 1}});
  ASSERT_TRUE(table.apply(message, memory(2)));
  const auto fds = table.descriptors_of(message);
  ASSERT_EQ(fds.size(), 2U);
  EXPECT_EQ(fds[0], table.find(kPinTable, 9).get());
  EXPECT_EQ(fds[1], table.find(kOutbox, 1).get());
  EXPECT_TRUE(table.descriptors_of(message_of(kDrop, {{kOutbox, 1}})).empty());
}

}  // namespace
}  // namespace vineyard::supervisor
