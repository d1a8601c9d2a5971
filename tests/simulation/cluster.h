// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "history.h"
#include "vineyard/catalog/catalog.h"
#include "vineyard/catalog/fakes/memory_store.h"

// A cluster in one thread: the real catalog, a store in memory, and everything between them that can go wrong.
namespace vineyard::simulation {

using catalog::Time;

struct Options {
  std::uint64_t seed = 1;
  int instances = 3;
  Time busy = 30'000;  // milliseconds with requests and faults
  bool faults = true;
  bool loses_data = false;  // the store is replaced by an empty one on the way
  bool trace = false;       // tells on standard error what happens
};

/// One run from a seed: first safety under faults, then liveness without.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  the same seed does the same.
class Cluster {
 public:
  explicit Cluster(Options options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// What was wrong; empty: nothing.
  std::vector<std::string> run();
  /// How much happened.
  [[nodiscard]] const History& history() const { return history_; }

 private:
  struct Instance;
  struct Event {
    Time at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator>(const Event& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(double p) { return static_cast<double>(random_() >> 11) * 0x1.0p-53 < p; }
  void at(Time time, std::function<void()> run);
  void violation(const std::string& text);
  template <class... Args>
  void trace(fmt::format_string<Args...> text, Args&&... args) {
    if (options_.trace)
      fmt::print(stderr, "{:6} {}\n", now_, fmt::format(text, std::forward<Args>(args)...));
  }

  void work();
  void break_something();
  void heal();
  void start(Instance& one);
  void pump(Instance& one);
  void make(Instance& one, const catalog::Call& call);
  catalog::StoreAnswer execute(Instance& one, const catalog::Call& made,
                               catalog::MemoryStore::Session session);
  void watch_commit(const Instance& one, const catalog::Transaction& t, bool announces);
  void replied(Instance& one, const catalog::Reply& reply);
  void ask(Instance& one);
  catalog::Wish any_wish(Instance& one, Operation& operation);
  Instance* any_instance();
  void end_session_if_out_of_reach(Instance& one);
  void check_quiet();
  void check_views(const Instance& one);
  void check_objects();

  Options options_;
  std::mt19937_64 random_;
  Time now_ = 1;
  std::uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  catalog::MemoryStore store_;
  std::uint64_t store_life_ = 0;  // counts losses: who spoke to the old one gets no answer
  bool store_down_ = false;
  bool healed_ = false;
  std::uint64_t sessions_ = 0;
  std::uint64_t objects_ = 0;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<ObjectId> known_;   // all ids that were ever published
  std::set<ObjectId> forgotten_;  // given up by another instance, as of one that is gone
  std::set<std::uint32_t> blocks_;
  History history_;
  std::vector<std::string> violations_;
};

}  // namespace vineyard::simulation
