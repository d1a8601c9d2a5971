// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "vineyard/base/limits.h"
#include "vineyard/protocol/bytes.h"

namespace vineyard::protocol {
namespace {

using Random = std::mt19937_64;

// Fills members with random content, large and small, up to `budget` bytes altogether.
struct Fill {
  Random& random;
  std::size_t budget = 32U << 10;

  std::size_t take(std::size_t most) {
    std::size_t n = random() % 4 == 0 ? 0 : random() % (1 + std::min(most, budget));
    budget -= n;
    return n;
  }
  void operator()(std::string_view, std::uint32_t& v) { v = static_cast<std::uint32_t>(random()); }
  void operator()(std::string_view, std::uint64_t& v) { v = random(); }
  void operator()(std::string_view, std::string& v) {
    v.resize(take(random() % 8 == 0 ? 20000 : 30));
    for (char& c : v) c = static_cast<char>(random());
  }
  void operator()(std::string_view, wire::Ids& v) {
    v.resize(take(random() % 8 == 0 ? 16000 : 64) / 8);
    for (auto& id : v) id = random();
  }
  void operator()(std::string_view name, wire::Texts& v) {
    v.resize(take(400) / 4);
    for (auto& text : v) (*this)(name, text);
  }
};

template <AnyMessage M>
Result<void> encode_any(Buffer& buffer, std::uint64_t id, const M& message) {
  if constexpr (NoticeMessage<M>) {
    return encode(buffer, message);
  } else {
    return encode(buffer, id, message);
  }
}

template <AnyMessage M>
void check_round_trips(Random& random) {
  Buffer buffer;
  for (int round = 0; round < 50; ++round) {
    M message;
    message.visit(Fill{random});
    ASSERT_TRUE(encode_any(buffer, 1 + round, message)) << M::kName;
    auto frame = parse_frame(buffer);
    ASSERT_TRUE(frame) << M::kName << ": " << frame.error().to_string();
    EXPECT_EQ(frame->header.opcode, static_cast<std::uint16_t>(M::kOpcode));
    EXPECT_EQ(frame->header.kind, M::kKind);
    auto read = decode<M>(frame->body);
    ASSERT_TRUE(read) << M::kName << ": " << read.error().to_string();
    EXPECT_EQ(*read, message) << M::kName;
    // Neither a part of it nor more than it is the message.
    for (std::size_t shorter = 0; shorter < frame->body.size(); shorter += 1 + random() % 700) {
      EXPECT_FALSE(decode<M>(frame->body.first(shorter))) << M::kName << " " << shorter;
    }
    buffer.push_back(std::byte{0});
    EXPECT_FALSE(decode<M>(std::span(buffer).subspan(kHeaderBytes))) << M::kName;
  }
}

TEST(Codec, reads_back_every_message_and_no_part_of_it) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
#define VY_CHECK_kCall(Name)                \
  check_round_trips<Name##Request>(random); \
  check_round_trips<Name##Reply>(random);
#define VY_CHECK_kOneWay(Name) check_round_trips<Name##Notice>(random);
#define VY_MESSAGE(number, Name, direction, text, request, reply) VY_CHECK_##direction(Name)
#include "vineyard/protocol/message_table.def"
}

TEST(Codec, puts_request_id_and_deadline_into_the_header) {
  Buffer buffer;
  ASSERT_TRUE(
      encode(buffer, 77, FetchRequest{.id = 5, .wait_ms = 6}, std::chrono::milliseconds(250)));
  auto frame = parse_frame(buffer);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.request_id, 77U);
  EXPECT_EQ(frame->header.deadline_ms, 250U);
}

TEST(Codec, shortens_a_deadline_that_does_not_fit_and_takes_a_negative_one_for_none) {
  Buffer buffer;
  ASSERT_TRUE(encode(buffer, 1, StatusRequest{}, std::chrono::hours(24 * 365)));
  EXPECT_EQ(parse_frame(buffer)->header.deadline_ms, 0xffffffffU);
  ASSERT_TRUE(encode(buffer, 1, StatusRequest{}, std::chrono::milliseconds(-1)));
  EXPECT_EQ(parse_frame(buffer)->header.deadline_ms, 0U);
}

TEST(Codec, allocates_nothing_for_a_frame_that_fits_the_buffer) {
  Buffer buffer;
  ASSERT_TRUE(encode(buffer, 1, GetNameRequest{.name = std::string(500, 'n')}));
  const std::byte* before = buffer.data();
  ASSERT_TRUE(encode(buffer, 2, FetchRequest{.id = 1}));
  ASSERT_TRUE(encode(buffer, 3, GetNameRequest{.name = std::string(500, 'm')}));
  EXPECT_EQ(buffer.data(), before);
}

TEST(Codec, refuses_to_write_what_is_longer_than_a_frame) {
  Buffer buffer;
  StatusReply status;
  status.json.assign(kMaxBody - 4, 'x');
  EXPECT_TRUE(encode(buffer, 1, status));
  EXPECT_EQ(buffer.size(), limits::kMaxFrame);
  status.json.push_back('x');
  auto refused = encode(buffer, 1, status);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(buffer.empty());
}

TEST(Codec, refuses_to_write_a_list_that_is_too_long) {
  Buffer buffer;
  ExistsRequest exists;
  exists.ids.resize(limits::kIdsPerMessage);
  EXPECT_TRUE(encode(buffer, 1, exists));
  exists.ids.push_back(1);
  EXPECT_FALSE(encode(buffer, 1, exists));
}

// A body of 32-bit numbers.
Buffer body_of(std::initializer_list<std::uint32_t> words) {
  Buffer body(words.size() * 4);
  std::byte* to = body.data();
  for (std::uint32_t word : words) {
    store_le(to, word);
    to += 4;
  }
  return body;
}

TEST(Codec, refuses_a_count_that_the_bytes_do_not_support_and_reserves_nothing_for_it) {
  ExistsRequest exists;
  EXPECT_FALSE(decode_into(body_of({limits::kIdsPerMessage, 0, 0}), exists));
  EXPECT_EQ(exists.ids.capacity(), 0U);
  EXPECT_FALSE(decode_into(body_of({0xffffffff, 0, 0}), exists));
  EXPECT_EQ(exists.ids.capacity(), 0U);
  ListNamesReply names;
  EXPECT_FALSE(decode_into(body_of({limits::kIdsPerMessage, 0, 0}), names));
  EXPECT_EQ(names.names.capacity(), 0U);
  EXPECT_FALSE(decode_into(body_of({1, 0xfffffff0}), names));
  GetNameRequest name;
  EXPECT_FALSE(decode_into(body_of({0xffffffff}), name));
  EXPECT_EQ(name.name.capacity(), std::string().capacity());
}

TEST(Codec, refuses_a_list_that_is_too_long_though_its_bytes_are_there) {
  Buffer body(4 + 8 * (limits::kIdsPerMessage + 1));
  store_le(body.data(), std::uint32_t{limits::kIdsPerMessage + 1});
  auto read = decode<ExistsRequest>(body);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message().find("too many"), std::string::npos) << read.error().message();
}

TEST(Codec, says_which_member_is_wrong) {
  auto read = decode<GetNameRequest>(body_of({9}));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().to_string(), "corrupt: GetNameRequest: name ends too early");
}

TEST(Codec, keeps_the_capacity_of_a_message_that_is_read_into) {
  Buffer buffer;
  ExistsRequest full, into;
  full.ids.resize(100);
  ASSERT_TRUE(encode(buffer, 1, full));
  ASSERT_TRUE(decode_into(std::span(buffer).subspan(kHeaderBytes), into));
  const auto* before = into.ids.data();
  full.ids.resize(50);
  ASSERT_TRUE(encode(buffer, 1, full));
  ASSERT_TRUE(decode_into(std::span(buffer).subspan(kHeaderBytes), into));
  EXPECT_EQ(into, full);
  EXPECT_EQ(into.ids.data(), before);
}

TEST(Errors, come_back_with_code_and_text) {
  Buffer buffer;
  encode_error(buffer, 13, 7, Error(ErrorCode::kFull, "the pool is full"));
  auto frame = parse_frame(buffer);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.request_id, 7U);
  auto reply = decode_reply<FetchReply>(*frame);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().to_string(), "full: the pool is full");
}

TEST(Errors, have_their_text_cut_between_characters) {
  Buffer buffer;
  std::string text(limits::kMaxErrorText - 1, 'x');
  text += "\xc3\xa4\xc3\xa4";
  encode_error(buffer, 1, 1, Error(ErrorCode::kInvalid, text));
  auto error = decode_error(*parse_frame(buffer));
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_EQ(error.message(), std::string(limits::kMaxErrorText - 1, 'x'));
}

TEST(Errors, lose_control_characters) {
  Buffer buffer;
  encode_error(buffer, 1, 1, Error(ErrorCode::kInvalid, "a\n\x1b[2Jb\x7f"));
  EXPECT_EQ(decode_error(*parse_frame(buffer)).message(), "a  [2Jb ");
}

TEST(Errors, that_cannot_be_read_are_corrupt) {
  Buffer buffer;
  encode_error(buffer, 13, 1, Error(ErrorCode::kInvalid, "text"));
  buffer.back() = std::byte{0};
  store_le(buffer.data() + kHeaderBytes, std::uint32_t{5});
  EXPECT_EQ(decode_error(*parse_frame(buffer)).code(), ErrorCode::kCorrupt);
  store_le(buffer.data() + kHeaderBytes, std::uint32_t{3});
  EXPECT_EQ(decode_error(*parse_frame(buffer)).code(), ErrorCode::kCorrupt);
  EXPECT_EQ(decode_error(Frame{{.opcode = 1, .kind = FrameKind::kReply}, {}}).code(),
            ErrorCode::kCorrupt);
}

TEST(Replies, are_read_only_as_what_they_are) {
  Buffer buffer;
  ASSERT_TRUE(encode(buffer, 3, FetchReply{.id = 9}));
  EXPECT_EQ(decode_reply<FetchReply>(*parse_frame(buffer))->id, 9U);
  EXPECT_FALSE(decode_reply<GetNameReply>(*parse_frame(buffer)));
  ASSERT_TRUE(encode(buffer, 3, FetchRequest{.id = 9}));
  EXPECT_FALSE(decode_reply<FetchReply>(*parse_frame(buffer)));
}

}  // namespace
}  // namespace vineyard::protocol
