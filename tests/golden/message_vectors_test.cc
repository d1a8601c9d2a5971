// SPDX-License-Identifier: Apache-2.0
// Replays the golden vectors of the native protocol.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "vector_json.h"

namespace vineyard::golden {
namespace {

using namespace protocol;

template <AnyMessage M>
void replay(const boost::json::object& vector) {
  const auto& fields = vector.at("fields").as_object();
  const M message = message_of<M>(fields);
  EXPECT_EQ(fields_of(message), fields) << "a field that the message does not have";
  std::uint64_t request_id = 0;
  std::uint32_t deadline_ms = 0;
  if (const auto* id = vector.if_contains("request_id"))
    request_id = id->to_number<std::uint64_t>();
  if (const auto* ms = vector.if_contains("deadline_ms"))
    deadline_ms = ms->to_number<std::uint32_t>();

  const std::string hex(vector.at("hex").as_string());
  EXPECT_EQ(to_hex(encode_any(request_id, deadline_ms, message)), hex);

  const Buffer packet = from_hex(hex);
  auto frame = parse_frame(packet);
  ASSERT_TRUE(frame) << frame.error().to_string();
  EXPECT_EQ(frame->header.kind, M::kKind);
  EXPECT_EQ(frame->header.opcode, static_cast<std::uint16_t>(M::kOpcode));
  EXPECT_EQ(frame->header.request_id, request_id);
  EXPECT_EQ(frame->header.deadline_ms, deadline_ms);
  auto read = decode<M>(frame->body);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, message);
}

// How many vectors of the file are of this message.
template <AnyMessage M>
int replay_those_of(const boost::json::object& file) {
  int count = 0;
  for (const auto& item : file.at("vectors").as_array()) {
    const auto& vector = item.as_object();
    if (vector.at("message").as_string() != M::kName) continue;
    SCOPED_TRACE(std::string(M::kName) + " " + std::string(vector.at("sample").as_string()));
    replay<M>(vector);
    ++count;
  }
  EXPECT_GT(count, 0) << M::kName << " has no vector";
  return count;
}

void replay_file(std::string_view name, Opcode opcode,
                 int (*replay_all)(const boost::json::object&)) {
  const auto file = read_json("messages/" + file_name(name) + ".json").as_object();
  EXPECT_EQ(file.at("name").as_string(), name);
  EXPECT_EQ(file.at("opcode").to_number<int>(), static_cast<int>(opcode));
  EXPECT_EQ(static_cast<std::size_t>(replay_all(file)), file.at("vectors").as_array().size())
      << name << ": vectors of other messages";
}

#define VY_REPLAY_kCall(Name) \
  replay_those_of<Name##Request>(file) + replay_those_of<Name##Reply>(file)
#define VY_REPLAY_kOneWay(Name) replay_those_of<Name##Notice>(file)
#define VY_MESSAGE(number, Name, direction, text, request, reply)              \
  TEST(MessageVectors, agree_with_the_codec_for_##Name) {                      \
    replay_file(#Name, Opcode::k##Name,                                        \
                [](const auto& file) { return VY_REPLAY_##direction(Name); }); \
  }
#include "vineyard/protocol/message_table.def"

TEST(MessageVectors, are_of_messages_in_the_table) {
  std::set<std::string> expected, found;
  for (const MessageInfo& info : message_list()) expected.insert(file_name(info.name) + ".json");
  for (const auto& entry : std::filesystem::directory_iterator(VINEYARD_GOLDEN_DIR "/messages")) {
    found.insert(entry.path().filename());
  }
  EXPECT_EQ(found, expected);
}

TEST(FrameVectors, of_errors_agree_with_the_codec) {
  const auto file = read_json("frames/errors.json");
  for (const auto& item : file.at("vectors").as_array()) {
    const std::string hex(item.at("hex").as_string());
    const Buffer packet = from_hex(hex);
    auto frame = parse_frame(packet);
    ASSERT_TRUE(frame) << hex;
    const Error error = decode_error(*frame);
    EXPECT_EQ(name_of(error.code()), item.at("code").as_string());
    EXPECT_EQ(error.message(), item.at("message").as_string());
    Buffer again;
    encode_error(again, item.at("opcode").to_number<std::uint16_t>(),
                 item.at("request_id").to_number<std::uint64_t>(), error);
    EXPECT_EQ(to_hex(again), hex);
  }
}

TEST(FrameVectors, that_must_be_refused_are) {
  const auto file = read_json("frames/refused.json");
  for (const auto& item : file.at("vectors").as_array()) {
    const Buffer packet = from_hex(item.at("hex").as_string());
    auto frame = parse_frame(packet);
    ASSERT_FALSE(frame) << item.at("why");
    EXPECT_EQ(name_of(frame.error().code()), item.at("code").as_string()) << item.at("why");
  }
}

}  // namespace
}  // namespace vineyard::golden
