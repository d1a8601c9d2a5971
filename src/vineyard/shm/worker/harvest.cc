// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/harvest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"
#include "vineyard/os/membarrier.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;
}  // namespace

// R4, first form: a member may still be leased. It counts as soon as its writer's tail is past it.
class Harvester::Members : public Contents::MemberCheck {
 public:
  Members(Harvester& h, ObjectId parent) : h_(h), parent_(parent) {}
  Result<void> check(ObjectId member) override {
    if (member == ObjectId::empty_blob()) return {};
    const auto gone = [&](const char* why) {
      return Error(ErrorCode::kNotFound, fmt::format("member {} {}", member.to_string(), why));
    };
    if (member.without_blob_bit() == parent_.without_blob_bit())
      return gone("is the object itself");
    if (!h_.entries_.holds(member)) return gone("does not exist");
    const EntryIndex i = member.index();
    const State state = h_.entries_.state(i);
    if (state == State::kVoid) return gone("was refused when it was published");
    if (state == State::kLeased) {
      if (VY_LEFT_OUT("R4")) return gone("is not harvested");
      const auto published = h_.clients_.is_published(i);
      if (!published) return Error(ErrorCode::kFull, "no mapping to be had for an outbox");
      if (!*published) return gone("is not published");
    }
    if (state == State::kDeleted) h_.revived_.push_back(i);
    return {};
  }

 private:
  Harvester& h_;
  ObjectId parent_;
};

void Harvester::mark(std::uint64_t serial, std::uint64_t position) {
  region_.header.mark.store((serial << 32) | (position & 0xffffffffU), kRelaxed);
  os::light_barrier();  // the compiler must not move reads of foreign bytes out from between the two
}
void Harvester::clear_mark() {
  os::light_barrier();
  region_.header.mark.store(0, kRelaxed);
}

void Harvester::set_home_handle(EntryIndex i, ExtentAllocator::Handle handle) {
  if (i.value >= handles_.size()) {
    handles_.resize(std::max<std::size_t>(i.value + 1, entries_.touched()), ExtentAllocator::kNone);
  }
  handles_[i.value] = handle;
}

Harvester::Progress Harvester::harvest_all() {
  Progress all = Progress::kAll;
  const std::uint32_t n = clients_.touched();
  for (std::uint32_t c = 0; c < n; ++c) {
    if (harvest(c) == Progress::kStopped) all = Progress::kStopped;
  }
  return all;
}

Harvester::Progress Harvester::harvest(std::uint32_t c) {
  ClientControl& cc = clients_.control(c);
  if (cc.serial.load(kRelaxed) == 0) return Progress::kAll;
  const auto upto = clients_.published(c);
  if (!upto) return Progress::kStopped;
  while (cc.harvested.load(kRelaxed) < *upto) {
    if (take(c) == Taken::kNoMemory) return Progress::kStopped;
  }
  return Progress::kAll;
}

void Harvester::take_back(std::uint32_t c) {
  ClientControl& cc = clients_.control(c);
  for (std::uint64_t g = cc.harvested.load(kRelaxed); g < cc.granted.load(kRelaxed); ++g) {
    const ObjectId id(cc.grants[g % limits::kRing].load(kRelaxed));
    if (entries_.holds(id) && entries_.state(id.index()) == State::kLeased) refuse(id);
    VY_FAILPOINT("take_back.one");
  }
  cc.granted.store(cc.harvested.load(kRelaxed), kRelease);
}

Harvester::Taken Harvester::take(std::uint32_t c) {
  ClientControl& cc = clients_.control(c);
  const std::uint64_t position = cc.harvested.load(kRelaxed);
  const ObjectId id(cc.grants[position % limits::kRing].load(kRelaxed));
  const auto done = [&] {
    VY_FAILPOINT("harvest.before_counter");
    cc.harvested.store(position + 1, kRelease);  // R10: entry first, counter after
    return Taken::kDone;
  };
  // Finished by a predecessor that died before it counted.
  if (!entries_.holds(id) || entries_.state(id.index()) != State::kLeased) return done();
  const std::uint64_t serial = cc.serial.load(kRelaxed);
  const Outbox* box = clients_.outbox(serial);
  if (box == nullptr) return Taken::kNoMemory;
  if (VY_LEFT_OUT("R10")) cc.harvested.store(position + 1, kRelease);

  mark(serial, position);  // R16
  Record record;
  std::memcpy(&record, &box->records[position % limits::kRing], sizeof record);
  VY_FAILPOINT("harvest.record_copied");
  const ObjectId named(record.id);
  Result<void> outcome;
  if (named.without_blob_bit() != id) {
    outcome = Error(ErrorCode::kCorrupt, record.id == 0 ? "void" : "not the id that was granted");
  } else if (named.is_blob()) {
    outcome = take_blob(c, record);
  } else {
    outcome = take_document(*box, record);
  }
  clear_mark();
  if (outcome) {
    ++counts_.taken;
    return done();
  }
  if (outcome.error().code() == ErrorCode::kFull) return Taken::kNoMemory;
  record.id == 0 ? ++counts_.voided : ++counts_.refused;
  refuse(id);
  return done();
}

Result<void> Harvester::take_blob(std::uint32_t c, const Record& record) {
  const ObjectId id(record.id);
  const auto place = arenas_.confined(c, record.place, record.size);  // R15
  if (!place) return Error(ErrorCode::kCorrupt, "the record names bytes that are not its writer's");
  clear_mark();
  const Extent extent{*place, record.size};
  arenas_.entered(extent);  // before the entry: the count is never too low
  VY_FAILPOINT("harvest.blob_counted");
  entries_.make_live(id, extent);
  contents_.entered(id, {});
  return {};
}

Result<void> Harvester::take_document(const Outbox& box, const Record& record) {
  const std::uint64_t from = record.document % limits::kDocumentRing;
  if (record.document_size == 0 || record.document_size > limits::kMaxRingDocument ||
      !lies_within(from, record.document_size, limits::kDocumentRing)) {
    return Error(ErrorCode::kCorrupt, "the record names a document outside its ring");
  }
  copy_.resize(record.document_size);
  std::memcpy(copy_.data(), box.documents + from, record.document_size);
  VY_FAILPOINT("harvest.document_copied");
  VY_TRY(inspect_copy(ObjectId(record.id), copy_));
  clear_mark();
  return bring_home(ObjectId(record.id), copy_, Arenas::Beyond::kIfNeeded);
}

Result<void> Harvester::inspect_copy(ObjectId id, std::span<std::byte> document) {
  revived_.clear();
  Members members(*this, id);
  return contents_.inspect(document, members);
}

Result<void> Harvester::bring_home(ObjectId id, std::span<const std::byte> document,
                                   Arenas::Beyond beyond) {
  auto home = arenas_.take_home(document.size(), beyond);
  if (!home) return Error(ErrorCode::kFull, home.error().message());
  std::memcpy(arenas_.home_bytes(home->place), document.data(), document.size());
  const Extent extent{home->place, document.size()};
  set_home_handle(id.index(), home->handle);
  arenas_.entered(extent);
  contents_.entered(id, document);
  // Members come back from deleted before their parent becomes live (a composer pinned them: R3).
  for (EntryIndex i : revived_) {
    entries_.set(i, State::kLive);
    VY_FAILPOINT("harvest.member_revived");
  }
  revived_.clear();
  VY_FAILPOINT("harvest.document_home");
  entries_.make_live(id, extent);
  return {};
}

void Harvester::refuse(ObjectId id) {
  // Nobody views a document in an outbox, so the entry is free at once, unless a live object refers to it (R4).
  if (contents_.references(id.index()) > 0) {
    entries_.set(id.index(), State::kVoid);
  } else {
    entries_.free(id.index());
  }
}

Result<void> Harvester::check_detached(std::uint32_t c, ObjectId id) const {
  const std::uint64_t serial = clients_.control(c).serial.load(kRelaxed);
  if (serial != 0 && entries_.holds(id) && entries_.detached_owner(id.index()) == serial) return {};
  return Error(ErrorCode::kNotFound,
               fmt::format("{} is not reserved by this client", id.to_string()));
}

Result<void> Harvester::publish_blob(std::uint32_t c, ObjectId id, std::uint64_t place,
                                     std::uint64_t size) {
  VY_TRY(check_detached(c, id));
  const auto where = arenas_.confined(c, place, size);
  if (!where) return Error(ErrorCode::kInvalid, "the place is not in an arena of this client");
  const Extent extent{*where, size};
  arenas_.entered(extent);
  entries_.make_live(id.with_blob_bit(), extent);
  contents_.entered(id.with_blob_bit(), {});
  return {};
}

Result<void> Harvester::publish_document(std::uint32_t c, ObjectId id, std::uint64_t place,
                                         std::uint64_t size) {
  VY_TRY(check_detached(c, id));
  const auto where = arenas_.confined(c, place, size);
  if (!where || size > limits::kMaxDocument) {
    return Error(ErrorCode::kInvalid,
                 "the document is not in an arena of this client, or too large");
  }
  const std::byte* bytes = arenas_.bytes({*where, size});
  if (bytes == nullptr) return Error(ErrorCode::kFull, "no mapping to be had for the document");
  const ClientControl& cc = clients_.control(c);
  mark(cc.serial.load(kRelaxed), cc.harvested.load(kRelaxed));
  copy_.assign(bytes, bytes + size);
  const auto good = inspect_copy(id, copy_);
  clear_mark();
  VY_TRY(good);
  return bring_home(id, copy_, Arenas::Beyond::kNever);
}

}  // namespace vineyard::shm
