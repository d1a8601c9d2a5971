// SPDX-License-Identifier: Apache-2.0
#include "raw_client.h"

#include <unistd.h>

#include <cstring>

#include "vineyard/base/try.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/version.h"
#include "vineyard/shm/entry.h"

namespace vineyard::testing {
namespace {
constexpr int kPatienceMs = 20000;
}  // namespace

Result<protocol::Frame> RawClient::wait_reply(std::uint64_t request,
                                              std::vector<os::UniqueFd>* descriptors) {
  while (true) {
    VY_TRY(auto ready, os::wait_readable(channel_.socket(), kPatienceMs));
    if (!ready) return Error(ErrorCode::kDeadline, "no answer");
    VY_TRY(auto packet, channel_.receive(buffer_, os::Wait::kYes));
    if (packet.outcome == os::ReceiveOutcome::kEndOfStream)
      return Error(ErrorCode::kUnavailable, "hung up");
    VY_TRY(auto frame, protocol::parse_frame(packet.frame));
    if (frame.header.kind != protocol::FrameKind::kReply || frame.header.request_id != request)
      continue;
    if (descriptors != nullptr) *descriptors = std::move(packet.fds);
    return frame;
  }
}

Result<RawClient> RawClient::connect(const std::string& socket) {
  VY_TRY(auto fd, os::connect_unix(socket, kPatienceMs));
  return RawClient(std::move(fd));
}

Result<RawClient> RawClient::join(const std::string& socket) {
  VY_TRY(auto c, connect(socket));
  std::vector<os::UniqueFd> fds;
  protocol::JoinRequest join;
  join.protocol_version = protocol::kProtocolVersion;
  join.pid = static_cast<std::uint64_t>(getpid());
  join.program = "raw";
  VY_TRY(auto joined, c.call(join, &fds));
  if (fds.size() != 3) return Error(ErrorCode::kCorrupt, "not three descriptors");
  c.serial_ = joined.serial;
  c.control_ = joined.control;
  VY_TRY(c.region_,
         os::MappedRegion::map(fds[0], ByteCount(sizeof(shm::Region)), os::Access::kReadOnly));
  VY_TRY(c.outbox_,
         os::MappedRegion::map(fds[1], ByteCount(sizeof(shm::Outbox)), os::Access::kReadWrite));
  VY_TRY(c.pins_,
         os::MappedRegion::map(fds[2], ByteCount(sizeof(shm::PinTable)), os::Access::kReadWrite));
  VY_TRY(c.call(protocol::MappedRequest{1, joined.serial}));
  return c;
}

Result<os::MappedRegion> RawClient::new_arena(std::uint64_t size, std::uint32_t* number) {
  std::vector<os::UniqueFd> fds;
  VY_TRY(auto made, call(protocol::NewArenaRequest{size}, &fds));
  VY_TRY(auto mapped,
         os::MappedRegion::map(fds.at(0), ByteCount(made.size), os::Access::kReadWrite));
  VY_TRY(auto listed, call(protocol::MappedRequest{3, made.arena}));
  *number = listed.list_number;
  return mapped;
}

ObjectId RawClient::grant(std::uint64_t position) const {
  return ObjectId(control().grants[position % limits::kRing].load(std::memory_order_acquire));
}

void RawClient::write_record(std::uint64_t position, const shm::Record& record) {
  std::memcpy(&outbox().records[position % limits::kRing], &record, sizeof record);
}

shm::State RawClient::state_of(ObjectId id) const {
  const std::uint64_t word =
      region().entries[id.index().value].word.load(std::memory_order_acquire);
  return shm::matches(id, word) ? shm::state_of(word) : shm::State::kFree;
}

}  // namespace vineyard::testing
