// SPDX-License-Identifier: Apache-2.0
#include "vineyard/protocol/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace vineyard::protocol {
namespace {

using Bytes = std::vector<std::byte>;

Bytes frame_of(const FrameHeader& header, std::size_t body_bytes) {
  Bytes bytes(kHeaderBytes + body_bytes);
  emit_header(bytes, header);
  return bytes;
}

Bytes good_request() {
  return frame_of({.opcode = 13,
                   .kind = FrameKind::kRequest,
                   .body_bytes = 5,
                   .request_id = 7,
                   .deadline_ms = 250},
                  5);
}

TEST(Frame, reads_back_what_was_written) {
  for (const FrameHeader& header : {
           FrameHeader{
               .opcode = 13, .kind = FrameKind::kRequest, .request_id = 1, .deadline_ms = 9},
           FrameHeader{
               .opcode = 0xffff, .kind = FrameKind::kReply, .status = 9, .request_id = ~0ULL},
           FrameHeader{.opcode = 0, .kind = FrameKind::kOneWay},
       }) {
    auto read = parse_header(frame_of(header, 0));
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, header);
  }
}

TEST(Frame, has_the_bytes_that_the_document_describes) {
  auto bytes = good_request();
  bytes.resize(kHeaderBytes);
  const unsigned char expected[kHeaderBytes] = {'V', 'Y', 'N', '1', 1, 0, 13, 0, 1, 0, 0,
                                                0,   5,   0,   0,   0, 7, 0,  0, 0, 0, 0,
                                                0,   0,   250, 0,   0, 0, 0,  0, 0, 0};
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    EXPECT_EQ(std::to_integer<int>(bytes[i]), expected[i]) << "byte " << i;
  }
}

TEST(Frame, gives_the_body_of_a_whole_packet) {
  auto bytes = good_request();
  bytes.back() = std::byte{42};
  auto frame = parse_frame(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->body.size(), 5U);
  EXPECT_EQ(frame->body[4], std::byte{42});
}

TEST(Frame, refuses_every_shorter_and_any_longer_packet) {
  auto bytes = good_request();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    auto frame = parse_frame(std::span(bytes).first(length));
    ASSERT_FALSE(frame) << length;
    EXPECT_EQ(frame.error().code(), ErrorCode::kCorrupt);
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(parse_frame(bytes));
}

TEST(Frame, refuses_another_magic_and_fields_that_are_reserved) {
  for (std::size_t at : {0U, 1U, 2U, 3U, 10U, 11U, 28U, 29U, 30U, 31U}) {
    auto bytes = good_request();
    bytes[at] ^= std::byte{0x10};
    auto frame = parse_frame(bytes);
    ASSERT_FALSE(frame) << "byte " << at;
    EXPECT_EQ(frame.error().code(), ErrorCode::kCorrupt);
  }
}

TEST(Frame, says_unsupported_to_another_version) {
  auto bytes = good_request();
  bytes[4] = std::byte{2};
  auto frame = parse_frame(bytes);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code(), ErrorCode::kUnsupported);
}

TEST(Frame, refuses_what_its_kind_does_not_allow) {
  using enum FrameKind;
  for (const FrameHeader& header : {
           FrameHeader{.kind = kRequest, .request_id = 0},
           FrameHeader{.kind = kRequest, .status = 1, .request_id = 1},
           FrameHeader{.kind = kReply, .request_id = 0},
           FrameHeader{.kind = kReply, .status = 10, .request_id = 1},
           FrameHeader{.kind = kReply, .request_id = 1, .deadline_ms = 1},
           FrameHeader{.kind = kOneWay, .request_id = 1},
           FrameHeader{.kind = kOneWay, .status = 1},
           FrameHeader{.kind = kOneWay, .deadline_ms = 1},
           FrameHeader{.kind = static_cast<FrameKind>(0), .request_id = 1},
           FrameHeader{.kind = static_cast<FrameKind>(4), .request_id = 1},
           FrameHeader{.kind = static_cast<FrameKind>(255)},
       }) {
    EXPECT_FALSE(parse_frame(frame_of(header, 0)))
        << "kind " << int(header.kind) << " status " << int(header.status) << " id "
        << header.request_id;
  }
}

TEST(Frame, refuses_a_length_beyond_the_limit_before_the_body_is_there) {
  EXPECT_TRUE(parse_header(frame_of({.body_bytes = kMaxBody, .request_id = 1}, 0)));
  EXPECT_FALSE(parse_header(frame_of({.body_bytes = kMaxBody + 1, .request_id = 1}, 0)));
  EXPECT_FALSE(parse_header(frame_of({.body_bytes = 0xffffffff, .request_id = 1}, 0)));
}

TEST(Frame, takes_any_bytes_and_what_it_accepts_has_one_spelling) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    auto bytes = good_request();
    for (unsigned flips = random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1U << (random() % 8));
    }
    auto frame = parse_frame(bytes);
    if (!frame) continue;
    ++accepted;
    std::array<std::byte, kHeaderBytes> again{};
    emit_header(again, frame->header);
    ASSERT_TRUE(std::ranges::equal(again, std::span(bytes).first(kHeaderBytes)));
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace vineyard::protocol
