// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vineyard/base/limits.h"
#include "vineyard/base/result.h"

// A frame is a header of 32 bytes and a body, little endian (PROTOCOL.md).
namespace vineyard::protocol {

inline constexpr std::uint32_t kMagic = 0x314e5956;  // the bytes "VYN1"
inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kMaxBody = limits::kMaxFrame - kHeaderBytes;

/// What a frame is to its receiver.
enum class FrameKind : std::uint8_t {
  kRequest = 1,  ///< is answered by exactly one reply with the same request id
  kReply = 2,
  kOneWay = 3,  ///< is not answered
};

/// The header of a frame as a value.
struct FrameHeader {
  std::uint16_t opcode = 0;  ///< any number: what is not known is answered, not refused as a frame
  FrameKind kind = FrameKind::kRequest;
  std::uint8_t status =
      0;  ///< of a reply: 0, or an ErrorCode, and then the body is the error's text
  std::uint32_t body_bytes = 0;
  std::uint64_t request_id = 0;  ///< 0 in one-way messages only
  std::uint32_t deadline_ms =
      0;  ///< of a request: how long the sender goes on waiting; 0: without end
  bool operator==(const FrameHeader&) const = default;
};

/// A whole frame in somebody else's bytes: valid as long as they are.
struct Frame {
  FrameHeader header;
  std::span<const std::byte> body;
};

/// Reads the header at the start of `bytes`.
/// Errors: corrupt (not a header: too short, another magic, a reserved field that is not 0, an
/// impossible combination or length), unsupported (a frame of another version).
[[nodiscard]] Result<FrameHeader> parse_header(std::span<const std::byte> bytes);

/// Reads a packet that holds one whole frame and nothing else.
/// Errors: as parse_header; corrupt (the body is not as long as the header says).
[[nodiscard]] Result<Frame> parse_frame(std::span<const std::byte> packet);

/// Writes `header` at the start of `out`, which has room for kHeaderBytes.
void emit_header(std::span<std::byte> out, const FrameHeader& header);

}  // namespace vineyard::protocol
