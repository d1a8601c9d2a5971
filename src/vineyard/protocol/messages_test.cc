// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/messages.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

namespace vineyard::protocol {
namespace {

static_assert(RequestMessage<JoinRequest> && ReplyMessage<JoinReply> && NoticeMessage<TopUpNotice>);
static_assert(std::is_same_v<JoinRequest::Reply, JoinReply>);
static_assert(std::is_aggregate_v<JoinRequest>, "designated initialisers");
static_assert(!AnyMessage<int>);

TEST(Messages, are_found_by_opcode) {
  const MessageInfo* join = find_message(1);
  ASSERT_NE(join, nullptr);
  EXPECT_EQ(join->name, "Join");
  EXPECT_EQ(join->direction, Direction::kCall);
  EXPECT_EQ(find_message(7)->direction, Direction::kOneWay);
}

TEST(Messages, with_unknown_opcodes_are_not_found_and_still_have_a_name) {
  EXPECT_EQ(find_message(0), nullptr);
  EXPECT_EQ(find_message(0xffff), nullptr);
  EXPECT_EQ(message_name(0xffff), "opcode 65535");
  EXPECT_EQ(message_name(13), "Fetch");
}

TEST(Messages, of_the_list_are_all_found_and_have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const MessageInfo& info : message_list()) {
    EXPECT_EQ(find_message(static_cast<std::uint16_t>(info.opcode)), &info);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
}

TEST(Messages, show_their_members_in_the_order_of_the_table) {
  JoinRequest join{.protocol_version = 1, .pid = 2, .program = "p"};
  std::string seen;
  join.visit([&seen](std::string_view name, const auto&) { seen.append(name).append(" "); });
  EXPECT_EQ(seen, "protocol_version pid program ");
  join.visit([](std::string_view, auto& member) { member = {}; });
  EXPECT_EQ(join, JoinRequest{});
}

}  // namespace
}  // namespace vineyard::protocol
