// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"

namespace vineyard::meta {

class NodeView;

/// Iterates over anything with `operator[]` and `size()` whose elements are values.
///
/// Owner:   borrows what its range borrows.
/// Threads: as any value.
/// Always:  holds a copy of the range, so it may outlive the range's own variable.
template <class Range>
class IndexIterator {
 public:
  using value_type = decltype(std::declval<const Range&>()[0]);
  using difference_type = std::ptrdiff_t;
  IndexIterator() = default;
  IndexIterator(Range range, std::uint32_t at) : range_(range), at_(at) {}
  value_type operator*() const { return range_[at_]; }
  IndexIterator& operator++() { return ++at_, *this; }
  IndexIterator operator++(int) { return IndexIterator(range_, at_++); }
  bool operator==(const IndexIterator& other) const { return at_ == other.at_; }

 private:
  Range range_{};
  std::uint32_t at_ = 0;
};

/// A list of texts inside a document.
///
/// Owner:   borrows the document's bytes.
/// Threads: any number; immutable.
/// Always:  every text is well-formed UTF-8.
class TextList {
 public:
  TextList() = default;
  explicit TextList(const std::byte* cell) : cell_(cell) {}
  [[nodiscard]] std::uint32_t size() const;
  [[nodiscard]] std::string_view operator[](std::uint32_t index) const;
  [[nodiscard]] IndexIterator<TextList> begin() const { return {*this, 0}; }
  [[nodiscard]] IndexIterator<TextList> end() const { return {*this, size()}; }

 private:
  const std::byte* cell_ = nullptr;
};

enum class ValueType : std::uint8_t {
  kNull,
  kBool,
  kInt64,
  kUint64,
  kDouble,
  kText,
  kBytes,
  kInt64List,
  kUint64List,
  kDoubleList,
  kBoolList,
  kTextList,
};

/// The value of a field. An accessor of another type than the value's gives nothing.
///
/// Owner:   borrows the document's bytes.
/// Threads: any number; immutable.
/// Always:  an integer is kInt64 when int64 can hold it, else kUint64; doubles are exact.
class Value {
 public:
  Value(const std::byte* document, std::uint32_t kind, std::uint32_t value)
      : document_(document), kind_(kind), value_(value) {}

  [[nodiscard]] ValueType type() const;
  [[nodiscard]] bool is_null() const { return type() == ValueType::kNull; }
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<std::int64_t> as_int64() const;
  /// Any integer that is not negative.
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const;
  [[nodiscard]] std::optional<double> as_double() const;
  [[nodiscard]] std::optional<std::string_view> as_text() const;
  [[nodiscard]] std::optional<std::span<const std::byte>> as_bytes() const;
  [[nodiscard]] std::optional<std::span<const std::int64_t>> as_int64_list() const;
  [[nodiscard]] std::optional<std::span<const std::uint64_t>> as_uint64_list() const;
  [[nodiscard]] std::optional<std::span<const double>> as_double_list() const;
  /// One byte an element, 0 or 1.
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> as_bool_list() const;
  [[nodiscard]] std::optional<TextList> as_text_list() const;

 private:
  const std::byte* document_;
  std::uint32_t kind_;
  std::uint32_t value_;
};

/// A run of bytes of one of the object's payload blobs. Whether it lies inside the blob is for the
/// reader to check.
struct Buffer {
  std::uint32_t reference = 0;  ///< number of the payload blob in `DocumentView::references`
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class MemberType : std::uint8_t { kNode, kObject, kBuffer };

/// A member: an inline node, an object by its id, or a buffer. An accessor of another type gives
/// nothing.
///
/// Owner:   borrows the document's bytes.
/// Threads: any number; immutable.
/// Always:  its node, reference and cells are inside the document.
class Member {
 public:
  Member(const std::byte* document, std::uint32_t kind, std::uint32_t value)
      : document_(document), kind_(kind), value_(value) {}
  [[nodiscard]] MemberType type() const;
  [[nodiscard]] std::optional<NodeView> as_node() const;
  [[nodiscard]] std::optional<ObjectId> as_object() const;
  [[nodiscard]] std::optional<Buffer> as_buffer() const;

 private:
  const std::byte* document_;
  std::uint32_t kind_;
  std::uint32_t value_;
};

/// One field or member with its key.
///
/// Owner:   borrows the document's bytes.
/// Threads: any number; immutable.
/// Always:  exactly one of `is_field` and `is_member`.
class Item {
 public:
  Item(const std::byte* document, std::uint32_t key_and_kind, std::uint32_t value)
      : document_(document), key_and_kind_(key_and_kind), value_(value) {}
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] bool is_field() const { return !is_member(); }
  [[nodiscard]] bool is_member() const;
  /// Only for a field.
  [[nodiscard]] Value value() const;
  /// Only for a member.
  [[nodiscard]] Member member() const;

 private:
  const std::byte* document_;
  std::uint32_t key_and_kind_;
  std::uint32_t value_;
};

/// One node of a document's tree.
///
/// Owner:   borrows the document's bytes.
/// Threads: any number; immutable.
/// Always:  keys are unique and in byte order, fields and members among each other.
class NodeView {
 public:
  NodeView() = default;
  NodeView(const std::byte* document, std::uint32_t index) : document_(document), index_(index) {}

  [[nodiscard]] std::string_view type_name() const;
  [[nodiscard]] std::uint64_t nbytes() const;
  [[nodiscard]] bool is_global() const;
  /// The node's number within the document; 0 is the root.
  [[nodiscard]] std::uint32_t index() const { return index_; }

  /// Number of fields and members.
  [[nodiscard]] std::uint32_t size() const;
  [[nodiscard]] Item operator[](std::uint32_t index) const;
  [[nodiscard]] IndexIterator<NodeView> begin() const { return {*this, 0}; }
  [[nodiscard]] IndexIterator<NodeView> end() const { return {*this, size()}; }

  /// By binary search.
  [[nodiscard]] std::optional<Item> find(std::string_view key) const;
  /// The field of that key; nothing if there is none, or a member.
  [[nodiscard]] std::optional<Value> field(std::string_view key) const;
  /// The member of that key; nothing if there is none, or a field.
  [[nodiscard]] std::optional<Member> member(std::string_view key) const;

 private:
  const std::byte* document_ = nullptr;
  std::uint32_t index_ = 0;
};

/// An object's metadata, read in place (document.md).
///
/// Owner:   borrows the bytes; whoever made it keeps them unchanged meanwhile (references apart,
///          which may be patched).
/// Threads: any number; immutable.
/// Always:  over validated bytes, so every accessor stays inside them; 8-byte aligned.
class DocumentView {
 public:
  DocumentView() = default;
  /// Checks all of `bytes` (see validate.h).
  /// Errors: corrupt (says what is wrong), unsupported (another version).
  [[nodiscard]] static Result<DocumentView> validate(std::span<const std::byte> bytes);
  /// For bytes that were validated before, and not changed since by somebody else.
  [[nodiscard]] static DocumentView trusted(std::span<const std::byte> bytes);

  [[nodiscard]] NodeView root() const { return {bytes_, 0}; }
  /// Every id the document refers to: payload blobs, then members, in the order of the tree.
  [[nodiscard]] std::span<const std::uint64_t> references() const;
  [[nodiscard]] ObjectId reference(std::uint32_t index) const {
    return ObjectId(references()[index]);
  }
  /// How many of the references are the object's own payload blobs.
  [[nodiscard]] std::uint32_t payload_count() const;
  [[nodiscard]] std::uint32_t node_count() const;
  /// Bytes of the document.
  [[nodiscard]] std::uint32_t size() const;
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_, bytes_ ? size() : 0}; }
  [[nodiscard]] bool is_empty() const { return bytes_ == nullptr; }

 private:
  explicit DocumentView(const std::byte* bytes) : bytes_(bytes) {}
  const std::byte* bytes_ = nullptr;
};

/// Where the references stand in every document: the worker counts and the publisher patches them
/// there.
inline constexpr std::uint32_t kReferencesAt = 24;

/// Writes `id` as reference `index` of a document that this process built. `index` must be one of
/// its references.
void patch_reference(std::span<std::byte> document, std::uint32_t index, ObjectId id);

}  // namespace vineyard::meta
