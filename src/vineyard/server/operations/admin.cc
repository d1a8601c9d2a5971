// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/admin.h"

#include <algorithm>

#include "vineyard/meta/json.h"
#include "vineyard/os/children.h"
#include "vineyard/os/process.h"

namespace vineyard::server {
namespace {

using shm::Kind;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::size_t kHoldersShown = 200;

struct Holder {
  std::uint64_t bytes = 0;
  std::uint64_t arenas = 0;
};

std::map<std::uint64_t, Holder> arenas_by_client(const Instance& in) {
  std::map<std::uint64_t, Holder> by;
  for (const auto& [number, held] : in.holds.all(Kind::kClientArena)) {
    const bool there = held.facts.owner == 0 || in.peers.contains(held.facts.owner);
    Holder& h = by[there ? held.facts.owner : ~std::uint64_t{0}];
    h.bytes += held.facts.size;
    ++h.arenas;
  }
  return by;
}

std::map<std::uint64_t, std::uint64_t> pins_by_client(Instance& in) {
  std::map<std::uint64_t, std::uint64_t> by;
  for (const auto& [number, held] : in.holds.all(Kind::kPinTable)) {
    const auto bytes = in.holds.see(Kind::kPinTable, number);
    if (!bytes) continue;
    const auto* table = reinterpret_cast<const shm::PinTable*>(*bytes);
    const auto used = std::min<std::uint64_t>(table->high_water.load(std::memory_order_acquire),
                                              limits::kPinSlots);
    std::uint64_t& n = by[held.facts.owner];
    for (std::uint64_t s = 0; s < used; ++s) n += table->slots[s].load(kRelaxed) != 0;
  }
  return by;
}

void write_processes(meta::JsonWriter& w) {
  const auto supervisor = os::parent_process_id();
  w.key("pids").begin_object();
  w.field("supervisor", static_cast<std::int64_t>(supervisor));
  w.field("worker", static_cast<std::int64_t>(os::process_id()));
  std::int64_t standby = 0;
  if (const auto children = os::children_of(supervisor)) {
    for (const auto child : *children) standby = child == os::process_id() ? standby : child;
  }
  w.field("standby", standby);
  w.end_object();
}

void write_memory(meta::JsonWriter& w, Instance& in, std::map<std::uint64_t, Holder>& arenas) {
  w.key("memory").begin_object();
  w.field("pool", in.options.pool_bytes);
  w.field("used", in.arenas.used_bytes());
  std::uint64_t home = 0, homes = 0, home_free = in.arenas.home_free_bytes(), live = 0;
  for (const auto& [number, held] : in.holds.all(Kind::kHomeArena))
    home += held.facts.size, ++homes;
  for (const auto& [arena, use] : in.arenas.all()) live += use.bytes;
  w.field("objects", live);
  w.field("daemon", home).field("daemon_free", home_free);
  w.field("spares", arenas[0].bytes).field("spares_ready", in.spares_ready.size());
  w.field("of_ended_programs", arenas[~std::uint64_t{0}].bytes);
  w.end_object();
}

void write_clients(meta::JsonWriter& w, Instance& in, std::map<std::uint64_t, Holder>& arenas) {
  auto pins = pins_by_client(in);
  std::vector<const Peer*> sorted;
  for (const auto& [serial, peer] : in.peers) sorted.push_back(&peer);
  std::sort(sorted.begin(), sorted.end(), [&](const Peer* a, const Peer* b) {
    return arenas[a->serial].bytes > arenas[b->serial].bytes;
  });
  w.field("client_count", in.peers.size());
  w.key("clients").begin_array();
  for (std::size_t n = 0; n < std::min(sorted.size(), kHoldersShown); ++n) {
    const Peer& p = *sorted[n];
    const shm::ClientControl& cc = in.clients.control(p.control);
    w.begin_object();
    w.field("serial", p.serial).field("pid", p.pid).field("uid", p.uid).field("program", p.program);
    w.field("bytes", arenas[p.serial].bytes).field("arenas", arenas[p.serial].arenas);
    w.field("pins", pins[p.serial]);
    w.field("granted", cc.granted.load(kRelaxed)).field("harvested", cc.harvested.load(kRelaxed));
    w.field("gone", p.gone);
    w.end_object();
  }
  w.end_array();
}

}  // namespace

std::string status_json(Instance& in) {
  in.harvester.harvest_all();
  auto arenas = arenas_by_client(in);
  const shm::RegionHeader& h = in.region.header;
  meta::JsonWriter w;
  w.begin_object();
  w.field("version", in.options.version).field("socket", in.options.socket);
  w.field("instance", h.instance.load(kRelaxed)).field("epoch", h.epoch.load(kRelaxed));
  w.field("page_bytes", h.page_kind.load(kRelaxed));
  w.field("reserve", in.options.reserve == Reserve::kOn);
  write_processes(w);
  write_memory(w, in, arenas);
  w.key("objects").begin_object();
  w.field("total", in.objects.objects() + in.objects.blobs())
      .field("documents", in.objects.objects());
  w.field("blobs", in.objects.blobs()).field("deleted_but_viewed", in.retirer.waiting_count());
  w.field("names", in.names.size()).field("entries_used", in.entries.touched());
  w.field("free_entries", in.entries.free_count());
  w.end_object();
  w.key("types").begin_object();
  std::size_t shown = 0;
  for (const auto& [name, count] : in.objects.types()) {
    if (++shown > kHoldersShown) break;
    w.field(name.substr(0, 100), count);
  }
  w.end_object();
  write_clients(w, in, arenas);
  w.key("arenas").begin_object();
  w.field("clients", in.holds.all(Kind::kClientArena).size())
      .field("daemon", in.holds.all(Kind::kHomeArena).size());
  w.field("retired", h.retired_count.load(kRelaxed));
  w.end_object();
  w.field("pin_tables", in.holds.all(Kind::kPinTable).size());
  w.field("descriptors", os::descriptor_count().value_or(0));
  w.key("counts").begin_object();
  w.field("harvested", in.harvester.counts().taken).field("voided", in.harvester.counts().voided);
  w.field("refused", in.harvester.counts().refused)
      .field("reclaimed", in.retirer.counts().reclaimed);
  w.field("moved", in.retirer.counts().moved).field("kept", in.retirer.counts().kept);
  w.end_object();
  w.end_object();
  return w.take();
}

}  // namespace vineyard::server
