// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "vineyard/base/try.h"
#include "vineyard/meta/document.h"
#include "vineyard/os/process.h"
#include "vineyard/server/operations/pattern.h"

namespace vineyard::server {
namespace {

using shm::Fate;
using shm::State;

constexpr std::size_t kNameBytesPerPage = 32U << 10;  // a reply fits into one packet

bool is_visible(const Instance& in, ObjectId id) {
  if (id == ObjectId::empty_blob()) return true;
  if (!in.entries.holds(id)) return false;
  const State s = in.entries.state(id.index());
  return (s == State::kLive || s == State::kSpilled) && in.entries.id(id.index()) == id;
}

std::span<const std::byte> document_of(Instance& in, EntryIndex i) {
  const Extent extent = in.entries.extent(i);
  const std::byte* bytes = in.arenas.bytes(extent);
  return bytes == nullptr ? std::span<const std::byte>{} : std::span(bytes, extent.size);
}

std::vector<ObjectId> members_of(Instance& in, ObjectId id) {
  std::vector<ObjectId> members;
  if (id.is_blob() || !in.entries.holds(id)) return members;
  const auto document = document_of(in, id.index());
  if (document.empty()) return members;
  for (const auto m : meta::DocumentView::trusted(document).references()) members.emplace_back(m);
  return members;
}

// One live object that refers to each of `wanted`. A search through all documents: only for error messages and force.
std::vector<std::vector<ObjectId>> holders_of(Instance& in, const std::vector<ObjectId>& wanted) {
  std::vector<std::vector<ObjectId>> out(wanted.size());
  const std::uint32_t n = in.entries.touched();
  for (EntryIndex i{0}; i.value < n; ++i.value) {
    if (in.entries.state(i) != State::kLive || in.entries.id(i).is_blob()) continue;
    for (ObjectId m : members_of(in, in.entries.id(i))) {
      for (std::size_t k = 0; k < wanted.size(); ++k) {
        if (m == wanted[k]) out[k].push_back(in.entries.id(i));
      }
    }
  }
  return out;
}

// Parents first: an object is decided before what it refers to, so that one batch takes a whole tree.
void add_members(Instance& in, ObjectId id, std::vector<ObjectId>& order,
                 std::unordered_set<std::uint64_t>& seen) {
  for (ObjectId m : members_of(in, id)) {
    if (m != ObjectId::empty_blob() && seen.insert(m.value).second) order.push_back(m);
  }
}

// Of any length that somebody may ask for.
std::int64_t end_of_wait(std::uint64_t wait_ms) {
  return os::monotonic_ms() + static_cast<std::int64_t>(std::min(wait_ms, limits::kLongestWaitMs));
}

}  // namespace

DeleteReport remove(Instance& in, const std::vector<ObjectId>& ids, DeleteOptions options) {
  in.harvester.harvest_all();
  DeleteReport report;
  std::unordered_set<std::uint64_t> seen, asked;
  std::vector<ObjectId> order;
  for (ObjectId id : ids) {
    if (!is_visible(in, id) || id == ObjectId::empty_blob()) {
      report.absent += asked.insert(id.value).second;
      continue;
    }
    if (asked.insert(id.value).second && seen.insert(id.value).second) order.push_back(id);
  }
  if (options.force == DeleteOptions::Force::kHoldersToo) {
    std::vector<ObjectId> level = order;
    while (!level.empty()) {
      std::vector<ObjectId> above;
      for (const auto& holders : holders_of(in, level)) {
        for (ObjectId h : holders) {
          if (seen.insert(h.value).second) above.push_back(h);
        }
      }
      order.insert(order.begin(), above.begin(), above.end());
      level = std::move(above);
    }
  }
  // An object's own payload blobs go with it: nobody else was told their ids on purpose.
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (options.depth == DeleteOptions::Depth::kMembersToo) {
      add_members(in, order[n], order, seen);
    } else if (!order[n].is_blob()) {
      const auto document = document_of(in, order[n].index());
      const auto view = meta::DocumentView::trusted(document);
      for (std::uint32_t p = 0; p < view.payload_count(); ++p) {
        const ObjectId blob = view.reference(p);
        if (blob != ObjectId::empty_blob() && seen.insert(blob.value).second) order.push_back(blob);
      }
    }
  }
  const auto fates = in.retirer.retire(order, {}, in.own_pins());
  // A deleted object that is still viewed goes on referring to its members: those are doomed, and go with it.
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (fates[n] != Fate::kDeleted) continue;
    for (ObjectId m : members_of(in, order[n])) {
      if (seen.contains(m.value) && !asked.contains(m.value) && is_visible(in, m))
        in.entries.doom(m.index());
    }
  }
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (!asked.contains(order[n].value)) {
      report.deleted += fates[n] == Fate::kReclaimed || fates[n] == Fate::kDeleted;
      continue;
    }
    if (fates[n] == Fate::kReclaimed || fates[n] == Fate::kDeleted) ++report.deleted;
    if (fates[n] == Fate::kAbsent) ++report.absent;
    if (fates[n] == Fate::kKept) report.kept.push_back(order[n]);
  }
  if (!report.kept.empty()) {
    const auto holders = holders_of(in, report.kept);
    for (const auto& h : holders)
      report.holders.push_back(h.empty() ? ObjectId::invalid() : h.front());
  }
  return report;
}

void fetch(Instance& in, Peer& peer, ObjectId id, std::uint64_t wait_ms, Waits::Answer answer) {
  if (!is_visible(in, id)) in.harvester.harvest_all();  // before it says no
  if (is_visible(in, id)) {
    peer.pinned.push_back(id);
    return answer(id);
  }
  if (in.entries.holds(id)) {
    const State s = in.entries.state(id.index());
    if (s == State::kVoid) {
      return answer(Error(
          ErrorCode::kCorrupt,
          fmt::format("{} was refused when it was published: its writer sent a malformed record",
                      id.to_string())));
    }
    if (s == State::kLeased && wait_ms > 0) {
      in.waits.add({peer.serial, id, {}, end_of_wait(wait_ms), std::move(answer)});
      return;
    }
    if (s == State::kLeased) {
      return answer(
          Error(ErrorCode::kNotFound, fmt::format("{} is not published yet", id.to_string())));
    }
  }
  answer(Error(
      ErrorCode::kNotFound,
      fmt::format("{} does not exist: it was deleted, or never published here", id.to_string())));
}

std::vector<std::uint64_t> exists(Instance& in, const std::vector<std::uint64_t>& ids) {
  std::vector<std::uint64_t> there;
  bool harvested = false;
  for (std::uint64_t raw : ids) {
    bool yes = is_visible(in, ObjectId(raw));
    if (!yes && !harvested) {
      in.harvester.harvest_all();
      harvested = true;
      yes = is_visible(in, ObjectId(raw));
    }
    there.push_back(yes ? 1 : 0);
  }
  return there;
}

Result<ObjectId> reserve_id(Instance& in, Peer& peer) {
  VY_TRY(in.entries.prepare());
  VY_TRY(auto id, in.entries.lease_detached(peer.serial));
  ++in.detached_leases;
  return id;
}

Result<ObjectId> publish(Instance& in, Peer& peer, const Publication& what) {
  if (!in.clients.established(peer.control, peer.serial))
    return Error(ErrorCode::kInvalid, "join first");
  ObjectId id = what.id;
  const bool fresh = id.value == 0;
  if (fresh) {
    VY_TRY(id, reserve_id(in, peer));
  } else if (!in.entries.holds(id) || in.entries.detached_owner(id.index()) != peer.serial) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{} is not reserved by this client", id.to_string()));
  }
  in.harvester.harvest(peer.control);  // its payload blobs were published just before
  const auto done = what.kind == Publication::Kind::kBlob
                        ? in.harvester.publish_blob(peer.control, id, what.place, what.size)
                        : in.harvester.publish_document(peer.control, id, what.place, what.size);
  if (!done) {
    if (fresh) {
      in.entries.free(id.index());
      --in.detached_leases;
    }
    return Error(done.error());
  }
  --in.detached_leases;
  return what.kind == Publication::Kind::kBlob ? id.with_blob_bit() : id.without_blob_bit();
}

Result<void> put_name(Instance& in, const std::string& name, ObjectId id, NameMode mode) {
  if (!is_visible(in, id)) in.harvester.harvest_all();
  if (!is_visible(in, id)) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("cannot name {}: it does not exist", id.to_string()));
  }
  return in.names.put(
      name, id,
      mode == NameMode::kIfFree ? shm::Names::Mode::kIfAbsent : shm::Names::Mode::kReplace);
}

void get_name(Instance& in, Peer& peer, const std::string& name, std::uint64_t wait_ms,
              Waits::Answer answer) {
  if (const auto id = in.names.get(name)) {
    if (is_visible(in, *id)) peer.pinned.push_back(*id);
    return answer(*id);
  }
  if (wait_ms > 0) {
    in.waits.add({peer.serial, ObjectId::invalid(), name, end_of_wait(wait_ms), std::move(answer)});
    return;
  }
  answer(Error(ErrorCode::kNotFound,
               fmt::format("no object has the name '{}'; `vineyard ls --names` lists them", name)));
}

Result<NamePage> list_names(Instance& in, const std::string& text, std::uint32_t syntax,
                            std::uint32_t limit, const std::string& after) {
  VY_TRY(auto pattern, Pattern::parse(text, syntax == 0 ? Pattern::Syntax::kGlob
                                                        : Pattern::Syntax::kRegularExpression));
  NamePage page;
  const std::string prefix(pattern.literal_prefix());
  const auto& all = in.names.sorted();
  auto it = after.empty() || after < prefix ? all.lower_bound(prefix) : all.upper_bound(after);
  std::size_t bytes = 0;
  for (; it != all.end() && std::string_view(it->first).starts_with(prefix); ++it) {
    if (!pattern.matches(it->first)) continue;
    if (page.names.size() == std::min<std::size_t>(limit, limits::kIdsPerMessage) ||
        bytes > kNameBytesPerPage) {
      page.more = true;
      break;
    }
    bytes += it->first.size() + 16;
    page.names.push_back(it->first);
    page.ids.push_back(in.names.id_at(it->second).value);
  }
  return page;
}

Result<ObjectPage> list_objects(Instance& in, const std::string& text, std::uint32_t syntax,
                                std::uint32_t limit, std::uint64_t cursor) {
  VY_TRY(auto pattern, Pattern::parse(text, syntax == 0 ? Pattern::Syntax::kGlob
                                                        : Pattern::Syntax::kRegularExpression));
  in.harvester.harvest_all();
  ObjectPage page;
  page.cursor = cursor;
  const auto ids = in.objects.list(
      [&](std::string_view type) { return pattern.matches(type); },
      [&](EntryIndex i) {
        return in.entries.state(i) == State::kLive ? in.entries.id(i) : ObjectId::invalid();
      },
      std::min<std::size_t>(limit, limits::kIdsPerMessage), &page.cursor);
  for (ObjectId id : ids) page.ids.push_back(id.value);
  return page;
}

std::uint32_t clear(Instance& in) {
  in.harvester.harvest_all();
  in.names.clear();
  // Parents before members: a batch of everything, documents first, until nothing more goes.
  std::uint32_t gone = 0;
  while (true) {
    std::vector<ObjectId> batch;
    const std::uint32_t n = in.entries.touched();
    for (EntryIndex i{0}; i.value < n; ++i.value) {
      if (in.entries.state(i) == State::kLive && in.objects.references(i) == 0)
        batch.push_back(in.entries.id(i));
    }
    if (batch.empty()) return gone;
    const auto before = in.retirer.counts();
    in.retirer.retire(batch, {}, in.own_pins());
    const auto after = in.retirer.counts();
    const auto now = static_cast<std::uint32_t>(after.reclaimed - before.reclaimed + after.deleted -
                                                before.deleted);
    if (now == 0) return gone;
    gone += now;
  }
}

}  // namespace vineyard::server
