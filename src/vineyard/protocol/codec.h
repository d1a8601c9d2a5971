// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vineyard/base/error.h"
#include "vineyard/base/result.h"
#include "vineyard/protocol/frame.h"
#include "vineyard/protocol/messages.h"

// Messages to frames and back. All of it is derived from the message table; codec.cc holds the one
// copy of the code for every message.
namespace vineyard::protocol {

/// The bytes of one frame. Reuse it: an encoder that finds enough capacity does not allocate.
using Buffer = std::vector<std::byte>;

/// Replaces `buffer` with a frame that holds the request. `deadline`: how long the sender goes on
/// waiting, 0 for ever; what is longer than fits (49 days) becomes 49 days. `request_id` is not 0.
/// Errors: invalid (the message is longer than a frame may be, or a list has more than
/// kIdsPerMessage elements; `buffer` is then empty).
template <RequestMessage M>
[[nodiscard]] Result<void> encode(Buffer& buffer, std::uint64_t request_id, const M& message,
                                  std::chrono::milliseconds deadline = {});

/// Replaces `buffer` with a frame that answers the request with this id. Errors: as for requests.
template <ReplyMessage M>
[[nodiscard]] Result<void> encode(Buffer& buffer, std::uint64_t request_id, const M& message);

/// Replaces `buffer` with a frame that holds a one-way message. Errors: as for requests.
template <NoticeMessage M>
[[nodiscard]] Result<void> encode(Buffer& buffer, const M& message);

/// Replaces `buffer` with a frame that answers the request with this opcode and id (both as
/// received, so also an unknown opcode) with an error. A text of more than kMaxErrorText bytes is
/// cut.
void encode_error(Buffer& buffer, std::uint16_t opcode, std::uint64_t request_id,
                  const Error& error);

/// Reads a body that holds exactly one `M`. Memory is asked for only as far as bytes are there.
/// Errors: corrupt (too short, too long, or a list of more than kIdsPerMessage elements).
template <AnyMessage M>
[[nodiscard]] Result<M> decode(std::span<const std::byte> body);

/// As decode, into a message whose strings and lists keep their capacity. After an error `message`
/// holds parts.
template <AnyMessage M>
[[nodiscard]] Result<void> decode_into(std::span<const std::byte> body, M& message);

/// Reads the answer to a request whose reply is `M`.
/// Errors: what the other side answered; corrupt (a frame that is no answer of this type).
template <ReplyMessage M>
[[nodiscard]] Result<M> decode_reply(const Frame& frame);

/// The error that a reply with a status other than 0 carries. Control characters in its text become
/// spaces, since the text ends in logs and terminals. A reply whose body is not an error's becomes
/// a corrupt error itself.
[[nodiscard]] Error decode_error(const Frame& frame);

}  // namespace vineyard::protocol
