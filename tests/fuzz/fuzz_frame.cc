// SPDX-License-Identifier: Apache-2.0
// A packet: is refused, or its header has one spelling. An error it carries can be read.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "vineyard/base/check.h"
#include "vineyard/protocol/codec.h"

using namespace vineyard::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packet = std::as_bytes(std::span(data, size));
  auto header = parse_header(packet);
  auto frame = parse_frame(packet);
  if (!frame) return 0;
  VY_CHECK(header && *header == frame->header);
  VY_CHECK(frame->body.size() + kHeaderBytes == size);
  std::array<std::byte, kHeaderBytes> again{};
  emit_header(again, frame->header);
  VY_CHECK(std::ranges::equal(again, packet.first(kHeaderBytes)));
  if (frame->header.kind == FrameKind::kReply && frame->header.status != 0) {
    const auto error = decode_error(*frame);
    Buffer written;
    encode_error(written, frame->header.opcode, frame->header.request_id, error);
    VY_CHECK(parse_frame(written).has_value());
  }
  return 0;
}
