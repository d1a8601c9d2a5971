// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/supervisor_link.h"

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/os/fd_passing.h"

namespace vineyard::server {

Result<void> SupervisorLink::ask(const supervisor::HoldMessage& message,
                                 std::span<const int> descriptors) {
  const auto bytes = std::as_bytes(std::span(&message, 1));
  VY_TRY(auto sent, os::send_packet(socket_, bytes, descriptors, os::Wait::kYes));
  if (sent != os::SendOutcome::kSent) {
    return Error(ErrorCode::kFull, "the kernel holds too many descriptors in flight; try again");
  }
  std::byte answer[8];
  VY_TRY(auto received, os::receive_packet(socket_, answer, os::Wait::kYes));
  if (received.outcome != os::ReceiveOutcome::kPacket) {
    return Error(ErrorCode::kUnavailable, "the supervisor is gone");
  }
  if (received.size != 1 || std::to_integer<std::uint8_t>(answer[0]) != supervisor::kAnswerDone) {
    return Error(ErrorCode::kFull,
                 "the supervisor has no descriptor or mapping left for it; raise `ulimit -n`");
  }
  return {};
}

Result<void> SupervisorLink::keep(std::span<const shm::HoldFacts> facts,
                                  std::span<const os::UniqueFd* const> descriptors) {
  VY_CHECK(facts.size() == descriptors.size() && facts.size() <= supervisor::kMaxHoldsPerMessage);
  supervisor::HoldMessage message{};
  message.op = supervisor::kHold;
  message.count = static_cast<std::uint32_t>(facts.size());
  int raw[supervisor::kMaxHoldsPerMessage];
  for (std::size_t n = 0; n < facts.size(); ++n) {
    supervisor::Hold& item = message.items[n];
    item.kind = static_cast<std::uint32_t>(facts[n].kind);
    item.number = facts[n].number;
    item.owner = facts[n].owner;
    item.request = facts[n].request;
    item.size = facts[n].size;
    raw[n] = descriptors[n]->get();
  }
  return ask(message, {raw, facts.size()});
}

Result<void> SupervisorLink::drop(shm::Kind kind, std::uint64_t number) {
  supervisor::HoldMessage message{};
  message.op = supervisor::kDrop;
  message.count = 1;
  message.items[0].kind = static_cast<std::uint32_t>(kind);
  message.items[0].number = number;
  return ask(message, {});
}

Result<void> SupervisorLink::stop() {
  supervisor::HoldMessage message{};
  message.op = supervisor::kStop;
  return ask(message, {});
}

}  // namespace vineyard::server
