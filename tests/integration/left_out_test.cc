// SPDX-License-Identifier: Apache-2.0
// R9 in the client: a reader that is interrupted between a record and the arena behind it, while the record's writer ends
// and another client takes its place. With the rule it gets the right bytes; without it, somebody else's.
// R5 in the worker: a client puts and ends at once. With the rule its last object stays; without it, it is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "client_helpers.h"
#include "daemon.h"
#include "raw_client.h"
#include "vineyard/base/failpoint.h"
#include "vineyard/client.h"

namespace vineyard::testing {
namespace {

constexpr std::uint64_t kArenaBytes = 65536;
constexpr std::size_t kSize = 1000;

std::function<void()> interruption;  // happens once, at the step

void interrupt(const char* step) {
  if (std::string_view(step) != "get.blob_record_read" || !interruption) return;
  std::exchange(interruption, nullptr)();
}

/// A raw client with one arena full of one byte.
struct Writer {
  RawClient client;
  os::MappedRegion arena;
  std::uint32_t number = 0;

  Writer(const std::string& socket, int fill) : client(ok(RawClient::join(socket))) {
    arena = ok(client.new_arena(kArenaBytes, &number));
    std::memset(arena.data(), fill, kArenaBytes);
  }
  ObjectId put() {
    const ObjectId id = client.grant(0).with_blob_bit();
    client.write_record(0, {id.value, std::uint64_t{number} << 32, kSize, 0, 0});
    client.publish(1);
    return id;
  }
};

struct LeftOut : ::testing::Test {
  Daemon daemon;
  ~LeftOut() override {
    set_failpoint_hook(nullptr);
    leave_rule_out(nullptr);
    interruption = nullptr;
  }
  // The bytes that the interrupted reader gets, all alike: the writer's are 1, its successor's 2.
  int byte_that_is_read() {
    std::optional<Writer> writer(std::in_place, daemon.socket(), 1);
    const Client reader = ok(Client::connect({.socket = daemon.socket()}));
    const ObjectId id = writer->put();
    std::optional<Writer> successor;
    interruption = [&] {
      const shm::ClientControl& control = writer->client.control();
      const std::uint64_t serial = writer->client.serial();
      const auto place = &control - writer->client.region().clients;
      writer.reset();
      wait_for("the successor to stand where the writer stood", [&] {
        successor.reset();
        successor.emplace(daemon.socket(), 2);
        return &successor->client.control() - successor->client.region().clients == place &&
               successor->client.serial() != serial;
      });
    };
    set_failpoint_hook(interrupt);
    const View view = ok(reader.get_view(id));
    EXPECT_FALSE(interruption) << "the reader never came by";
    const auto bytes = view.bytes();
    EXPECT_EQ(bytes.size(), kSize);
    EXPECT_TRUE(std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes.front(); }));
    return static_cast<int>(bytes.front());
  }
};

// How many of `rounds` clients that end right after a put lose it. The worker's tick may come in between: not always.
int lost_puts(const std::string& socket, int rounds) {
  RawClient observer = ok(RawClient::join(socket));
  int lost = 0;
  for (int round = 0; round < rounds; ++round) {
    std::optional<Writer> writer(std::in_place, socket, 1);
    const auto place = &writer->client.control() - writer->client.region().clients;
    const auto& control = observer.region().clients[place];
    const std::uint64_t serial = writer->client.serial();
    const ObjectId id = writer->put();
    writer.reset();
    wait_for("the client to be gone", [&] { return control.serial.load() != serial; });
    lost += observer.state_of(id) != shm::State::kLive;
  }
  return lost;
}

#ifdef VINEYARD_FAILPOINTS
TEST(LeftOutOfTheWorker, with_r5_what_a_client_put_last_stays) {
  const Daemon daemon;
  EXPECT_EQ(lost_puts(daemon.socket(), 100), 0);
}

TEST(LeftOutOfTheWorker, without_r5_what_a_client_put_last_is_lost) {
  const Daemon daemon({"--size", "256M", "--prefault", "none"}, {"VINEYARD_LEAVE_OUT=R5"});
  EXPECT_GT(lost_puts(daemon.socket(), 100), 0);
}

TEST_F(LeftOut, with_r9_a_reader_sees_that_the_writer_ended_under_it) {
  EXPECT_EQ(byte_that_is_read(), 1);
}

TEST_F(LeftOut, without_r9_a_reader_is_shown_the_bytes_of_another_client) {
  leave_rule_out("R9");
  EXPECT_EQ(byte_that_is_read(), 2);
}
#else
TEST_F(LeftOut, needs_failpoints) {
  GTEST_SKIP() << "built without VINEYARD_FAILPOINTS";
}
#endif

}  // namespace
}  // namespace vineyard::testing
