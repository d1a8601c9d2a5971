// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

// Packets with descriptors beside them.
namespace vineyard::os {

enum class Wait { kNo, kYes };

inline constexpr std::size_t kMaxPassedDescriptors = 253;  // the kernel's SCM_MAX_FD

enum class SendOutcome {
  kSent,
  kWouldBlock,         // the receiver's queue is full; it is deaf, slow or stopped
  kTooManyReferences,  // too many descriptors in flight: wait until some were received
};

/// Sends one packet, whole or not at all, with copies of `fds`. Never raises SIGPIPE.
/// Errors: unavailable (the other end is gone), invalid (packet or list of descriptors too large),
/// full.
[[nodiscard]] Result<SendOutcome> send_packet(BorrowedFd socket, std::span<const std::byte> packet,
                                              std::span<const int> fds, Wait wait);

enum class ReceiveOutcome {
  kPacket,
  kWouldBlock,
  kEndOfStream,  // the other end is gone, or sent an empty packet, which nobody does
};

/// What one receive brought.
struct ReceivedPacket {
  ReceiveOutcome outcome = ReceiveOutcome::kWouldBlock;
  std::size_t size = 0;       // bytes in the caller's buffer
  std::vector<UniqueFd> fds;  // close-on-exec
};

/// Receives one packet. A packet that does not fit, or descriptors that do not (the process has
/// none left), is an error: what came with it is closed, and the packet is gone. Errors: invalid
/// (larger than the buffer), full (descriptors).
[[nodiscard]] Result<ReceivedPacket> receive_packet(BorrowedFd socket, std::span<std::byte> buffer,
                                                    Wait wait);

}  // namespace vineyard::os
