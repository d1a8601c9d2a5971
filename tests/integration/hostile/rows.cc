// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "mutate.h"
#include "nasty.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/version.h"

namespace vineyard::hostile {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(VINEYARD_TSAN)
constexpr std::int64_t kResidentSlack = 256 << 20;  // it keeps what was freed for a while
#else
constexpr std::int64_t kResidentSlack = 16 << 20;
#endif
constexpr std::int64_t kIdleResident = 64 << 20;
constexpr int kJoinDeadlineMs = 10'000;
constexpr int kPatienceAtEndMs = 10'000;

double mib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

// Waits, looking now and then, until `done` or its time is over.
template <class Done>
bool within(int ms, Done done) {
  const std::int64_t until = os::monotonic_ms() + ms;
  while (!done()) {
    if (os::monotonic_ms() > until) return false;
    os::BorrowedFd nothing(-1);
    (void)os::wait_readable(nothing, 20);
  }
  return true;
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string text;
  for (std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 400))) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(byte));
    text += digits;
  }
  return text;
}

// S1: mutated frames, in batches; behind each batch the daemon must still answer, or have closed.
struct FrameAttack {
  Target& target;
  Mutator mutator;
  Attacker attacker = target.attacker();
  std::vector<protocol::Buffer> batch{32};

  // What makes mutated requests come near the truth.
  void learn() {
    Facts& facts = attacker.facts();
    if (auto made = attacker.call(protocol::NewArenaRequest{.size = 4096}))
      facts.arenas.push_back(made->arena);
    if (auto made = attacker.call(protocol::ReserveRequest{.blob = 1}))
      facts.ids.push_back(made->id);
  }
  bool start() {
    if (!attacker.connect()) return false;
    if (mutator.one_in(5)) return true;
    if (!attacker.join()) return false;
    learn();
    return true;
  }
  Outcome send_batch() {
    for (std::size_t n = 0; n < batch.size(); ++n) {
      const bool last = n + 1 == batch.size();
      if (last && mutator.one_in(3)) {
        mutator.garbage(batch[n], attacker.facts());
      } else {
        mutator.message(batch[n], attacker.facts());
      }
      if (!attacker.send(batch[n])) break;
    }
    return attacker.settle();
  }
  void tell(const char* what) {
    target.fail(what);
    for (const auto& frame : batch) std::fprintf(stderr, "    %s\n", hex_of(frame).c_str());
  }
  std::uint64_t run(std::uint64_t frames) {
    std::uint64_t sent = 0;
    while (sent < frames && target.failures() < 5) {
      if (!start()) {
        tell("cannot connect and join any more after this batch");
        break;
      }
      for (auto batches = 1 + mutator.number() % 64; batches > 0 && sent < frames; --batches) {
        const Outcome outcome = send_batch();
        sent += batch.size();
        if (outcome == Outcome::kSilent) tell("silent after this batch");
        if (outcome != Outcome::kAnswered) break;
      }
      if (mutator.one_in(16) && !target.well()) {
        tell("the daemon is not well after this batch");
        break;
      }
    }
    return sent;
  }
};

}  // namespace

Target::Target(Options options)
    : options_(std::move(options)),
      watch_(static_cast<pid_t>(options_.pid)),
      innocent_(options_.socket, static_cast<int>(options_.patience_ms)) {}

bool Target::start() {
  return innocent_.connect() && innocent_.join();
}

Attacker Target::attacker() const {
  return {options_.socket, static_cast<int>(options_.patience_ms)};
}

void Target::fail(const std::string& what) {
  std::fprintf(stderr, "  %s\n", what.c_str());
  ++failures_;
}

bool Target::well() {
  return watch_.deaths() == 0 && innocent_.settle() == Outcome::kAnswered;
}

Usage Target::at_rest() {
  Usage last = watch_.usage();
  int same = 0;
  within(kPatienceAtEndMs, [&] {
    const Usage now = watch_.usage();
    same = now.descriptors == last.descriptors ? same + 1 : 0;
    last = now;
    return same == 10;
  });
  return last;
}

bool Target::finish_row(const std::string& row, const Usage& before, std::int64_t slowest_ms) {
  Usage now;
  within(kPatienceAtEndMs, [&] {
    now = watch_.usage();
    return now.descriptors <= before.descriptors &&
           now.resident_bytes - before.resident_bytes <= kResidentSlack;
  });
  const std::int64_t resident = now.resident_bytes - before.resident_bytes;
  const std::int64_t descriptors = now.descriptors - before.descriptors;
  if (descriptors > 0) fail("descriptors have not come back");
  if (resident > kResidentSlack) fail("resident memory has grown");
  if (!well()) fail("a process died, or an innocent client is not answered");
  std::printf(
      "%s: %d deaths, %d failures, resident %+.1f MiB, descriptors %+lld, slowest answer %lld ms\n",
      row.c_str(), watch_.deaths(), failures_, mib(resident), static_cast<long long>(descriptors),
      static_cast<long long>(slowest_ms));
  std::fflush(stdout);
  return std::exchange(failures_, 0) == 0;
}

bool attack_with_frames(Target& target) {
  Mutator mutator(target.options().seed);
  mutator.spare(target.innocent_serial());
  FrameAttack warm_up{target, mutator};
  warm_up.run(2000);
  warm_up.attacker = target.attacker();
  const Usage before = target.at_rest();
  FrameAttack attack{target, mutator};
  const std::uint64_t sent = attack.run(target.options().frames);
  const std::int64_t slowest = attack.attacker.slowest_ms();
  attack.attacker = target.attacker();
  return target.finish_row("S1 " + std::to_string(sent) + " mutated frames (seed " +
                               std::to_string(target.options().seed) + ")",
                           before, slowest);
}

bool attack_with_cases(Target& target) {
  const auto cases = nasty_cases();
  const Usage before = target.at_rest();
  std::int64_t slowest = 0;
  for (const NastyCase& one : cases) {
    Attacker attacker = target.attacker();
    if (!attacker.connect() || (one.start == NastyCase::Start::kJoined && !attacker.join())) {
      target.fail("cannot connect and join before: " + one.name);
      break;
    }
    one.act(attacker);
    if (attacker.settle() == Outcome::kSilent) target.fail("silent after: " + one.name);
    if (attacker.slowest_ms() > slowest) {
      slowest = attacker.slowest_ms();
      if (slowest > 100)
        std::fprintf(stderr, "  %lld ms: %s\n", static_cast<long long>(slowest), one.name.c_str());
    }
    if (!target.well()) {
      target.fail("the daemon is not well after: " + one.name);
      break;
    }
  }
  return target.finish_row("S2 " + std::to_string(cases.size()) + " nasty messages", before,
                           slowest);
}

// S4: many that connect and do not join; half of them send the start of a frame. A packet is whole or not at all, so that
// half is closed at once; the silent half by its deadline.
bool attack_with_silence(Target& target) {
  const Usage before = target.at_rest();
  protocol::Buffer join;
  (void)protocol::encode(join, 1,
                         protocol::JoinRequest{.protocol_version = protocol::kProtocolVersion});
  std::vector<os::UniqueFd> idle;
  for (std::uint64_t n = 0; n < target.options().idle; ++n) {
    auto connection =
        os::connect_unix(target.options().socket, static_cast<int>(target.options().patience_ms));
    if (!connection) {
      target.fail("connection " + std::to_string(n) +
                  " was not accepted: " + connection.error().to_string());
      break;
    }
    if (n % 2 == 0)
      (void)os::send_packet(*connection, std::span(join).first(20), {}, os::Wait::kNo);
    idle.push_back(*std::move(connection));
  }
  if (!target.well()) target.fail("the daemon does not answer an innocent client beside idle ones");
  const std::int64_t growth = target.watch().usage().resident_bytes - before.resident_bytes;
  if (growth > kIdleResident)
    target.fail("idle connections take " + std::to_string(growth >> 20) + " MiB");
  std::size_t closed = 0;
  const auto closed_now = [&] {
    closed = 0;
    for (const auto& connection : idle) {
      std::byte byte{};
      const auto packet = os::receive_packet(connection, std::span(&byte, 1), os::Wait::kNo);
      closed += !packet || packet->outcome == os::ReceiveOutcome::kEndOfStream ? 1 : 0;
    }
    return closed == idle.size();
  };
  if (!within(kJoinDeadlineMs + kPatienceAtEndMs, closed_now)) {
    target.fail("only " + std::to_string(closed) + " of " + std::to_string(idle.size()) +
                " idle connections were closed");
  }
  const std::size_t idle_count = idle.size();
  idle.clear();
  return target.finish_row("S4 " + std::to_string(idle_count) + " idle connections (" +
                               std::to_string(growth >> 20) + " MiB)",
                           before, 0);
}

}  // namespace vineyard::hostile
