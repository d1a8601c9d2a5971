// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/validate.h"

#include <cstring>
#include <string>
#include <string_view>

#include "vineyard/base/extent.h"
#include "vineyard/base/limits.h"
#include "vineyard/meta/format.h"
#include "vineyard/meta/utf8.h"

namespace vineyard::meta {
namespace {

using format::Header;
using format::ItemKind;

// What is wrong, or null. A plain pointer: the good case costs nothing.
using Fault = const char*;
constexpr Fault kFine = nullptr;

// One validation. Nodes stand in breadth-first order, so children are numbered 1, 2, 3, ... as they
// are met. That one rule makes the nodes a tree: nobody has two parents, nobody is left out, no
// parent comes after its child.
class Validator {
 public:
  explicit Validator(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Fault run() {
    if (Fault fault = check_header()) return fault;
    std::uint32_t depth = 1;
    std::uint32_t level_end = 1;  // first node of the next level
    for (std::uint32_t node = 0; node < header_.node_count; ++node) {
      if (node == level_end) {
        level_end = next_child_;
        if (++depth > limits::kMaxDepth) return "deeper than 64 levels";
      }
      if (Fault fault = check_node(node)) return fault;
    }
    return next_child_ == header_.node_count ? kFine : "a node without a parent";
  }

 private:
  template <class T>
  T load(std::uint64_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

  Fault check_header() {
    header_ = load<Header>(0);
    if (header_.size != bytes_.size() || header_.size % 8 != 0)
      return "its size is not what its header says";
    if (header_.payload_count > header_.reference_count)
      return "more payload blobs than references";
    if (header_.node_count == 0) return "no root";
    nodes_at_ = sizeof(Header) + std::uint64_t{header_.reference_count} * 8;
    items_at_ = nodes_at_ + std::uint64_t{header_.node_count} * sizeof(format::Node);
    cells_at_ = items_at_ + std::uint64_t{header_.item_count} * sizeof(format::Item);
    if (cells_at_ > header_.text_start || header_.text_start > header_.size ||
        header_.text_start % 8 != 0)
      return "its parts do not fit into it";
    return kFine;
  }

  Fault check_node(std::uint32_t node) {
    const auto record = load<format::Node>(nodes_at_ + std::uint64_t{node} * sizeof(format::Node));
    if ((record.name_and_flags >> format::kTextBits & ~format::kKnownFlags) != 0)
      return "an unknown flag";
    std::string_view name;
    if (Fault fault = check_text(record.name_and_flags & format::kTextMask, name)) return fault;
    if (name.empty() || name.size() > limits::kMaxTypeName || !is_utf8(name))
      return "a bad type name";

    const std::uint32_t end =
        node + 1 < header_.node_count
            ? load<format::Node>(nodes_at_ + (std::uint64_t{node} + 1) * sizeof(format::Node))
                  .first_item
            : header_.item_count;
    if (record.first_item != next_item_ || end < next_item_ || end > header_.item_count)
      return "items that belong to no node or to two";
    return check_items(node, end);
  }

  Fault check_items(std::uint32_t node, std::uint32_t end) {
    std::string_view last_key;
    std::uint32_t members = 0;
    for (const std::uint32_t first = next_item_; next_item_ < end; ++next_item_) {
      const auto item =
          load<format::Item>(items_at_ + std::uint64_t{next_item_} * sizeof(format::Item));
      std::string_view key;
      if (Fault fault = check_text(item.key_and_kind & format::kTextMask, key)) return fault;
      if (key.size() > limits::kMaxKey || !is_utf8(key)) return "a bad key";
      if (next_item_ != first && key <= last_key) return "keys out of order, or one twice";
      last_key = key;
      const std::uint32_t kind = item.key_and_kind >> format::kTextBits;
      if (kind >= format::kFirstMemberKind && ++members > limits::kMaxMembers)
        return "more than 65,535 members";
      if (Fault fault = check_value(node, kind, item.value)) return fault;
    }
    return kFine;
  }

  Fault check_value(std::uint32_t node, std::uint32_t kind, std::uint32_t value) {
    switch (static_cast<ItemKind>(kind)) {
      case ItemKind::kNull:
      case ItemKind::kFalse:
      case ItemKind::kTrue: return value == 0 ? kFine : "a constant with a value";
      case ItemKind::kSmallInt:
      case ItemKind::kSmallDouble: return kFine;
      case ItemKind::kInt64:
      case ItemKind::kDouble: return cells_fit(value, 1) ? kFine : "a number outside";
      case ItemKind::kUint64: return check_uint64(value);
      case ItemKind::kText:
      case ItemKind::kBytes: {
        std::string_view text;
        if (Fault fault = check_text(value, text)) return fault;
        return static_cast<ItemKind>(kind) == ItemKind::kBytes || is_utf8(text)
                   ? kFine
                   : "text that is not UTF-8";
      }
      case ItemKind::kInt64List:
      case ItemKind::kUint64List:
      case ItemKind::kDoubleList: {
        std::uint64_t count = 0;
        return check_list(value, 8, count);
      }
      case ItemKind::kBoolList: return check_bool_list(value);
      case ItemKind::kTextList: return check_text_list(value);
      case ItemKind::kNode:
        if (value != next_child_ || value <= node || value >= header_.node_count)
          return "nodes that are not a tree";
        ++next_child_;
        return kFine;
      case ItemKind::kObject:
        return value >= header_.payload_count && value < header_.reference_count
                   ? kFine
                   : "a member that is no reference";
      case ItemKind::kBuffer: return check_buffer(value);
    }
    return "an unknown kind of item";
  }

  [[nodiscard]] bool cells_fit(std::uint32_t cell, std::uint64_t count) const {
    return lies_within(cell, count, (header_.text_start - cells_at_) / 8);
  }
  [[nodiscard]] std::uint64_t cell(std::uint32_t index) const {
    return load<std::uint64_t>(cells_at_ + std::uint64_t{index} * 8);
  }

  Fault expand(std::uint64_t bytes) {
    expanded_ += bytes;
    return expanded_ <= format::kMaxExpanded ? kFine : "texts and lists that are shared too often";
  }

  Fault check_text(std::uint32_t at, std::string_view& text) {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + header_.text_start;
    const std::uint32_t size = header_.size - header_.text_start;
    if (at >= size) return "a text outside";
    const format::TextAt t = format::read_untrusted_text(begin + at, begin + size);
    if (t.data == nullptr) return "a text outside";
    text = {t.data, t.size};
    return expand(t.size);
  }

  Fault check_uint64(std::uint32_t value) const {
    if (!cells_fit(value, 1)) return "a number outside";
    return cell(value) >> 63 != 0 ? kFine : "an unsigned number that int64 can hold";
  }

  Fault check_list(std::uint32_t at, std::uint64_t element_size, std::uint64_t& count) {
    if (!cells_fit(at, 1)) return "a list outside";
    count = cell(at);
    if (count > limits::kMaxDocument || !cells_fit(at, 1 + (count * element_size + 7) / 8))
      return "a list outside";
    return expand(count * element_size);
  }

  Fault check_bool_list(std::uint32_t at) {
    std::uint64_t count = 0;
    if (Fault fault = check_list(at, 1, count)) return fault;
    const auto* values = reinterpret_cast<const std::uint8_t*>(bytes_.data() + cells_at_ +
                                                               (std::uint64_t{at} + 1) * 8);
    for (std::uint64_t i = 0; i < count; ++i)
      if (values[i] > 1) return "a truth value that is neither 0 nor 1";
    return kFine;
  }

  Fault check_text_list(std::uint32_t at) {
    std::uint64_t count = 0;
    if (Fault fault = check_list(at, 4, count)) return fault;
    const std::uint64_t ends = cells_at_ + (std::uint64_t{at} + 1) * 8;
    const std::uint64_t texts = ends + count * 4;
    std::uint32_t begin = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto end = load<std::uint32_t>(ends + i * 4);
      if (end < begin || !lies_within(texts, end, header_.text_start))
        return "a list of texts outside";
      if (!is_utf8({reinterpret_cast<const char*>(bytes_.data() + texts) + begin, end - begin}))
        return "text that is not UTF-8";
      begin = end;
    }
    return expand(begin);
  }

  Fault check_buffer(std::uint32_t at) const {
    if (!cells_fit(at, 2)) return "a buffer outside";
    const std::uint64_t first = cell(at);
    if (first >> format::kBufferOffsetBits >= header_.payload_count)
      return "a buffer of no payload blob";
    const std::uint64_t offset = first & ((std::uint64_t{1} << format::kBufferOffsetBits) - 1);
    return lies_within(offset, cell(at + 1), limits::kMaxObject) ? kFine
                                                                 : "a buffer beyond any blob";
  }

  std::span<const std::byte> bytes_;
  Header header_{};
  std::uint64_t nodes_at_ = 0;
  std::uint64_t items_at_ = 0;
  std::uint64_t cells_at_ = 0;
  std::uint64_t expanded_ = 0;
  std::uint32_t next_item_ = 0;
  std::uint32_t next_child_ = 1;
};

}  // namespace

Result<DocumentView> DocumentView::validate(std::span<const std::byte> bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0)
    return Error(ErrorCode::kInvalid, "a document must be 8-byte aligned in memory");
  if (bytes.size() < sizeof(Header) || bytes.size() > limits::kMaxDocument)
    return Error(ErrorCode::kCorrupt,
                 "a document cannot have " + std::to_string(bytes.size()) + " bytes");
  std::uint32_t magic = 0;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  if (magic != format::kMagic)
    return Error((magic & 0xffffff) == (format::kMagic & 0xffffff) ? ErrorCode::kUnsupported
                                                                   : ErrorCode::kCorrupt,
                 "not a document, or one of another version");
  if (Fault fault = Validator(bytes).run())
    return Error(ErrorCode::kCorrupt, std::string("not a good document: ") + fault);
  return trusted(bytes);
}

Result<DocumentView> validate(std::span<const std::byte> bytes) {
  return DocumentView::validate(bytes);
}

}  // namespace vineyard::meta
