// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/meta/document.h"

namespace vineyard::meta {

/// A node of a document under construction; good for its builder until the next `clear`.
struct NodeRef {
  std::uint32_t index = 0;
};

/// Builds documents, one after the other, without allocating once it has grown.
///
/// Owner:   whoever builds; keeps its capacity over `clear`.
/// Threads: one at a time.
/// Always:  the first mistake (key twice, not UTF-8, too deep, too large) is kept and reported by
///          `finish`; what `finish` returned validates.
class DocumentBuilder {
 public:
  explicit DocumentBuilder(std::string_view type_name = {}) { clear(type_name); }

  /// Starts a new document.
  void clear(std::string_view type_name);
  [[nodiscard]] NodeRef root() const { return {0}; }

  /// Declares a payload blob of the object and returns its number for `add_buffer`. The id is
  /// written by the publisher (`patch_reference`), unless it is known already: an existing blob
  /// that the object shares.
  std::uint32_t add_payload(ObjectId known = ObjectId::invalid());
  [[nodiscard]] std::uint32_t payload_count() const {
    return static_cast<std::uint32_t>(payloads_.size());
  }

  void set_type_name(NodeRef node, std::string_view type_name);
  void set_nbytes(NodeRef node, std::uint64_t nbytes);
  /// Marks the node as global: its members are on many instances.
  void set_global(NodeRef node);

  // Fields. A key may stand in a node once, as a field or as a member.
  void set_null(NodeRef node, std::string_view key);
  template <std::same_as<bool> T>
  void set(NodeRef node, std::string_view key, T value) {
    set_bool(node, key, value ? 1 : 0);
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void set(NodeRef node, std::string_view key, T value) {
    if constexpr (std::unsigned_integral<T>)
      set_uint64(node, key, value);
    else
      set_int64(node, key, value);
  }
  template <std::floating_point T>
    requires(sizeof(T) <= sizeof(double))
  void set(NodeRef node, std::string_view key, T value) {
    set_double(node, key, value);
  }
  void set(NodeRef node, std::string_view key, std::string_view text);
  void set(NodeRef node, std::string_view key, const char* text) {
    set(node, key, std::string_view(text));
  }
  void set(NodeRef node, std::string_view key, const std::string& text) {
    set(node, key, std::string_view(text));
  }
  void set_bytes(NodeRef node, std::string_view key, std::span<const std::byte> bytes);
  void set(NodeRef node, std::string_view key, std::span<const std::int64_t> list);
  void set(NodeRef node, std::string_view key, std::span<const std::uint64_t> list);
  void set(NodeRef node, std::string_view key, std::span<const double> list);
  /// One byte an element, 0 or 1.
  void set_bool_list(NodeRef node, std::string_view key, std::span<const std::uint8_t> list);
  void set(NodeRef node, std::string_view key, std::span<const std::string_view> list);
  void set(NodeRef node, std::string_view key, std::span<const std::string> list);
  void set(NodeRef node, std::string_view key, const TextList& list);
  /// The same value as in another document.
  void set(NodeRef node, std::string_view key, const Value& value);

  // Members.
  NodeRef add_node(NodeRef parent, std::string_view key, std::string_view type_name);
  void add_member(NodeRef node, std::string_view key, ObjectId object);
  /// Bytes `[offset, offset + length)` of payload blob `payload`.
  void add_buffer(NodeRef node, std::string_view key, std::uint32_t payload, std::uint64_t offset,
                  std::uint64_t length);

  /// Takes the field or member of that key away, with everything below it. Returns how many there
  /// were, 0 or 1.
  std::size_t remove(NodeRef node, std::string_view key);

  /// The document. Good until the builder is changed or cleared; the builder can be changed and
  /// finished again.
  /// Errors: invalid (key twice, not UTF-8, no type name, no such payload), full (a limit: depth,
  /// members, size).
  [[nodiscard]] Result<std::span<const std::byte>> finish();

 private:
  static constexpr std::uint32_t kRanked = 16;
  struct Item {
    std::uint64_t
        prefix;  // first 8 bytes of the key, most significant first: most comparisons end here
    std::uint32_t key_and_kind;  // as in the document
    std::uint32_t
        value;  // as in the document, but kNode: number by creation, kObject: number in `members_`
    std::uint32_t node;
    std::uint32_t key_size;
  };
  struct Node {
    std::uint64_t nbytes;
    std::uint32_t name_and_flags;
    std::uint32_t depth;
  };
  struct Interned {
    std::uint32_t round = 0;
    std::uint32_t text = 0;
  };

  void fail(ErrorCode code, const char* why);
  [[nodiscard]] std::string_view text_at(std::uint32_t text) const;
  std::uint32_t add_text(std::string_view text);
  std::uint32_t intern(std::string_view text, std::uint64_t prefix);
  std::uint32_t add_type_name(std::string_view name, NodeRef node);
  std::uint32_t add_cells(std::size_t count);
  void add_item(NodeRef node, std::string_view key, std::uint32_t kind, std::uint32_t value);
  void add_number(NodeRef node, std::string_view key, std::uint32_t kind, std::uint64_t bits);
  void set_bool(NodeRef node, std::string_view key, int value);
  void set_int64(NodeRef node, std::string_view key, std::int64_t value);
  void set_uint64(NodeRef node, std::string_view key, std::uint64_t value);
  void set_double(NodeRef node, std::string_view key, double value);
  void set_list(NodeRef node, std::string_view key, std::uint32_t kind,
                std::span<const std::byte> elements, std::size_t count);
  template <class Texts>
  void set_text_list(NodeRef node, std::string_view key, const Texts& list);
  [[nodiscard]] bool comes_before(const Item& a, const Item& b) const;
  [[nodiscard]] bool comes_before_beyond_prefix(const Item& a, const Item& b) const;
  void group_items();
  bool rank_items(std::uint32_t begin, std::uint32_t end);
  void sort_items(std::uint32_t begin, std::uint32_t end);
  void order_nodes();
  void write();

  std::vector<Item> items_;
  std::vector<Node> nodes_;
  std::vector<ObjectId> payloads_;
  std::vector<ObjectId> members_;
  std::vector<std::uint64_t> cells_;
  std::vector<char> texts_;  // only the first `texts_used_` count
  std::size_t texts_used_ = 0;
  std::vector<Interned> interned_;
  std::uint32_t interned_count_ = 0;
  std::uint32_t round_ = 0;
  bool has_type_name_ = false;
  std::uint64_t expanded_ = 0;
  const char* fault_ = nullptr;
  ErrorCode fault_code_ = ErrorCode::kInvalid;

  // Of `finish`.
  std::vector<std::uint32_t> begins_;  // per node by creation: first of its items
  std::vector<std::uint32_t> order_;   // nodes in breadth-first order
  std::vector<Item> grouped_;
  std::vector<std::uint64_t> output_;
  std::uint32_t reachable_items_ = 0;
  std::uint32_t reachable_members_ = 0;
};

/// Copies fields and members of `from` (with everything below) to `to`. Payload blobs of `from`
/// must have been declared before, in the same order, starting at number `first_payload`
/// (`copy_into` does both).
void copy_items(const NodeView& from, DocumentBuilder& builder, NodeRef to,
                std::uint32_t first_payload);

/// Makes `builder` hold the same document as `from`, sharing its payload blobs, ready to be
/// changed.
void copy_into(DocumentBuilder& builder, const DocumentView& from);

}  // namespace vineyard::meta
