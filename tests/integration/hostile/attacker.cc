// SPDX-License-Identifier: Apache-2.0
#include "attacker.h"

#include <algorithm>

#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/version.h"

namespace vineyard::hostile {

using os::Wait;

Attacker::Attacker(std::string socket, int patience_ms)
    : path_(std::move(socket)), patience_ms_(patience_ms) {}

bool Attacker::connect() {
  channel_.reset();
  joined_.clear();
  facts_ = {};
  auto connection = os::connect_unix(path_, patience_ms_);
  if (!connection) return false;
  channel_.emplace(*std::move(connection), net::Descriptors::kAccepted);
  // Ids of the markers are high, so that mutated frames seldom use them.
  last_id_ = std::uint64_t{1} << 40;
  return true;
}

bool Attacker::join() {
  auto joined = call(protocol::JoinRequest{.protocol_version = protocol::kProtocolVersion,
                                           .pid = static_cast<std::uint64_t>(os::process_id()),
                                           .program = "hostile"});
  if (!joined) return false;
  joined_ = std::move(came_);
  facts_.serial = joined->serial;
  facts_.pin_table = joined->pin_table;
  return call(protocol::MappedRequest{.kind = 1, .number = joined->serial}).has_value();
}

bool Attacker::send(std::span<const std::byte> packet, std::span<const int> descriptors) {
  const std::int64_t until = os::monotonic_ms() + patience_ms_;
  while (os::monotonic_ms() <= until) {
    const auto sent = os::send_packet(channel_->socket(), packet, descriptors, Wait::kNo);
    if (!sent) return false;
    if (*sent == os::SendOutcome::kSent) return true;
    drain();  // perhaps it waits for us
    (void)os::wait_writable(channel_->socket(), 1);
  }
  return false;
}

void Attacker::drain() {
  for (;;) {
    const auto packet = os::receive_packet(channel_->socket(), buffer_.room(), Wait::kNo);
    if (!packet || packet->outcome != os::ReceiveOutcome::kPacket) return;
  }
}

Outcome Attacker::settle() {
  if (request(protocol::ExistsRequest{})) return await(last_id_);
  // It could not be sent: closed, or stuck. Only the first is an outcome.
  return await(0);
}

Outcome Attacker::await(std::uint64_t id) {
  const std::int64_t start = os::monotonic_ms();
  Outcome outcome = Outcome::kSilent;
  while (outcome == Outcome::kSilent) {
    const std::int64_t left = start + patience_ms_ - os::monotonic_ms();
    if (left < 0) break;
    auto packet = os::receive_packet(channel_->socket(), buffer_.room(), Wait::kNo);
    if (!packet || packet->outcome == os::ReceiveOutcome::kEndOfStream) {
      outcome = Outcome::kClosed;
    } else if (packet->outcome == os::ReceiveOutcome::kWouldBlock) {
      (void)os::wait_readable(channel_->socket(), static_cast<int>(left));
    } else if (const auto frame = protocol::parse_frame(buffer_.room().first(packet->size));
               frame && frame->header.kind == protocol::FrameKind::kReply &&
               frame->header.request_id == id) {
      came_ = std::move(packet->fds);
      answer_.assign(buffer_.room().begin(), buffer_.room().begin() + packet->size);
      outcome = Outcome::kAnswered;
    }
  }
  slowest_ms_ = std::max(slowest_ms_, os::monotonic_ms() - start);
  return outcome;
}

}  // namespace vineyard::hostile
