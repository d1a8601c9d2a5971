// SPDX-License-Identifier: Apache-2.0
// A script of clients that write whatever they like into their outboxes and pin tables, with a worker
// that harvests, retires and is killed in between: every invariant of the region holds, and a
// successor finds what its predecessor had.
#include <cstdio>
#include <cstring>
#include <deque>
#include <span>
#include <vector>

#include "script.h"
#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

using namespace vineyard;
using namespace vineyard::shm;

namespace {

constexpr std::size_t kClients = 4;
constexpr std::uint64_t kArena = 1U << 16;

class Hosted {
 public:
  explicit Hosted(fuzz::Script& script) : script_(script) {
    clients_.emplace_back(host_);
    clients_.emplace_back(host_);
  }

  void run() {
    while (!script_.is_over()) step();
    harvest();
    restart();
  }

 private:
  void step() {
    FakeClient& client = clients_[script_.below(static_cast<std::uint32_t>(clients_.size()))];
    switch (script_.below(16)) {
      case 0: return add_forged_record(client);
      case 1: return add_blob(client);
      case 2: return add_document(client);
      case 3: return client.publish();
      case 4: return client.outbox().tail.store(script_.edgy(client.block().granted.load()));
      case 5: return overwrite(client);
      case 6: return harvest();
      case 7: return grant(client);
      case 8: return retire();
      case 9: return forge_pins(client);
      case 10: return publish_by_message(client);
      case 11: return reserve(client);
      case 12: return join();
      case 13: return leave(client);
      case 14: return restart();
      default: return new_arena(client);
    }
  }

  // An id that is known, perhaps as another generation or as a blob; or any number.
  ObjectId some_id() {
    const std::uint32_t how = script_.below(8);
    if (how == 0) return ObjectId(script_.number<std::uint64_t>());
    if (how == 1) return ObjectId::empty_blob();
    const ObjectId id = ids_.empty() ? ObjectId() : ids_[script_.byte() % ids_.size()];
    if (how == 2) return ObjectId(id.value ^ ObjectId::kBlobBit);
    if (how == 3) return ObjectId(id.value + 1);
    return id;
  }
  ObjectId granted(FakeClient& client) {
    const ObjectId id = client.next_id();
    ids_.push_back(id);
    ids_.push_back(id.with_blob_bit());
    return id;
  }

  void add_forged_record(FakeClient& client) {
    if (!client.has_grant()) return;
    const ObjectId id = granted(client);
    Record record{};
    record.id = script_.below(4) == 0 ? some_id().value
                                      : id.value | (script_.below(2) == 0 ? ObjectId::kBlobBit : 0);
    record.place = script_.edgy(kArena / Place::kUnit);
    record.size = script_.edgy(kArena);
    record.document = script_.edgy(limits::kDocumentRing);
    record.document_size = script_.edgy(limits::kMaxRingDocument);
    client.add_record(record);
  }
  void add_blob(FakeClient& client) {
    if (!client.has_grant() || client.block().arenas[0].load() == 0) return;
    granted(client);
    client.add_blob(Place(ArenaId{0}, std::uint64_t{script_.byte()} * Place::kUnit),
                    script_.byte());
  }
  std::vector<std::byte> some_document() {
    std::vector<ObjectId> members(script_.below(4));
    for (ObjectId& member : members) member = some_id();
    auto document = FakeDocument::make(members, script_.byte(), script_.below(5));
    if (script_.below(8) == 0) document[script_.byte() % document.size()] ^= std::byte{1};
    return document;
  }
  void add_document(FakeClient& client) {
    if (!client.has_grant()) return;
    granted(client);
    client.add_document(some_document());
  }
  void overwrite(FakeClient& client) {
    auto* bytes = reinterpret_cast<std::byte*>(&client.outbox());
    const auto run = script_.run(script_.below(80));
    const std::size_t at = script_.below(2) == 0
                               ? offsetof(Outbox, records) + script_.number<std::uint16_t>()
                               : offsetof(Outbox, documents) + script_.number<std::uint16_t>();
    if (!run.empty()) std::memcpy(bytes + at, run.data(), run.size());
  }

  void harvest() {
    if (script_.below(2) == 0) {
      host_.worker().harvester.harvest_all();
    } else {
      host_.worker().harvester.harvest(script_.below(kClients));
    }
    check();
  }
  void grant(FakeClient& client) {
    if (!is_there(client)) return;
    (void)host_.worker().clients.grant(client.control(), Clients::Window::kKeep);
    check();
  }
  void retire() {
    std::vector<ObjectId> ids(1 + script_.below(3));
    for (ObjectId& id : ids) id = some_id();
    std::vector<ObjectId> own_pins;
    if (script_.below(4) == 0) own_pins.push_back(some_id());
    host_.worker().retirer.retire(ids, {}, own_pins);
    check();
    if (script_.below(2) == 0) host_.worker().retirer.retry_waiting({});
    check();
  }
  void forge_pins(FakeClient& client) {
    client.pins().high_water.store(script_.edgy(limits::kPinSlots));
    client.pins().slots[script_.byte()].store(some_id().value);
  }
  void publish_by_message(FakeClient& client) {
    const ObjectId id = some_id();
    const std::uint64_t place = script_.edgy(kArena / Place::kUnit);
    const std::uint64_t size = script_.edgy(kArena);
    if (script_.below(2) == 0) {
      (void)host_.worker().harvester.publish_blob(client.control(), id, place, size);
    } else {
      (void)host_.worker().harvester.publish_document(client.control(), id, place, size);
    }
    check();
  }
  void reserve(FakeClient& client) {
    if (!is_there(client)) return;
    const auto id = host_.worker().entries.lease_detached(client.serial());
    if (id) ids_.push_back(*id);
    if (client.block().arenas[0].load() == 0) return;
    const auto document = some_document();
    std::memcpy(client.arena_bytes(0), document.data(), document.size());
    if (id && script_.below(2) == 0)
      (void)host_.worker().harvester.publish_document(client.control(), *id, 0, document.size());
    check();
  }
  void new_arena(FakeClient& client) {
    if (is_there(client) && arenas_++ < 8) client.new_arena(kArena);
    check();
  }

  bool is_there(FakeClient& client) { return client.block().serial.load() == client.serial(); }
  void join() {
    if (clients_.size() < kClients) clients_.emplace_back(host_);
    check();
  }
  // The process ends; somebody else takes its place in the script.
  void leave(FakeClient& client) {
    if (script_.below(2) == 0) {
      client.die();
    } else {
      client.die_but_for_pins();
    }
    VY_CHECK(host_.leave(client.serial()));
    host_.sweep_pin_tables();
    check();
    client = FakeClient(host_);
    check();
  }
  void restart() {
    host_.worker().harvester.harvest_all();
    const WorkerState before = host_.state();
    host_.restart();
    check();
    if (const auto difference = host_.state().difference(before)) fail(*difference);
  }

  void check() {
    if (const auto broken = host_.broken_invariant()) fail(*broken);
  }
  static void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    VY_CHECK(false);
  }

  fuzz::Script& script_;
  FakeHost host_;
  std::deque<FakeClient> clients_;
  std::vector<ObjectId> ids_;
  int arenas_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  fuzz::Script script(data, size);
  Hosted(script).run();
  return 0;
}
