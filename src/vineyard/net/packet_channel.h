// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/base/result.h"
#include "vineyard/os/fd_passing.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::net {

/// Room for one packet. The worker has one for all its connections.
///
/// Owner:   who receives; what was received is valid until the next packet is received into it.
/// Threads: one at a time.
/// Always:  limits::kMaxFrame bytes.
class PacketBuffer {
 public:
  PacketBuffer() : bytes_(std::make_unique_for_overwrite<std::byte[]>(limits::kMaxFrame)) {}
  [[nodiscard]] std::span<std::byte> room() { return {bytes_.get(), limits::kMaxFrame}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
};

/// What came: a frame and the descriptors that travelled with it.
struct Packet {
  os::ReceiveOutcome outcome = os::ReceiveOutcome::kWouldBlock;
  std::span<const std::byte> frame;  // in the PacketBuffer
  std::vector<os::UniqueFd> fds;
};

/// Whether descriptors that come with packets are taken.
enum class Descriptors {
  kRefused,   ///< the worker, from clients: a packet with descriptors is an error, they are closed
              ///< at once
  kAccepted,  ///< a client, from its instance: up to limits::kMaxDescriptors of them
};

/// One end of a connection that carries one frame a packet: whole or not at all, also when a
/// process dies.
///
/// Owner:   the connection it belongs to; owns the socket.
/// Threads: one sender and one receiver at a time.
/// Always:  no packet of more than limits::kMaxFrame bytes or limits::kMaxDescriptors descriptors
/// passes.
class PacketChannel {
 public:
  PacketChannel(os::UniqueFd socket, Descriptors descriptors)
      : socket_(std::move(socket)), descriptors_(descriptors) {}

  /// Sends one frame with copies of `fds`. With Wait::kNo a full queue is an outcome: wait until
  /// the socket is writable, then send the same again. Errors: unavailable (the other end is gone),
  /// full (kernel memory).
  [[nodiscard]] Result<os::SendOutcome> send(std::span<const std::byte> frame,
                                             std::span<const os::BorrowedFd> fds, os::Wait wait);
  [[nodiscard]] Result<os::SendOutcome> send(std::span<const std::byte> frame, os::Wait wait) {
    return send(frame, {}, wait);
  }

  /// Receives one frame. After an error the connection is of no more use: close it.
  /// Errors: invalid (a packet larger than a frame may be), denied (descriptors that are not
  /// accepted), full (descriptors got lost because this process has none left), unavailable.
  [[nodiscard]] Result<Packet> receive(PacketBuffer& buffer, os::Wait wait);

  [[nodiscard]] const os::UniqueFd& socket() const { return socket_; }
  /// Ends the connection in both directions, also where other processes hold it.
  void shut_down();

 private:
  os::UniqueFd socket_;
  Descriptors descriptors_;
};

}  // namespace vineyard::net
