// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kill_board.h"
#include "vineyard/client.h"

namespace vineyard::stress {

/// What an actor does most.
enum class Role { kWriter, kReader, kComposer, kForker, kCloser, kHolder, kShortLived, kHostile };

/// One client process of the kill loop: puts, gets, composes, deletes, forks; every view is verified, again and again.
///
/// Owner:   its process.
/// Threads: one.
/// Always:  each object carries the seed from which all its bytes follow, so wrong bytes are seen at once.
class Actor {
 public:
  Actor(Board& board, std::string socket, std::uint32_t number, std::uint64_t seed)
      : board_(board), socket_(std::move(socket)), number_(number), random_(seed) {}
  [[noreturn]] void run(Role role);

 private:
  struct Seen {
    Object object;
    std::vector<Buffer> buffers;
    std::uint64_t seed;
  };

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  void connect();
  bool good(const Error& error);
  void violation(const char* what, ObjectId id, const std::string& text = {});
  std::optional<ObjectId> write(const std::vector<ObjectId>& members);
  void show(ObjectId id, std::uint64_t seed);
  void remove(const std::vector<ObjectId>& ids);
  std::optional<Seen> read(ObjectId id, std::optional<std::uint64_t> seed, const char* when);
  void verify(const Seen& seen, const char* when);
  void read_members(const Seen& seen);
  std::optional<Seen> must_be_there(ObjectId id, std::uint64_t seed, const char* when);
  void look_at_somebody();
  void look_at_the_hostile();
  void compose();
  void own();
  void die_after_a_put();
  void fork_once();
  void close_everything();
  void drop_some(std::size_t keep);
  void step(Role role);

  Board& board_;
  std::string socket_;
  std::uint32_t number_;
  std::mt19937_64 random_;
  std::optional<Client> client_;
  meta::DocumentBuilder builder_;
  std::uint64_t last_seed_ = 0;
  std::vector<Seen> views_;
  std::optional<std::pair<ObjectId, std::uint64_t>> composed_;  // nobody was told it yet
  std::vector<ObjectId> trash_;
  std::uint32_t next_shelf_ = 0;
};

}  // namespace vineyard::stress
