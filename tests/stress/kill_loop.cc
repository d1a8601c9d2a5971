// SPDX-License-Identifier: Apache-2.0
// The kill/verify loop: clients, worker and supervisor are killed at random while every object is checked.
//   kill_loop [--seconds N] [--seed N] [--clients N --workers N --supervisors N] [--kill-percent N]
// Ends when the time is over and as many of each were killed as asked for. Exit status 1: a violation, or something is left over.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "daemon.h"
#include "kill_actor.h"
#include "raw_client.h"
#include "vineyard/meta/json.h"

namespace vineyard::stress {
namespace {

constexpr Role kRoles[] = {Role::kWriter,   Role::kReader,     Role::kComposer, Role::kForker,
                           Role::kCloser,   Role::kHolder,     Role::kWriter,   Role::kReader,
                           Role::kComposer, Role::kShortLived, Role::kHostile,  Role::kForker};
constexpr std::uint32_t kCount = sizeof kRoles / sizeof kRoles[0];

constexpr double kPatience = 60;  // seconds, until everything that ended must be gone

struct Options {
  double seconds = 20;
  std::uint64_t seed = 1;
  std::uint64_t clients = 0, workers = 0, supervisors = 0;
  std::uint64_t kill_percent = 100;  // fewer kills: clients live long enough to know each other
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Forged records, garbage documents, wild tails; its own daemon must not care, and nobody's objects may change.
[[noreturn]] void be_hostile(Board& board, const std::string& socket, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  while (!board.stop) {
    auto c = testing::RawClient::join(socket);
    if (!c) continue;
    std::uint32_t number = 0;
    auto arena = c->new_arena(65536, &number);
    std::uint64_t tail = 0;
    while (!board.stop) {
      for (const std::uint64_t granted = c->control().granted.load(); tail < granted; ++tail) {
        const std::uint64_t touched = c->region().header.entries_touched.load();
        const auto& victim = c->region().entries[random() % touched];
        shm::Record r{};
        r.id = c->grant(tail).value | (random() % 2 ? ObjectId::kBlobBit : 0);
        r.place =
            random() % 2 ? victim.place.load() : (std::uint64_t{number} << 32) | (random() % 2000);
        r.size = random() % 2 ? victim.size.load() : random() >> (random() % 64);
        r.document = random() % limits::kDocumentRing;
        r.document_size = random() % 1000;
        c->write_record(tail, r);
        if (r.id & ObjectId::kBlobBit) board.hostile_blobs[random() % 64] = r.id;
      }
      c->publish(random() % 16 ? tail : random());
      if (!c->call(protocol::SyncRequest{})) break;
      tail = c->control().harvested.load();
    }
  }
  for (;;) pause();
}

class Loop {
 public:
  Loop(const Options& options, testing::Daemon& daemon)
      : options_(options),
        daemon_(daemon),
        random_(options.seed),
        board_(*static_cast<Board*>(mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}

  int run() {
    for (std::uint32_t n = 0; n < kCount; ++n) spawn(n);
    const double begin = now();
    while (board_.violations == 0 && (now() - begin < options_.seconds || !enough())) {
      usleep(1000 + static_cast<useconds_t>(random_() % 8000));
      reap();
      look_for_faults();
      if (random_() % 100 < options_.kill_percent) kill_somebody();
      if (now() - begin > options_.seconds * 10 + 600) break;
    }
    const double took = now() - begin;
    board_.stop = 1;
    for (pid_t pid : actors_) end(pid);
    const bool clean = board_.violations == 0 && nothing_left();
    const std::uint64_t violations = board_.violations;
    std::printf(
        "%.1f s, seed %lu: killed %lu clients, %lu workers, %lu supervisors; puts %lu gets %lu "
        "absent %lu composed %lu deleted %lu "
        "forks %lu closes %lu full %lu lost %lu\n",
        took, options_.seed, kills_[0], kills_[1], kills_[2], board_.puts.load(),
        board_.gets.load(), board_.absent.load(), board_.composed.load(), board_.deleted.load(),
        board_.forks.load(), board_.closes.load(), board_.full.load(), board_.lost.load());
    std::printf("%lu violations; at the end: %s\n", violations,
                violations ? "-"
                : clean    ? "nothing left over"
                           : "SOMETHING IS LEFT OVER");
    return clean ? 0 : 1;
  }

 private:
  bool enough() const {
    return kills_[0] >= options_.clients && kills_[1] >= options_.workers &&
           kills_[2] >= options_.supervisors;
  }

  void spawn(std::uint32_t n) {
    const std::uint64_t seed = random_();
    actors_[n] = fork();
    if (actors_[n] != 0) return;
    if (kRoles[n] == Role::kHostile) be_hostile(board_, daemon_.socket(), seed);
    for (auto& shown : board_.shelves[n]) {
      if (seed % 2) shown.id = 0;  // or its objects stay as orphans for the next life to delete
    }
    Actor(board_, daemon_.socket(), n, seed).run(kRoles[n]);
  }

  static void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }

  void reap() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      for (std::uint32_t n = 0; n < kCount; ++n) {
        if (actors_[n] != pid) continue;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {  // by itself, right after a put
          ++kills_[0];
          spawn(n);
          continue;
        }
        std::fprintf(stderr, "VIOLATION: actor %u ended by itself (status %x)\n", n, status);
        ++board_.violations;
        spawn(n);
      }
    }
  }

  // Whoever is killed ends by SIGKILL; a worker that ends by another signal was led astray.
  void look_for_faults() {
    if (++looks_ % 4 != 0) return;
    static constexpr std::string_view kEnded = "ended by signal ";
    const std::string log = daemon_.log();
    for (std::size_t at = 0; (at = log.find(kEnded, at)) != std::string::npos;) {
      at += kEnded.size();
      if (log.compare(at, 2, "9,") == 0) continue;
      std::fprintf(stderr, "VIOLATION: a worker died of a fault: signal %s\n",
                   log.substr(at, log.find('\n', at) - at).c_str());
      ++board_.violations;
      return;
    }
  }

  void kill_somebody() {
    const std::uint64_t x = random_() % 100;
    if (x < 12) {
      daemon_.kill_worker();
      ++kills_[1];
    } else if (x < 16) {
      daemon_.kill_supervisor();
      ++kills_[2];
    } else if (x < 50) {
      const auto n = static_cast<std::uint32_t>(random_() % kCount);
      const bool needs_time = kRoles[n] == Role::kHolder || kRoles[n] == Role::kShortLived;
      if (needs_time && random_() % 8) return;
      end(actors_[n]);
      ++kills_[0];
      spawn(n);
    }
  }

  // Everything is deleted; then no object, arena, pin table, outbox or connection may be left, and no invariant broken.
  bool nothing_left() {
    std::string last;
    for (const double until = now() + kPatience; now() < until; usleep(25000)) {
      looks_ = 3;
      look_for_faults();
      if (board_.violations != 0) return false;
      auto c = testing::RawClient::join(daemon_.socket());
      if (!c) continue;
      if (auto check = c->call(protocol::CheckRequest{}); !check || check->findings != 0) {
        last = check ? check->json : check.error().message();
        continue;
      }
      (void)c->call(protocol::ClearRequest{});
      const auto status = c->call(protocol::StatusRequest{});
      if (!status) continue;
      last = status->json;
      const auto parsed = meta::JsonValue::parse(status->json);
      if (!parsed) return false;
      const auto is = [&](std::uint64_t wanted, const char* a, const char* b = nullptr) {
        const meta::JsonValue* v = parsed->find(a);
        if (v != nullptr && b != nullptr) v = v->find(b);
        return v != nullptr && v->as_uint64() == wanted;
      };
      if (is(0, "objects", "total") && is(1, "client_count") &&
          is(0, "memory", "of_ended_programs") && is(0, "objects", "deleted_but_viewed") &&
          is(1, "pin_tables")) {
        return true;
      }
    }
    std::fprintf(stderr, "left over: %s\n", last.c_str());
    return false;
  }

  const Options& options_;
  testing::Daemon& daemon_;
  std::mt19937_64 random_;
  Board& board_;
  pid_t actors_[kCount] = {};
  std::uint64_t kills_[3] = {};
  std::uint64_t looks_ = 0;
};

}  // namespace
}  // namespace vineyard::stress

int main(int argc, char** argv) {
  using namespace vineyard;
  stress::Options options;
  for (int n = 1; n + 1 < argc; n += 2) {
    const std::string word = argv[n];
    const double value = std::strtod(argv[n + 1], nullptr);
    if (word == "--seconds")
      options.seconds = value;
    else if (word == "--seed")
      options.seed = static_cast<std::uint64_t>(value);
    else if (word == "--clients")
      options.clients = static_cast<std::uint64_t>(value);
    else if (word == "--workers")
      options.workers = static_cast<std::uint64_t>(value);
    else if (word == "--supervisors")
      options.supervisors = static_cast<std::uint64_t>(value);
    else if (word == "--kill-percent")
      options.kill_percent = static_cast<std::uint64_t>(value);
    else
      return std::fprintf(stderr, "unknown option %s\n", argv[n]), 2;
  }
  testing::Daemon daemon({"--size", "96M", "--prefault", "none"});
  return stress::Loop(options, daemon).run();
}
