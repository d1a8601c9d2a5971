// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "vineyard/meta/document.h"
#include "vineyard/meta/json.h"
#include "vineyard/meta/validate.h"
#include "vineyard/server/operations/admin.h"

namespace vineyard::server {
namespace {

using shm::Kind;
using shm::State;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::size_t kTextsKept = 50;

struct Findings {
  std::uint32_t count = 0;
  std::uint64_t self_overlaps =
      0;  // a writer's objects that share bytes of its own arena: its own matter
  std::vector<std::pair<std::string, std::string>> texts;
  void add(const char* invariant, std::string text) {
    ++count;
    if (texts.size() < kTextsKept) texts.emplace_back(invariant, std::move(text));
  }
};

bool has_bytes(State s) {
  return s == State::kLive || s == State::kDeleted || s == State::kBusy;
}

// I2: no visible object with a missing member. I11: counts equal what the documents say.
void check_references(Instance& in, Findings& found) {
  std::unordered_map<std::uint32_t, std::uint32_t> counted;
  const std::uint32_t n = in.entries.touched();
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    const State s = in.entries.state(i);
    if (!has_bytes(s) || in.entries.id(i).is_blob()) continue;
    const Extent extent = in.entries.extent(i);
    const std::byte* bytes = in.arenas.bytes(extent);
    const ObjectId id = in.entries.id(i);
    if (bytes == nullptr) {
      found.add("I9", fmt::format("{}: its document lies outside every arena", id.to_string()));
      continue;
    }
    const auto view = meta::validate({bytes, extent.size});
    if (!view) {
      found.add("I11", fmt::format("{}: its document at home does not validate: {}", id.to_string(),
                                   view.error().message()));
      continue;
    }
    for (const auto raw : view->references()) {
      const ObjectId m(raw);
      if (m == ObjectId::empty_blob()) continue;
      ++counted[m.index().value];
      if (!in.entries.holds(m))
        found.add("I2", fmt::format("{} has a missing member {}", id.to_string(), m.to_string()));
    }
  }
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    const auto it = counted.find(i.value);
    const std::uint32_t want = it == counted.end() ? 0 : it->second;
    if (in.objects.references(i) != want) {
      found.add("I11", fmt::format("entry {} is referred to {} times, counted {}", i.value, want,
                                   in.objects.references(i)));
    }
  }
}

// I9: no extent has two owners; each lies inside its arena. I8: entries per arena.
void check_extents(Instance& in, Findings& found) {
  struct Span {
    std::uint64_t begin, end;
    EntryIndex owner;
  };
  std::map<std::uint32_t, std::vector<Span>> by_arena;
  const std::uint32_t n = in.entries.touched();
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    if (!has_bytes(in.entries.state(i))) continue;
    const Extent e = in.entries.extent(i);
    by_arena[e.place.arena().value].push_back(
        {e.place.offset(), e.place.offset() + extent_step(e.size), i});
  }
  for (auto& [arena, spans] : by_arena) {
    const shm::ArenaUse* use = in.arenas.use(arena);
    if (use == nullptr) {
      found.add("I9",
                fmt::format("{} objects lie in arena {}, which is not there", spans.size(), arena));
      continue;
    }
    if (use->entries != spans.size()) {
      found.add("I8", fmt::format("arena {} has {} entries, counted {}", arena, spans.size(),
                                  use->entries));
    }
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.begin < b.begin; });
    for (std::size_t k = 0; k < spans.size(); ++k) {
      if (spans[k].end > ((use->size + 63) & ~std::uint64_t{63}))
        found.add("I9", fmt::format("an object reaches over the end of arena {}", arena));
      if (k == 0 || spans[k].begin >= spans[k - 1].end) continue;
      if (!use->is_home) {
        ++found.self_overlaps;
      } else {
        found.add("I9", fmt::format("{} and {} share bytes of arena {}",
                                    in.entries.id(spans[k - 1].owner).to_string(),
                                    in.entries.id(spans[k].owner).to_string(), arena));
      }
    }
  }
  for (const auto& [arena, use] : in.arenas.all()) {
    if (use.entries != 0 && !by_arena.contains(arena))
      found.add("I8", fmt::format("arena {} has no entry, counted {}", arena, use.entries));
  }
  if (auto broken = in.arenas.check_consistency()) found.add("I9", *broken);
}

// I8: grants shown = harvested + published, not harvested + not published. I13: everything has an owner.
void check_clients(Instance& in, Findings& found) {
  for (std::uint32_t c = 0; c < in.clients.touched(); ++c) {
    const shm::ClientControl& cc = in.clients.control(c);
    const std::uint64_t serial = cc.serial.load(kRelaxed);
    if (serial == 0) continue;
    if (!in.clients.control_of(serial))
      found.add("I13",
                fmt::format("control block {} belongs to client {}, which is not held", c, serial));
    const std::uint64_t granted = cc.granted.load(kRelaxed),
                        harvested = cc.harvested.load(kRelaxed);
    if (harvested > granted || granted - harvested > limits::kRing) {
      found.add("I8",
                fmt::format("client {}: {} granted, {} harvested", serial, granted, harvested));
      continue;
    }
    for (std::uint64_t g = harvested; g < granted; ++g) {
      const ObjectId id(cc.grants[g % limits::kRing].load(kRelaxed));
      if (!in.entries.holds(id) || in.entries.state(id.index()) != State::kLeased) {
        found.add("I8",
                  fmt::format("client {}: grant {} ({}) is not leased", serial, g, id.to_string()));
      }
    }
  }
  for (Kind kind : {Kind::kOutbox, Kind::kPinTable}) {
    for (const auto& [number, held] : in.holds.all(kind)) {
      if (kind == Kind::kOutbox && !in.peers.contains(held.facts.owner)) {
        found.add("I13", fmt::format("outbox {} belongs to nobody", number));
      }
    }
  }
}

// I3: no name resolves to a missing object, unless it was deleted under its name (names survive deletion).
void check_names(Instance& in, Findings& found) {
  for (const auto& [name, slot] : in.names.sorted()) {
    const shm::NameSlot& s = in.region.names[slot];
    const Extent extent{Place(s.place.load(kRelaxed)), s.length.load(kRelaxed)};
    const std::byte* bytes = in.arenas.bytes(extent);
    if (bytes == nullptr ||
        name != std::string_view(reinterpret_cast<const char*>(bytes), extent.size)) {
      found.add("I3", fmt::format("the name '{}' does not stand where its slot says", name));
    }
  }
}

// I10: no free entry is in any pin table.
void check_pins(Instance& in, Findings& found) {
  for (const auto& [number, held] : in.holds.all(Kind::kPinTable)) {
    const auto bytes = in.holds.see(Kind::kPinTable, number);
    if (!bytes) continue;
    const auto* table = reinterpret_cast<const shm::PinTable*>(*bytes);
    if (table->high_water.load(std::memory_order_acquire) > limits::kPinSlots) {
      found.add("I10", fmt::format("pin table {} claims more slots than it has", number));
    }
  }
}

}  // namespace

CheckReport check(Instance& in) {
  in.harvester.harvest_all();
  Findings found;
  check_references(in, found);
  check_extents(in, found);
  check_clients(in, found);
  check_names(in, found);
  check_pins(in, found);
  meta::JsonWriter w;
  w.begin_object().field("findings", found.count);
  w.key("invariants").begin_array();
  for (const char* name : {"I2", "I3", "I8", "I9", "I10", "I11", "I13"}) w.value(name);
  w.end_array();
  w.field("self_overlaps", found.self_overlaps);
  w.field("entries", in.entries.touched())
      .field("objects", in.objects.objects() + in.objects.blobs());
  w.key("broken").begin_array();
  for (const auto& [invariant, text] : found.texts)
    w.begin_object().field("invariant", invariant).field("what", text).end_object();
  w.end_array().end_object();
  return {found.count, w.take()};
}

}  // namespace vineyard::server
