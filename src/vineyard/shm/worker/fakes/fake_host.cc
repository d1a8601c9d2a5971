// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/fakes/fake_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vineyard/base/check.h"
#include "vineyard/base/failpoint.h"
#include "vineyard/os/mapping_lease.h"
#include "vineyard/shm/index.h"

namespace vineyard::shm {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Objects whose bytes are somewhere: all states in which place and size mean something.
bool has_bytes(State s) {
  return s == State::kLive || s == State::kBusy || s == State::kDeleted || s == State::kSpilled;
}

os::MappedRegion map_like_a_client(const Held& held) {
  const auto fd = os::reopen(held.fd, os::Access::kReadWrite).value();
  return os::MappedRegion::map(fd, ByteCount(held.facts.size), os::Access::kReadWrite).value();
}

}  // namespace

FakeWorkerParts::FakeWorkerParts(Region& region, FakeKeeper& k, BlockSource& blocks,
                                 std::uint64_t pool_bytes)
    : keeper(k),
      holds(k),
      entries(region, blocks),
      arenas(region, holds, pool_bytes),
      clients(region, holds, entries, arenas),
      harvester(region, entries, arenas, clients, contents),
      retirer(holds, entries, arenas, harvester, contents),
      names(region, arenas) {}

FakeWorkerParts::~FakeWorkerParts() {
  for (auto& [number, held] : holds.all(Kind::kHomeArena)) {
    if (keeper.lends_mapping(held)) (void)held.writable.release();
  }
}

// ---------------------------------------------------------------------------------------------- state

std::optional<std::string> WorkerState::difference(const WorkerState& o) const {
  for (std::size_t n = 0; n < std::max(entries.size(), o.entries.size()); ++n) {
    if (n < entries.size() && n < o.entries.size() && entries[n] == o.entries[n]) continue;
    const auto text = [&](const std::vector<OneEntry>& e) {
      return n < e.size() ? fmt::format("entry {} word {:x} place {:x} size {}", e[n].index,
                                        e[n].word, e[n].place, e[n].size)
                          : std::string("nothing");
    };
    return fmt::format("{} against {}", text(entries), text(o.entries));
  }
  if (unused != o.unused || free_count != o.free_count) {
    return fmt::format("{} free entries against {}", free_count, o.free_count);
  }
  if (used_bytes != o.used_bytes)
    return fmt::format("{} bytes used against {}", used_bytes, o.used_bytes);
  for (const auto& [number, a] : arenas) {
    const auto it = o.arenas.find(number);
    if (it == o.arenas.end()) return fmt::format("arena {} against none", number);
    if (a == it->second) continue;
    const auto& b = it->second;
    return fmt::format(
        "arena {}: {} entries {} bytes {} free {} listed {} retired against {} {} {} {} {}", number,
        a.entries, a.bytes, a.free_units, a.listed, a.retired, b.entries, b.bytes, b.free_units,
        b.listed, b.retired);
  }
  if (arenas.size() != o.arenas.size())
    return fmt::format("{} arenas against {}", arenas.size(), o.arenas.size());
  if (known != o.known)
    return fmt::format("{} known objects against {}, or others", known.size(), o.known.size());
  if (references != o.references) return "references are counted differently";
  if (waiting != o.waiting)
    return fmt::format("{} waiting against {}, or others", waiting.size(), o.waiting.size());
  if (names != o.names)
    return fmt::format("{} names against {}, or others", names.size(), o.names.size());
  return std::nullopt;
}

// ---------------------------------------------------------------------------------------------- host

FakeHost::FakeHost(std::uint64_t pool_bytes)
    : pool_bytes_(pool_bytes),
      memory_(os::MappedRegion::map_anonymous(ByteCount(sizeof(Region))).value()) {
  os::ignore_lease_signal();
  worker_ = std::make_unique<FakeWorkerParts>(region(), keeper, blocks, pool_bytes_);
  VY_CHECK(worker_->entries.prepare());
}

RebuildReport FakeHost::restart(Predecessor predecessor) {
  worker_ = nullptr;
  worker_ = std::make_unique<FakeWorkerParts>(region(), keeper, blocks, pool_bytes_);
  for (Held& held : keeper.inherited()) {
    if (held.facts.kind == Kind::kConnection)
      worker_->clients.mark_reserved(static_cast<std::uint32_t>(held.facts.owner));
    worker_->holds.adopt(std::move(held));
  }
  VY_CHECK(worker_->entries.prepare());
  FakeWorkerParts& w = *worker_;
  return rebuild(region(), w.entries, w.arenas, w.clients, w.harvester, w.retirer, w.names,
                 w.contents, predecessor);
}

bool FakeHost::leave(std::uint64_t serial) {
  FakeWorkerParts& w = *worker_;
  const Held* connection = w.holds.find(Kind::kConnection, serial);
  if (connection == nullptr) return true;
  const auto control = static_cast<std::uint32_t>(connection->facts.owner);
  if (const Held* box = w.holds.find(Kind::kOutbox, serial);
      box != nullptr && !os::nobody_writes(box->fd).value()) {
    return false;
  }
  if (w.clients.established(control, serial)) {
    if (w.harvester.harvest(control) != Harvester::Progress::kAll) return false;
    w.harvester.take_back(control);
    w.arenas.unlist_all(control);
    VY_FAILPOINT("leave.unlisted");
    w.clients.control(control).serial.store(0, std::memory_order_release);
  }
  VY_FAILPOINT("leave.control_free");
  VY_CHECK(w.holds.drop(Kind::kOutbox, serial));
  for (EntryIndex i{0}; i.value < w.entries.touched(); ++i.value) {
    if (w.entries.detached_owner(i) == serial) w.entries.free(i);
  }
  VY_CHECK(w.holds.drop(Kind::kConnection, serial));
  w.clients.release_control(control);
  return true;
}

void FakeHost::sweep_pin_tables() {
  std::vector<std::uint64_t> over;
  for (const auto& [number, held] : worker_->holds.all(Kind::kPinTable)) {
    if (os::nobody_writes(held.fd).value()) over.push_back(number);
  }
  for (std::uint64_t number : over) VY_CHECK(worker_->holds.drop(Kind::kPinTable, number));
}

WorkerState FakeHost::state() {
  FakeWorkerParts& w = *worker_;
  WorkerState s;
  for (EntryIndex i{0}; i.value < w.entries.touched(); ++i.value) {
    const Entry& e = w.entries.at(i);
    const std::uint64_t word = e.word.load();
    if (state_of(word) == State::kFree) {
      if (w.entries.id(i).block().value != 0) s.unused.insert(i.value);
      continue;
    }
    const bool bytes = has_bytes(state_of(word));
    s.entries.push_back({i.value, word, bytes ? e.place.load() : 0, bytes ? e.size.load() : 0});
  }
  s.free_count = w.entries.free_count();
  s.used_bytes = w.arenas.used_bytes();
  for (const auto& [number, use] : w.arenas.all()) {
    s.arenas[number] = {use.entries,
                        use.bytes,
                        use.size,
                        w.arenas.home_free_units(number),
                        use.listed,
                        use.retired,
                        use.is_home,
                        use.listed ? use.control : 0,
                        use.listed ? use.list_number : 0};
  }
  s.known = w.contents.known();
  s.references = w.contents.all_references();
  for (ObjectId id : w.retirer.waiting()) s.waiting.insert(id.value);
  for (const auto& [name, slot] : w.names.sorted()) s.names[name] = w.names.id_at(slot).value;
  return s;
}

// ---------------------------------------------------------------------------------------------- invariants

std::optional<std::string> FakeHost::broken_entry(
    EntryIndex i, std::map<std::uint32_t, std::uint64_t>& in_arena) {
  FakeWorkerParts& w = *worker_;
  const State s = w.entries.state(i);
  if (s == State::kBusy) return fmt::format("entry {} is busy between steps", i.value);
  if (s == State::kLeased && w.entries.detached_owner(i) == 0 && !w.clients.lease_was_shown(i)) {
    return fmt::format("entry {} is leased to nobody", i.value);
  }
  if (s == State::kVoid && w.contents.references(i) == 0)
    return fmt::format("nobody refers to void entry {}", i.value);
  if (!has_bytes(s)) return std::nullopt;
  if (load_since(w.entries.at(i)) == 0)
    return fmt::format("entry {} does not say since when it is live", i.value);
  const Extent extent = w.entries.extent(i);
  ++in_arena[extent.place.arena().value];
  const auto known = w.contents.known().find(i.value);
  if (known == w.contents.known().end() || known->second.id != w.entries.id(i)) {
    return fmt::format("entry {} is not known by its id", i.value);
  }
  if (known->second.id.is_blob()) return std::nullopt;
  const std::byte* bytes = w.arenas.bytes(extent);
  if (bytes == nullptr ||
      !std::ranges::equal(std::span(bytes, extent.size), known->second.document)) {
    return fmt::format("the document of entry {} has changed", i.value);
  }
  for (ObjectId m : FakeContents::members_of(known->second)) {
    // By number and generation: of a member that was leased, its parent may have the wrong blob bit.
    const bool is_same =
        w.entries.holds(m) || w.entries.holds(ObjectId(m.value ^ ObjectId::kBlobBit));
    const State of_member = is_same ? w.entries.state(m.index()) : State::kFree;
    if (of_member == State::kFree || of_member == State::kDeleted) {
      return fmt::format("object {} has the dead member {}", known->second.id.to_string(),
                         m.to_string());
    }
  }
  return std::nullopt;
}

std::optional<std::string> FakeHost::broken_arena(
    const std::map<std::uint32_t, std::uint64_t>& in_arena) {
  FakeWorkerParts& w = *worker_;
  for (const auto& [number, use] : w.arenas.all()) {
    const auto it = in_arena.find(number);
    const std::uint64_t counted = it == in_arena.end() ? 0 : it->second;
    if (counted != use.entries)
      return fmt::format("arena {} has {} entries, counted {}", number, counted, use.entries);
    if (!use.listed) continue;
    const ClientControl& c = region().clients[use.control];
    if (c.arenas[use.list_number].load() != number)
      return fmt::format("arena {} is not where it is listed", number);
    if (c.arena_present[use.list_number].load() != counted) {
      return fmt::format("arena {} has {} entries, its writer is told {}", number, counted,
                         c.arena_present[use.list_number].load());
    }
  }
  for (const auto& [number, count] : in_arena) {
    if (w.arenas.use(number) == nullptr)
      return fmt::format("{} entries name arena {}, which is not there", count, number);
  }
  return w.arenas.check_consistency();
}

std::optional<std::string> FakeHost::broken_clients() {
  FakeWorkerParts& w = *worker_;
  for (std::uint32_t c = 0; c < w.clients.touched(); ++c) {
    const ClientControl& cc = w.clients.control(c);
    if (cc.serial.load() == 0) continue;
    const std::uint64_t harvested = cc.harvested.load(), granted = cc.granted.load();
    if (harvested > granted || granted - harvested > limits::kRing) {
      return fmt::format("client {} was granted {} and harvested {}", c, granted, harvested);
    }
    for (std::uint64_t p = harvested; p < granted; ++p) {  // I8
      const ObjectId id(cc.grants[p % limits::kRing].load());
      // The first may be done already, by a predecessor that died before it counted.
      if (p == harvested && p < w.clients.published(c).value_or(0) && !w.entries.holds(id))
        continue;
      if (p == harvested && w.entries.holds(id) && w.entries.state(id.index()) != State::kLeased)
        continue;
      if (!w.entries.holds(id) || w.entries.state(id.index()) != State::kLeased) {
        return fmt::format("client {}: the grant at {} is not leased", c, p);
      }
      if (w.clients.position(c, w.entries.at(id.index()).lease.load()) != p) {
        return fmt::format("client {}: the grant at {} is leased for another position", c, p);
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> FakeHost::broken_invariant() {
  FakeWorkerParts& w = *worker_;
  if (!w.contents.faults.empty()) return w.contents.faults.front();
  if (region().header.mark.load(kRelaxed) != 0) return "the mark stands between steps";
  std::map<std::uint32_t, std::uint64_t> in_arena;
  std::uint64_t unused = 0;
  for (EntryIndex i{0}; i.value < w.entries.touched(); ++i.value) {
    unused += w.entries.state(i) == State::kFree && w.entries.id(i).block().value != 0;
    if (auto broken = broken_entry(i, in_arena)) return broken;
  }
  if (unused != w.entries.free_count()) {
    return fmt::format("{} entries are free, {} are known to be", unused, w.entries.free_count());
  }
  if (auto broken = broken_arena(in_arena)) return broken;
  return broken_clients();
}

// ---------------------------------------------------------------------------------------------- client

FakeClient::FakeClient(FakeHost& host) : host_(&host) {
  FakeWorkerParts& w = host.worker();
  control_ = w.clients.reserve_control().value();
  serial_ = w.clients.next_serial();
  pin_table_ = w.clients.next_serial();
  const auto hold = [&](Kind kind, std::uint64_t number, std::uint64_t owner, std::uint64_t size) {
    std::vector<Held> items(1);
    items[0].facts = {kind, number, owner, 1, size};
    items[0].fd = os::create_memfd("vineyard-test", ByteCount(size)).value();
    VY_CHECK(w.holds.add(std::move(items)));
    return w.holds.find(kind, number);
  };
  hold(Kind::kConnection, serial_, control_, 4096);
  Held* box = hold(Kind::kOutbox, serial_, serial_, sizeof(Outbox));
  outbox_ = map_like_a_client(*box);
  VY_CHECK(os::seal_against_new_writers(box->fd));
  Held* table = hold(Kind::kPinTable, pin_table_, serial_, sizeof(PinTable));
  pins_ = map_like_a_client(*table);
  VY_CHECK(os::seal_against_new_writers(table->fd));
  w.clients.establish(control_, serial_, 1000, 1, "test");
  VY_CHECK(w.clients.grant(control_, Clients::Window::kKeep));
}

std::uint32_t FakeClient::new_arena(std::uint64_t size) {
  FakeWorkerParts& w = host_->worker();
  const std::uint32_t arena = w.arenas.create(size, serial_, 0).value();
  auto mapped = map_like_a_client(*w.holds.find(Kind::kClientArena, arena));
  const std::uint32_t list_number = w.arenas.list_and_seal(arena, control_).value();
  arenas_.insert_or_assign(list_number, std::move(mapped));
  return list_number;
}

void FakeClient::add_record(const Record& record) {
  outbox().records[next_ % limits::kRing] = record;
  ++next_;
}

ObjectId FakeClient::add_blob(Place place, std::uint64_t size) {
  const ObjectId id = next_id().with_blob_bit();
  add_record(
      {.id = id.value, .place = place.bits, .size = size, .document = 0, .document_size = 0});
  return id;
}

ObjectId FakeClient::add_document(const std::vector<std::byte>& document) {
  const ObjectId id = next_id();
  const std::uint64_t size = document.size();
  if (documents_ % limits::kDocumentRing + size > limits::kDocumentRing) {
    documents_ += limits::kDocumentRing - documents_ % limits::kDocumentRing;
  }
  std::memcpy(outbox().documents + documents_ % limits::kDocumentRing, document.data(), size);
  add_record(
      {.id = id.value, .place = 0, .size = 0, .document = documents_, .document_size = size});
  documents_ += (size + 7) & ~std::uint64_t{7};
  return id;
}

ObjectId FakeClient::add_new_blob(std::uint64_t size) {
  if (arenas_.empty()) new_arena();
  if (used_ + extent_step(size) > arenas_.at(0).size()) used_ = 0;
  const ObjectId id = add_blob(Place(ArenaId{0}, used_), size);
  used_ += extent_step(size);
  return id;
}

ObjectId FakeClient::put_blob(std::uint64_t size) {
  const ObjectId id = add_new_blob(size);
  publish();
  return id;
}

ObjectId FakeClient::put_document(const std::vector<ObjectId>& members, std::uint64_t seed) {
  const ObjectId id = add_document(FakeDocument::make(members, seed));
  publish();
  return id;
}

void FakeClient::pin(std::uint32_t slot, ObjectId id) {
  if (pins().high_water.load() <= slot)
    pins().high_water.store(slot + 1, std::memory_order_release);
  pins().slots[slot].store(id.value, std::memory_order_seq_cst);
}

void FakeClient::die_but_for_pins() {
  outbox_.reset();
  arenas_.clear();
}

void FakeClient::die() {
  die_but_for_pins();
  pins_.reset();
}

}  // namespace vineyard::shm
