// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/clients.h"

#include <gtest/gtest.h>

#include <set>

#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

struct ClientsTest : ::testing::Test {
  FakeHost host;
  Clients& clients() { return host.worker().clients; }
};

TEST_F(ClientsTest, gives_every_connection_a_control_block_of_its_own_until_none_is_left) {
  std::set<std::uint32_t> seen;
  for (std::uint32_t n = 0; n < limits::kClients; ++n) {
    ASSERT_TRUE(seen.insert(clients().reserve_control().value()).second);
  }
  EXPECT_EQ(clients().touched(), limits::kClients);
  EXPECT_EQ(clients().reserve_control().error().code(), ErrorCode::kFull);
  clients().release_control(7);
  EXPECT_EQ(clients().reserve_control().value(), 7u);
}

TEST_F(ClientsTest, a_block_that_still_has_a_client_is_not_given_away) {
  FakeClient a(host);
  clients().release_control(a.control());
  EXPECT_NE(clients().reserve_control().value(), a.control());
}

TEST_F(ClientsTest, a_new_client_finds_its_first_grants_leased_in_ring_order) {
  FakeClient a(host);
  EXPECT_EQ(a.block().granted.load(), limits::kFirstGrants);
  for (std::uint64_t p = 0; p < limits::kFirstGrants; ++p) {
    const ObjectId id(a.block().grants[p].load());
    EXPECT_EQ(host.worker().entries.state(id.index()), State::kLeased);
    EXPECT_EQ(host.worker().entries.at(id.index()).lease.load(), a.serial() << 32 | p);
    EXPECT_TRUE(clients().lease_was_shown(id.index()));
  }
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
}

TEST_F(ClientsTest, the_window_doubles_up_to_the_ring_and_no_further) {
  FakeClient a(host);
  for (int n = 0; n < 20; ++n) ASSERT_TRUE(clients().grant(a.control(), Clients::Window::kDouble));
  EXPECT_EQ(a.block().window.load(), limits::kRing);
  EXPECT_EQ(a.block().granted.load(), limits::kRing);
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
}

TEST_F(ClientsTest, a_window_that_cannot_be_doubled_is_still_kept_full) {
  FakeHost small(4U << 20);
  FakeClient a(small);
  while (small.worker().arenas.create(256U << 10, 0, 0)) {
  }  // the pool is full now
  for (int n = 0; n < 20; ++n)
    (void)small.worker().clients.grant(a.control(), Clients::Window::kDouble);
  for (int n = 0; n < 5; ++n) a.add_record({});
  a.publish();
  ASSERT_EQ(small.worker().harvester.harvest_all(), Harvester::Progress::kAll);
  EXPECT_TRUE(small.worker().clients.grant(a.control(), Clients::Window::kDouble));
  EXPECT_EQ(a.block().granted.load() - a.block().harvested.load(), a.block().window.load());
  EXPECT_LT(a.block().window.load(), limits::kRing);
}

TEST_F(ClientsTest, what_was_promised_never_takes_more_than_the_pool) {
  FakeHost small(8U << 20);
  FakeClient a(small);
  Clients& c = small.worker().clients;
  Result<void> granted;
  std::uint64_t puts = 0;
  while ((granted = c.grant(a.control(), Clients::Window::kDouble)) && puts < 1'000'000) {
    for (int n = 0; n < 8; ++n, ++puts) a.put_document({}, puts);
    ASSERT_EQ(small.worker().harvester.harvest_all(), Harvester::Progress::kAll);
  }
  ASSERT_FALSE(granted);
  EXPECT_EQ(granted.error().code(), ErrorCode::kFull);
  // What is granted still is promised: it has its room.
  while (a.block().granted.load() > a.block().harvested.load()) {
    a.put_document({}, ++puts);
    ASSERT_EQ(small.worker().harvester.harvest_all(), Harvester::Progress::kAll);
  }
  EXPECT_LE(small.worker().arenas.used_bytes(), small.worker().arenas.pool_bytes());
  EXPECT_EQ(small.broken_invariant(), std::nullopt);
}

TEST_F(ClientsTest, nothing_is_granted_to_a_block_without_a_client) {
  const std::uint32_t c = clients().reserve_control().value();
  ASSERT_TRUE(clients().grant(c, Clients::Window::kKeep));
  EXPECT_EQ(clients().control(c).granted.load(), 0u);
}

TEST_F(ClientsTest, published_is_the_tail_within_what_was_granted_and_taken) {
  FakeClient a(host);
  EXPECT_EQ(clients().published(a.control()), 0u);
  a.outbox().tail.store(3);
  EXPECT_EQ(clients().published(a.control()), 3u);
  a.outbox().tail.store(1'000'000);
  EXPECT_EQ(clients().published(a.control()), limits::kFirstGrants);
  a.block().harvested.store(5);
  a.outbox().tail.store(2);
  EXPECT_EQ(clients().published(a.control()), 5u);
  a.block().harvested.store(0);
}

TEST_F(ClientsTest, positions_are_found_across_the_end_of_32_bits) {
  FakeClient a(host);
  const std::uint64_t near_wrap = (std::uint64_t{3} << 32) - 2;
  a.block().harvested.store(near_wrap);
  for (std::int64_t d : {-2, -1, 0, 1, 2, 100, 4095}) {
    const std::uint64_t p = near_wrap + static_cast<std::uint64_t>(d);
    EXPECT_EQ(clients().position(a.control(), (a.serial() << 32) | (p & 0xffffffff)), p);
  }
}

TEST_F(ClientsTest, a_whole_put_works_across_the_end_of_32_bits) {
  FakeClient a(host);
  // As after 2^32 - 8 puts: every counter stands there, and what was lent is lent for positions from there on.
  const std::uint64_t base = (std::uint64_t{1} << 32) - 8;
  host.worker().harvester.take_back(a.control());
  a.block().harvested.store(base);
  a.block().granted.store(base);
  a.outbox().tail.store(base);
  ASSERT_TRUE(clients().grant(a.control(), Clients::Window::kKeep));
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
  for (std::uint64_t p = base; p < base + limits::kFirstGrants; ++p) {
    const ObjectId id(a.block().grants[p % limits::kRing].load());
    EXPECT_EQ(clients().is_published(id.index()), false);
    a.outbox().tail.store(p + 1);
    EXPECT_EQ(clients().is_published(id.index()), true);
    EXPECT_TRUE(clients().lease_was_shown(id.index()));
  }
}

TEST_F(ClientsTest, a_serial_without_a_connection_has_no_control_block) {
  FakeClient a(host);
  EXPECT_EQ(clients().control_of(a.serial()), a.control());
  EXPECT_EQ(clients().control_of(0), std::nullopt);
  EXPECT_EQ(clients().control_of(a.serial() + 1000), std::nullopt);
  EXPECT_EQ(clients().control_of(a.pin_table()), std::nullopt);
}

TEST_F(ClientsTest, establish_leaves_nothing_of_the_client_before) {
  FakeClient a(host);
  a.new_arena();
  a.put_blob(10);
  host.worker().harvester.harvest_all();
  a.block().finished[3].request.store(99);
  a.block().finished_count.store(4);
  a.die();
  ASSERT_TRUE(host.leave(a.serial()));
  FakeClient b(host);
  ASSERT_EQ(b.control(), a.control());
  EXPECT_EQ(b.block().harvested.load(), 0u);
  EXPECT_EQ(b.block().arena_present[0].load(), 0u);
  EXPECT_EQ(b.block().arenas[0].load(), 0u);
  EXPECT_EQ(b.block().finished[3].request.load(), 0u);
  EXPECT_EQ(b.block().finished_count.load(), 0u);
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
}

TEST_F(ClientsTest, what_a_client_calls_itself_is_kept_up_to_64_bytes) {
  FakeClient a(host);
  EXPECT_EQ(clients().program(a.control()), "test");
  clients().establish(a.control(), a.serial(), 1000, 1, std::string(100, 'x'));
  EXPECT_EQ(clients().program(a.control()), std::string(64, 'x'));
  clients().establish(a.control(), a.serial(), 1000, 1, "");
  EXPECT_EQ(clients().program(a.control()), "");
}

TEST_F(ClientsTest, a_block_is_at_its_beginning_before_its_next_client_is_established) {
  FakeClient a(host);
  a.put_blob(10);
  host.worker().harvester.harvest_all();
  a.die();
  ASSERT_TRUE(host.leave(a.serial()));
  // Who joins reads where it is to write before the daemon knows that it has mapped anything.
  const std::uint32_t c = clients().reserve_control().value();
  ASSERT_EQ(c, a.control());
  EXPECT_EQ(clients().control(c).harvested.load(), 0u);
  EXPECT_EQ(clients().control(c).granted.load(), 0u);
}

TEST_F(ClientsTest, a_lease_of_an_older_holder_of_the_block_was_not_shown) {
  FakeClient a(host);
  const ObjectId id = a.next_id();
  host.worker().entries.at(id.index()).lease.store((a.serial() + 500) << 32);
  EXPECT_FALSE(clients().lease_was_shown(id.index()));
  host.worker().entries.at(id.index()).lease.store(a.serial() << 32 | 1);
  EXPECT_FALSE(clients().lease_was_shown(id.index())) << "position 1 shows another id";
  host.worker().entries.at(id.index()).lease.store(a.serial() << 32);
  EXPECT_TRUE(clients().lease_was_shown(id.index()));
}

}  // namespace
}  // namespace vineyard::shm
