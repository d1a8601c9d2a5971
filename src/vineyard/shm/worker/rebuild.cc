// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/rebuild.h"

#include <vector>

#include "vineyard/base/failpoint.h"

namespace vineyard::shm {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// R16: two workers in a row that died of a fault at the same mark.
std::optional<std::uint64_t> judge_mark(Region& region, Predecessor predecessor) {
  RegionHeader& h = region.header;
  const std::uint64_t mark = h.mark.load(kRelaxed);
  const bool fault = predecessor == Predecessor::kDiedOfFault;
  const bool again = fault && mark != 0 && mark == h.last_mark.load(kRelaxed);
  h.last_mark.store(fault ? mark : 0, kRelaxed);
  h.mark.store(0, kRelaxed);
  if (!again || VY_LEFT_OUT("R16")) return std::nullopt;
  h.last_mark.store(0, kRelaxed);
  return mark >> 32;
}

}  // namespace

RebuildReport rebuild(Region& region, Entries& entries, Arenas& arenas, Clients& clients,
                      Harvester& harvester, Retirer& retirer, Names& names, Contents& contents,
                      Predecessor predecessor) {
  RebuildReport report;
  report.poisoned_client = judge_mark(region, predecessor);
  arenas.begin_rebuild();

  std::vector<Arenas::Found> at_home;
  std::vector<EntryIndex> documents;
  const std::uint32_t n = entries.touched();
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    State state = entries.state(i);
    if (state == State::kBusy) {  // undecided: what its place says
      if (!VY_LEFT_OUT("R12")) entries.set(i, State::kLive);
      state = State::kLive;
    }
    if (state == State::kFree) {
      if (entries.id(i).block().value != 0) entries.note_free(i);
      continue;
    }
    if (state == State::kVoid) continue;
    if (state == State::kLeased) {
      const std::uint64_t detached = entries.detached_owner(i);
      const bool good =
          detached != 0 ? clients.control_of(detached).has_value() : clients.lease_was_shown(i);
      if (good) {
        ++report.leased;
      } else {
        entries.free(i);
        ++report.taken_back;
      }
      continue;
    }
    entries.note_since(i);
    const Extent extent = entries.extent(i);
    arenas.entered(extent);
    const ArenaUse* use = arenas.use(extent.place.arena().value);
    if (use->is_home) at_home.push_back({extent, i.value});
    if (!entries.id(i).is_blob()) documents.push_back(i);
    if (state == State::kDeleted) {
      retirer.note_waiting(entries.id(i));
      ++report.deleted;
    } else {
      ++report.live;
    }
  }

  names.collect(at_home);
  report.broken_extents =
      arenas.rebuild_home(std::move(at_home), [&](std::uint32_t tag, ExtentAllocator::Handle h) {
        if (tag & Names::kRebuildTag) {
          names.set_handle(tag & ~Names::kRebuildTag, h);
        } else {
          harvester.set_home_handle({tag}, h);
        }
      });
  names.finish_rebuild();

  // References are recounted once every entry is known.
  std::size_t next_document = 0;
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    const State state = entries.state(i);
    if (state != State::kLive && state != State::kDeleted) continue;
    if (next_document < documents.size() && documents[next_document].value == i.value) {
      ++next_document;
      const Extent extent = entries.extent(i);
      const std::byte* bytes = arenas.bytes(extent);
      contents.entered(entries.id(i), {bytes, bytes == nullptr ? 0 : extent.size});
    } else {
      contents.entered(entries.id(i), {});
    }
  }
  // A void or doomed object stays while somebody refers to it.
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    if (contents.references(i) > 0) continue;
    if (entries.state(i) == State::kVoid) {
      entries.free(i);
    } else if (entries.state(i) == State::kLive && entries.is_doomed(i)) {
      retirer.note_waiting(entries.id(i));
    }
  }
  arenas.finish_rebuild();
  clients.reserve_again();
  return report;
}

}  // namespace vineyard::shm
