// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/export_array.h"

#include <utility>
#include <vector>

#include "vineyard/types/arrow/abi.h"

namespace vineyard::arrow {
namespace {

// Stands in for buffers without bytes: receivers may take a null pointer for a missing buffer.
alignas(64) constexpr std::byte kNoBytes[64] = {};

// What an exported array owns.
struct OwnedArray {
  ArrayOwner owner;
  std::vector<const void*> buffers;
  std::vector<std::int64_t> sizes;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  ArrowArray dictionary{};
};

void release_array(ArrowArray* array) noexcept {
  const std::unique_ptr<OwnedArray> owned(static_cast<OwnedArray*>(array->private_data));
  // A receiver may have moved children away; then they have no release callback any more.
  for (ArrowArray& child : owned->children)
    if (child.release != nullptr) child.release(&child);
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  array->release = nullptr;
}

void fill_buffers(const ArrayData& array, OwnedArray& owned) {
  const bool has_validity = array.layout.has_validity();
  for (std::size_t i = 0; i < array.buffers.size(); ++i) {
    const auto& bytes = array.buffers[i];
    const bool is_absent = has_validity && i == 0;
    owned.buffers.push_back(!bytes.empty() ? bytes.data() : is_absent ? nullptr : kNoBytes);
  }
  if (array.layout.kind != LayoutKind::kBinaryView) return;
  for (std::size_t i = 2; i < array.buffers.size(); ++i)
    owned.sizes.push_back(static_cast<std::int64_t>(array.buffers[i].size()));
  owned.buffers.push_back(owned.sizes.empty() ? static_cast<const void*>(kNoBytes)
                                              : owned.sizes.data());
}

}  // namespace

void export_array(const ArrayData& array, const ArrayOwner& owner, ArrowArray* out) {
  auto owned = std::make_unique<OwnedArray>();
  owned->owner = owner;
  fill_buffers(array, *owned);
  owned->children.resize(array.children.size());
  for (std::size_t i = 0; i < array.children.size(); ++i) {
    export_array(array.children[i], owner, &owned->children[i]);
    owned->pointers.push_back(&owned->children[i]);
  }
  const bool has_dictionary = !array.dictionary.empty();
  if (has_dictionary) export_array(array.dictionary[0], owner, &owned->dictionary);
  *out = ArrowArray{
      .length = array.length,
      .null_count = array.null_count,
      .offset = array.offset,
      .n_buffers = static_cast<std::int64_t>(owned->buffers.size()),
      .n_children = static_cast<std::int64_t>(owned->children.size()),
      .buffers = owned->buffers.empty() ? nullptr : owned->buffers.data(),
      .children = owned->pointers.empty() ? nullptr : owned->pointers.data(),
      .dictionary = has_dictionary ? &owned->dictionary : nullptr,
      .release = release_array,
      .private_data = owned.get(),
  };
  (void)owned.release();  // `release_array` takes it back
}

}  // namespace vineyard::arrow
