// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document_builder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/meta/format.h"
#include "vineyard/meta/utf8.h"

namespace vineyard::meta {
namespace {

using format::Header;
using format::ItemKind;

constexpr std::uint32_t raw(ItemKind kind) {
  return static_cast<std::uint32_t>(kind);
}

// Up to 8 bytes of a key, most significant first, so that numbers compare as texts do.
std::uint64_t prefix_of(std::string_view key) {
  std::uint64_t word = 0;
  if (key.size() >= 8) {
    std::memcpy(&word, key.data(), 8);
  } else if (key.size() >= 4) {  // two halves, which may overlap
    std::uint32_t first = 0, last = 0;
    std::memcpy(&first, key.data(), 4);
    std::memcpy(&last, key.data() + key.size() - 4, 4);
    word = first | std::uint64_t{last} << (8 * (key.size() - 4));
  } else {
    for (std::size_t i = 0; i < key.size(); ++i)
      word |= std::uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
  }
  return __builtin_bswap64(word);
}

// As memcpy, without a call for what keys mostly are.
void copy_text(char* to, std::string_view text) {
  const std::size_t size = text.size();
  if (size > 16) {
    std::memcpy(to, text.data(), size);
  } else if (size >= 8) {
    std::memcpy(to, text.data(), 8);
    std::memcpy(to + size - 8, text.data() + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(to, text.data(), 4);
    std::memcpy(to + size - 4, text.data() + size - 4, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = text[i];
  }
}

std::uint64_t mix(std::string_view text, std::uint64_t prefix) {
  std::uint64_t hash = prefix ^ (text.size() * 0x9e3779b97f4a7c15ULL);
  for (std::size_t i = 8; i < text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<std::size_t>(text.size() - i, 8));
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  }
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 29);
}

}  // namespace

void DocumentBuilder::clear(std::string_view type_name) {
  items_.clear();
  nodes_.clear();
  payloads_.clear();
  members_.clear();
  cells_.clear();
  texts_used_ = 0;
  interned_count_ = 0;
  ++round_;
  expanded_ = 0;
  fault_ = nullptr;
  has_type_name_ = false;
  nodes_.push_back({.nbytes = 0, .name_and_flags = 0, .depth = 1});
  // A builder that was made without a type name gets it later; without any, `finish` says so.
  if (!type_name.empty()) set_type_name(root(), type_name);
}

void DocumentBuilder::fail(ErrorCode code, const char* why) {
  if (fault_ != nullptr) return;
  fault_ = why;
  fault_code_ = code;
}

std::string_view DocumentBuilder::text_at(std::uint32_t text) const {
  const format::TextAt t = format::read_text(texts_.data() + text);
  return {t.data, t.size};
}

inline std::uint32_t DocumentBuilder::add_text(std::string_view text) {
  constexpr std::size_t kLengthBytes = 4;
  if (text.size() + texts_used_ + kLengthBytes >= limits::kMaxDocument) {
    fail(ErrorCode::kFull, "more than 64 MiB of metadata");
    return 0;
  }
  if (texts_.size() < texts_used_ + text.size() + kLengthBytes)
    texts_.resize(2 * (texts_.size() + text.size()) + 64);
  const auto at = static_cast<std::uint32_t>(texts_used_);
  char* to = texts_.data() + at;
  std::size_t size = text.size();
  for (; size >= 0x80; size >>= 7) *to++ = static_cast<char>(size | 0x80);
  *to++ = static_cast<char>(size);
  copy_text(to, text);
  texts_used_ = static_cast<std::size_t>(to - texts_.data()) + text.size();
  expanded_ += text.size();
  return at;
}

// Keys and type names below the root repeat (`buffer_` in every column); they are stored once.
std::uint32_t DocumentBuilder::intern(std::string_view text, std::uint64_t prefix) {
  if (interned_.size() < 2 * (std::size_t{interned_count_} + 1)) {
    std::vector<Interned> old = std::move(interned_);
    interned_.assign(std::max<std::size_t>(64, 2 * old.size()), {});
    for (const Interned& slot : old) {
      if (slot.round != round_) continue;
      const std::string_view known = text_at(slot.text);
      std::size_t at = mix(known, prefix_of(known)) & (interned_.size() - 1);
      while (interned_[at].round == round_) at = (at + 1) & (interned_.size() - 1);
      interned_[at] = slot;
    }
  }
  std::size_t at = mix(text, prefix) & (interned_.size() - 1);
  for (; interned_[at].round == round_; at = (at + 1) & (interned_.size() - 1)) {
    if (text_at(interned_[at].text) != text) continue;
    expanded_ += text.size();
    return interned_[at].text;
  }
  interned_[at] = {.round = round_, .text = add_text(text)};
  ++interned_count_;
  return interned_[at].text;
}

std::uint32_t DocumentBuilder::add_type_name(std::string_view name, NodeRef node) {
  if (name.empty()) fail(ErrorCode::kInvalid, "a node without a type name");
  if (name.size() > limits::kMaxTypeName)
    fail(ErrorCode::kInvalid, "a type name longer than 4,096 bytes");
  if (!is_utf8(name)) fail(ErrorCode::kInvalid, "a type name that is not UTF-8");
  return node.index == 0 ? add_text(name) : intern(name, prefix_of(name));
}

std::uint32_t DocumentBuilder::add_cells(std::size_t count) {
  if (count > limits::kMaxDocument / 8 || cells_.size() + count > limits::kMaxDocument / 8) {
    fail(ErrorCode::kFull, "more than 64 MiB of metadata");
    count = 0;
  }
  const auto at = static_cast<std::uint32_t>(cells_.size());
  cells_.resize(cells_.size() + count);
  return at;
}

void DocumentBuilder::add_item(NodeRef node, std::string_view key, std::uint32_t kind,
                               std::uint32_t value) {
  VY_CHECK(node.index < nodes_.size());
  if (key.size() > limits::kMaxKey)
    return fail(ErrorCode::kInvalid, "a key longer than 4,096 bytes");
  if (!is_utf8(key)) return fail(ErrorCode::kInvalid, "a key that is not UTF-8");
  if (items_.size() >= limits::kMaxDocument / sizeof(format::Item))
    return fail(ErrorCode::kFull, "more than 64 MiB of metadata");
  const std::uint64_t prefix = prefix_of(key);
  const std::uint32_t text = node.index == 0 ? add_text(key) : intern(key, prefix);
  items_.push_back({.prefix = prefix,
                    .key_and_kind = text | kind << format::kTextBits,
                    .value = value,
                    .node = node.index,
                    .key_size = static_cast<std::uint32_t>(key.size())});
}

std::uint32_t DocumentBuilder::add_payload(ObjectId known) {
  payloads_.push_back(known);
  return static_cast<std::uint32_t>(payloads_.size() - 1);
}

void DocumentBuilder::set_type_name(NodeRef node, std::string_view type_name) {
  Node& n = nodes_[node.index];
  n.name_and_flags = (n.name_and_flags & ~format::kTextMask) | add_type_name(type_name, node);
  if (node.index == 0) has_type_name_ = true;
}
void DocumentBuilder::set_nbytes(NodeRef node, std::uint64_t nbytes) {
  nodes_[node.index].nbytes = nbytes;
}
void DocumentBuilder::set_global(NodeRef node) {
  nodes_[node.index].name_and_flags |= format::kGlobalFlag << format::kTextBits;
}

void DocumentBuilder::set_null(NodeRef node, std::string_view key) {
  add_item(node, key, raw(ItemKind::kNull), 0);
}
void DocumentBuilder::set_bool(NodeRef node, std::string_view key, int value) {
  add_item(node, key, raw(value != 0 ? ItemKind::kTrue : ItemKind::kFalse), 0);
}
void DocumentBuilder::add_number(NodeRef node, std::string_view key, std::uint32_t kind,
                                 std::uint64_t bits) {
  const std::uint32_t cell = add_cells(1);
  if (fault_ != nullptr) return;
  cells_[cell] = bits;
  add_item(node, key, kind, cell);
}
void DocumentBuilder::set_int64(NodeRef node, std::string_view key, std::int64_t value) {
  if (value == static_cast<std::int32_t>(value))
    return add_item(node, key, raw(ItemKind::kSmallInt), static_cast<std::uint32_t>(value));
  add_number(node, key, raw(ItemKind::kInt64), static_cast<std::uint64_t>(value));
}
void DocumentBuilder::set_uint64(NodeRef node, std::string_view key, std::uint64_t value) {
  if (value >> 63 == 0) return set_int64(node, key, static_cast<std::int64_t>(value));
  add_number(node, key, raw(ItemKind::kUint64), value);
}
void DocumentBuilder::set_double(NodeRef node, std::string_view key, double value) {
  // Bits are compared, so that -0 stays -0; a NaN has a payload that a float may not keep.
  if (value >= -std::numeric_limits<float>::max() && value <= std::numeric_limits<float>::max()) {
    const auto small = static_cast<float>(value);
    if (std::bit_cast<std::uint64_t>(static_cast<double>(small)) ==
        std::bit_cast<std::uint64_t>(value))
      return add_item(node, key, raw(ItemKind::kSmallDouble), std::bit_cast<std::uint32_t>(small));
  }
  add_number(node, key, raw(ItemKind::kDouble), std::bit_cast<std::uint64_t>(value));
}
void DocumentBuilder::set(NodeRef node, std::string_view key, std::string_view text) {
  if (!is_utf8(text))
    return fail(ErrorCode::kInvalid, "a text that is not UTF-8; set_bytes takes any bytes");
  add_item(node, key, raw(ItemKind::kText), add_text(text));
}
void DocumentBuilder::set_bytes(NodeRef node, std::string_view key,
                                std::span<const std::byte> bytes) {
  add_item(node, key, raw(ItemKind::kBytes),
           add_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

void DocumentBuilder::set_list(NodeRef node, std::string_view key, std::uint32_t kind,
                               std::span<const std::byte> elements, std::size_t count) {
  const std::uint32_t cell = add_cells(1 + (elements.size() + 7) / 8);
  if (fault_ != nullptr) return;
  cells_[cell] = count;
  if (!elements.empty()) std::memcpy(cells_.data() + cell + 1, elements.data(), elements.size());
  expanded_ += elements.size();
  add_item(node, key, kind, cell);
}
void DocumentBuilder::set(NodeRef node, std::string_view key, std::span<const std::int64_t> list) {
  set_list(node, key, raw(ItemKind::kInt64List), std::as_bytes(list), list.size());
}
void DocumentBuilder::set(NodeRef node, std::string_view key, std::span<const std::uint64_t> list) {
  set_list(node, key, raw(ItemKind::kUint64List), std::as_bytes(list), list.size());
}
void DocumentBuilder::set(NodeRef node, std::string_view key, std::span<const double> list) {
  set_list(node, key, raw(ItemKind::kDoubleList), std::as_bytes(list), list.size());
}
void DocumentBuilder::set_bool_list(NodeRef node, std::string_view key,
                                    std::span<const std::uint8_t> list) {
  for (const std::uint8_t value : list)
    if (value > 1) return fail(ErrorCode::kInvalid, "a truth value that is neither 0 nor 1");
  set_list(node, key, raw(ItemKind::kBoolList), std::as_bytes(list), list.size());
}

template <class Texts>
void DocumentBuilder::set_text_list(NodeRef node, std::string_view key, const Texts& list) {
  std::uint64_t total = 0;
  for (const std::string_view text : list) {
    if (!is_utf8(text))
      return fail(ErrorCode::kInvalid, "a text that is not UTF-8; set_bytes takes any bytes");
    total += text.size();
  }
  if (total > limits::kMaxDocument || list.size() > limits::kMaxDocument / 4)
    return fail(ErrorCode::kFull, "more than 64 MiB of metadata");
  const std::uint32_t cell = add_cells(1 + (list.size() * 4 + total + 7) / 8);
  if (fault_ != nullptr) return;
  cells_[cell] = list.size();
  auto* ends = reinterpret_cast<std::byte*>(cells_.data() + cell + 1);
  std::byte* texts = ends + list.size() * 4;
  std::uint32_t end = 0;
  for (const std::string_view text : list) {
    if (!text.empty()) std::memcpy(texts + end, text.data(), text.size());
    end += static_cast<std::uint32_t>(text.size());
    std::memcpy(ends, &end, sizeof end);
    ends += sizeof end;
  }
  expanded_ += list.size() * 4 + total;
  add_item(node, key, raw(ItemKind::kTextList), cell);
}
void DocumentBuilder::set(NodeRef node, std::string_view key,
                          std::span<const std::string_view> list) {
  set_text_list(node, key, list);
}
void DocumentBuilder::set(NodeRef node, std::string_view key, std::span<const std::string> list) {
  set_text_list(node, key, list);
}
void DocumentBuilder::set(NodeRef node, std::string_view key, const TextList& list) {
  set_text_list(node, key, list);
}

void DocumentBuilder::set(NodeRef node, std::string_view key, const Value& value) {
  switch (value.type()) {
    case ValueType::kNull: return set_null(node, key);
    // The type says which is there.  NOLINTBEGIN(bugprone-unchecked-optional-access)
    case ValueType::kBool: return set(node, key, *value.as_bool());
    case ValueType::kInt64: return set(node, key, *value.as_int64());
    case ValueType::kUint64: return set(node, key, *value.as_uint64());
    case ValueType::kDouble: return set(node, key, *value.as_double());
    case ValueType::kText: return set(node, key, *value.as_text());
    case ValueType::kBytes: return set_bytes(node, key, *value.as_bytes());
    case ValueType::kInt64List: return set(node, key, *value.as_int64_list());
    case ValueType::kUint64List: return set(node, key, *value.as_uint64_list());
    case ValueType::kDoubleList: return set(node, key, *value.as_double_list());
    case ValueType::kBoolList: return set_bool_list(node, key, *value.as_bool_list());
    case ValueType::kTextList:
      return set(node, key, *value.as_text_list());
      // NOLINTEND(bugprone-unchecked-optional-access)
  }
}

NodeRef DocumentBuilder::add_node(NodeRef parent, std::string_view key,
                                  std::string_view type_name) {
  const NodeRef child{static_cast<std::uint32_t>(nodes_.size())};
  if (nodes_.size() >= limits::kMaxDocument / sizeof(format::Node)) {
    fail(ErrorCode::kFull, "more than 64 MiB of metadata");
    return parent;
  }
  const std::uint32_t depth = nodes_[parent.index].depth + 1;
  if (depth > limits::kMaxDepth) fail(ErrorCode::kFull, "members deeper than 64 levels");
  nodes_.push_back({.nbytes = 0, .name_and_flags = 0, .depth = depth});
  nodes_.back().name_and_flags = add_type_name(type_name, child);
  add_item(parent, key, raw(ItemKind::kNode), child.index);
  return child;
}
void DocumentBuilder::add_member(NodeRef node, std::string_view key, ObjectId object) {
  add_item(node, key, raw(ItemKind::kObject), static_cast<std::uint32_t>(members_.size()));
  members_.push_back(object);
}
void DocumentBuilder::add_buffer(NodeRef node, std::string_view key, std::uint32_t payload,
                                 std::uint64_t offset, std::uint64_t length) {
  if (payload >= payloads_.size())
    return fail(ErrorCode::kInvalid, "a buffer of a payload blob that was not added");
  if (offset > limits::kMaxObject || length > limits::kMaxObject - offset)
    return fail(ErrorCode::kInvalid, "a buffer beyond any blob");
  const std::uint32_t cell = add_cells(2);
  if (fault_ != nullptr) return;
  cells_[cell] = std::uint64_t{payload} << format::kBufferOffsetBits | offset;
  cells_[cell + 1] = length;
  add_item(node, key, raw(ItemKind::kBuffer), cell);
}

std::size_t DocumentBuilder::remove(NodeRef node, std::string_view key) {
  return std::erase_if(items_, [&](const Item& item) {
    return item.node == node.index && text_at(item.key_and_kind & format::kTextMask) == key;
  });
}

inline bool DocumentBuilder::comes_before(const Item& a, const Item& b) const {
  return a.prefix != b.prefix ? a.prefix < b.prefix : comes_before_beyond_prefix(a, b);
}
bool DocumentBuilder::comes_before_beyond_prefix(const Item& a, const Item& b) const {
  if (a.key_size <= 8 && b.key_size <= 8) return a.key_size < b.key_size;
  return text_at(a.key_and_kind & format::kTextMask) < text_at(b.key_and_kind & format::kTextMask);
}

// For a handful of items: counts how many keys come before each one, without a branch that could be
// mispredicted. False, and nothing done, if the first 8 bytes do not tell all keys apart.
bool DocumentBuilder::rank_items(std::uint32_t begin, std::uint32_t end) {
  const std::uint32_t count = end - begin;
  Item* items = items_.data() + begin;
  std::array<std::uint64_t, kRanked> prefixes;
  std::array<std::uint32_t, kRanked> ranks;
  for (std::uint32_t i = 0; i < count; ++i) prefixes[i] = items[i].prefix;
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t rank = 0;
    for (std::uint32_t j = 0; j < count; ++j) rank += prefixes[j] < prefixes[i] ? 1 : 0;
    ranks[i] = rank;
    taken |= 1U << rank;
  }
  if (taken != (1U << count) - 1) return false;
  std::array<Item, kRanked> sorted;
  for (std::uint32_t i = 0; i < count; ++i) sorted[ranks[i]] = items[i];
  std::copy_n(sorted.begin(), count, items);
  return true;
}

void DocumentBuilder::sort_items(std::uint32_t begin, std::uint32_t end) {
  const auto before = [this](const Item& a, const Item& b) { return comes_before(a, b); };
  const auto first = items_.begin() + begin, last = items_.begin() + end;
  const auto out_of_order = [&] {
    return std::adjacent_find(first, last,
                              [&](const Item& a, const Item& b) { return !before(a, b); });
  };
  if (out_of_order() != last) {
    if (end - begin <= kRanked && rank_items(begin, end)) return;
    std::sort(first, last, before);
    if (out_of_order() != last) fail(ErrorCode::kInvalid, "a key twice in one node");
  }
  if (end - begin <= limits::kMaxMembers) return;
  const auto members = std::count_if(first, last, [](const Item& item) {
    return item.key_and_kind >> format::kTextBits >= format::kFirstMemberKind;
  });
  if (members > limits::kMaxMembers) fail(ErrorCode::kFull, "more than 65,535 members in one node");
}

// Items of one node side by side, sorted by key.
void DocumentBuilder::group_items() {
  const auto count = static_cast<std::uint32_t>(nodes_.size());
  begins_.assign(count + 1, 0);
  if (count > 1) {
    for (const Item& item : items_) ++begins_[item.node + 1];
    for (std::uint32_t i = 0; i < count; ++i) begins_[i + 1] += begins_[i];
    grouped_.resize(items_.size());
    for (const Item& item : items_) grouped_[begins_[item.node]++] = item;
    for (std::uint32_t i = count; i > 0; --i) begins_[i] = begins_[i - 1];
    begins_[0] = 0;
    items_.swap(grouped_);
  } else {
    begins_[1] = static_cast<std::uint32_t>(items_.size());
  }
  for (std::uint32_t i = 0; i < count; ++i) sort_items(begins_[i], begins_[i + 1]);
}

// Breadth first from the root, which leaves out what was removed.
void DocumentBuilder::order_nodes() {
  order_.assign(1, 0);
  reachable_items_ = 0;
  reachable_members_ = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::uint32_t node = order_[i];
    for (std::uint32_t at = begins_[node]; at < begins_[node + 1]; ++at) {
      const std::uint32_t kind = items_[at].key_and_kind >> format::kTextBits;
      if (kind == raw(ItemKind::kNode)) order_.push_back(items_[at].value);
      if (kind == raw(ItemKind::kObject)) ++reachable_members_;
    }
    reachable_items_ += begins_[node + 1] - begins_[node];
  }
}

void DocumentBuilder::write() {
  const std::size_t references = payloads_.size() + reachable_members_;
  const std::size_t fixed = sizeof(Header) + references * 8 + order_.size() * sizeof(format::Node) +
                            std::size_t{reachable_items_} * sizeof(format::Item) +
                            cells_.size() * 8;
  const std::size_t size = (fixed + texts_used_ + 7) & ~std::size_t{7};
  if (references > limits::kMaxMembers)
    return fail(ErrorCode::kFull, "more than 65,535 members by id and payload blobs");
  if (size > limits::kMaxDocument) return fail(ErrorCode::kFull, "more than 64 MiB of metadata");

  output_.resize(size / 8);
  output_.back() = 0;
  auto* at = reinterpret_cast<std::byte*>(output_.data());
  const auto put = [&at](const void* data, std::size_t bytes) {
    if (bytes != 0) std::memcpy(at, data, bytes);
    at += bytes;
  };
  const Header header{.magic = format::kMagic,
                      .size = static_cast<std::uint32_t>(size),
                      .reference_count = static_cast<std::uint16_t>(references),
                      .payload_count = static_cast<std::uint16_t>(payloads_.size()),
                      .node_count = static_cast<std::uint32_t>(order_.size()),
                      .item_count = reachable_items_,
                      .text_start = static_cast<std::uint32_t>(fixed)};
  put(&header, sizeof header);
  put(payloads_.data(), payloads_.size() * 8);
  std::byte* member_at = at;
  at += std::size_t{reachable_members_} * 8;

  std::uint32_t first_item = 0;
  for (const std::uint32_t node : order_) {
    const format::Node record{nodes_[node].name_and_flags, first_item, nodes_[node].nbytes};
    put(&record, sizeof record);
    first_item += begins_[node + 1] - begins_[node];
  }
  std::uint32_t next_child = 1;
  auto next_member = static_cast<std::uint32_t>(payloads_.size());
  for (const std::uint32_t node : order_) {
    for (std::uint32_t i = begins_[node]; i < begins_[node + 1]; ++i) {
      format::Item item{items_[i].key_and_kind, items_[i].value};
      const std::uint32_t kind = item.key_and_kind >> format::kTextBits;
      if (kind == raw(ItemKind::kNode)) item.value = next_child++;
      if (kind == raw(ItemKind::kObject)) {
        std::memcpy(member_at, &members_[item.value].value, 8);
        member_at += 8;
        item.value = next_member++;
      }
      put(&item, sizeof item);
    }
  }
  put(cells_.data(), cells_.size() * 8);
  put(texts_.data(), texts_used_);
}

Result<std::span<const std::byte>> DocumentBuilder::finish() {
  if (!has_type_name_) fail(ErrorCode::kInvalid, "a document without a type name");
  if (expanded_ > format::kMaxExpanded)
    fail(ErrorCode::kFull, "more than 256 MiB of texts and lists");
  if (fault_ == nullptr) {
    group_items();
    order_nodes();
    write();
  }
  if (fault_ != nullptr)
    return Error(fault_code_, std::string("cannot make this metadata: ") + fault_);
  return std::as_bytes(std::span(output_));
}

void copy_items(const NodeView& from, DocumentBuilder& builder, NodeRef to,
                std::uint32_t first_payload) {
  for (const Item item : from) {
    if (item.is_field()) {
      builder.set(to, item.key(), item.value());
      continue;
    }
    const Member member = item.member();
    if (const auto node = member.as_node()) {
      const NodeRef child = builder.add_node(to, item.key(), node->type_name());
      builder.set_nbytes(child, node->nbytes());
      if (node->is_global()) builder.set_global(child);
      copy_items(*node, builder, child, first_payload);
    } else if (const auto object = member.as_object()) {
      builder.add_member(to, item.key(), *object);
    } else if (const auto buffer = member.as_buffer()) {
      builder.add_buffer(to, item.key(), first_payload + buffer->reference, buffer->offset,
                         buffer->length);
    }
  }
}

void copy_into(DocumentBuilder& builder, const DocumentView& from) {
  const NodeView root = from.root();
  builder.clear(root.type_name());
  builder.set_nbytes(builder.root(), root.nbytes());
  if (root.is_global()) builder.set_global(builder.root());
  for (std::uint32_t i = 0; i < from.payload_count(); ++i) builder.add_payload(from.reference(i));
  copy_items(root, builder, builder.root(), 0);
}

}  // namespace vineyard::meta
