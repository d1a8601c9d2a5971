// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/reader.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/meta/document.h"
#include "vineyard/os/process.h"
#include "vineyard/protocol/messages.h"
#include "vineyard/shm/entry.h"
#include "vineyard/shm/grants.h"
#include "vineyard/shm/name_table.h"

namespace vineyard::client {
namespace {

constexpr std::uint32_t kPrefetchAhead = 16;
// How often an entry may change under one look before the thread yields in between.
constexpr std::uint32_t kEagerTries = 64;

enum DescriptorKind : std::uint32_t { kOutboxDescriptor = 1, kArenaDescriptor = 3 };

Error not_published(ObjectId id) {
  return Error(ErrorCode::kNotFound, id.to_string() + " is not published yet");
}

}  // namespace

/// A slot that goes back unless a view takes it.
///
/// Owner:   one get.
/// Threads: one.
/// Always:  released exactly once, here or by the view.
class Reader::SlotHolder {
 public:
  SlotHolder(Pins& pins, std::uint32_t slot) : pins_(pins), slot_(slot) {}
  ~SlotHolder() {
    if (slot_ != SlotPool::kNone) pins_.release(slot_);
  }
  SlotHolder(const SlotHolder&) = delete;
  SlotHolder& operator=(const SlotHolder&) = delete;
  [[nodiscard]] std::uint32_t slot() const { return slot_; }
  std::uint32_t give_away() { return std::exchange(slot_, SlotPool::kNone); }

 private:
  Pins& pins_;
  std::uint32_t slot_;
};

Reader::Reader(Context& context, Process& process, Connection& connection, TableSource& tables,
               Pins& pins, MappingCache& mappings, const shm::Region& region,
               const shm::Outbox& own_outbox, Membership me)
    : context_(context),
      process_(process),
      connection_(connection),
      tables_(tables),
      pins_(pins),
      mappings_(mappings),
      index_(region),
      own_outbox_(own_outbox),
      me_(me),
      retired_seen_(region.header.retired_count.load(std::memory_order_acquire)) {}

Result<View> Reader::view(ObjectId id, std::uint64_t wait_ms) {
  if (id == ObjectId::empty_blob()) return View(id, {}, {});
  // It comes while the slot is taken. A hint, so it may lie beyond the region's high-water mark.
  __builtin_prefetch(&index_.region().entries[id.index().value]);
  tidy_if_due();
  // Nearly every get is done with this: the same steps as in pin_and_look, where nothing can fail.
  const std::uint32_t slot = pins_.take_idle_slot();
  if (slot == SlotPool::kNone) return pin_and_look(id, wait_ms, Show::kBytes);
  std::uint32_t forks = 0;
  if (pins_.is_ready(forks)) [[likely]] {
    pins_.pin(slot, id);  // R1
    VY_FAILPOINT("get.pinned");
    std::span<const std::byte> bytes;
    if (is_live_here(id, slot, bytes) && pins_.still_ours(forks)) [[likely]]
      return View(id, {&context_, slot, process_.generation()}, bytes);
  }
  pins_.release(slot);
  return pin_and_look(id, wait_ms, Show::kBytes);
}

// The entry is live, and its arena mapped. What is otherwise, `look` finds out.
inline bool Reader::is_live_here(ObjectId id, std::uint32_t slot,
                                 std::span<const std::byte>& bytes) const {
  const shm::Entry* entry = index_.find(id);
  if (entry == nullptr) return false;
  const std::uint64_t word = shm::load_word(*entry);
  if (!shm::matches(id, word) || shm::state_of(word) != shm::State::kLive) return false;
  const Extent extent = shm::load_extent(*entry);
  const MappingKey key = MappingKey::arena(extent.place.arena());
  pins_.use_mapping(slot, key.value);
  const Mapping m = mappings_.find(key);
  if (m.data == nullptr || !lies_within(extent.place.offset(), extent.size, m.size)) return false;
  bytes = {m.data + extent.place.offset(), extent.size};
  return true;
}

Result<View> Reader::hold(ObjectId id) {
  if (id == ObjectId::empty_blob()) return View(id, {}, {});
  tidy_if_due();
  return pin_and_look(id, 0, Show::kNothing);
}

Result<View> Reader::pin_and_look(ObjectId id, std::uint64_t wait_ms, Show show) {
  wait_ms = std::min(wait_ms, limits::kLongestWaitMs);
  VY_TRY(const std::uint32_t slot, pins_.take_slot(tables_));
  SlotHolder holder(pins_, slot);
  Found found;
  std::int64_t until = 0;
  for (std::uint32_t tries = 0;; ++tries) {
    VY_TRY(const std::uint32_t forks, pins_.begin(tables_));
    pins_.pin(slot, id);  // R1: the pin, a barrier, and only then the look
    VY_FAILPOINT("get.pinned");
    VY_TRY(const Step step, look(id, slot, show, found));
    if (step == Step::kFound && pins_.still_ours(forks)) [[likely]]
      break;
    if (tries < kEagerTries && step != Step::kUnpublished && step != Step::kAsk) continue;
    const std::int64_t now = os::monotonic_ms();
    if (until == 0) until = now + deadline().count() + static_cast<std::int64_t>(wait_ms);
    if (now > until) {
      return Error(ErrorCode::kDeadline,
                   "get of " + id.to_string() + " found its entry changing all the time");
    }
    if (step == Step::kUnpublished && wait_ms == 0) return not_published(id);
    if (step == Step::kUnpublished || step == Step::kAsk) {
      pins_.clear(slot);
      // The instance holds a pin of its own until our next message, and the same code finds the
      // object then.
      const auto left = wait_ms == 0 ? 0
                                     : static_cast<std::uint64_t>(std::max<std::int64_t>(
                                           until - now - deadline().count(), 0));
      VY_TRY(id, fetch(id, left));
    }
    if (tries >= kEagerTries) std::this_thread::yield();
  }
  const Pin pin{&context_, holder.give_away(), process_.generation()};
  return View(id, pin, found.bytes, std::move(found.copy));
}

Result<Reader::Step> Reader::look(ObjectId id, std::uint32_t slot, Show show, Found& found) {
  const shm::Entry* entry = index_.find(id);
  if (entry == nullptr) return Step::kAsk;
  const std::uint64_t word = shm::load_word(*entry);
  if (!shm::matches(id, word)) return Step::kAsk;
  switch (shm::state_of(word)) {
    case shm::State::kLive:
      if (show == Show::kNothing) return Step::kFound;
      return look_live(*entry, word, slot, found);
    case shm::State::kLeased: return look_fresh(id, *entry, word, slot, show, found);
    case shm::State::kFree:
    case shm::State::kBusy:
    case shm::State::kDeleted:
    case shm::State::kSpilled:
    case shm::State::kRemote:
    case shm::State::kVoid: break;
  }
  return Step::kAsk;
}

// Whoever saw "live" under its pin needs no second look: every later scan sees the pin, so the
// place stays.
Result<Reader::Step> Reader::look_live(const shm::Entry& entry, std::uint64_t word,
                                       std::uint32_t slot, Found& found) {
  const Extent extent = shm::load_extent(entry);
  found.copy.reset();
  VY_TRY(const Mapping m, map(slot, MappingKey::arena(extent.place.arena())));
  if (m.data == nullptr) return shm::still_says(entry, word) ? Step::kAsk : Step::kChanged;
  if (!lies_within(extent.place.offset(), extent.size, m.size)) {
    return Error(ErrorCode::kCorrupt, "an entry of the index names bytes outside its arena");
  }
  found.bytes = {m.data + extent.place.offset(), extent.size};
  return Step::kFound;
}

// R9: the record, the arena number behind it and the document are copied out; then the entry is
// looked at again, and only when it says the same they are used - as the bytes of another process.
Result<Reader::Step> Reader::look_fresh(ObjectId id, const shm::Entry& entry, std::uint64_t word,
                                        std::uint32_t slot, Show show, Found& found) {
  const shm::Lease lease = shm::load_lease(entry);
  if (!shm::still_says(entry, word)) return Step::kChanged;
  if (lease.serial == 0) return Step::kUnpublished;  // a detached id: published by message
  const shm::Outbox* box = &own_outbox_;
  std::uint32_t control = me_.control;
  if (lease.serial != me_.serial) {
    VY_TRY(const Mapping m, map(slot, MappingKey::outbox(lease.serial)));
    if (m.data == nullptr) return shm::still_says(entry, word) ? Step::kAsk : Step::kChanged;
    box = reinterpret_cast<const shm::Outbox*>(m.data);
    control = m.control;
  }
  if (!shm::is_published(*box, lease.position)) {
    return shm::still_says(entry, word) ? Step::kUnpublished : Step::kChanged;
  }
  const shm::Record record = shm::read_record(*box, lease.position);
  ArenaId arena;
  const bool is_blob = ObjectId(record.id).is_blob();
  const bool copies = !is_blob && show == Show::kBytes;
  if (is_blob) {
    VY_FAILPOINT("get.blob_record_read");
    arena = shm::Grants(index_.region().clients[control])
                .listed_arena(Place(record.place).arena().value);
  } else if (copies && shm::document_in_bounds(record)) {
    found.copy = std::make_unique_for_overwrite<std::byte[]>(record.document_size);
    shm::read_document(*box, record, found.copy.get());
  }
  if (!VY_LEFT_OUT("R9") && !shm::still_says(entry, word)) return Step::kChanged;
  if (record.id != id.value)
    return Step::kAsk;  // void, or of the other kind: the worker says what it is
  if (show == Show::kNothing) return Step::kFound;
  if (is_blob) return show_fresh_blob(arena, record, entry, word, slot, found);
  if (found.copy == nullptr) return Step::kAsk;
  found.bytes = {found.copy.get(), record.document_size};
  pins_.use_mapping(slot, 0);  // the copy needs no mapping
  if (meta::DocumentView::validate(found.bytes)) return Step::kFound;
  found = {};
  return Step::kAsk;  // the worker will refuse it, and says so
}

Result<Reader::Step> Reader::show_fresh_blob(ArenaId arena, const shm::Record& record,
                                             const shm::Entry& entry, std::uint64_t word,
                                             std::uint32_t slot, Found& found) {
  if (arena.value == 0) return Step::kAsk;
  VY_TRY(const Mapping m, map(slot, MappingKey::arena(arena)));
  if (m.data == nullptr) return shm::still_says(entry, word) ? Step::kAsk : Step::kChanged;
  const std::uint64_t offset = Place(record.place).offset();
  if (!lies_within(offset, record.size, m.size)) return Step::kAsk;  // R15
  found.bytes = {m.data + offset, record.size};
  return Step::kFound;
}

std::optional<std::uint64_t> Reader::find_since(ObjectId id) const {
  const shm::Entry* entry = index_.find(id);
  if (entry == nullptr) return std::nullopt;
  const std::uint64_t word = shm::load_word(*entry);
  if (!shm::matches(id, word)) return std::nullopt;
  // A free entry is that of an id to come, and may still say since when its last object was live.
  switch (shm::state_of(word)) {
    case shm::State::kFree:
    case shm::State::kLeased:
    case shm::State::kVoid: return std::nullopt;
    default: break;
  }
  const std::uint64_t since = shm::load_since(*entry);
  if (since == 0 || !shm::still_says(*entry, word)) return std::nullopt;
  return since;
}

Result<std::uint64_t> Reader::since(ObjectId id) {
  for (std::uint32_t tries = 0; tries < kEagerTries; ++tries) {
    if (const auto found = find_since(id)) return *found;
    VY_TRY(id, fetch(id, 0));
  }
  return Error(ErrorCode::kDeadline,
               "the entry of " + id.to_string() + " is changing all the time; try again");
}

Result<ObjectId> Reader::fetch(ObjectId id, std::uint64_t wait_ms) {
  const auto patience = deadline() + std::chrono::milliseconds(wait_ms);
  VY_TRY(auto answer, connection_.call(protocol::FetchRequest{id.value, wait_ms}, patience));
  return ObjectId(answer.reply.id);
}

Result<Mapping> Reader::map_slowly(MappingKey key) {
  if (const Mapping m = mappings_.find_settled(key); m.data != nullptr) return m;
  const std::uint32_t kind = key.is_outbox() ? kOutboxDescriptor : kArenaDescriptor;
  auto answer = connection_.call(protocol::DescriptorRequest{kind, key.number()}, deadline());
  if (!answer && answer.error().code() == ErrorCode::kNotFound) return Mapping{};
  if (!answer) return std::move(answer).error();
  if (answer->fds.size() != 1) {
    return Error(ErrorCode::kCorrupt,
                 "the daemon sent no descriptor with the answer to Descriptor");
  }
  const os::UniqueFd& fd = answer->fds.front();
  VY_TRY(const ByteCount size, os::size_of(fd));
  // More than there is would be SIGBUS; a memfd of the instance can neither shrink nor grow.
  const std::uint64_t least = key.is_outbox() ? sizeof(shm::Outbox) : answer->reply.size;
  if (size.value < least || answer->reply.control >= limits::kClients) {
    return Error(ErrorCode::kCorrupt, "the daemon sent memory that is smaller than it said");
  }
  VY_TRY(auto region, os::MappedRegion::map(fd, ByteCount(least), os::Access::kReadOnly));
  pins_.keep_spare(tables_);
  return mappings_.insert(key, std::move(region), answer->reply.control);
}

// ---- what goes

std::unordered_set<std::uint64_t> Reader::newly_retired(bool* all) {
  std::unordered_set<std::uint64_t> keys;
  const std::uint64_t seen = retired_seen_.load(std::memory_order_relaxed);
  const std::uint64_t count = header().retired_count.load(std::memory_order_acquire);
  for (std::uint64_t i = seen; i < count && count - seen <= limits::kRetiredRing; ++i) {
    const std::uint64_t number =
        header().retired[i % limits::kRetiredRing].load(std::memory_order_acquire);
    keys.insert(MappingKey::arena(ArenaId{static_cast<std::uint32_t>(number)}).value);
  }
  // Further behind than the ring, also when it went round while we read.
  const std::uint64_t now = header().retired_count.load(std::memory_order_acquire);
  *all = now - seen > limits::kRetiredRing;
  retired_seen_.store(*all ? now : count, std::memory_order_relaxed);
  return keys;
}

void Reader::tidy() {
  const std::unique_lock lock(tidy_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // another thread is at it
  bool all = false;
  const auto retired = newly_retired(&all);
  if (all) return mappings_.drop_all_unused();
  mappings_.drop([&](MappingKey key, std::uint32_t control) {
    if (key.is_outbox()) {
      return shm::Grants(index_.region().clients[control]).serial() != key.number();
    }
    return retired.contains(key.value);
  });
}

std::optional<ObjectId> Reader::find_blob(const void* address) const {
  const auto place = mappings_.place_of(address);
  if (!place) return std::nullopt;
  const std::uint64_t touched = header().entries_touched.load(std::memory_order_acquire);
  const std::uint64_t end = std::min<std::uint64_t>(touched, limits::kEntries);
  for (std::uint32_t i = 0; i < end; ++i) {
    const shm::Entry& entry = index_.region().entries[i];
    const std::uint64_t word = shm::load_word(entry);
    if (shm::state_of(word) != shm::State::kLive || shm::load_extent(entry).place != *place)
      continue;
    const ObjectId id = shm::id_of(EntryIndex{i}, word);
    if (id.is_blob() && shm::still_says(entry, word)) return id;
  }
  return std::nullopt;
}

void Reader::prefetch(std::span<const ObjectId> ids) const {
  for (std::size_t i = 0; i < std::min<std::size_t>(ids.size(), kPrefetchAhead); ++i) {
    if (const shm::Entry* entry = index_.find(ids[i])) __builtin_prefetch(entry);
  }
}

// ---- copies and names

Result<WritableCopy> Reader::writable(View pinned, std::uint64_t offset, std::uint64_t length) {
  const auto bytes = pinned.bytes().subspan(offset, length);
  if (!pinned.is_copy() && length >= os::page_size()) {
    const MappingKey key{pins_.mapping_of(pinned.pin().slot)};
    const Mapping m = mappings_.find(key);
    auto answer =
        connection_.call(protocol::DescriptorRequest{kArenaDescriptor, key.value}, deadline());
    if (m.data != nullptr && answer && answer->fds.size() == 1) {
      const std::uint64_t begin = static_cast<std::uint64_t>(bytes.data() - m.data);
      const auto size = os::size_of(answer->fds.front());
      if (size && lies_within(begin, length, size->value)) {
        auto region =
            os::MappedRegion::map_private_copy(answer->fds.front(), ByteCount(begin + length));
        if (region) {
          const std::span<std::byte> all = region->bytes();
          static_cast<void>(region->release());
          return WritableCopy(std::move(pinned), all.subspan(begin, length), all, nullptr);
        }
      }
    }
  }
  // Little, or no longer to be mapped: a plain copy does as well.
  auto memory = std::make_unique_for_overwrite<std::byte[]>(std::max<std::uint64_t>(length, 1));
  if (length != 0) std::memcpy(memory.get(), bytes.data(), length);
  const std::span<std::byte> copy(memory.get(), length);
  return WritableCopy(View(), copy, {}, std::move(memory));
}

std::optional<ObjectId> Reader::find_name(std::string_view name) {
  tidy_if_due();
  const auto slot = pins_.take_slot(tables_);
  if (!slot) return std::nullopt;
  const SlotHolder holder(pins_, *slot);
  shm::NameLookup lookup(index_.region(), name);
  while (const auto candidate = lookup.next()) {
    const Extent& at = candidate->bytes;
    const auto m = map(*slot, MappingKey::arena(at.place.arena()));
    if (!m || m->data == nullptr || !lies_within(at.place.offset(), at.size, m->size))
      return std::nullopt;
    if (lookup.is_it(*candidate, {m->data + at.place.offset(), at.size})) return candidate->id;
  }
  return std::nullopt;
}

}  // namespace vineyard::client
