// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "vineyard/base/units.h"
#include "vineyard/os/memfd.h"

namespace vineyard::server {
namespace {

using Outcome = Background::Outcome;

TEST(Background, touches_all_pages_and_says_so) {
  Background background;
  auto fd = os::create_memfd("test", 9_MiB).value();
  const auto mine = os::reopen(fd, os::Access::kReadOnly).value();
  std::promise<Outcome> done;
  background.touch(std::move(fd), (9_MiB).value, Background::Priority::kSomebodyWaits,
                   [&](Outcome outcome) { done.set_value(outcome); });
  EXPECT_EQ(done.get_future().get(), Outcome::kDone);
  EXPECT_EQ(os::allocated_size(mine).value(), 9_MiB);
}
TEST(Background, copies_every_part) {
  Background background;
  std::vector<std::byte> from(3 << 20), to(3 << 20);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = std::byte(i * 7 % 251);
  std::vector<Background::Copy> copies;
  for (std::size_t at = 0; at < from.size(); at += 1 << 16)
    copies.push_back({to.data() + at, from.data() + at, 1 << 16});
  std::promise<Outcome> done;
  background.copy(std::move(copies), [&](Outcome outcome) { done.set_value(outcome); });
  EXPECT_EQ(done.get_future().get(), Outcome::kDone);
  EXPECT_EQ(to, from);
}
TEST(Background, lets_a_spare_at_hand_wait_for_what_somebody_waits_for) {
  for (;;) {  // again if the spare was finished before the other job came
    const auto spare = os::create_memfd("spare", 64_MiB).value();
    const auto touched = [&] { return os::allocated_size(spare).value(); };
    std::atomic<int> order{0};
    std::promise<int> spare_done, wanted_done;
    Background background;
    background.touch(os::reopen(spare, os::Access::kReadWrite).value(), (64_MiB).value,
                     Background::Priority::kSpare, [&](Outcome) { spare_done.set_value(order++); });
    while (touched() == ByteCount(0)) std::this_thread::yield();
    background.touch(os::create_memfd("wanted", 1_MiB).value(), (1_MiB).value,
                     Background::Priority::kSomebodyWaits,
                     [&](Outcome) { wanted_done.set_value(order++); });
    const bool in_time = touched() < 32_MiB;
    const int spare_at = spare_done.get_future().get(), wanted_at = wanted_done.get_future().get();
    EXPECT_EQ(touched(), 64_MiB);
    if (!in_time) continue;
    EXPECT_LT(wanted_at, spare_at);
    return;
  }
}
TEST(Background, forgets_what_it_had_not_begun_when_it_ends) {
  auto called = std::make_shared<int>(0);
  {
    Background background;
    for (int i = 0; i < 50; ++i) {
      background.touch(os::create_memfd("test", 4_MiB).value(), (4_MiB).value,
                       Background::Priority::kSpare, [called](Outcome) { ++*called; });
    }
  }
  EXPECT_LE(*called, 50);
  EXPECT_EQ(called.use_count(), 1) << "no callback is left anywhere";
}

}  // namespace
}  // namespace vineyard::server
