// SPDX-License-Identifier: Apache-2.0
// Bytes that are no frame, and descriptors that nobody asked for.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nasty_cases.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/bytes.h"

namespace vineyard::hostile {
namespace {

using namespace protocol;
using Start = NastyCase::Start;

Buffer good_frame() {
  Buffer frame;
  (void)encode(frame, 7, ExistsRequest{.ids = {1, 2, 3}});
  return frame;
}

struct Change {
  const char* name;
  std::size_t at;
  std::uint32_t value;
};
constexpr Change kChanges[] = {
    {"another magic", 0, 0x32414443},
    {"no magic", 0, 0},
    {"version 0", 4, 0x00130000},
    {"version 65535", 4, 0x0013ffff},
    {"kind 0", 8, 0},
    {"kind 4", 8, 4},
    {"kind 255", 8, 255},
    {"a request with a status", 8, 0x0101},
    {"a reply with status 200", 8, 0xc802},
    {"a reserved field", 8, 0x00010001},
    {"a length of 0", 12, 0},
    {"a length one short", 12, 27},
    {"a length one long", 12, 29},
    {"the largest length", 12, kMaxBody},
    {"a length of 4 GiB", 12, 0xffffffff},
    {"a length with the sign bit", 12, 0x80000000},
    {"request id 0", 16, 0},
    {"the second reserved field", 28, 1},
};

}  // namespace

void add_frame_cases(std::vector<NastyCase>& cases) {
  for (const Start start : {Start::kConnected, Start::kJoined}) {
    const std::string when = start == Start::kConnected ? ", before Join" : "";
    for (const std::size_t length : {0U, 1U, 4U, 12U, 31U, 32U, 33U, 59U}) {
      cases.push_back({"the first " + std::to_string(length) + " bytes of a frame" + when, start,
                       [length](Attacker& a) {
                         const Buffer frame = good_frame();
                         a.send(std::span(frame).first(length));
                       }});
    }
    for (const std::size_t length :
         {limits::kMaxFrame, limits::kMaxFrame + 1, 100U << 10, 200U << 10}) {
      cases.push_back(
          {"a packet of " + std::to_string(length) + " bytes" + when, start, [length](Attacker& a) {
             Buffer packet = good_frame();
             packet.resize(length);
             a.send(packet);
           }});
    }
    for (const Change& change : kChanges) {
      cases.push_back(
          {std::string("a frame with ") + change.name + when, start, [change](Attacker& a) {
             Buffer packet = good_frame();
             store_le(packet.data() + change.at, change.value);
             a.send(packet);
           }});
    }
  }
  for (const std::uint16_t opcode : {0, 25, 255, 256, 0x7fff, 0x8000, 0xffff}) {
    cases.push_back({"opcode " + std::to_string(opcode), Start::kJoined, [opcode](Attacker& a) {
                       Buffer packet = good_frame();
                       store_le(packet.data() + 6, opcode);
                       a.send(packet);
                     }});
  }
}

void add_descriptor_cases(std::vector<NastyCase>& cases) {
  using Open = int (*)(Attacker&);
  const std::pair<const char*, Open> kinds[] = {
      {"/dev/null", [](Attacker&) { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }},
      {"a memfd", [](Attacker&) { return ::memfd_create("gift", MFD_CLOEXEC); }},
      {"an eventfd", [](Attacker&) { return ::eventfd(0, EFD_CLOEXEC); }},
      {"an epoll set", [](Attacker&) { return ::epoll_create1(EPOLL_CLOEXEC); }},
      {"a folder", [](Attacker&) { return ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }},
      {"the connection itself",
       [](Attacker& a) { return ::fcntl(a.socket().get(), F_DUPFD_CLOEXEC, 0); }},
  };
  for (const Start start : {Start::kConnected, Start::kJoined}) {
    const std::string when = start == Start::kConnected ? ", before Join" : "";
    for (const auto& [name, open] : kinds) {
      cases.push_back({std::string("gets ") + name + when, start, [open](Attacker& a) {
                         const os::UniqueFd gift(open(a));
                         const int number = gift.get();
                         a.send(good_frame(), std::span(&number, 1));
                       }});
    }
    for (const std::size_t count : {1U, 4U, 5U, 64U, 253U}) {
      cases.push_back(
          {"gets " + std::to_string(count) + " descriptors" + when, start, [count](Attacker& a) {
             const os::UniqueFd gift(::open("/dev/null", O_RDONLY | O_CLOEXEC));
             const std::vector<int> numbers(count, gift.get());
             a.send(good_frame(), numbers);
           }});
    }
  }
  cases.push_back(
      {"gets descriptors with bytes that are no frame", Start::kJoined, [](Attacker& a) {
         const std::vector<int> numbers(100, a.socket().get());
         const Buffer frame = good_frame();
         a.send(std::span(frame).first(9), numbers);
       }});
  cases.push_back(
      {"gets descriptors in packets that it never reads", Start::kJoined, [](Attacker& a) {
         const std::vector<int> numbers(10, a.socket().get());
         for (int i = 0; i < 20; ++i) a.send(good_frame(), numbers);
       }});
}

}  // namespace vineyard::hostile
