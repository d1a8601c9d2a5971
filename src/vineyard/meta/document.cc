// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document.h"

#include <bit>
#include <cstring>

#include "vineyard/base/check.h"
#include "vineyard/meta/format.h"

namespace vineyard::meta {
namespace {

using format::Header;
using format::ItemKind;

static_assert(kReferencesAt == sizeof(Header));

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Header header_of(const std::byte* document) {
  return load<Header>(document);
}

const std::byte* nodes_of(const std::byte* document, const Header& h) {
  return document + sizeof(Header) + std::size_t{h.reference_count} * 8;
}
const std::byte* items_of(const std::byte* document, const Header& h) {
  return nodes_of(document, h) + std::size_t{h.node_count} * sizeof(format::Node);
}
const std::byte* cell_of(const std::byte* document, std::uint32_t cell) {
  const Header h = header_of(document);
  return items_of(document, h) + std::size_t{h.item_count} * sizeof(format::Item) +
         std::size_t{cell} * 8;
}
std::string_view text_of(const std::byte* document, std::uint32_t text) {
  const auto start = load<std::uint32_t>(document + offsetof(Header, text_start));
  const format::TextAt t =
      format::read_text(reinterpret_cast<const char*>(document) + start + text);
  return {t.data, t.size};
}

// Lists are 8-byte aligned inside an aligned document, so their elements can be used where they
// are.
template <class T>
std::span<const T> list_at(const std::byte* cell) {
  return {reinterpret_cast<const T*>(cell + 8),
          static_cast<std::size_t>(load<std::uint64_t>(cell))};
}

// Most keys of a node differ in their first byte; that saves the call.
int compare(std::string_view a, std::string_view b) {
  if (!a.empty() && !b.empty() && a[0] != b[0])
    return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]) ? -1 : 1;
  return a.compare(b);
}

struct ItemRange {
  std::uint32_t begin;
  std::uint32_t end;
};
ItemRange items_of_node(const std::byte* document, const Header& h, std::uint32_t node) {
  const std::byte* at = nodes_of(document, h) + std::size_t{node} * sizeof(format::Node);
  const auto begin = load<format::Node>(at).first_item;
  const auto end = node + 1 < h.node_count
                       ? load<format::Node>(at + sizeof(format::Node)).first_item
                       : h.item_count;
  return {begin, end};
}
format::Node node_of(const std::byte* document, std::uint32_t node) {
  return load<format::Node>(nodes_of(document, header_of(document)) +
                            std::size_t{node} * sizeof(format::Node));
}

}  // namespace

std::uint32_t TextList::size() const {
  return static_cast<std::uint32_t>(load<std::uint64_t>(cell_));
}

std::string_view TextList::operator[](std::uint32_t index) const {
  const std::byte* ends = cell_ + 8;
  const auto* texts = reinterpret_cast<const char*>(ends + std::size_t{size()} * 4);
  const auto begin = index == 0 ? 0 : load<std::uint32_t>(ends + std::size_t{index - 1} * 4);
  const auto end = load<std::uint32_t>(ends + std::size_t{index} * 4);
  return {texts + begin, end - begin};
}

ValueType Value::type() const {
  switch (static_cast<ItemKind>(kind_)) {
    case ItemKind::kNull: return ValueType::kNull;
    case ItemKind::kFalse:
    case ItemKind::kTrue: return ValueType::kBool;
    case ItemKind::kSmallInt:
    case ItemKind::kInt64: return ValueType::kInt64;
    case ItemKind::kUint64: return ValueType::kUint64;
    case ItemKind::kSmallDouble:
    case ItemKind::kDouble: return ValueType::kDouble;
    case ItemKind::kText: return ValueType::kText;
    case ItemKind::kBytes: return ValueType::kBytes;
    case ItemKind::kInt64List: return ValueType::kInt64List;
    case ItemKind::kUint64List: return ValueType::kUint64List;
    case ItemKind::kDoubleList: return ValueType::kDoubleList;
    case ItemKind::kBoolList: return ValueType::kBoolList;
    case ItemKind::kTextList: return ValueType::kTextList;
    case ItemKind::kNode:
    case ItemKind::kObject:
    case ItemKind::kBuffer: break;
  }
  return ValueType::kNull;  // a member, of which nobody asks for a value
}

std::optional<bool> Value::as_bool() const {
  if (type() != ValueType::kBool) return std::nullopt;
  return static_cast<ItemKind>(kind_) == ItemKind::kTrue;
}
std::optional<std::int64_t> Value::as_int64() const {
  if (static_cast<ItemKind>(kind_) == ItemKind::kSmallInt) return static_cast<std::int32_t>(value_);
  if (type() != ValueType::kInt64) return std::nullopt;
  return load<std::int64_t>(cell_of(document_, value_));
}
std::optional<std::uint64_t> Value::as_uint64() const {
  if (type() == ValueType::kUint64) return load<std::uint64_t>(cell_of(document_, value_));
  const auto number = as_int64();
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}
std::optional<double> Value::as_double() const {
  if (static_cast<ItemKind>(kind_) == ItemKind::kSmallDouble) return std::bit_cast<float>(value_);
  if (type() != ValueType::kDouble) return std::nullopt;
  return load<double>(cell_of(document_, value_));
}
std::optional<std::string_view> Value::as_text() const {
  if (type() != ValueType::kText) return std::nullopt;
  return text_of(document_, value_);
}
std::optional<std::span<const std::byte>> Value::as_bytes() const {
  if (type() != ValueType::kBytes) return std::nullopt;
  const std::string_view text = text_of(document_, value_);
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::optional<std::span<const std::int64_t>> Value::as_int64_list() const {
  if (type() != ValueType::kInt64List) return std::nullopt;
  return list_at<std::int64_t>(cell_of(document_, value_));
}
std::optional<std::span<const std::uint64_t>> Value::as_uint64_list() const {
  if (type() != ValueType::kUint64List) return std::nullopt;
  return list_at<std::uint64_t>(cell_of(document_, value_));
}
std::optional<std::span<const double>> Value::as_double_list() const {
  if (type() != ValueType::kDoubleList) return std::nullopt;
  return list_at<double>(cell_of(document_, value_));
}
std::optional<std::span<const std::uint8_t>> Value::as_bool_list() const {
  if (type() != ValueType::kBoolList) return std::nullopt;
  return list_at<std::uint8_t>(cell_of(document_, value_));
}
std::optional<TextList> Value::as_text_list() const {
  if (type() != ValueType::kTextList) return std::nullopt;
  return TextList(cell_of(document_, value_));
}

MemberType Member::type() const {
  if (static_cast<ItemKind>(kind_) == ItemKind::kNode) return MemberType::kNode;
  return static_cast<ItemKind>(kind_) == ItemKind::kObject ? MemberType::kObject
                                                           : MemberType::kBuffer;
}
std::optional<NodeView> Member::as_node() const {
  if (type() != MemberType::kNode) return std::nullopt;
  return NodeView(document_, value_);
}
std::optional<ObjectId> Member::as_object() const {
  if (type() != MemberType::kObject) return std::nullopt;
  return ObjectId(load<std::uint64_t>(document_ + kReferencesAt + std::size_t{value_} * 8));
}
std::optional<Buffer> Member::as_buffer() const {
  if (type() != MemberType::kBuffer) return std::nullopt;
  const std::byte* cell = cell_of(document_, value_);
  const auto first = load<std::uint64_t>(cell);
  return Buffer{.reference = static_cast<std::uint32_t>(first >> format::kBufferOffsetBits),
                .offset = first & ((std::uint64_t{1} << format::kBufferOffsetBits) - 1),
                .length = load<std::uint64_t>(cell + 8)};
}

std::string_view Item::key() const {
  return text_of(document_, key_and_kind_ & format::kTextMask);
}
bool Item::is_member() const {
  return key_and_kind_ >> format::kTextBits >= format::kFirstMemberKind;
}
Value Item::value() const {
  return {document_, key_and_kind_ >> format::kTextBits, value_};
}
Member Item::member() const {
  return {document_, key_and_kind_ >> format::kTextBits, value_};
}

std::string_view NodeView::type_name() const {
  return text_of(document_, node_of(document_, index_).name_and_flags & format::kTextMask);
}
std::uint64_t NodeView::nbytes() const {
  return node_of(document_, index_).nbytes;
}
bool NodeView::is_global() const {
  return (node_of(document_, index_).name_and_flags >> format::kTextBits & format::kGlobalFlag) !=
         0;
}
std::uint32_t NodeView::size() const {
  const ItemRange range = items_of_node(document_, header_of(document_), index_);
  return range.end - range.begin;
}
Item NodeView::operator[](std::uint32_t index) const {
  const Header h = header_of(document_);
  const std::size_t at = std::size_t{items_of_node(document_, h, index_).begin} + index;
  const auto item = load<format::Item>(items_of(document_, h) + at * sizeof(format::Item));
  return {document_, item.key_and_kind, item.value};
}

std::optional<Item> NodeView::find(std::string_view key) const {
  const Header h = header_of(document_);
  const std::byte* items = items_of(document_, h);
  const auto* texts = reinterpret_cast<const char*>(document_) + h.text_start;
  auto [begin, end] = items_of_node(document_, h, index_);
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    const auto item = load<format::Item>(items + std::size_t{middle} * sizeof(format::Item));
    const format::TextAt t = format::read_text(texts + (item.key_and_kind & format::kTextMask));
    const int order = compare({t.data, t.size}, key);
    if (order == 0) return Item(document_, item.key_and_kind, item.value);
    if (order < 0)
      begin = middle + 1;
    else
      end = middle;
  }
  return std::nullopt;
}
std::optional<Value> NodeView::field(std::string_view key) const {
  const auto item = find(key);
  if (!item || item->is_member()) return std::nullopt;
  return item->value();
}
std::optional<Member> NodeView::member(std::string_view key) const {
  const auto item = find(key);
  if (!item || item->is_field()) return std::nullopt;
  return item->member();
}

DocumentView DocumentView::trusted(std::span<const std::byte> bytes) {
  VY_DCHECK(bytes.size() >= sizeof(Header));
  return DocumentView(bytes.data());
}
std::span<const std::uint64_t> DocumentView::references() const {
  return {reinterpret_cast<const std::uint64_t*>(bytes_ + kReferencesAt),
          header_of(bytes_).reference_count};
}
std::uint32_t DocumentView::payload_count() const {
  return header_of(bytes_).payload_count;
}
std::uint32_t DocumentView::node_count() const {
  return header_of(bytes_).node_count;
}
std::uint32_t DocumentView::size() const {
  return header_of(bytes_).size;
}

void patch_reference(std::span<std::byte> document, std::uint32_t index, ObjectId id) {
  VY_CHECK(document.size() >= sizeof(Header) && index < header_of(document.data()).reference_count);
  std::memcpy(document.data() + kReferencesAt + std::size_t{index} * 8, &id.value, sizeof id.value);
}

}  // namespace vineyard::meta
