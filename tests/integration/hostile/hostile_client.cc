// SPDX-License-Identifier: Apache-2.0
// Attacks a running daemon through its socket and prints what became of it: rows S1, S2 and S4 of the scorecard.
//
//   hostile_client SOCKET PID [--frames N] [--idle N] [--seed N] [--patience-ms N] [--only S1|S2|S4]
//
// PID is the supervisor's. Ends with status 1 when a row is not as promised.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "attacker.h"
#include "daemon_watch.h"
#include "mutate.h"
#include "nasty.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/version.h"

namespace vineyard::hostile {
namespace {

constexpr std::int64_t kResidentSlack = 16 << 20;
constexpr std::int64_t kIdleResident = 64 << 20;
constexpr int kJoinDeadlineMs = 10'000;
constexpr int kPatienceAtEndMs = 10'000;

struct Options {
  std::string socket;
  std::uint64_t pid = 0;
  std::uint64_t frames = 1'000'000;
  std::uint64_t idle = 1'000;
  std::uint64_t seed = std::random_device{}();
  std::uint64_t patience_ms = 1'000;
  std::string only;
};

double mib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

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

// The daemon under attack, seen by an innocent client and from outside.
struct Target {
  const Options& options;
  DaemonWatch watch{static_cast<pid_t>(options.pid)};
  Attacker innocent{options.socket, static_cast<int>(options.patience_ms)};
  int failures = 0;

  explicit Target(const Options& o) : options(o) {}

  Attacker attacker() const { return {options.socket, static_cast<int>(options.patience_ms)}; }
  void fail(const std::string& what) {
    std::fprintf(stderr, "  %s\n", what.c_str());
    ++failures;
  }
  bool well() {
    if (watch.deaths() != 0) return false;
    return innocent.settle() == Outcome::kAnswered;
  }
  // Whether what the attackers used has come back; says how much has not.
  Usage left_over(const Usage& before) {
    Usage now;
    within(kPatienceAtEndMs, [&] {
      now = watch.usage();
      return now.descriptors <= before.descriptors && now.resident_bytes - before.resident_bytes <= kResidentSlack;
    });
    return {now.resident_bytes - before.resident_bytes, now.descriptors - before.descriptors};
  }
  void print_row(const char* row, const std::string& what, const Usage& left, std::int64_t slowest_ms) {
    std::printf("%s %s: %d deaths, %d failures, resident %+.1f MiB, descriptors %+lld, slowest answer %lld ms\n", row,
                what.c_str(), watch.deaths(), failures, mib(left.resident_bytes),
                static_cast<long long>(left.descriptors), static_cast<long long>(slowest_ms));
    std::fflush(stdout);
  }
  bool judge(const Usage& left) {
    if (left.descriptors != 0) fail("descriptors have not come back");
    if (left.resident_bytes > kResidentSlack) fail("resident memory has grown");
    if (!well()) fail("the daemon died, or does not answer an innocent client");
    return failures == 0;
  }
};

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
  std::vector<protocol::Buffer> batch{16};

  // What makes mutated requests come near the truth.
  void learn() {
    Facts& facts = attacker.facts();
    if (auto made = attacker.call(protocol::NewArenaRequest{.size = 4096})) facts.arenas.push_back(made->arena);
    if (auto made = attacker.call(protocol::ReserveRequest{.blob = 1})) facts.ids.push_back(made->id);
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
      last&& mutator.one_in(2) ? mutator.garbage(batch[n], attacker.facts()) : mutator.message(batch[n], attacker.facts());
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
    while (sent < frames && target.failures < 5) {
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

bool attack_with_frames(Target& target) {
  Mutator mutator(target.options.seed);
  mutator.spare(target.innocent.facts().serial);
  FrameAttack warm_up{target, mutator};
  warm_up.run(2000);
  warm_up.attacker = target.attacker();
  target.left_over({});  // lets things settle
  const Usage before = target.watch.usage();
  FrameAttack attack{target, mutator};
  const std::uint64_t sent = attack.run(target.options.frames);
  const std::int64_t slowest = attack.attacker.slowest_ms();
  attack.attacker = target.attacker();
  const Usage left = target.left_over(before);
  const bool good = target.judge(left);
  target.print_row("S1", std::to_string(sent) + " mutated frames (seed " + std::to_string(target.options.seed) + ")", left, slowest);
  return good;
}

bool attack_with_cases(Target& target) {
  const auto cases = nasty_cases();
  Usage before = target.watch.usage();
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
      if (slowest > 100) std::fprintf(stderr, "  %lld ms: %s\n", static_cast<long long>(slowest), one.name.c_str());
    }
    if (!target.well()) {
      target.fail("the daemon is not well after: " + one.name);
      break;
    }
  }
  const Usage left = target.left_over(before);
  const bool good = target.judge(left);
  target.print_row("S2", std::to_string(cases.size()) + " nasty messages", left, slowest);
  return good;
}

// S4: many that connect and do not join; half of them send the start of a frame. A packet is whole or not at all, so that
// half is closed at once; the silent half by its deadline.
bool attack_with_silence(Target& target) {
  const Usage before = target.watch.usage();
  protocol::Buffer join;
  (void)protocol::encode(join, 1, protocol::JoinRequest{.protocol_version = protocol::kProtocolVersion});
  std::vector<os::UniqueFd> idle;
  for (std::uint64_t n = 0; n < target.options.idle; ++n) {
    auto connection = os::connect_unix(target.options.socket, static_cast<int>(target.options.patience_ms));
    if (!connection) {
      target.fail("connection " + std::to_string(n) + " was not accepted: " + connection.error().to_string());
      break;
    }
    if (n % 2 == 0) (void)os::send_packet(*connection, std::span(join).first(20), {}, os::Wait::kNo);
    idle.push_back(*std::move(connection));
  }
  if (!target.well()) target.fail("the daemon does not answer an innocent client beside idle ones");
  const std::int64_t growth = target.watch.usage().resident_bytes - before.resident_bytes;
  if (growth > kIdleResident) target.fail("idle connections take " + std::to_string(growth >> 20) + " MiB");
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
    target.fail("only " + std::to_string(closed) + " of " + std::to_string(idle.size()) + " idle connections were closed");
  }
  idle.clear();
  const Usage left = target.left_over(before);
  const bool good = target.judge(left);
  target.print_row("S4", std::to_string(target.options.idle) + " idle connections (" + std::to_string(growth >> 20) + " MiB)",
                   left, 0);
  return good;
}

int run(const Options& options) {
  Target target(options);
  if (!target.innocent.connect() || !target.innocent.join()) {
    std::fprintf(stderr, "hostile_client: nobody answers at %s\n", options.socket.c_str());
    return 2;
  }
  std::printf("processes:");
  for (pid_t pid : target.watch.processes()) std::printf(" %d", static_cast<int>(pid));
  std::printf("\n");
  using Row = bool (*)(Target&);
  const std::pair<const char*, Row> rows[] = {{"S1", attack_with_frames}, {"S2", attack_with_cases}, {"S4", attack_with_silence}};
  bool good = true;
  for (const auto& [name, row] : rows) {
    if (!options.only.empty() && options.only != name) continue;
    good = row(target) && good;
    target.failures = 0;
    if (target.watch.deaths() != 0) break;
  }
  return good ? 0 : 1;
}

bool read_options(int argc, char** argv, Options& options) {
  if (argc < 3) return false;
  const auto number = [](std::string_view text, std::uint64_t& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  options.socket = argv[1];
  if (!number(argv[2], options.pid)) return false;
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    bool good = true;
    if (name == "--frames") good = number(value, options.frames);
    else if (name == "--idle") good = number(value, options.idle);
    else if (name == "--seed") good = number(value, options.seed);
    else if (name == "--patience-ms") good = number(value, options.patience_ms);
    else if (name == "--only") options.only = value;
    else good = false;
    if (!good) return false;
  }
  return argc % 2 == 1;
}

}  // namespace
}  // namespace vineyard::hostile

int main(int argc, char** argv) {
  vineyard::hostile::Options options;
  if (!vineyard::hostile::read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: hostile_client SOCKET PID [--frames N] [--idle N] [--seed N] [--patience-ms N] [--only S1|S2|S4]\n");
    return 2;
  }
  return vineyard::hostile::run(options);
}
