// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "vineyard/client/object.h"
#include "vineyard/meta/validate.h"
#include "vineyard/types/codec.h"
#include "vineyard/types/draft.h"
#include "vineyard/types/source.h"

namespace vineyard::types::testing {

/// Bytes at a 64-byte boundary, exactly as many as asked for, so that a sanitizer sees any access
/// beyond them.
///
/// Owner:   the store.
/// Threads: one.
/// Always:  the bytes stay where they are.
class PlainBytes {
 public:
  explicit PlainBytes(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, std::align_val_t{64}))) {
    std::memset(bytes_, 0xee, size);
  }
  PlainBytes(PlainBytes&& other) noexcept
      : size_(other.size_), bytes_(std::exchange(other.bytes_, nullptr)) {}
  PlainBytes& operator=(PlainBytes&&) = delete;
  PlainBytes(const PlainBytes&) = delete;
  PlainBytes& operator=(const PlainBytes&) = delete;
  ~PlainBytes() { ::operator delete(bytes_, std::align_val_t{64}); }
  [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_, size_}; }

 private:
  std::size_t size_;
  std::byte* bytes_;
};

/// Objects in plain memory: what a daemon would hold, for tests of types without one.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  objects got from it borrow its memory.
class PlainStore {
 public:
  ObjectId add_blob(std::span<const std::byte> bytes) {
    const ObjectId id = ObjectId(++last_).with_blob_bit();
    copy_in(id, bytes);
    return id;
  }
  ObjectId add(std::span<const std::byte> document) {
    const ObjectId id(++last_);
    copy_in(id, document);
    return id;
  }
  /// As `ObjectDraft::publish`.
  Result<ObjectId> add(ObjectDraft& draft) {
    if (const auto& fault = draft.fault()) return *fault;
    draft.document().set_nbytes(draft.root(), draft.payload_size());
    const auto finished = draft.document().finish();
    if (!finished) return finished.error();
    PlainBytes document(finished->size());
    std::memcpy(document.bytes().data(), finished->data(), finished->size());
    if (draft.has_payload()) {
      const ObjectId blob = ObjectId(++last_).with_blob_bit();
      PlainBytes payload(draft.payload_size());
      draft.write_payload(payload.bytes());
      objects_.emplace(blob, std::move(payload));
      meta::patch_reference(document.bytes(), 0, blob);
    }
    const ObjectId id(++last_);
    objects_.emplace(id, std::move(document));
    return id;
  }
  template <class T>
  Result<ObjectId> put(const T& value) {
    ObjectDraft draft(Codec<T>::type_name(value));
    Codec<T>::describe(draft, draft.root(), value);
    return add(draft);
  }

  Result<Object> get(ObjectId id) const {
    const auto at = objects_.find(id);
    if (at == objects_.end()) return Error(ErrorCode::kNotFound, id.to_string());
    const auto bytes = at->second.bytes();
    if (id.is_blob()) return Object(View(id, client::Pin{}, bytes), meta::DocumentView());
    const auto document = meta::validate(bytes);
    if (!document) return document.error();
    return Object(View(id, client::Pin{}, bytes), *document);
  }
  Result<ObjectSource> source(ObjectId id) const {
    Result<Object> object = get(id);
    if (!object) return object.error();
    return ObjectSource::of(*object, [this](ObjectId member) { return get(member); });
  }
  template <class T>
  Result<T> get(ObjectId id) const {
    const Result<ObjectSource> found = source(id);
    if (!found) return found.error();
    return Codec<T>::resolve(*found);
  }
  /// For tests that spoil what was stored.
  [[nodiscard]] std::span<std::byte> bytes(ObjectId id) const { return objects_.at(id).bytes(); }
  [[nodiscard]] const std::map<ObjectId, PlainBytes>& objects() const { return objects_; }

 private:
  void copy_in(ObjectId id, std::span<const std::byte> bytes) {
    PlainBytes copy(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.bytes().data(), bytes.data(), bytes.size());
    objects_.emplace(id, std::move(copy));
  }
  std::map<ObjectId, PlainBytes> objects_;
  std::uint64_t last_ = 0;
};

}  // namespace vineyard::types::testing
