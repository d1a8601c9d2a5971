// SPDX-License-Identifier: Apache-2.0
#include "vineyard/net/packet_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"

namespace vineyard::net {
namespace {

using os::ReceiveOutcome;
using os::SendOutcome;
using os::Wait;

struct Ends {
  PacketChannel worker;
  PacketChannel client;
};

Ends connect() {
  auto pair = os::socket_pair();
  EXPECT_TRUE(pair);
  return {PacketChannel(std::move(pair->first), Descriptors::kRefused),
          PacketChannel(std::move(pair->second), Descriptors::kAccepted)};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(const Packet& packet) {
  return {reinterpret_cast<const char*>(packet.frame.data()), packet.frame.size()};
}

TEST(PacketChannel, keeps_packets_apart) {
  auto [worker, client] = connect();
  ASSERT_EQ(*client.send(bytes_of("one"), Wait::kNo), SendOutcome::kSent);
  ASSERT_EQ(*client.send(bytes_of("two!"), Wait::kNo), SendOutcome::kSent);
  PacketBuffer buffer;
  EXPECT_EQ(text_of(*worker.receive(buffer, Wait::kNo)), "one");
  EXPECT_EQ(text_of(*worker.receive(buffer, Wait::kNo)), "two!");
  EXPECT_EQ(worker.receive(buffer, Wait::kNo)->outcome, ReceiveOutcome::kWouldBlock);
}

TEST(PacketChannel, carries_the_largest_frame) {
  auto [worker, client] = connect();
  const std::string large(limits::kMaxFrame, 'x');
  ASSERT_EQ(*worker.send(bytes_of(large), Wait::kNo), SendOutcome::kSent);
  PacketBuffer buffer;
  EXPECT_EQ(text_of(*client.receive(buffer, Wait::kNo)), large);
}

TEST(PacketChannel, carries_descriptors_in_their_order) {
  auto [worker, client] = connect();
  int first[2], second[2];
  ASSERT_EQ(::pipe2(first, O_CLOEXEC) | ::pipe2(second, O_CLOEXEC), 0);
  const os::UniqueFd ends[] = {os::UniqueFd(first[0]), os::UniqueFd(first[1]),
                               os::UniqueFd(second[0]), os::UniqueFd(second[1])};
  const std::array<os::BorrowedFd, 2> sent{ends[1], ends[3]};
  ASSERT_EQ(*worker.send(bytes_of("two pipes"), sent, Wait::kNo), SendOutcome::kSent);
  PacketBuffer buffer;
  auto packet = client.receive(buffer, Wait::kNo);
  ASSERT_TRUE(packet);
  ASSERT_EQ(packet->fds.size(), 2U);
  EXPECT_EQ(text_of(*packet), "two pipes");
  ASSERT_EQ(::write(packet->fds[0].get(), "1", 1) + ::write(packet->fds[1].get(), "2", 1), 2);
  char from_first = 0, from_second = 0;
  ASSERT_EQ(::read(first[0], &from_first, 1) + ::read(second[0], &from_second, 1), 2);
  EXPECT_EQ(from_first, '1');
  EXPECT_EQ(from_second, '2');
  EXPECT_NE(::fcntl(packet->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(PacketChannel, refuses_and_closes_descriptors_from_clients) {
  auto [worker, client] = connect();
  PacketBuffer buffer;
  const unsigned before = *os::descriptor_count();
  const std::array<os::BorrowedFd, 1> sent{client.socket()};
  ASSERT_EQ(*client.send(bytes_of("take this"), sent, Wait::kNo), SendOutcome::kSent);
  auto packet = worker.receive(buffer, Wait::kNo);
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().code(), ErrorCode::kDenied);
  EXPECT_EQ(*os::descriptor_count(), before);
}

TEST(PacketChannel, refuses_more_descriptors_than_a_packet_may_have) {
  auto pair = os::socket_pair();
  PacketChannel client(std::move(pair->second), Descriptors::kAccepted);
  PacketBuffer buffer;
  const unsigned before = *os::descriptor_count();
  const std::array<int, limits::kMaxDescriptors + 1> sent{};
  ASSERT_EQ(*os::send_packet(pair->first, bytes_of("many"), sent, Wait::kNo), SendOutcome::kSent);
  EXPECT_FALSE(client.receive(buffer, Wait::kNo));
  EXPECT_EQ(*os::descriptor_count(), before);
}

TEST(PacketChannel, refuses_a_packet_that_is_too_large) {
  auto pair = os::socket_pair();
  PacketChannel worker(std::move(pair->first), Descriptors::kRefused);
  const std::string large(limits::kMaxFrame + 1, 'x');
  ASSERT_EQ(*os::send_packet(pair->second, bytes_of(large), {}, Wait::kNo), SendOutcome::kSent);
  PacketBuffer buffer;
  auto packet = worker.receive(buffer, Wait::kNo);
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().code(), ErrorCode::kInvalid);
}

TEST(PacketChannel, says_when_the_queue_is_full_and_goes_on_when_it_is_read) {
  auto [worker, client] = connect();
  const std::string large(32U << 10, 'x');
  int sent = 0;
  while (*worker.send(bytes_of(large), Wait::kNo) == SendOutcome::kSent) ASSERT_LT(++sent, 100000);
  PacketBuffer buffer;
  for (; sent > 0; --sent)
    ASSERT_EQ(client.receive(buffer, Wait::kNo)->outcome, ReceiveOutcome::kPacket);
  EXPECT_EQ(*worker.send(bytes_of(large), Wait::kNo), SendOutcome::kSent);
}

TEST(PacketChannel, sees_that_the_other_end_is_gone_after_the_last_packet) {
  auto [worker, client] = connect();
  ASSERT_TRUE(client.send(bytes_of("last"), Wait::kNo));
  {
    PacketChannel gone = std::move(client);
  }
  PacketBuffer buffer;
  EXPECT_EQ(text_of(*worker.receive(buffer, Wait::kNo)), "last");
  EXPECT_EQ(worker.receive(buffer, Wait::kNo)->outcome, ReceiveOutcome::kEndOfStream);
  auto sent = worker.send(bytes_of("to nobody"), Wait::kNo);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), ErrorCode::kUnavailable);
}

TEST(PacketChannel, ends_for_both_though_another_process_holds_it) {
  auto pair = os::socket_pair();
  auto held = os::duplicate(pair->first);  // as the supervisor does
  ASSERT_TRUE(held);
  PacketChannel worker(std::move(pair->first), Descriptors::kRefused);
  PacketChannel client(std::move(pair->second), Descriptors::kAccepted);
  worker.shut_down();
  PacketBuffer buffer;
  EXPECT_EQ(client.receive(buffer, Wait::kNo)->outcome, ReceiveOutcome::kEndOfStream);
}

}  // namespace
}  // namespace vineyard::net
