// SPDX-License-Identifier: Apache-2.0
#include "vineyard/store/object_table.h"

#include <algorithm>
#include <queue>

#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"
#include "vineyard/meta/validate.h"

namespace vineyard::store {
namespace {

constexpr int kIndexBits = ObjectId::kIndexBits;
constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;
constexpr std::string_view kBlobType = "vineyard::Blob";

}  // namespace

Result<void> ObjectTable::inspect(std::span<std::byte> document, MemberCheck& members) {
  VY_TRY(auto view, meta::validate(document));
  const auto references = view.references();
  if (references.size() > limits::kMaxMembers) {
    return Error(ErrorCode::kInvalid, "an object has at most 65,535 members");
  }
  for (std::uint32_t n = 0; n < references.size(); ++n)
    VY_TRY(members.check(ObjectId(references[n])));
  return {};
}

void ObjectTable::reach(EntryIndex index) {
  if (index.value < references_.size()) return;
  const std::size_t size = std::max<std::size_t>(index.value + 1, references_.size() * 3 / 2);
  references_.resize(size);
  posting_.resize(size);
  type_of_.resize(size);
}

std::uint32_t ObjectTable::intern(std::string_view type_name) {
  const auto [it, fresh] = type_numbers_.try_emplace(std::string(type_name), types_.size());
  if (fresh) types_.push_back({std::string(type_name), {}, 0});
  return it->second;
}

void ObjectTable::entered(ObjectId id, std::span<const std::byte> document) {
  const EntryIndex i = id.index();
  reach(i);
  std::string_view name = kBlobType;
  if (!id.is_blob()) {
    const auto view = meta::DocumentView::trusted(document);
    name = view.root().type_name();
    for (const auto member : view.references()) {
      if (ObjectId(member) == ObjectId::empty_blob()) continue;
      reach(ObjectId(member).index());
      ++references_[ObjectId(member).index().value];
    }
    ++objects_;
  } else {
    ++blobs_;
  }
  Type& type = types_[type_of_[i.value] = intern(name)];
  posting_[i.value] = (++sequence_ << kIndexBits) | i.value;
  type.postings.push_back(posting_[i.value]);
  ++type.live;
}

void ObjectTable::left(ObjectId id, std::span<const std::byte> document,
                       std::vector<ObjectId>& unreferenced) {
  const EntryIndex i = id.index();
  VY_CHECK(i.value < posting_.size() && posting_[i.value] != 0);
  if (!id.is_blob()) {
    for (const auto reference : meta::DocumentView::trusted(document).references()) {
      const ObjectId member(reference);
      if (member == ObjectId::empty_blob()) continue;
      VY_CHECK(references(member.index()) > 0);
      if (--references_[member.index().value] == 0) unreferenced.push_back(member);
    }
    --objects_;
  } else {
    --blobs_;
  }
  posting_[i.value] = 0;
  Type& type = types_[type_of_[i.value]];
  --type.live;
  if (type.postings.size() > 64 && type.postings.size() > 2 * type.live)
    pack(type, type_of_[i.value]);
}

void ObjectTable::pack(Type& type, std::uint32_t) {
  std::erase_if(type.postings, [&](std::uint64_t p) { return posting_[p & kIndexMask] != p; });
}

std::vector<std::pair<std::string, std::uint64_t>> ObjectTable::types() const {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const Type& type : types_) {
    if (type.live > 0) out.emplace_back(type.name, type.live);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<ObjectId> ObjectTable::list(const std::function<bool(std::string_view)>& wanted,
                                        const std::function<ObjectId(EntryIndex)>& visible_id,
                                        std::size_t limit, std::uint64_t* cursor) const {
  struct Head {
    std::uint64_t posting;
    const Type* type;
    std::size_t next;
    bool operator>(const Head& other) const { return posting > other.posting; }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  const auto advance = [&](const Type& type, std::size_t at) {
    while (at < type.postings.size() &&
           posting_[type.postings[at] & kIndexMask] != type.postings[at])
      ++at;
    if (at < type.postings.size()) heads.push({type.postings[at], &type, at + 1});
  };
  for (const Type& type : types_) {
    if (type.live == 0 || !wanted(type.name)) continue;
    const auto from = std::upper_bound(type.postings.begin(), type.postings.end(), *cursor);
    advance(type, static_cast<std::size_t>(from - type.postings.begin()));
  }
  std::vector<ObjectId> ids;
  std::uint64_t last = *cursor;
  while (!heads.empty() && ids.size() < limit) {
    const Head head = heads.top();
    heads.pop();
    last = head.posting;
    const ObjectId id =
        visible_id(EntryIndex{static_cast<std::uint32_t>(head.posting & kIndexMask)});
    if (id.is_valid()) ids.push_back(id);
    advance(*head.type, head.next);
  }
  *cursor = heads.empty() ? 0 : last;
  return ids;
}

}  // namespace vineyard::store
