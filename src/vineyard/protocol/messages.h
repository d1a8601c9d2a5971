// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/protocol/frame.h"

// The messages of message_table.def as plain structs:
//   a call X is     XRequest (its answer is XRequest::Reply) and XReply,
//   a one-way X is  XNotice.
// Each has kOpcode, kKind, kName, the members of the table, ==, and visit(f), which calls f(name,
// member) for each member in the order of the table.
namespace vineyard::protocol {

/// The number of a message on the wire.
enum class Opcode : std::uint16_t {
#define VY_MESSAGE(number, Name, direction, text, request, reply) k##Name = number,
#include "vineyard/protocol/message_table.def"
};

/// Whether a message is answered.
enum class Direction : std::uint8_t { kCall, kOneWay };

/// The types that members have, by their names in the table.
namespace wire {
using U32 = std::uint32_t;
using U64 = std::uint64_t;
using Text = std::string;
using Ids = std::vector<std::uint64_t>;
using Texts = std::vector<std::string>;
}  // namespace wire

#define VY_STRUCT_COMMON_(Struct, Name, frame_kind)         \
  static constexpr Opcode kOpcode = Opcode::k##Name;        \
  static constexpr FrameKind kKind = FrameKind::frame_kind; \
  static constexpr std::string_view kName = #Struct;        \
  template <class F>                                        \
  void visit(F&& f);                                        \
  template <class F>                                        \
  void visit(F&& f) const;                                  \
  bool operator==(const Struct&) const = default;

#define VY_STRUCTS_kCall(Name, request, reply)         \
  struct Name##Reply {                                 \
    reply VY_STRUCT_COMMON_(Name##Reply, Name, kReply) \
  };                                                   \
  struct Name##Request {                               \
    request using Reply = Name##Reply;                 \
    VY_STRUCT_COMMON_(Name##Request, Name, kRequest)   \
  };
#define VY_STRUCTS_kOneWay(Name, fields, none)            \
  struct Name##Notice {                                   \
    fields VY_STRUCT_COMMON_(Name##Notice, Name, kOneWay) \
  };
#define VY_FIELD(type, name) wire::type name{};
#define VY_MESSAGE(number, Name, direction, text, request, reply) \
  VY_STRUCTS_##direction(Name, request, reply)
#include "vineyard/protocol/message_table.def"
#undef VY_STRUCTS_kCall
#undef VY_STRUCTS_kOneWay
#undef VY_STRUCT_COMMON_

#define VY_VISIT_(Struct, fields)                    \
  template <class F>                                 \
  void Struct::visit([[maybe_unused]] F&& f) {       \
    fields                                           \
  }                                                  \
  template <class F>                                 \
  void Struct::visit([[maybe_unused]] F&& f) const { \
    fields                                           \
  }
#define VY_VISITS_kCall(Name, request, reply) \
  VY_VISIT_(Name##Request, request) VY_VISIT_(Name##Reply, reply)
#define VY_VISITS_kOneWay(Name, fields, none) VY_VISIT_(Name##Notice, fields)
#define VY_FIELD(type, name) f(std::string_view(#name), this->name);
#define VY_MESSAGE(number, Name, direction, text, request, reply) \
  VY_VISITS_##direction(Name, request, reply)
#include "vineyard/protocol/message_table.def"
#undef VY_VISITS_kCall
#undef VY_VISITS_kOneWay
#undef VY_VISIT_

template <class M>
concept AnyMessage = requires {
  { M::kOpcode } -> std::convertible_to<Opcode>;
  { M::kKind } -> std::convertible_to<FrameKind>;
};
template <class M>
concept RequestMessage = AnyMessage<M> && M::kKind == FrameKind::kRequest;
template <class M>
concept ReplyMessage = AnyMessage<M> && M::kKind == FrameKind::kReply;
template <class M>
concept NoticeMessage = AnyMessage<M> && M::kKind == FrameKind::kOneWay;

/// One row of the table.
struct MessageInfo {
  Opcode opcode;
  std::string_view name;
  Direction direction;
};

/// Every message, in the order of the table.
[[nodiscard]] std::span<const MessageInfo> message_list();

/// The message with this opcode, or null: opcodes come from the wire, and a newer peer may know
/// more of them.
[[nodiscard]] const MessageInfo* find_message(std::uint16_t opcode);

/// The message's name, or `opcode N` where there is none; for error texts and metrics.
[[nodiscard]] std::string message_name(std::uint16_t opcode);

}  // namespace vineyard::protocol
