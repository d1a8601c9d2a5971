// SPDX-License-Identifier: Apache-2.0
#include "nasty.h"

#include "nasty_cases.h"
#include "vineyard/protocol/bytes.h"

namespace vineyard::hostile {
namespace {

using namespace protocol;
using Start = NastyCase::Start;

Buffer raw_frame(const MessageInfo& info, FrameKind kind, std::uint64_t id, std::size_t body_bytes,
                 int fill) {
  Buffer frame(kHeaderBytes + body_bytes, static_cast<std::byte>(fill));
  emit_header(frame, {.opcode = static_cast<std::uint16_t>(info.opcode),
                      .kind = kind,
                      .body_bytes = static_cast<std::uint32_t>(body_bytes),
                      .request_id = id});
  return frame;
}

// What can be done wrong with any message.
void add_for(const MessageInfo& info, std::vector<NastyCase>& cases) {
  const auto add = [&](const char* what, Start start, auto make_frames) {
    cases.push_back({std::string(info.name) + " " + what, start, [make_frames](Attacker& a) {
                       for (const Buffer& frame : make_frames(a)) a.send(frame);
                     }});
  };
  const auto with_body = [&info](std::size_t bytes, int fill) {
    return [&info, bytes, fill](Attacker& a) {
      return std::vector<Buffer>{raw_frame(info, FrameKind::kRequest, a.next_id(), bytes, fill)};
    };
  };
  add("before Join", Start::kConnected, with_body(24, 0));
  add("without a body", Start::kJoined, with_body(0, 0));
  add("with one byte", Start::kJoined, with_body(1, 0xff));
  add("of zeros", Start::kJoined, with_body(64, 0));
  add("of ones", Start::kJoined, with_body(64, 0xff));
  add("of the largest size, zeros", Start::kJoined, with_body(kMaxBody, 0));
  add("of the largest size, ones", Start::kJoined, with_body(kMaxBody, 0xff));
  add("as a reply", Start::kJoined, [&info](Attacker& a) {
    return std::vector<Buffer>{raw_frame(info, FrameKind::kReply, a.next_id(), 8, 0)};
  });
  add("as a one-way message", Start::kJoined, [&info](Attacker&) {
    return std::vector<Buffer>{raw_frame(info, FrameKind::kOneWay, 0, 8, 0)};
  });
  add("a hundred times with one id", Start::kJoined, [&info](Attacker&) {
    return std::vector<Buffer>(100, raw_frame(info, FrameKind::kRequest, 3, 24, 0));
  });
}

}  // namespace

std::vector<NastyCase> nasty_cases() {
  std::vector<NastyCase> cases;
  for (const MessageInfo& info : message_list()) add_for(info, cases);
  add_frame_cases(cases);
  add_descriptor_cases(cases);
  add_request_cases(cases);
  add_conversation_cases(cases);
  return cases;
}

}  // namespace vineyard::hostile
