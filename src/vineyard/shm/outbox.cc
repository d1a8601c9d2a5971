// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/outbox.h"

#include "vineyard/base/check.h"
#include "vineyard/shm/copy_out.h"

namespace vineyard::shm {
namespace {
constexpr std::uint64_t kAlignment =
    8;  // documents are read in place at home; the ring keeps the same
constexpr std::uint64_t aligned(std::uint64_t n) {
  return (n + kAlignment - 1) & ~(kAlignment - 1);
}
}  // namespace

OutboxWriter::OutboxWriter(Outbox& outbox, const ClientControl& control)
    : outbox_(outbox),
      grants_(control),
      used_(grants_.harvested()),
      head_after_(std::make_unique<std::array<std::uint64_t, limits::kRing>>()) {
  head_after_->fill(0);
}

// A client's positions start with `harvested` equal to `used_`, so the slot before it is 0: nothing
// to free.
std::uint64_t OutboxWriter::documents_freed() const {
  std::uint64_t harvested = grants_.harvested();
  if (harvested > used_) harvested = used_;
  return harvested == 0 ? 0 : (*head_after_)[(harvested - 1) % limits::kRing];
}

// A document lies in one piece: what is left before the end of the ring is skipped when it is too
// short.
std::uint64_t OutboxWriter::document_start(std::uint64_t size) const {
  const std::uint64_t at = head_ % limits::kDocumentRing;
  return at + size <= limits::kDocumentRing ? head_ : head_ + (limits::kDocumentRing - at);
}

bool OutboxWriter::has_room(std::uint32_t records, std::uint64_t document_bytes) const {
  const std::uint64_t granted = grants_.granted();
  const std::uint64_t harvested = grants_.harvested();
  if (granted < used_ || granted - used_ < records) return false;
  // A slot of the ring is free once its position a ring's length before was harvested.
  if (used_ + records - harvested > limits::kRing) return false;
  if (document_bytes == 0) return true;
  const std::uint64_t end = document_start(document_bytes) + aligned(document_bytes);
  const std::uint64_t freed = documents_freed();
  if (end - freed > limits::kDocumentRing) return false;
  // The worker keeps room at home for this much and no more (limits::kDocumentBudget).
  return head_ - freed + aligned(document_bytes) <= limits::kDocumentBudget * (granted - harvested);
}

bool OutboxWriter::takes_document(std::uint64_t size) const {
  return size <= limits::kMaxRingDocument &&
         aligned(size) <= limits::kDocumentBudget * grants_.window();
}

void OutboxWriter::add_record(const Record& record) {
  copy_in(&outbox_.records[used_ % limits::kRing], &record, sizeof record);
  (*head_after_)[used_ % limits::kRing] = head_;
  ++used_;
}

ObjectId OutboxWriter::add_blob(Place own_place, std::uint64_t size) {
  const ObjectId id = grants_.id_at(used_).with_blob_bit();
  add_record(
      {.id = id.value, .place = own_place.bits, .size = size, .document = 0, .document_size = 0});
  return id;
}

OutboxWriter::Added OutboxWriter::add_document(std::span<const std::byte> document) {
  VY_CHECK(document.size() <= limits::kMaxRingDocument);
  const ObjectId id = grants_.id_at(used_);
  const std::uint64_t start = document_start(document.size());
  auto* to = reinterpret_cast<std::byte*>(outbox_.documents + start % limits::kDocumentRing);
  copy_in(to, document.data(), document.size());
  head_ = start + aligned(document.size());
  add_record(
      {.id = id.value, .place = 0, .size = 0, .document = start, .document_size = document.size()});
  return {id, {to, document.size()}};
}

void OutboxWriter::add_void() {
  add_record({});
}

std::uint64_t OutboxWriter::publish() {
  // Release: records and documents first. Partners: is_published here, Clients::published in the
  // worker.
  outbox_.tail.store(used_, std::memory_order_release);
  return used_;
}

bool OutboxWriter::top_up_due() {
  const std::uint64_t granted = grants_.granted();
  const std::uint64_t left = granted < used_ ? 0 : granted - used_;
  if (left * 2 > grants_.window() || top_up_asked_ == granted) return false;
  top_up_asked_ = granted;
  return true;
}

bool is_published(const Outbox& outbox, std::uint32_t position) {
  const auto tail = static_cast<std::uint32_t>(outbox.tail.load(std::memory_order_acquire));
  return static_cast<std::int32_t>(tail - position) > 0;
}

Record read_record(const Outbox& outbox, std::uint32_t position) {
  Record record;
  copy_out(&record, &outbox.records[position % limits::kRing], sizeof record);
  return record;
}

bool document_in_bounds(const Record& record) {
  return record.document_size != 0 && record.document_size <= limits::kMaxRingDocument &&
         lies_within(record.document % limits::kDocumentRing, record.document_size,
                     limits::kDocumentRing);
}

void read_document(const Outbox& outbox, const Record& record, std::byte* into) {
  copy_out(into, outbox.documents + record.document % limits::kDocumentRing, record.document_size);
}

}  // namespace vineyard::shm
