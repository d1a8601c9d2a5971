// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/types/arrow/field.h"
#include "vineyard/types/arrow/layout.h"
#include "vineyard/types/draft.h"
#include "vineyard/types/source.h"

struct ArrowArray;

namespace vineyard::arrow {

/// An array of the Arrow columnar format whose buffers have sizes: between the C structs of a
/// process and the buffers of an object.
///
/// Owner:   whoever holds it; borrows the buffers.
/// Threads: as any value.
/// Always:  made by `view_array` or `resolve_array`: every buffer holds what `offset + length`
///          elements need, children too. An absent validity bitmap means no nulls. `dictionary` has
///          at most one element.
struct ArrayData {
  Layout layout;
  std::int64_t length = 0;
  std::int64_t offset = 0;
  std::int64_t null_count = 0;  ///< -1: not known
  /// In the order of the C data interface; of a binary view validity, views, then the data buffers.
  std::vector<std::span<const std::byte>> buffers;
  std::vector<ArrayData> children;
  std::vector<ArrayData> dictionary;

  /// Elements of the buffers that are used, and those before them.
  [[nodiscard]] std::int64_t end() const { return offset + length; }
  [[nodiscard]] std::span<const std::byte> validity() const {
    return layout.has_validity() ? buffers[0] : std::span<const std::byte>();
  }
};

/// What a C array of type `field` holds. The producer is this process: lengths and buffers are
/// taken as they are given, apart from what would make no sense at all.
/// Errors: invalid (released already; not of that type; offsets that go back).
[[nodiscard]] Result<ArrayData> view_array(const Field& field, const ArrowArray& array);

/// Describes elements `[begin, begin + count)` of an array as a node: only the parts of its buffers
/// that they need. The buffers must stay until the draft is published.
void describe_array(ObjectDraft& draft, meta::NodeRef node, const Field& field,
                    const ArrayData& array, std::int64_t begin, std::int64_t count);
/// Describes arrays of one type of texts or bytes (`kBinary`), at least one, as a single array: their parts are joined
/// while they are copied, so it costs no more than one of them would. The buffers must stay until the draft is published.
void describe_joined(ObjectDraft& draft, meta::NodeRef node, const Field& field,
                     std::span<const ArrayData* const> arrays);
/// The type name of the node.
[[nodiscard]] std::string type_name_of(const Field& field, const Layout& layout);

/// What a node holds, whoever wrote it. Checked: all sizes, counts and alignments, and the first
/// and last offset of each offsets buffer. Not looked at: what stands between them
/// (`check_content`).
/// Errors: corrupt (says what is wrong), unsupported (an unknown format).
[[nodiscard]] Result<ArrayData> resolve_array(const ObjectSource& source, const Field& field);

/// Looks at every offset, view, type id, dictionary index and run end, and at every text for UTF-8:
/// whoever uses an array that passed cannot be led outside of its buffers, as long as its writer
/// leaves the bytes alone (a private copy makes sure). Time in proportion to the bytes.
/// Errors: corrupt.
[[nodiscard]] Result<void> check_content(const Field& field, const ArrayData& array);

/// Number of bits that are 0 among `[offset, offset + length)`.
[[nodiscard]] std::int64_t count_zero_bits(std::span<const std::byte> bits, std::int64_t offset,
                                           std::int64_t length);

/// Number `index` of a buffer of offsets of `width` bytes, 4 or 8.
[[nodiscard]] std::int64_t offset_at(std::span<const std::byte> offsets, std::uint32_t width,
                                     std::int64_t index);

}  // namespace vineyard::arrow
