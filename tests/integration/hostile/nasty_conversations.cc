// SPDX-License-Identifier: Apache-2.0
// Several messages after each other, each of them right, or at least the first.
#include <sys/socket.h>

#include "nasty_cases.h"
#include "vineyard/protocol/version.h"

namespace vineyard::hostile {
namespace {

using namespace protocol;
using Start = NastyCase::Start;

const JoinRequest kJoin{.protocol_version = kProtocolVersion, .pid = 1, .program = "conversation"};

template <class Message>
auto repeat(int times, const Message& message) {
  return [times, message](Attacker& a) {
    for (int i = 0; i < times; ++i) a.request(message);
  };
}

using Act = std::function<void(Attacker&)>;
using Add = std::function<void(const char*, Start, Act)>;

void add_joining_and_memory(const Add& add) {
  add("joins and maps nothing", Start::kConnected, repeat(1, kJoin));
  add("joins a hundred times without reading", Start::kConnected, repeat(100, kJoin));
  add("joins and hangs up before the answer", Start::kConnected, [](Attacker& a) {
    for (int i = 0; i < 50; ++i) {
      a.request(kJoin);
      a.connect();
    }
  });
  add("joins, says that it mapped only the pin table, then asks for all", Start::kConnected,
      [](Attacker& a) {
        if (auto joined = a.call(kJoin))
          a.request(MappedRequest{.kind = 2, .number = joined->pin_table});
        a.request(NewArenaRequest{.size = 4096});
        a.request(ReserveRequest{});
        a.request(SyncRequest{});
      });
  add("joins, says that it mapped the outbox of its neighbour", Start::kConnected, [](Attacker& a) {
    if (auto joined = a.call(kJoin))
      a.request(MappedRequest{.kind = 1, .number = joined->serial - 1});
    a.request(SyncRequest{});
  });
  add("asks for arenas until there are none", Start::kJoined,
      repeat(200, NewArenaRequest{.size = 1}));
  add("asks for large arenas until there are none", Start::kJoined,
      repeat(50, NewArenaRequest{.size = 64U << 20}));
  add("asks for arenas and maps none", Start::kJoined, [](Attacker& a) {
    for (int i = 0; i < 20; ++i) {
      auto made = a.call(NewArenaRequest{.size = 4096});
      if (made) a.request(DropArenaRequest{.list_number = 0});
    }
  });
  add("maps each arena twice and drops it twice", Start::kJoined, [](Attacker& a) {
    for (int i = 0; i < 10; ++i) {
      auto made = a.call(NewArenaRequest{.size = 4096});
      if (!made) return;
      auto mapped = a.call(MappedRequest{.kind = 3, .number = made->arena});
      a.request(MappedRequest{.kind = 3, .number = made->arena});
      if (!mapped) continue;
      a.request(DropArenaRequest{.list_number = mapped->list_number});
      a.request(DropArenaRequest{.list_number = mapped->list_number});
    }
  });
  add("asks for pin tables until there are none", Start::kJoined,
      repeat(300, NewPinTableRequest{}));
  add("reserves ten thousand ids", Start::kJoined, repeat(10000, ReserveRequest{.blob = 1}));
}

void add_publishing_and_waiting(const Add& add) {
  add("publishes one reserved id many times, at places it has not", Start::kJoined,
      [](Attacker& a) {
        auto reserved = a.call(ReserveRequest{.blob = 1});
        if (!reserved) return;
        for (std::uint64_t i = 0; i < 100; ++i) {
          a.request(PublishRequest{
              .id = reserved->id, .blob = 1, .place = (i % 70) << 32, .size = 64 * i});
        }
      });
  add("publishes documents of bytes that it never wrote", Start::kJoined, [](Attacker& a) {
    auto made = a.call(NewArenaRequest{.size = 1U << 20});
    if (!made) return;
    auto mapped = a.call(MappedRequest{.kind = 3, .number = made->arena});
    if (!mapped) return;
    for (std::uint64_t i = 0; i < 64; ++i) {
      const std::uint64_t place = (std::uint64_t{mapped->list_number} << 32) | i;
      a.request(PublishRequest{.id = 0,
                               .blob = static_cast<std::uint32_t>(i % 2),
                               .place = place,
                               .size = 1U << (i % 24)});
    }
  });
  add("names what it has reserved and not published", Start::kJoined, [](Attacker& a) {
    auto reserved = a.call(ReserveRequest{.blob = 1});
    if (!reserved) return;
    a.request(PutNameRequest{.name = "hostile", .id = reserved->id});
    a.request(FetchRequest{.id = reserved->id, .wait_ms = 0});
    a.request(DeleteRequest{.ids = {reserved->id, reserved->id}, .deep = 1, .force = 1});
  });
  add("waits for a thousand names", Start::kJoined, [](Attacker& a) {
    for (int i = 0; i < 1000; ++i)
      a.request(GetNameRequest{.name = "never-" + std::to_string(i), .wait_ms = 3600000});
  });
  add("waits for a thousand objects", Start::kJoined, [](Attacker& a) {
    for (std::uint64_t i = 0; i < 1000; ++i)
      a.request(FetchRequest{.id = (1ULL << 50) + i, .wait_ms = 3600000});
  });
  add("asks for the descriptor of its outbox a thousand times", Start::kJoined, [](Attacker& a) {
    for (int i = 0; i < 1000; ++i)
      a.request(DescriptorRequest{.kind = 1, .number = a.facts().serial});
  });
}

void add_floods_and_half_connections(const Add& add) {
  add("asks for the status a thousand times", Start::kJoined, repeat(1000, StatusRequest{}));
  add("asks for a check a hundred times", Start::kJoined, repeat(100, CheckRequest{}));
  add("rings and tops up ten thousand times", Start::kJoined, [](Attacker& a) {
    Buffer ring, top_up;
    (void)encode(ring, RingNotice{});
    (void)encode(top_up, TopUpNotice{});
    for (int i = 0; i < 10000; ++i) a.send(i % 2 == 0 ? ring : top_up);
  });
  add("clears everything a hundred times", Start::kJoined, repeat(100, ClearRequest{}));
  add("stops reading for ever", Start::kJoined, [](Attacker& a) {
    Buffer frame;
    (void)encode(frame, 5, StatusRequest{});
    for (int i = 0; i < 100000; ++i) {
      const auto sent = os::send_packet(a.socket(), frame, {}, os::Wait::kNo);
      if (!sent || *sent != os::SendOutcome::kSent) break;
    }
    a.connect();  // and goes
  });
  add("shuts its writing end and waits", Start::kJoined,
      [](Attacker& a) { ::shutdown(a.socket().get(), SHUT_WR); });
  add("shuts its reading end and asks", Start::kJoined, [](Attacker& a) {
    ::shutdown(a.socket().get(), SHUT_RD);
    for (int i = 0; i < 10; ++i) a.request(StatusRequest{});
    a.connect();
  });
  add("connects and hangs up five hundred times", Start::kConnected, [](Attacker& a) {
    for (int i = 0; i < 500; ++i) a.connect();
  });
  add("joins and hangs up fifty times", Start::kConnected, [](Attacker& a) {
    for (int i = 0; i < 50; ++i) {
      a.connect();
      a.join();
    }
  });
}

}  // namespace

void add_conversation_cases(std::vector<NastyCase>& cases) {
  const Add add = [&cases](const char* name, Start start, Act act) {
    cases.push_back({name, start, std::move(act)});
  };
  add_joining_and_memory(add);
  add_publishing_and_waiting(add);
  add_floods_and_half_connections(add);
}

}  // namespace vineyard::hostile
