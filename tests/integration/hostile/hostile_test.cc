// SPDX-License-Identifier: Apache-2.0
// No client can harm the daemon or another client, whatever it sends.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

#include "daemon.h"
#include "rows.h"

namespace vineyard::hostile {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(VINEYARD_TSAN)
constexpr std::uint64_t kFrames = 50'000;
#else
constexpr std::uint64_t kFrames = 1'000'000;
#endif

// The promise is a second; beside other tests on a small machine we wait longer before we call something silent. The rows
// say how long the slowest answer took.
constexpr std::uint64_t kPatienceMs = 20'000;

class HostileClient : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(daemon_.supervisor(), 0) << daemon_.log();
    Options options{.socket = daemon_.socket(),
                    .pid = static_cast<std::uint64_t>(daemon_.supervisor()),
                    .frames = kFrames,
                    .seed = std::random_device{}(),
                    .patience_ms = kPatienceMs};
    if (const char* frames = std::getenv("VINEYARD_HOSTILE_FRAMES"))
      options.frames = std::strtoull(frames, nullptr, 10);
    if (const char* seed = std::getenv("VINEYARD_HOSTILE_SEED"))
      options.seed = std::strtoull(seed, nullptr, 10);
    testing::wait_for("all processes",
                      [&] { return daemon_.worker() != 0 && daemon_.standby() != 0; });
    target_.emplace(options);
    ASSERT_TRUE(target_->start()) << daemon_.log();
    ASSERT_EQ(target_->watch().processes().size(), 3U);
  }
  testing::Daemon daemon_;
  std::optional<Target> target_;
};

TEST_F(HostileClient, cannot_harm_anybody_with_mutated_frames) {
  EXPECT_TRUE(attack_with_frames(*target_)) << daemon_.log();
}

TEST_F(HostileClient, cannot_harm_anybody_with_nasty_messages) {
  EXPECT_TRUE(attack_with_cases(*target_)) << daemon_.log();
}

TEST_F(HostileClient, cannot_use_up_anything_with_connections_that_do_not_join) {
  EXPECT_TRUE(attack_with_silence(*target_)) << daemon_.log();
}

}  // namespace
}  // namespace vineyard::hostile
