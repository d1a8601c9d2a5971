// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/writer.h"

#include <algorithm>
#include <string>

#include "vineyard/base/check.h"
#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/client/copy.h"
#include "vineyard/client/populate.h"

namespace vineyard::client {
namespace {

constexpr std::uint64_t kCopyInsideLock = 4096;  // below, one lock costs less than two
constexpr int kFruitlessSyncs = 5;
constexpr std::size_t kMaxParts = limits::kRing / 2;

Error closed_error() {
  return Error(ErrorCode::kUnavailable,
               "the connection to the daemon was lost; the next call connects again");
}

// The references of a document that are still to be filled in.
std::vector<std::uint32_t> blanks_of(meta::DocumentView document) {
  std::vector<std::uint32_t> blanks;
  for (std::uint32_t i = 0; i < document.payload_count(); ++i) {
    if (!document.reference(i).is_valid()) blanks.push_back(i);
  }
  return blanks;
}

}  // namespace

/// Reservations that are given up unless they were published.
///
/// Owner:   one publication.
/// Threads: one; destroyed without the put lock.
/// Always:  each reservation is closed or given up exactly once.
class Writer::PartsHolder {
 public:
  PartsHolder(Writer& writer, std::span<const Part> parts) : writer_(writer), parts_(parts) {}
  ~PartsHolder() {
    for (const Part& p : parts_) writer_.give_up(p.where);
  }
  PartsHolder(const PartsHolder&) = delete;
  PartsHolder& operator=(const PartsHolder&) = delete;
  void published() { parts_ = {}; }

 private:
  Writer& writer_;
  std::span<const Part> parts_;
};

Writer::Writer(Process& process, Connection& connection, Reader& reader, const Pins& pins,
               os::MappedRegion outbox, const shm::Region& region, Membership me)
    : process_(process),
      connection_(connection),
      reader_(reader),
      pins_(pins),
      me_(me),
      outbox_memory_(std::move(outbox)),
      grants_(region.clients[me.control]),
      put_lock_(pins),
      outbox_(*outbox_memory_.as<shm::Outbox>(), region.clients[me.control]),
      arenas_(std::clamp<std::uint64_t>(region.header.arena_bytes.load(std::memory_order_relaxed),
                                        limits::kFirstArena, limits::kMaxObject)) {}

// ---- room for bytes

Result<Reserved> Writer::reserve(std::uint64_t size) {
  if (size > limits::kMaxObject) {
    return Error(ErrorCode::kInvalid, "an object may have " +
                                          to_string(ByteCount(limits::kMaxObject)) + ", not " +
                                          to_string(ByteCount(size)));
  }
  for (;;) {
    {
      const std::lock_guard lock(put_lock_);
      if (closed_) return closed_error();
      if (auto reserved = arenas_.reserve(size, grants_)) return *reserved;
    }
    VY_TRY(grow(size));
  }
}

// The put lock is held. Whether the arenas at hand have room; the next reservation finds it.
bool Writer::has_room(std::uint64_t size) {
  const auto reserved = arenas_.reserve(size, grants_);
  if (reserved) arenas_.find(reserved->where)->writer.given_up(reserved->where.offset, size);
  return reserved.has_value();
}

// One thread at a time asks; the others find what it got.
Result<void> Writer::grow(std::uint64_t size) {
  const std::lock_guard one(grow_mutex_);
  bool harvest = false;
  {
    const std::lock_guard lock(put_lock_);
    if (closed_) return closed_error();
    if (has_room(size)) return {};
    harvest = arenas_.waits_for_harvest(grants_);
  }
  // One round trip may show an arena to be empty; a new one costs ten, and its pages.
  if (harvest) {
    VY_TRY(sync());
    const std::lock_guard lock(put_lock_);
    if (has_room(size)) return {};
  }
  std::vector<OwnArenas::Owned> spare;
  {
    const std::lock_guard lock(put_lock_);
    spare = arenas_.take_spare(OwnArenas::Need::kNumbers, grants_);
    if (spare.empty() && arenas_.is_full()) {
      return Error(ErrorCode::kFull, "this process has unpublished payloads in " +
                                         std::to_string(arenas_.count()) +
                                         " arenas, the most there may be: publish or drop some");
    }
  }
  drop(std::move(spare));
  return ask_for_arena(size);
}

// Less than planned is better than nothing when the pool is nearly full; and what is empty here is
// given back first.
Result<void> Writer::ask_for_arena(std::uint64_t size) {
  std::uint64_t wanted = 0;
  OwnArenas::Use use = OwnArenas::Use::kLog;
  {
    const std::lock_guard lock(put_lock_);
    wanted = arenas_.next_size(size);
    use = arenas_.use_for(size);
  }
  for (;;) {
    auto answer = connection_.call(protocol::NewArenaRequest{wanted}, deadline());
    if (answer) {
      if (answer->fds.size() != 1)
        return Error(ErrorCode::kCorrupt, "the daemon sent no descriptor with an arena");
      return add_arena(answer->reply.arena, answer->reply.size, answer->fds.front(), use);
    }
    if (answer.error().code() != ErrorCode::kFull) return std::move(answer).error();
    // To make room the instance moves what is in sparse arenas: ours may have become empty.
    std::vector<OwnArenas::Owned> spare;
    {
      const std::lock_guard lock(put_lock_);
      spare = arenas_.take_spare(OwnArenas::Need::kMemory, grants_);
    }
    if (!spare.empty()) {
      drop(std::move(spare));
      continue;
    }
    const std::uint64_t half = wanted / 2 / 4096 * 4096;
    if (half < extent_step(size) || half < 4096) return std::move(answer).error();
    wanted = half;
  }
}

Result<void> Writer::add_arena(std::uint32_t number, std::uint64_t size, os::BorrowedFd fd,
                               OwnArenas::Use use) {
  VY_TRY(const ByteCount real, os::size_of(fd));
  if (real.value < size)
    return Error(ErrorCode::kCorrupt, "the daemon sent an arena that is smaller than it said");
  VY_TRY(auto memory, process_.map_own(fd, ByteCount(size)));
  auto listed = connection_.call(protocol::MappedRequest{3, number}, deadline());
  if (!listed || listed->reply.list_number >= limits::kArenasPerClient) {
    process_.unmap_own(memory);
    if (!listed) return std::move(listed).error();
    return Error(ErrorCode::kCorrupt, "the daemon gave an arena a number outside the list");
  }
  const std::span<std::byte> bytes = memory.bytes();
  auto arena = std::make_unique<OwnArenas::Arena>(
      OwnArenas::Arena{shm::ArenaWriter(ArenaId{number}, listed->reply.list_number, bytes),
                       std::move(memory), use, 0});
  const std::lock_guard lock(put_lock_);
  if (!closed_ && arenas_.add(arena)) return {};
  process_.unmap_own(arena->memory);
  if (closed_) return closed_error();
  return Error(ErrorCode::kCorrupt, "the daemon gave two arenas one number");
}

void Writer::unmap(std::vector<OwnArenas::Owned> arenas) {
  for (auto& a : arenas) process_.unmap_own(a->memory);
}

// Unmapped first: once it is nobody's list any more, the instance may do with it what it likes.
void Writer::drop(std::vector<OwnArenas::Owned> arenas) {
  std::vector<std::uint32_t> numbers;
  for (const auto& a : arenas) numbers.push_back(a->writer.list_number());
  unmap(std::move(arenas));
  for (const std::uint32_t n : numbers) {
    // Without an answer the number stays taken; the instance drops the arena with this client.
    static_cast<void>(connection_.call(protocol::DropArenaRequest{n}, deadline()).has_value());
  }
}

void Writer::give_up(const Reservation& where) noexcept {
  std::vector<OwnArenas::Owned> over;
  {
    const std::lock_guard lock(put_lock_);
    OwnArenas::Arena* arena = arenas_.find(where);
    if (arena == nullptr) return;
    arena->writer.given_up(where.offset, where.size);
    if (closed_) over = arenas_.take_closed();
  }
  unmap(std::move(over));
}

// ---- publishing

Result<ObjectId> Writer::put_blob(std::span<const std::byte> bytes) {
  if (bytes.empty()) return ObjectId::empty_blob();
  if (bytes.size() <= kCopyInsideLock) {
    Lock lock(put_lock_);
    if (!closed_ && outbox_.has_room(1)) {
      if (auto r = arenas_.reserve(bytes.size(), grants_)) {
        populate(r->untouched);
        copy_to_pool(r->bytes.data(), bytes.data(), bytes.size());
        const ObjectId id = add_part({r->where, bytes.size()});
        VY_TRY(finish(lock, 1));
        return id;
      }
    }
  }
  VY_TRY(const Reserved r, reserve(bytes.size()));
  copy_and_populate(r.bytes.data(), bytes.data(), bytes.size(), r.untouched);
  return publish_blob(r.where, bytes.size());
}

// The put lock is held, and there is room for the record.
ObjectId Writer::add_part(const Part& part) {
  OwnArenas::Arena* arena = arenas_.find(part.where);
  VY_CHECK(arena != nullptr && part.size <= part.where.size);
  if (part.size != part.where.size)
    arena->writer.shrunk(part.where.offset, part.where.size, part.size);
  const std::uint64_t position = outbox_.used();
  const ObjectId id = outbox_.add_blob(arena->writer.own_place(part.where.offset), part.size);
  arena->writer.closed(position);
  return id;
}

// The store that publishes; then, without the lock, what the instance should know.
Result<void> Writer::finish(Lock& lock, std::uint32_t records) {
  VY_CHECK(records > 0);
  outbox_.publish();
  const bool top_up = outbox_.top_up_due();
  shm::pin_barrier(pins_.barrier());  // R11: the tail is visible, or "wanted" is seen
  const bool wanted = grants_.wanted();
  const bool still_member = grants_.serial() == me_.serial;
  lock.unlock();
  if (!still_member) {  // kicked: nobody harvests this outbox any more
    connection_.lose();
    return closed_error();
  }
  if (wanted) connection_.tell(protocol::RingNotice{});
  if (top_up) connection_.tell(protocol::TopUpNotice{});
  return {};
}

Result<void> Writer::sync() {
  auto answer = connection_.call(protocol::SyncRequest{}, deadline());
  if (!answer) return std::move(answer).error();
  return {};
}

// Returns with the lock held and room for the records, or with an error.
Result<void> Writer::make_room(Lock& lock, std::uint32_t records, std::uint64_t document_bytes) {
  int fruitless = 0;
  for (;;) {
    if (closed_) return closed_error();
    if (outbox_.has_room(records, document_bytes)) return {};
    const std::uint64_t granted = grants_.granted();
    const std::uint64_t harvested = grants_.harvested();
    lock.unlock();
    const auto done = sync();
    lock.lock();
    if (!done && done.error().code() == ErrorCode::kFull) {
      // What is empty here may be what is missing there.
      auto spare = arenas_.take_spare(OwnArenas::Need::kMemory, grants_);
      if (spare.empty()) return done.error();
      lock.unlock();
      drop(std::move(spare));
      lock.lock();
      continue;
    }
    VY_TRY(done);
    fruitless =
        granted == grants_.granted() && harvested == grants_.harvested() ? fruitless + 1 : 0;
    if (fruitless == kFruitlessSyncs) {
      return Error(ErrorCode::kFull,
                   "the instance lends no more ids, or has no room for this document: " +
                       std::to_string(records) + " records, " +
                       to_string(ByteCount(document_bytes)) +
                       " of document. Delete objects (`vineyard ls`), or restart vineyardd with a "
                       "larger --size");
    }
  }
}

Result<ObjectId> Writer::publish_blob(const Reservation& where, std::uint64_t size) {
  const Part part{where, size};
  PartsHolder holder(*this, {&part, 1});
  Lock lock(put_lock_);
  VY_TRY(make_room(lock, 1, 0));
  const ObjectId id = add_part(part);
  holder.published();
  VY_TRY(finish(lock, 1));
  return id;
}

Result<std::vector<View>> Writer::hold_members(meta::DocumentView document) const {
  std::vector<View> held;
  const auto references = document.references();
  held.reserve(references.size());
  for (const std::uint64_t raw : references) {
    const ObjectId id(raw);
    if (!id.is_valid()) continue;  // a part of this very publication
    auto view = reader_.hold(id);
    if (!view) {
      return std::move(view).error().with_context("member " + id.to_string());
    }
    held.push_back(*std::move(view));
  }
  return held;
}

Result<ObjectId> Writer::publish(std::span<const std::byte> document, std::span<const Part> parts) {
  return publish_as(ObjectId(0), document, parts);
}

Result<ObjectId> Writer::publish_as(ObjectId id, std::span<const std::byte> document,
                                    std::span<const Part> parts) {
  PartsHolder holder(*this, parts);
  const auto view = meta::DocumentView::trusted(document);
  const auto blanks = blanks_of(view);
  if (blanks.size() != parts.size()) {
    return Error(ErrorCode::kInvalid, "the document declares " + std::to_string(blanks.size()) +
                                          " payloads, and " + std::to_string(parts.size()) +
                                          " came with it");
  }
  if (parts.size() > kMaxParts) {
    return Error(ErrorCode::kInvalid, "an object may have " + std::to_string(kMaxParts) +
                                          " payloads, not " + std::to_string(parts.size()));
  }
  VY_TRY(auto members, hold_members(view));  // R3: until published
  if (VY_LEFT_OUT("R3")) members.clear();
  VY_FAILPOINT("publish.members_held");
  if (id.value == 0) {
    Lock lock(put_lock_);
    if (outbox_.takes_document(document.size()))
      return publish_through_ring(lock, document, blanks, parts, holder);
  }
  return publish_by_message(id, document, blanks, parts, holder);
}

// Parts and document appear by the same store.
Result<ObjectId> Writer::publish_through_ring(Lock& lock, std::span<const std::byte> document,
                                              std::span<const std::uint32_t> blanks,
                                              std::span<const Part> parts, PartsHolder& holder) {
  const auto records = static_cast<std::uint32_t>(parts.size() + 1);
  VY_TRY(make_room(lock, records, document.size()));
  // Records stand in ring order, members first; the document's references are filled in once their
  // ids are drawn.
  std::uint64_t first = outbox_.used();
  std::vector<ObjectId> ids;
  ids.reserve(parts.size());
  for (const Part& p : parts) ids.push_back(add_part(p));
  holder.published();
  const auto added = outbox_.add_document(document);
  for (std::size_t i = 0; i < blanks.size(); ++i)
    meta::patch_reference(added.bytes, blanks[i], ids[i]);
  VY_CHECK(outbox_.used() == first + records);
  VY_TRY(finish(lock, records));
  return added.id;
}

// A document that is too large for the ring, or whose id is known already: it is written into the
// arena and announced. The parts come before it, so nobody sees it without them.
Result<ObjectId> Writer::publish_by_message(ObjectId id, std::span<const std::byte> document,
                                            std::span<const std::uint32_t> blanks,
                                            std::span<const Part> parts, PartsHolder& holder) {
  VY_TRY(const Reserved room, reserve(document.size()));
  copy_and_populate(room.bytes.data(), document.data(), document.size(), room.untouched);
  const Part scratch{room.where, document.size()};
  PartsHolder scratch_holder(*this, {&scratch, 1});
  VY_TRY(const auto ids, publish_parts(parts, holder));
  for (std::size_t i = 0; i < blanks.size(); ++i)
    meta::patch_reference(room.bytes, blanks[i], ids[i]);
  const Place place(ArenaId{room.where.list_number}, room.where.offset);
  auto answer = connection_.call(protocol::PublishRequest{id.value, 0, place.bits, document.size()},
                                 deadline());
  if (answer) return ObjectId(answer->reply.id);  // copied home: the scratch space is free again
  if (answer.error().code() == ErrorCode::kDeadline) {
    scratch_holder.published();  // the outcome is unknown: it may still be read there
  } else if (!ids.empty() && !connection_.lost()) {
    std::vector<std::uint64_t> orphans;
    for (const ObjectId blob : ids) orphans.push_back(blob.value);
    static_cast<void>(
        connection_.call(protocol::DeleteRequest{std::move(orphans), 0, 0}, deadline())
            .has_value());
  }
  return std::move(answer).error();
}

Result<std::vector<ObjectId>> Writer::publish_parts(std::span<const Part> parts,
                                                    PartsHolder& holder) {
  std::vector<ObjectId> ids;
  if (parts.empty()) return ids;
  const auto records = static_cast<std::uint32_t>(parts.size());
  Lock lock(put_lock_);
  VY_TRY(make_room(lock, records, 0));
  for (const Part& p : parts) ids.push_back(add_part(p));
  holder.published();
  VY_TRY(finish(lock, records));
  return ids;
}

Result<ObjectId> Writer::publish_blob_as(ObjectId id, const Reservation& where,
                                         std::uint64_t size) {
  const Part part{where, size};
  PartsHolder holder(*this, {&part, 1});
  const Place place(ArenaId{where.list_number}, where.offset);
  auto answer =
      connection_.call(protocol::PublishRequest{id.value, 1, place.bits, size}, deadline());
  if (!answer) {
    if (answer.error().code() == ErrorCode::kDeadline)
      holder.published();  // perhaps published: never reuse it
    return std::move(answer).error();
  }
  const std::lock_guard lock(put_lock_);
  if (OwnArenas::Arena* arena = arenas_.find(where)) arena->writer.closed_by_message();
  holder.published();
  return ObjectId(answer->reply.id);
}

// ---- the end

void Writer::close() {
  std::vector<OwnArenas::Owned> over;
  {
    const std::lock_guard lock(put_lock_);
    if (closed_) return;
    closed_ = true;
    // Readers of this process may be looking at the outbox this moment: they find private memory
    // there, and nothing published in it.
    process_.blind_own(outbox_memory_);
    over = arenas_.take_closed();
  }
  unmap(std::move(over));
}

}  // namespace vineyard::client
