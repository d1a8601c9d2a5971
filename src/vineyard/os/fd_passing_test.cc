// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/fd_passing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>

#include "vineyard/os/memfd.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Ends {
  UniqueFd here;
  UniqueFd there;
  Ends() {
    auto both = socket_pair().value();
    here = std::move(both.first);
    there = std::move(both.second);
  }
};

TEST(SendPacket, packets_stay_whole_and_in_order) {
  const Ends ends;
  ASSERT_TRUE(send_packet(ends.here, bytes_of("first"), {}, Wait::kNo));
  ASSERT_TRUE(send_packet(ends.here, bytes_of("second"), {}, Wait::kNo));
  std::array<std::byte, 64> buffer{};
  for (const std::string_view text : {"first", "second"}) {
    const auto packet = receive_packet(ends.there, buffer, Wait::kYes).value();
    EXPECT_EQ(packet.outcome, ReceiveOutcome::kPacket);
    EXPECT_EQ(packet.size, text.size());
    EXPECT_EQ(std::memcmp(buffer.data(), text.data(), text.size()), 0);
  }
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kNo)->outcome, ReceiveOutcome::kWouldBlock);
}
TEST(SendPacket, descriptors_arrive_with_their_packet_and_are_closed_on_exec) {
  const Ends ends;
  const UniqueFd memfd = create_memfd("passing", 4_KiB).value();
  ASSERT_TRUE(touch_pages(memfd, 0, 4096));
  const int fds[] = {memfd.get(), memfd.get()};
  ASSERT_EQ(send_packet(ends.here, bytes_of("x"), fds, Wait::kNo).value(), SendOutcome::kSent);
  std::array<std::byte, 8> buffer{};
  const auto packet = receive_packet(ends.there, buffer, Wait::kNo).value();
  ASSERT_EQ(packet.fds.size(), 2U);
  for (const UniqueFd& fd : packet.fds) {
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(size_of(fd)->value, 4096U);
  }
}
TEST(SendPacket, a_full_queue_is_an_outcome) {
  const Ends ends;
  const std::string large(32 << 10, 'x');
  for (int i = 0; i < 10'000; ++i) {
    const auto sent = send_packet(ends.here, bytes_of(large), {}, Wait::kNo);
    ASSERT_TRUE(sent) << sent.error().to_string();
    if (*sent == SendOutcome::kWouldBlock) return;
  }
  FAIL() << "the queue never filled";
}
TEST(SendPacket, too_many_descriptors_in_flight_is_an_outcome) {
  // Counted per user, and not for root: so in a child without rights, with a low limit of
  // descriptors.
  EXPECT_EQ(run_in_child([]() -> int {
              const rlimit low{32, 32};
              if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return 1;
              if (::geteuid() == 0 && ::setresuid(54321, 54321, 54321) != 0) return 2;
              const Ends ends;
              const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
              const std::vector<int> fds(16, null.get());
              for (int i = 0; i < 32; ++i) {
                const auto sent = send_packet(ends.here, bytes_of("x"), fds, Wait::kNo);
                if (!sent) return 3;
                if (*sent == SendOutcome::kTooManyReferences) return 0;
                if (*sent == SendOutcome::kWouldBlock) return 4;
              }
              return 5;
            }),
            0);
}
TEST(SendPacket, a_receiver_that_is_gone_is_an_error_and_no_signal) {
  Ends ends;
  ends.there.reset();
  const auto sent = send_packet(ends.here, bytes_of("x"), {}, Wait::kYes);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), ErrorCode::kUnavailable);
}
TEST(SendPacket, more_descriptors_than_the_kernel_takes_are_refused) {
  const Ends ends;
  const std::vector<int> fds(kMaxPassedDescriptors + 1, ends.here.get());
  const auto sent = send_packet(ends.here, bytes_of("x"), fds, Wait::kNo);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), ErrorCode::kInvalid);
}

TEST(ReceivePacket, the_end_of_the_stream_is_an_outcome) {
  Ends ends;
  std::array<std::byte, 8> buffer{};
  ASSERT_TRUE(send_packet(ends.here, bytes_of("last"), {}, Wait::kNo));
  ends.here.reset();
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kYes)->outcome, ReceiveOutcome::kPacket);
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kYes)->outcome, ReceiveOutcome::kEndOfStream);
}
TEST(ReceivePacket, a_peer_that_left_unread_packets_behind_is_the_end_of_the_stream) {
  Ends ends;
  std::array<std::byte, 8> buffer{};
  ASSERT_TRUE(send_packet(ends.there, bytes_of("unread"), {}, Wait::kNo));
  ends.here.reset();
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kYes)->outcome, ReceiveOutcome::kEndOfStream);
}
TEST(ReceivePacket, a_packet_that_is_too_large_is_an_error_and_leaks_nothing) {
  const Ends ends;
  const unsigned before = descriptor_count().value();
  const int fds[] = {ends.here.get()};
  ASSERT_TRUE(send_packet(ends.here, bytes_of("0123456789"), fds, Wait::kNo));
  std::array<std::byte, 4> buffer{};
  const auto packet = receive_packet(ends.there, buffer, Wait::kNo);
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(descriptor_count().value(), before);
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kNo)->outcome, ReceiveOutcome::kWouldBlock);
}
TEST(ReceivePacket, as_many_descriptors_as_can_be_sent_are_received_and_closed) {
  const Ends ends;
  const unsigned before = descriptor_count().value();
  const std::vector<int> fds(kMaxPassedDescriptors, ends.here.get());
  std::array<std::byte, 4> buffer{};
  ASSERT_EQ(send_packet(ends.here, bytes_of("x"), fds, Wait::kNo).value(), SendOutcome::kSent);
  EXPECT_EQ(receive_packet(ends.there, buffer, Wait::kNo)->fds.size(), kMaxPassedDescriptors);
  EXPECT_EQ(descriptor_count().value(), before);
}
TEST(ReceivePacket, descriptors_for_which_there_is_no_room_are_an_error_and_leak_nothing) {
  EXPECT_EQ(run_in_child([]() -> int {
              const Ends ends;
              const unsigned before = descriptor_count().value();
              const std::vector<int> fds(100, ends.here.get());
              if (!send_packet(ends.here, bytes_of("x"), fds, Wait::kNo)) return 1;
              const rlimit low{before + 8, before + 8};
              if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return 2;
              std::array<std::byte, 4> buffer{};
              const auto packet = receive_packet(ends.there, buffer, Wait::kNo);
              if (packet || packet.error().code() != ErrorCode::kFull) return 3;
              return descriptor_count().value() == before ? 0 : 4;
            }),
            0);
}
TEST(ReceivePacket, packets_already_sent_survive_the_death_of_their_sender) {
  TestChild sender([](const UniqueFd& connection) {
    return send_packet(connection, bytes_of("hello"), {}, Wait::kYes) && hear(connection) ? 0 : 1;
  });
  ASSERT_TRUE(wait_readable(sender.connection(), kForever).value());
  sender.kill();
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(receive_packet(sender.connection(), buffer, Wait::kNo)->size, 5U);
  EXPECT_EQ(receive_packet(sender.connection(), buffer, Wait::kNo)->outcome,
            ReceiveOutcome::kEndOfStream);
}

}  // namespace
}  // namespace vineyard::os
