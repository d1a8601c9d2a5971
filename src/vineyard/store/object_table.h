// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vineyard/shm/worker/contents.h"

namespace vineyard::store {

/// Known objects: who refers to whom, and which objects have which type. Everything here is recounted from the
/// documents at home when a worker starts.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  the count of an entry is the number of times that documents in the index name it; every object stands in
///          exactly one type's posting list, in the order in which it was taken in.
class ObjectTable : public shm::Contents {
 public:
  // shm::Contents
  Result<void> inspect(std::span<std::byte> document, MemberCheck& members) override;
  void entered(ObjectId id, std::span<const std::byte> document) override;
  void left(ObjectId id, std::span<const std::byte> document,
            std::vector<ObjectId>& unreferenced) override;
  [[nodiscard]] std::uint32_t references(EntryIndex index) const override {
    return index.value < references_.size() ? references_[index.value] : 0;
  }

  [[nodiscard]] std::uint64_t objects() const { return objects_; }
  [[nodiscard]] std::uint64_t blobs() const { return blobs_; }

  /// Type names in use and how many objects have each.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> types() const;

  /// Ids of objects whose type name `wanted` accepts, in the order in which they were taken in, after `cursor` (0: from
  /// the start), at most `limit`. `is_visible` leaves out what is deleted but still pinned. Sets `cursor` to where the
  /// next page goes on, 0 at the end.
  std::vector<ObjectId> list(const std::function<bool(std::string_view)>& wanted,
                             const std::function<ObjectId(EntryIndex)>& visible_id,
                             std::size_t limit, std::uint64_t* cursor) const;

 private:
  // A posting: 40 bits of sequence, 24 bits of entry. An object that left keeps its posting until the list is packed.
  struct Type {
    std::string name;
    std::vector<std::uint64_t> postings;
    std::uint64_t live = 0;
  };
  void reach(EntryIndex index);
  std::uint32_t intern(std::string_view type_name);
  void pack(Type& type, std::uint32_t type_number);

  std::vector<std::uint32_t> references_;
  std::vector<std::uint64_t> posting_;  // per entry; 0: not in any list
  std::vector<std::uint32_t> type_of_;
  std::vector<Type> types_;
  std::unordered_map<std::string, std::uint32_t> type_numbers_;
  std::uint64_t sequence_ = 0;
  std::uint64_t objects_ = 0;
  std::uint64_t blobs_ = 0;
};

}  // namespace vineyard::store
