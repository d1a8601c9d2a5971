// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"
#include "vineyard/protocol/bytes.h"

namespace vineyard::protocol {
namespace {

constexpr std::size_t kCountBytes = 4;  // in front of each text and each list

// How many bytes members take. Sums cannot overflow: each term is the size of something in memory.
struct Measure {
  std::size_t bytes = 0;
  bool too_many = false;

  void operator()(std::string_view, std::uint32_t) { bytes += 4; }
  void operator()(std::string_view, std::uint64_t) { bytes += 8; }
  void operator()(std::string_view, const std::string& text) { bytes += kCountBytes + text.size(); }
  void operator()(std::string_view, const wire::Ids& ids) {
    too_many |= ids.size() > limits::kIdsPerMessage;
    bytes += kCountBytes + 8 * ids.size();
  }
  void operator()(std::string_view name, const wire::Texts& texts) {
    too_many |= texts.size() > limits::kIdsPerMessage;
    bytes += kCountBytes;
    for (const std::string& text : texts) (*this)(name, text);
  }
};

// Writes members into room that Measure has measured.
struct Write {
  std::byte* to;

  void operator()(std::string_view, std::uint32_t value) {
    store_le(to, value);
    to += 4;
  }
  void operator()(std::string_view, std::uint64_t value) {
    store_le(to, value);
    to += 8;
  }
  void operator()(std::string_view name, const std::string& text) {
    (*this)(name, static_cast<std::uint32_t>(text.size()));
    std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
  void operator()(std::string_view name, const wire::Ids& ids) {
    (*this)(name, static_cast<std::uint32_t>(ids.size()));
    for (std::uint64_t id : ids) (*this)(name, id);
  }
  void operator()(std::string_view name, const wire::Texts& texts) {
    (*this)(name, static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts) (*this)(name, text);
  }
};

// Reads members from bytes that anybody may have written. After the first mistake nothing more is
// read.
struct Read {
  std::span<const std::byte> rest;
  const char* mistake = nullptr;
  std::string_view member = {};  // the one with the mistake

  bool fail(std::string_view name, const char* what) {
    if (mistake == nullptr) {
      mistake = what;
      member = name;
    }
    return false;
  }
  bool has(std::string_view name, std::size_t bytes) {
    if (mistake != nullptr) return false;
    return bytes <= rest.size() || fail(name, "ends too early");
  }
  void operator()(std::string_view name, std::uint32_t& value) {
    if (!has(name, 4)) return;
    value = load_le<std::uint32_t>(rest.data());
    rest = rest.subspan(4);
  }
  void operator()(std::string_view name, std::uint64_t& value) {
    if (!has(name, 8)) return;
    value = load_le<std::uint64_t>(rest.data());
    rest = rest.subspan(8);
  }
  void operator()(std::string_view name, std::string& text) {
    std::uint32_t length = 0;
    (*this)(name, length);
    if (!has(name, length)) return;
    text.assign(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(length);
  }
  // The count of a list whose elements take at least `least` bytes each.
  bool count(std::string_view name, std::size_t least, std::uint32_t& elements) {
    (*this)(name, elements);
    if (mistake != nullptr) return false;
    if (elements > limits::kIdsPerMessage) return fail(name, "has too many elements");
    return has(name, elements * least);
  }
  void operator()(std::string_view name, wire::Ids& ids) {
    std::uint32_t elements = 0;
    if (!count(name, 8, elements)) return;
    ids.resize(elements);
    for (std::uint64_t& id : ids) (*this)(name, id);
  }
  void operator()(std::string_view name, wire::Texts& texts) {
    std::uint32_t elements = 0;
    if (!count(name, kCountBytes, elements)) return;
    texts.resize(elements);
    for (std::string& text : texts) (*this)(name, text);
  }
};

template <class M>
Result<void> encode_frame(Buffer& buffer, FrameHeader header, const M& message) {
  Measure measure;
  message.visit(measure);
  if (measure.too_many || measure.bytes > kMaxBody) {
    buffer.clear();
    return Error(ErrorCode::kInvalid,
                 std::string(M::kName) + " has " +
                     (measure.too_many ? "a list of more than " +
                                             std::to_string(limits::kIdsPerMessage) + " elements"
                                       : std::to_string(measure.bytes) + " bytes") +
                     ": too much for one message; send several");
  }
  header.opcode = static_cast<std::uint16_t>(M::kOpcode);
  header.kind = M::kKind;
  header.body_bytes = static_cast<std::uint32_t>(measure.bytes);
  buffer.resize(kHeaderBytes + measure.bytes);
  emit_header(buffer, header);
  Write write{buffer.data() + kHeaderBytes};
  message.visit(write);
  return {};
}

// The end of a UTF-8 text cut to at most `limit` bytes without cutting a character.
std::size_t cut_at(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end;
}

}  // namespace

template <RequestMessage M>
Result<void> encode(Buffer& buffer, std::uint64_t request_id, const M& message,
                    std::chrono::milliseconds deadline) {
  VY_CHECK(request_id != 0);
  auto wait =
      std::clamp<std::int64_t>(deadline.count(), 0, std::numeric_limits<std::uint32_t>::max());
  return encode_frame(
      buffer, {.request_id = request_id, .deadline_ms = static_cast<std::uint32_t>(wait)}, message);
}

template <ReplyMessage M>
Result<void> encode(Buffer& buffer, std::uint64_t request_id, const M& message) {
  VY_CHECK(request_id != 0);
  return encode_frame(buffer, {.request_id = request_id}, message);
}

template <NoticeMessage M>
Result<void> encode(Buffer& buffer, const M& message) {
  return encode_frame(buffer, {}, message);
}

void encode_error(Buffer& buffer, std::uint16_t opcode, std::uint64_t request_id,
                  const Error& error) {
  VY_CHECK(request_id != 0);
  std::string_view text = error.message();
  text = text.substr(0, cut_at(text, limits::kMaxErrorText));
  std::size_t body = kCountBytes + text.size();
  buffer.resize(kHeaderBytes + body);
  emit_header(buffer, {.opcode = opcode,
                       .kind = FrameKind::kReply,
                       .status = static_cast<std::uint8_t>(error.code()),
                       .body_bytes = static_cast<std::uint32_t>(body),
                       .request_id = request_id});
  store_le(buffer.data() + kHeaderBytes, static_cast<std::uint32_t>(text.size()));
  std::memcpy(buffer.data() + kHeaderBytes + kCountBytes, text.data(), text.size());
}

template <AnyMessage M>
Result<void> decode_into(std::span<const std::byte> body, M& message) {
  Read read{body};
  message.visit(read);
  if (read.mistake != nullptr) {
    return Error(ErrorCode::kCorrupt,
                 std::string(M::kName) + ": " + std::string(read.member) + " " + read.mistake);
  }
  if (!read.rest.empty()) {
    return Error(ErrorCode::kCorrupt, std::string(M::kName) + ": " +
                                          std::to_string(read.rest.size()) + " bytes too many");
  }
  return {};
}

template <AnyMessage M>
Result<M> decode(std::span<const std::byte> body) {
  Result<M> result{M{}};
  if (auto done = decode_into(body, *result); !done) return std::move(done).error();
  return result;
}

template <ReplyMessage M>
Result<M> decode_reply(const Frame& frame) {
  if (frame.header.kind != FrameKind::kReply ||
      frame.header.opcode != static_cast<std::uint16_t>(M::kOpcode)) {
    return Error(ErrorCode::kCorrupt, std::string(M::kName) + " expected, but the frame is about " +
                                          message_name(frame.header.opcode));
  }
  if (frame.header.status != 0) return decode_error(frame);
  return decode<M>(frame.body);
}

Error decode_error(const Frame& frame) {
  Read read{frame.body};
  std::string text;
  read("text", text);
  if (frame.header.status == 0 || read.mistake != nullptr || !read.rest.empty() ||
      text.size() > limits::kMaxErrorText) {
    return {ErrorCode::kCorrupt, "the answer to " + message_name(frame.header.opcode) +
                                     " is an error that cannot be read"};
  }
  std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == 127; }, ' ');
  return {static_cast<ErrorCode>(frame.header.status), std::move(text)};
}

// One copy of the code for each message.
#define VY_INSTANTIATE_(Struct)                                                   \
  template Result<void> decode_into<Struct>(std::span<const std::byte>, Struct&); \
  template Result<Struct> decode<Struct>(std::span<const std::byte>);
#define VY_INSTANTIATE_kCall(Name)                                                          \
  VY_INSTANTIATE_(Name##Request)                                                            \
  VY_INSTANTIATE_(Name##Reply)                                                              \
  template Result<void> encode<Name##Request>(Buffer&, std::uint64_t, const Name##Request&, \
                                              std::chrono::milliseconds);                   \
  template Result<void> encode<Name##Reply>(Buffer&, std::uint64_t, const Name##Reply&);    \
  template Result<Name##Reply> decode_reply<Name##Reply>(const Frame&);
#define VY_INSTANTIATE_kOneWay(Name) \
  VY_INSTANTIATE_(Name##Notice)      \
  template Result<void> encode<Name##Notice>(Buffer&, const Name##Notice&);
#define VY_MESSAGE(number, Name, direction, text, request, reply) VY_INSTANTIATE_##direction(Name)
#include "vineyard/protocol/message_table.def"

}  // namespace vineyard::protocol
