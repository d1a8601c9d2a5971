// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/net/packet_channel.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/protocol/codec.h"
#include "vineyard/shm/entry.h"
#include "vineyard/shm/layout.h"

namespace vineyard::testing {

/// A client by hand: speaks the protocol and writes shared memory directly, also what no honest client would.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  nothing: that is its purpose.
class RawClient {
 public:
  /// Connects and joins, up to a mapped outbox with grants.
  static Result<RawClient> join(const std::string& socket);
  /// Connects only.
  static Result<RawClient> connect(const std::string& socket);

  template <protocol::RequestMessage M>
  Result<typename M::Reply> call(const M& request,
                                 std::vector<os::UniqueFd>* descriptors = nullptr) {
    protocol::Buffer out;
    if (auto e = protocol::encode(out, ++request_, request); !e) return std::move(e).error();
    if (auto s = channel_.send(out, os::Wait::kYes); !s) return std::move(s).error();
    auto frame = wait_reply(request_, descriptors);
    if (!frame) return std::move(frame).error();
    return protocol::decode_reply<typename M::Reply>(*frame);
  }

  /// An arena of its own, listed as number `*number`.
  Result<os::MappedRegion> new_arena(std::uint64_t size, std::uint32_t* number);

  /// The id granted at ring position `position`.
  [[nodiscard]] ObjectId grant(std::uint64_t position) const;
  void write_record(std::uint64_t position, const shm::Record& record);
  void publish(std::uint64_t tail) { outbox().tail.store(tail, std::memory_order_release); }

  [[nodiscard]] const shm::Region& region() const { return *region_.as<const shm::Region>(); }
  [[nodiscard]] const shm::ClientControl& control() const { return region().clients[control_]; }
  [[nodiscard]] shm::Outbox& outbox() const { return *outbox_.as<shm::Outbox>(); }
  [[nodiscard]] shm::PinTable& pins() const { return *pins_.as<shm::PinTable>(); }
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  [[nodiscard]] net::PacketChannel& channel() { return channel_; }
  [[nodiscard]] shm::State state_of(ObjectId id) const;

 private:
  explicit RawClient(os::UniqueFd socket)
      : channel_(std::move(socket), net::Descriptors::kAccepted) {}
  Result<protocol::Frame> wait_reply(std::uint64_t request, std::vector<os::UniqueFd>* descriptors);

  net::PacketChannel channel_;
  net::PacketBuffer buffer_;
  os::MappedRegion region_, outbox_, pins_;
  std::uint64_t serial_ = 0;
  std::uint32_t control_ = 0;
  std::uint64_t request_ = 0;
};

}  // namespace vineyard::testing
