// SPDX-License-Identifier: Apache-2.0
// The first byte picks one of all message types, the rest is a body: it is refused, or the message written again gives the
// same bytes. Reading into a message that was used before gives the same as reading into a new one.
#include <algorithm>
#include <cstdint>
#include <span>

#include "vineyard/base/check.h"
#include "vineyard/protocol/codec.h"

using namespace vineyard::protocol;

namespace {

template <AnyMessage M>
void try_body(std::span<const std::byte> body) {
  static M used;
  auto read = decode<M>(body);
  VY_CHECK(read.has_value() == decode_into(body, used).has_value());
  if (!read) return;
  VY_CHECK(*read == used);
  static Buffer buffer;
  if constexpr (NoticeMessage<M>) {
    VY_CHECK(encode(buffer, *read).has_value());
  } else {
    VY_CHECK(encode(buffer, 1, *read).has_value());
  }
  auto frame = parse_frame(buffer);
  VY_CHECK(frame.has_value());
  VY_CHECK(std::ranges::equal(frame->body, body));
}

using Try = void (*)(std::span<const std::byte>);
constexpr Try kTries[] = {
#define VY_TRY_kCall(Name) try_body<Name##Request>, try_body<Name##Reply>,
#define VY_TRY_kOneWay(Name) try_body<Name##Notice>,
#define VY_MESSAGE(number, Name, direction, text, request, reply) VY_TRY_##direction(Name)
#include "vineyard/protocol/message_table.def"
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size - 1 > kMaxBody) return 0;
  kTries[data[0] % std::size(kTries)](std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
