// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/messages.h"

#include <algorithm>

namespace vineyard::protocol {
namespace {

constexpr MessageInfo kMessages[] = {
#define VY_MESSAGE(number, Name, direction, text, request, reply) \
  {Opcode::k##Name, #Name, Direction::direction},
#include "vineyard/protocol/message_table.def"
};
static_assert(std::ranges::is_sorted(kMessages, {}, &MessageInfo::opcode),
              "find_message searches by halving");
static_assert(std::ranges::adjacent_find(kMessages, {}, &MessageInfo::opcode) ==
                  std::ranges::end(kMessages),
              "an opcode is used once");

}  // namespace

std::span<const MessageInfo> message_list() {
  return kMessages;
}

const MessageInfo* find_message(std::uint16_t opcode) {
  const auto* found =
      std::ranges::lower_bound(kMessages, static_cast<Opcode>(opcode), {}, &MessageInfo::opcode);
  if (found == std::ranges::end(kMessages)) return nullptr;
  return found->opcode == static_cast<Opcode>(opcode) ? found : nullptr;
}

std::string message_name(std::uint16_t opcode) {
  const MessageInfo* info = find_message(opcode);
  return info != nullptr ? std::string(info->name) : "opcode " + std::to_string(opcode);
}

}  // namespace vineyard::protocol
