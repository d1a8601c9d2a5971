// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/frame.h"

#include <string>

#include "vineyard/base/check.h"
#include "vineyard/base/error.h"
#include "vineyard/base/try.h"
#include "vineyard/protocol/bytes.h"
#include "vineyard/protocol/version.h"

namespace vineyard::protocol {
namespace {

// Where the fields of a header are.
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kOpcodeAt = 6;
constexpr std::size_t kKindAt = 8;
constexpr std::size_t kStatusAt = 9;
constexpr std::size_t kReservedAt = 10;
constexpr std::size_t kBodyBytesAt = 12;
constexpr std::size_t kRequestIdAt = 16;
constexpr std::size_t kDeadlineAt = 24;
constexpr std::size_t kReserved2At = 28;
static_assert(kReserved2At + 4 == kHeaderBytes);

constexpr auto kLastStatus = static_cast<std::uint8_t>(ErrorCode::kExists);

Error corrupt(const char* what) {
  return {ErrorCode::kCorrupt, std::string("not a frame of this protocol: ") + what};
}

// What a header may say depends on what kind of frame it opens; everything else is refused, so that
// a frame has one spelling only and later versions find the unused fields free.
Result<void> check_kind(const FrameHeader& header) {
  switch (header.kind) {
    case FrameKind::kRequest:
      if (header.request_id == 0) return corrupt("a request without an id");
      if (header.status != 0) return corrupt("a request with a status");
      return {};
    case FrameKind::kReply:
      if (header.request_id == 0) return corrupt("a reply without an id");
      if (header.status > kLastStatus) return corrupt("a reply with an unknown status");
      if (header.deadline_ms != 0) return corrupt("a reply with a deadline");
      return {};
    case FrameKind::kOneWay:
      if (header.request_id != 0) return corrupt("a one-way message with an id");
      if (header.status != 0) return corrupt("a one-way message with a status");
      if (header.deadline_ms != 0) return corrupt("a one-way message with a deadline");
      return {};
  }
  return corrupt("an unknown kind");
}

}  // namespace

Result<FrameHeader> parse_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("shorter than a header");
  const std::byte* in = bytes.data();
  if (load_le<std::uint32_t>(in + kMagicAt) != kMagic) return corrupt("the magic is missing");
  if (auto version = load_le<std::uint16_t>(in + kVersionAt); version != kFrameVersion) {
    return Error(ErrorCode::kUnsupported, "a frame of version " + std::to_string(version) +
                                              "; this side speaks version " +
                                              std::to_string(kFrameVersion));
  }
  if (load_le<std::uint16_t>(in + kReservedAt) != 0 ||
      load_le<std::uint32_t>(in + kReserved2At) != 0) {
    return corrupt("a reserved field is not 0");
  }
  FrameHeader header{
      .opcode = load_le<std::uint16_t>(in + kOpcodeAt),
      .kind = static_cast<FrameKind>(in[kKindAt]),
      .status = std::to_integer<std::uint8_t>(in[kStatusAt]),
      .body_bytes = load_le<std::uint32_t>(in + kBodyBytesAt),
      .request_id = load_le<std::uint64_t>(in + kRequestIdAt),
      .deadline_ms = load_le<std::uint32_t>(in + kDeadlineAt),
  };
  if (header.body_bytes > kMaxBody) return corrupt("longer than a frame may be");
  VY_TRY(check_kind(header));
  return header;
}

Result<Frame> parse_frame(std::span<const std::byte> packet) {
  VY_TRY(auto header, parse_header(packet));
  std::span<const std::byte> body = packet.subspan(kHeaderBytes);
  if (body.size() != header.body_bytes)
    return corrupt("the body is not as long as its header says");
  return Frame{header, body};
}

void emit_header(std::span<std::byte> out, const FrameHeader& header) {
  VY_CHECK(out.size() >= kHeaderBytes);
  std::byte* to = out.data();
  store_le(to + kMagicAt, kMagic);
  store_le(to + kVersionAt, kFrameVersion);
  store_le(to + kOpcodeAt, header.opcode);
  to[kKindAt] = static_cast<std::byte>(header.kind);
  to[kStatusAt] = static_cast<std::byte>(header.status);
  store_le(to + kReservedAt, std::uint16_t{0});
  store_le(to + kBodyBytesAt, header.body_bytes);
  store_le(to + kRequestIdAt, header.request_id);
  store_le(to + kDeadlineAt, header.deadline_ms);
  store_le(to + kReserved2At, std::uint32_t{0});
}

}  // namespace vineyard::protocol
