// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "vineyard/meta/document_builder.h"

// For tests: random trees as plain values, put into a builder and compared with what a view shows.
namespace vineyard::meta::testing {

struct TreeNode;
struct TreeBuffer {
  std::uint32_t payload;
  std::uint64_t offset;
  std::uint64_t length;
};
struct Bytes {
  std::string value;
};
struct Bools {
  std::vector<std::uint8_t> value;
};
using TreeItem =
    std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Bytes,
                 std::vector<std::int64_t>, std::vector<std::uint64_t>, std::vector<double>, Bools,
                 std::vector<std::string>, std::unique_ptr<TreeNode>, ObjectId, TreeBuffer>;
struct TreeNode {
  std::string type_name;
  std::uint64_t nbytes = 0;
  bool global = false;
  std::map<std::string, TreeItem> items;
};
struct Tree {
  std::vector<ObjectId> payloads;
  TreeNode root;
};

/// Makes random trees; the same seed makes the same ones.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  every tree is one that a builder takes.
class RandomTrees {
 public:
  explicit RandomTrees(std::uint64_t seed) : random_(seed) {}

  Tree make() {
    Tree tree;
    for (std::uint64_t i = below(3); i > 0; --i) tree.payloads.emplace_back(random_());
    fill(tree, tree.root, 1);
    return tree;
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::uint64_t next() { return random_(); }

 private:
  std::string text() {
    static const std::string kPieces[] = {
        "a",  "buffer_", "\xc3\xa4",           "\xe2\x82\xac",      "\xf0\x9f\x8d\x87",
        "-0", "\n",      std::string(1, '\0'), "long piece of text"};
    std::string text;
    const std::uint64_t pieces = below(20) == 0 ? 40 : below(4);
    for (std::uint64_t i = 0; i < pieces; ++i) text += kPieces[below(std::size(kPieces))];
    return text;
  }
  double number() {
    switch (below(4)) {
      case 0: return static_cast<double>(static_cast<float>(below(1000)) / 8);
      case 1: return std::bit_cast<double>(random_());
      case 2: return -0.0;
      default: return static_cast<double>(random_()) / 3;
    }
  }
  std::int64_t integer() {
    return below(2) != 0 ? static_cast<std::int64_t>(random_()) >> below(63)
                         : static_cast<std::int64_t>(below(10));
  }
  template <class Make>
  auto list(Make make) {
    std::vector<decltype(make())> values;
    for (std::uint64_t i = below(6); i > 0; --i) values.push_back(make());
    return values;
  }
  TreeItem item(Tree& tree, std::uint32_t depth) {
    const std::uint64_t kinds = 15;
    switch (below(kinds)) {
      case 0: return nullptr;
      case 1: return below(2) != 0;
      case 2: return integer();
      case 3: return random_() | std::uint64_t{1} << 63;
      case 4: return number();
      case 5: return text();
      case 6: return Bytes{std::string(below(40), static_cast<char>(random_()))};
      case 7: return list([this] { return integer(); });
      case 8: return list([this] { return random_(); });
      case 9: return list([this] { return number(); });
      case 10: return Bools{list([this] { return static_cast<std::uint8_t>(below(2)); })};
      case 11: return list([this] { return text(); });
      case 12: {
        if (depth >= 6) return nullptr;
        auto child = std::make_unique<TreeNode>();
        fill(tree, *child, depth + 1);
        return child;
      }
      case 13: return ObjectId(random_());
      default:
        if (tree.payloads.empty()) return nullptr;
        return TreeBuffer{static_cast<std::uint32_t>(below(tree.payloads.size())),
                          below(1ULL << 45), below(1ULL << 45)};
    }
  }
  void fill(Tree& tree, TreeNode& node, std::uint32_t depth) {
    node.type_name = "t::" + text();
    node.nbytes = random_() >> below(64);
    node.global = below(4) == 0;
    const std::uint64_t items = below(8) == 0 ? 60 : below(10);
    for (std::uint64_t i = 0; i < items; ++i)
      node.items.emplace(text() + std::to_string(below(50)), item(tree, depth));
  }
  std::mt19937_64 random_;
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

inline void put_node(DocumentBuilder& b, NodeRef ref, const TreeNode& node) {
  b.set_nbytes(ref, node.nbytes);
  if (node.global) b.set_global(ref);
  for (const auto& [key, value] : node.items) {
    std::visit(
        Overloaded{
            [&](std::nullptr_t) { b.set_null(ref, key); },
            [&](const Bytes& v) { b.set_bytes(ref, key, std::as_bytes(std::span(v.value))); },
            [&](const Bools& v) { b.set_bool_list(ref, key, v.value); },
            [&](const std::unique_ptr<TreeNode>& v) {
              put_node(b, b.add_node(ref, key, v->type_name), *v);
            },
            [&](ObjectId v) { b.add_member(ref, key, v); },
            [&](const TreeBuffer& v) { b.add_buffer(ref, key, v.payload, v.offset, v.length); },
            [&]<class T>(const std::vector<T>& v) { b.set(ref, key, std::span<const T>(v)); },
            [&](const auto& v) { b.set(ref, key, v); },
        },
        value);
  }
}

inline void put_tree(DocumentBuilder& b, const Tree& tree) {
  b.clear(tree.root.type_name);
  for (const ObjectId id : tree.payloads) b.add_payload(id);
  put_node(b, b.root(), tree.root);
}

inline bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

template <class A, class B>
bool same_list(const std::vector<A>& expected, const std::optional<B>& found) {
  if (!found || found->size() != expected.size()) return false;
  for (std::uint32_t i = 0; i < expected.size(); ++i) {
    if constexpr (std::same_as<A, double>) {
      if (!same_bits(expected[i], (*found)[i])) return false;
    } else {
      if (expected[i] != (*found)[i]) return false;
    }
  }
  return true;
}

inline bool same_node(const TreeNode& expected, const NodeView& found);

inline bool same_item(const TreeItem& expected, const Item& found) {
  if (expected.index() < 12 && found.is_member()) return false;
  if (expected.index() >= 12 && found.is_field()) return false;
  return std::visit(
      Overloaded{
          [&](std::nullptr_t) { return found.value().is_null(); },
          [&](bool v) { return found.value().as_bool() == v; },
          [&](std::int64_t v) { return found.value().as_int64() == v; },
          [&](std::uint64_t v) { return found.value().as_uint64() == v; },
          [&](double v) {
            return found.value().as_double() && same_bits(*found.value().as_double(), v);
          },
          [&](const std::string& v) { return found.value().as_text() == v; },
          [&](const Bytes& v) {
            const auto bytes = found.value().as_bytes();
            return bytes && std::string(reinterpret_cast<const char*>(bytes->data()),
                                        bytes->size()) == v.value;
          },
          [&](const std::vector<std::int64_t>& v) {
            return same_list(v, found.value().as_int64_list());
          },
          [&](const std::vector<std::uint64_t>& v) {
            return same_list(v, found.value().as_uint64_list());
          },
          [&](const std::vector<double>& v) {
            return same_list(v, found.value().as_double_list());
          },
          [&](const Bools& v) { return same_list(v.value, found.value().as_bool_list()); },
          [&](const std::vector<std::string>& v) {
            return same_list(v, found.value().as_text_list());
          },
          [&](const std::unique_ptr<TreeNode>& v) {
            const auto node = found.member().as_node();
            return node && same_node(*v, *node);
          },
          [&](ObjectId v) { return found.member().as_object() == v; },
          [&](const TreeBuffer& v) {
            const auto b = found.member().as_buffer();
            return b && b->reference == v.payload && b->offset == v.offset && b->length == v.length;
          },
      },
      expected);
}

inline bool same_node(const TreeNode& expected, const NodeView& found) {
  if (found.type_name() != expected.type_name || found.nbytes() != expected.nbytes) return false;
  if (found.is_global() != expected.global || found.size() != expected.items.size()) return false;
  std::uint32_t index = 0;
  for (const auto& [key, value] : expected.items) {
    const Item item = found[index++];
    const auto by_key = found.find(key);
    if (item.key() != key || !by_key || !same_item(value, item) || !same_item(value, *by_key))
      return false;
  }
  return true;
}

inline bool same_tree(const Tree& expected, const DocumentView& found) {
  if (found.payload_count() != expected.payloads.size()) return false;
  for (std::uint32_t i = 0; i < expected.payloads.size(); ++i)
    if (found.reference(i) != expected.payloads[i]) return false;
  return same_node(expected.root, found.root());
}

/// Reads everything that a view gives, so that a sanitizer sees any access outside. Returns
/// something that depends on it.
inline std::uint64_t read_all(const NodeView& node) {
  std::uint64_t sum = node.type_name().size() + node.nbytes() + (node.is_global() ? 1 : 0);
  const auto add_bytes = [&sum](const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      sum = sum * 31 + static_cast<const unsigned char*>(data)[i];
  };
  for (const Item item : node) {
    add_bytes(item.key().data(), item.key().size());
    if (const auto found = node.find(item.key())) sum += found->is_member() ? 1 : 2;
    if (item.is_member()) {
      const Member member = item.member();
      if (const auto child = member.as_node()) sum += read_all(*child);
      if (const auto object = member.as_object()) sum += object->value;
      if (const auto buffer = member.as_buffer())
        sum += buffer->offset + buffer->length + buffer->reference;
      continue;
    }
    const Value value = item.value();
    if (const auto v = value.as_int64()) sum += static_cast<std::uint64_t>(*v);
    if (const auto v = value.as_uint64()) sum += *v;
    if (const auto v = value.as_double()) sum += std::bit_cast<std::uint64_t>(*v);
    if (const auto v = value.as_text()) add_bytes(v->data(), v->size());
    if (const auto v = value.as_bytes()) add_bytes(v->data(), v->size());
    if (const auto v = value.as_int64_list()) add_bytes(v->data(), v->size_bytes());
    if (const auto v = value.as_uint64_list()) add_bytes(v->data(), v->size_bytes());
    if (const auto v = value.as_double_list()) add_bytes(v->data(), v->size_bytes());
    if (const auto v = value.as_bool_list()) add_bytes(v->data(), v->size_bytes());
    if (const auto v = value.as_text_list())
      for (const std::string_view text : *v) add_bytes(text.data(), text.size());
  }
  return sum;
}
inline std::uint64_t read_all(const DocumentView& view) {
  std::uint64_t sum = 0;
  for (const std::uint64_t id : view.references()) sum += id;
  return sum + read_all(view.root());
}

}  // namespace vineyard::meta::testing
