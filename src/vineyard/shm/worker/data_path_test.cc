// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

// Random clients and a worker, step by step: what clients do happens between the worker's steps too (at its
// failpoints), and the worker is killed there. After each operation all invariants hold, nothing that was published
// and not deleted is lost, what was deleted does not return, and no view has changed.
namespace vineyard::shm {
namespace {

struct Killed {};  // thrown at a failpoint: the worker ends here

// A blob says in its first words what it is; a document is one of FakeDocument.
struct Stamp {
  std::uint64_t id;
  std::uint64_t check;
};
Stamp stamp_of(ObjectId id) {
  return {id.value, id.value * 0x9e3779b97f4a7c15ULL};
}
constexpr std::uint64_t kBlobSize = 200;
constexpr std::uint64_t kArena = 4096;  // 16 blobs: reused all the time

struct View {
  ObjectId id;
  Extent extent;                    // a blob's, or a document's at home
  std::vector<std::byte> document;  // copied out while leased
};

struct Reader {
  std::unique_ptr<FakeClient> client;
  std::map<std::uint32_t, View> views;  // by slot
  std::uint64_t used = 0;               // of its arena
  std::uint64_t last_position = 0;      // after the last record that names its arena
  bool dead = false;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    for (auto& r : readers_) r.client = std::make_unique<FakeClient>(host);
    for (auto& r : readers_) r.client->new_arena(kArena);
  }

  // One operation of somebody. `kill_at`: the worker dies at this failpoint from here, counted from 1; 0: never.
  void step(std::uint32_t kill_at) {
    until_kill_ = kill_at;
    try {
      if (pick(2) == 0) {
        client_step();
      } else {
        worker_step();
      }
    } catch (const Killed&) {
      ++kills;
      restart();
    }
    until_kill_ = 0;
  }
  void at_failpoint() {
    if (quiet_) return;
    if (until_kill_ > 0 && --until_kill_ == 0) throw Killed{};
    while (pick(2) == 0) client_step();
  }
  void restart() {
    quiet_ = true;
    const RebuildReport report = host.restart();
    quiet_ = false;
    EXPECT_EQ(report.broken_extents, 0u);
    for (ObjectId id : unknown_) {
      if (is_there(id)) alive_.insert(id);
    }
    unknown_.clear();
    retiring_.clear();
  }
  // Everything that must be true between two operations.
  void check() {
    for (auto& r : readers_) {
      for (auto& [slot, view] : r.views) check_view(view);
    }
    for (ObjectId id : alive_) ASSERT_TRUE(is_there(id)) << id.to_string() << " was lost";
    for (ObjectId id : deleted_) {
      if (host.worker().entries.holds(id)) {
        ASSERT_EQ(host.worker().entries.state(id.index()), State::kDeleted)
            << id.to_string() << " came back";
      }
    }
    const auto broken = host.broken_invariant();
    ASSERT_EQ(broken, std::nullopt) << *broken;
  }
  void check_rebuild() {
    const WorkerState before = host.state();
    restart();
    const auto difference = host.state().difference(before);
    ASSERT_EQ(difference, std::nullopt) << *difference;
  }

  FakeHost host;
  std::uint64_t kills = 0, views = 0, composed = 0, came_back = 0, reclaimed = 0, moved = 0,
                reused = 0, voids = 0;

 private:
  std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  FakeWorkerParts& worker() { return host.worker(); }

  bool is_published_lease(ObjectId id) {
    const auto& e = worker().entries;
    return e.holds(id) && e.state(id.index()) == State::kLeased &&
           worker().clients.is_published(id.index()).value();
  }
  bool is_there(ObjectId id) {
    const auto& e = worker().entries;
    if (!e.holds(id)) return false;
    const State s = e.state(id.index());
    return s == State::kLive || s == State::kBusy ||
           (s == State::kLeased && is_published_lease(id));
  }
  void check_view(const View& view) {
    if (!view.document.empty()) return;
    const std::byte* bytes = worker().arenas.bytes(view.extent);
    ASSERT_NE(bytes, nullptr) << view.id.to_string();
    if (view.id.is_blob()) {
      const Stamp wanted = stamp_of(view.id);
      ASSERT_EQ(std::memcmp(bytes, &wanted, sizeof wanted), 0)
          << "a view of " << view.id.to_string() << " has changed";
    } else {
      ASSERT_TRUE(FakeDocument::parse({bytes, view.extent.size})) << view.id.to_string();
    }
  }

  // ---- clients
  void client_step() {
    Reader& r = readers_[pick(3)];
    if (r.dead) return;
    switch (pick(8)) {
      case 0: return put_blob(r);
      case 1: return put_object(r);
      case 2:
      case 3:
      case 4: return view(r);
      case 5: return give_up(r);
      default: return release(r);
    }
  }
  std::optional<std::uint64_t> extent_for(Reader& r) {
    if (r.used + kBlobSize > kArena) {
      // R6: from the start again only when everything has left.
      if (r.client->block().harvested.load() < r.last_position ||
          r.client->block().arena_present[0].load() != 0)
        return {};
      r.used = 0;
      ++reused;
      std::memset(r.client->arena_bytes(0), 0xee, kArena);
    }
    const std::uint64_t offset = r.used;
    r.used += extent_step(kBlobSize);
    return offset;
  }
  void put_blob(Reader& r) {
    if (!r.client->has_grant()) return;
    const auto offset = extent_for(r);
    if (!offset) return;
    const ObjectId id = r.client->next_id().with_blob_bit();
    const Stamp stamp = stamp_of(id);
    std::memcpy(r.client->arena_bytes(0) + *offset, &stamp, sizeof stamp);
    r.client->add_blob(Place(ArenaId{0}, *offset), kBlobSize);
    r.client->publish();
    r.last_position = r.client->outbox().tail.load();
    published(id);
  }
  void put_object(Reader& r) {
    if (!r.client->has_grant()) return;
    std::vector<ObjectId> members;
    for (const auto& [slot, view] : r.views) {  // R3: it pins them
      if (members.size() < 3 && pick(2) == 0) members.push_back(view.id);
    }
    const ObjectId id = r.client->put_document(members, random_());
    if (!members.empty()) ++composed;
    for (ObjectId m : members) {
      // What was deleted and is a member now comes back with its parent.
      if (deleted_.erase(m) > 0) ++came_back;
      alive_.erase(m);
      if (members_.insert(m).second) unknown_.insert(m);
    }
    published(id);
  }
  void published(ObjectId id) {
    alive_.insert(id);
    all_.push_back(id);
    if (all_.size() > 200) all_.erase(all_.begin(), all_.begin() + 50);
  }
  void give_up(Reader& r) {
    if (!r.client->has_grant() || pick(4) != 0) return;
    r.client->add_record({});
    r.client->publish();
    ++voids;
  }
  void view(Reader& r) {
    if (all_.empty() || r.views.size() >= 12) return;
    // Those that are being retired above all: there the rules are needed.
    const auto& from = !retiring_.empty() && pick(2) == 0 ? retiring_ : all_;
    const ObjectId id = from[pick(static_cast<std::uint32_t>(from.size()))];
    std::uint32_t slot = 0;
    while (r.views.contains(slot)) ++slot;
    r.client->pin(slot, id);
    const Entry& e = worker().entries.at(id.index());
    const std::uint64_t word = e.word.load();
    View view{id, {}, {}};
    if (matches(id, word) && state_of(word) == State::kLive) {
      view.extent = worker().entries.extent(id.index());
    } else if (is_published_lease(id)) {
      if (!view_leased(view)) return r.client->unpin(slot);
    } else {
      return r.client->unpin(slot);
    }
    ++views;
    check_view(view);
    r.views[slot] = std::move(view);
  }
  bool view_leased(View& view) {
    const std::uint64_t lease = worker().entries.at(view.id.index()).lease.load();
    for (auto& w : readers_) {
      if (w.client->serial() != lease >> 32) continue;
      if (w.dead)
        return false;  // its outbox was its own mapping, and is gone: this reader has none of it
      const Record record = w.client->outbox().records[lease % limits::kRing];
      if (record.id != view.id.value) return false;
      if (view.id.is_blob()) {
        view.extent = {*worker().arenas.confined(w.client->control(), record.place, record.size),
                       record.size};
        return true;
      }
      const std::uint8_t* from =
          w.client->outbox().documents + record.document % limits::kDocumentRing;
      view.document.assign(reinterpret_cast<const std::byte*>(from),
                           reinterpret_cast<const std::byte*>(from) + record.document_size);
      EXPECT_TRUE(FakeDocument::parse(view.document));
      return true;
    }
    return false;
  }
  void release(Reader& r) {
    if (r.views.empty()) return;
    do {
      const auto it = std::next(r.views.begin(), pick(static_cast<std::uint32_t>(r.views.size())));
      r.client->unpin(it->first);
      r.views.erase(it);
    } while (!r.views.empty() && pick(3) != 0);
  }

  // ---- the worker
  void worker_step() {
    auto& w = worker();
    switch (pick(12)) {
      case 0:
      case 1: w.harvester.harvest_all(); break;
      case 2:
      case 3:
        for (auto& r : readers_)
          EXPECT_TRUE(w.clients.grant(r.client->control(), Clients::Window::kKeep));
        break;
      case 4:
      case 5:
      case 6: retire(); break;
      case 7: move(); break;
      case 8: w.retirer.retry_waiting({}); break;
      case 9: end_client(); break;
      case 10: name(); break;
      default: w.arenas.sweep();
    }
  }
  void retire() {
    std::vector<ObjectId> ids;
    for (std::uint32_t n = 1 + pick(6); n > 0 && !all_.empty(); --n)
      ids.push_back(all_[pick(static_cast<std::uint32_t>(all_.size()))]);
    // Until it is done nobody knows; a member that is referred to stays anyway.
    for (ObjectId id : ids) {
      if (alive_.erase(id) > 0) unknown_.insert(id);
    }
    retiring_ = ids;
    const auto before = worker().retirer.counts().reclaimed;
    const auto fates = worker().retirer.retire(ids, {}, {});
    reclaimed += worker().retirer.counts().reclaimed - before;
    retiring_.clear();
    for (std::size_t n = 0; n < ids.size(); ++n) {
      unknown_.erase(ids[n]);
      if (fates[n] == Fate::kReclaimed || fates[n] == Fate::kDeleted) {
        if (!members_.contains(ids[n])) deleted_.insert(ids[n]);
      }
      if (fates[n] == Fate::kKept) alive_.insert(ids[n]);
      if (fates[n] == Fate::kAbsent && is_there(ids[n]) && !members_.contains(ids[n]))
        alive_.insert(ids[n]);
    }
  }
  void move() {
    // Some, or all that are in one arena, as when it is to be emptied.
    std::vector<ObjectId> ids;
    for (std::uint32_t n = pick(4); n > 0 && !all_.empty(); --n)
      ids.push_back(all_[pick(static_cast<std::uint32_t>(all_.size()))]);
    if (ids.empty()) {
      const std::uint64_t arena = readers_[pick(3)].client->block().arenas[0].load();
      for (EntryIndex i{0}; i.value < worker().entries.touched(); ++i.value) {
        if (worker().entries.extent(i).place.arena().value == arena)
          ids.push_back(worker().entries.id(i));
      }
    }
    std::vector<Move> moves;
    for (ObjectId id : ids) {
      if (!worker().entries.holds(id) || worker().entries.state(id.index()) != State::kLive)
        continue;
      const Extent from = worker().entries.extent(id.index());
      const HomeExtent to = worker().arenas.take_home(from.size, Arenas::Beyond::kIfNeeded).value();
      std::memcpy(worker().arenas.home_bytes(to.place), worker().arenas.bytes(from), from.size);
      moves.push_back({id, to, from.size});
    }
    const auto before = worker().retirer.counts().moved;
    worker().retirer.retire({}, moves, {});
    moved += worker().retirer.counts().moved - before;
  }
  void end_client() {
    if (pick(4) != 0) return;
    Reader& r = readers_[pick(3)];
    r.client->die();
    r.dead = true;
    r.views.clear();
    const std::uint64_t serial = r.client->serial();
    try {
      EXPECT_TRUE(host.leave(serial));
    } catch (const Killed&) {
      ++kills;
      restart();
      EXPECT_TRUE(host.leave(serial));
    }
    host.sweep_pin_tables();
    quiet_ = true;
    r = Reader{};
    r.client = std::make_unique<FakeClient>(host);
    r.client->new_arena(kArena);
    quiet_ = false;
  }
  void name() {
    const std::string text = "n" + std::to_string(pick(20));
    if (pick(3) == 0) {
      worker().names.drop(text);
    } else {
      EXPECT_TRUE(worker().names.put(text, ObjectId(1 + pick(100)), Names::Mode::kReplace));
    }
  }

  std::mt19937_64 random_;
  Reader readers_[3];
  std::uint32_t until_kill_ = 0;
  bool quiet_ = false;              // no step of anybody between the worker's, and no death
  std::vector<ObjectId> all_;       // published, newest last
  std::vector<ObjectId> retiring_;  // the batch in hand
  std::set<ObjectId> alive_;        // must be there
  std::set<ObjectId> deleted_;      // must not be there
  std::set<ObjectId>
      unknown_;  // the worker died while it retired them, or members, which come and go
  std::set<ObjectId> members_;
};

World* world = nullptr;
void act(const char*) {
  world->at_failpoint();
}

struct DataPath : ::testing::Test {
  std::uint64_t seed = std::random_device{}();
  void run(int steps, bool kill) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(static_cast<std::uint32_t>(seed));
    World w(seed);
    world = &w;
    set_failpoint_hook(act);
    for (int n = 0; n < steps && !HasFatalFailure(); ++n) {
      w.step(kill && random() % 8 == 0 ? 1 + random() % 12 : 0);
      w.check();
      if (!HasFatalFailure() && n % 50 == 0) w.check_rebuild();
    }
    set_failpoint_hook(nullptr);
    world = nullptr;
    RecordProperty("seed", std::to_string(seed));
    std::printf(
        "seed %lu: %lu kills, %lu views, %lu composed, %lu came back, %lu reclaimed, %lu moved, "
        "%lu reused, %lu void\n",
        seed, w.kills, w.views, w.composed, w.came_back, w.reclaimed, w.moved, w.reused, w.voids);
  }
};

TEST_F(DataPath, holds_its_invariants_under_random_operations) {
  run(1500, false);
}

TEST_F(DataPath, survives_a_worker_that_is_killed_between_any_two_steps) {
#ifndef VINEYARD_FAILPOINTS
  GTEST_SKIP() << "built without VINEYARD_FAILPOINTS";
#endif
  run(1500, true);
}

}  // namespace
}  // namespace vineyard::shm
