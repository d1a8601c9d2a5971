// SPDX-License-Identifier: Apache-2.0
#include "vineyard/net/packet_channel.h"

#include <array>
#include <string>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/os/socket.h"

namespace vineyard::net {

Result<os::SendOutcome> PacketChannel::send(std::span<const std::byte> frame,
                                            std::span<const os::BorrowedFd> fds, os::Wait wait) {
  VY_CHECK(!frame.empty() && frame.size() <= limits::kMaxFrame);
  VY_CHECK(fds.size() <= limits::kMaxDescriptors);
  std::array<int, limits::kMaxDescriptors> numbers;  // NOLINT: filled as far as it is used
  for (std::size_t i = 0; i < fds.size(); ++i) numbers[i] = fds[i].get();
  return os::send_packet(socket_, frame, std::span(numbers).first(fds.size()), wait);
}

Result<Packet> PacketChannel::receive(PacketBuffer& buffer, os::Wait wait) {
  VY_TRY(auto received, os::receive_packet(socket_, buffer.room(), wait));
  const std::size_t accepted =
      descriptors_ == Descriptors::kAccepted ? std::size_t{limits::kMaxDescriptors} : 0;
  if (received.fds.size() > accepted) {
    return Error(ErrorCode::kDenied, "a packet came with " + std::to_string(received.fds.size()) +
                                         " descriptors; " + std::to_string(accepted) +
                                         " are accepted");
  }
  return Packet{received.outcome, buffer.room().first(received.size), std::move(received.fds)};
}

void PacketChannel::shut_down() {
  os::shut_down(socket_);
}

}  // namespace vineyard::net
