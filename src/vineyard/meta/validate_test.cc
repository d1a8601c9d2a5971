// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/validate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/meta/fakes/random_document.h"
#include "vineyard/meta/format.h"

namespace vineyard::meta {
namespace {

using testing::RandomTrees;

// Bytes of a document of exactly their size on the heap, so that a sanitizer sees any access beyond
// them.
class Copy {
 public:
  explicit Copy(std::span<const std::byte> bytes)
      : size_(bytes.size()), words_(new std::uint64_t[(size_ + 7) / 8]()) {
    std::memcpy(words_.get(), bytes.data(), size_);
  }
  std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(words_.get()), size_}; }
  template <class T>
  void set(std::size_t at, T value) {
    std::memcpy(bytes().data() + at, &value, sizeof value);
  }
  template <class T>
  T get(std::size_t at) {
    T value;
    std::memcpy(&value, bytes().data() + at, sizeof value);
    return value;
  }

 private:
  std::size_t size_;
  std::unique_ptr<std::uint64_t[]> words_;
};

DocumentBuilder small_document() {
  DocumentBuilder b("type");
  const std::uint32_t payload = b.add_payload(ObjectId(1));
  const NodeRef child = b.add_node(b.root(), "child", "inner");
  b.add_buffer(child, "buffer", payload, 0, 16);
  b.add_member(b.root(), "object", ObjectId(2));
  b.set(b.root(), "text", "words");
  return b;
}

TEST(Validate, refuses_every_document_that_is_cut_short) {
  DocumentBuilder builder;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    testing::put_tree(builder, RandomTrees(seed).make());
    const auto bytes = *builder.finish();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Copy cut(bytes.first(size));
      ASSERT_FALSE(validate(cut.bytes())) << size;
      if (size >= sizeof(format::Header)) {
        cut.set(offsetof(format::Header, size), static_cast<std::uint32_t>(size));
        if (const auto view = validate(cut.bytes())) testing::read_all(*view);
      }
    }
  }
}

TEST(Validate, gives_a_readable_document_or_an_error_whatever_was_changed) {
  DocumentBuilder builder;
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomTrees random(seed);
    testing::put_tree(builder, random.make());
    const auto bytes = *builder.finish();
    for (int round = 0; round < 200; ++round) {
      Copy copy(bytes);
      for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
        const std::size_t at = random.below(bytes.size());
        switch (random.below(4)) {
          case 0: copy.set(at, static_cast<std::uint8_t>(random.next())); break;
          case 1:
            copy.set(at,
                     static_cast<std::uint8_t>(copy.get<std::uint8_t>(at) ^ 1U << random.below(8)));
            break;
          case 2:
            copy.set(at / 4 * 4, static_cast<std::uint32_t>(random.below(bytes.size() + 8)));
            break;
          default:
            copy.set(at / 4 * 4, static_cast<std::uint32_t>(copy.get<std::uint32_t>(at / 4 * 4) +
                                                            random.below(3) - 1));
        }
      }
      if (const auto view = validate(copy.bytes()))
        testing::read_all(*view);
      else
        ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Validate, refuses_what_is_no_document) {
  std::vector<std::uint64_t> words(8);
  const auto bytes = std::as_bytes(std::span(words));
  EXPECT_EQ(validate({}).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(validate(bytes).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(validate(bytes.subspan(4, 32)).error().code(), ErrorCode::kInvalid);
}

TEST(Validate, tells_another_version_from_rubbish) {
  auto builder = small_document();
  Copy copy(*builder.finish());
  copy.set(0, format::kMagic + (1U << 24));
  EXPECT_EQ(validate(copy.bytes()).error().code(), ErrorCode::kUnsupported);
}

TEST(Validate, refuses_nodes_that_are_not_a_tree) {
  auto builder = small_document();
  Copy copy(*builder.finish());
  const std::size_t items = sizeof(format::Header) + 2 * 8 + 2 * sizeof(format::Node);
  const std::size_t child =
      items + offsetof(format::Item, value);  // "child" is the first key of the root
  ASSERT_EQ(copy.get<std::uint32_t>(child), 1U);
  for (const std::uint32_t target : {0U, 2U, ~0U}) {
    copy.set(child, target);
    EXPECT_NE(validate(copy.bytes()).error().message().find("tree"), std::string::npos) << target;
  }
  // A field in its place leaves the inner node without a parent.
  copy.set(items, copy.get<std::uint32_t>(items) & format::kTextMask);
  copy.set(child, 0U);
  EXPECT_NE(validate(copy.bytes()).error().message().find("without a parent"), std::string::npos);
}

TEST(Validate, refuses_members_and_buffers_that_are_not_among_the_references) {
  auto builder = small_document();
  Copy copy(*builder.finish());
  const std::size_t items = sizeof(format::Header) + 2 * 8 + 2 * sizeof(format::Node);
  const std::size_t object = items + sizeof(format::Item) + offsetof(format::Item, value);
  ASSERT_EQ(copy.get<std::uint32_t>(object), 1U);
  for (const std::uint32_t reference : {0U, 2U}) {  // 0 is a payload blob
    Copy bad(*builder.finish());
    bad.set(object, reference);
    EXPECT_NE(validate(bad.bytes()).error().message().find("reference"), std::string::npos);
  }
  Copy no_payload(*builder.finish());
  no_payload.set(offsetof(format::Header, payload_count), std::uint16_t{0});
  EXPECT_FALSE(validate(no_payload.bytes()));
  Copy too_many(*builder.finish());
  too_many.set(offsetof(format::Header, payload_count), std::uint16_t{3});
  EXPECT_FALSE(validate(too_many.bytes()));
}

TEST(Validate, refuses_texts_that_are_shared_so_often_that_a_small_document_gets_expensive) {
  // 70,000 members with the same type name of 4,096 bytes: 40 bytes each in the document, 280 MB
  // when printed.
  DocumentBuilder b("t");
  const std::string name(limits::kMaxTypeName, 'n');
  for (int i = 0; i < 2; ++i) {
    const NodeRef half = b.add_node(b.root(), std::to_string(i), "half");
    for (int k = 0; k < 35000; ++k) b.add_node(half, std::to_string(k), name);
  }
  EXPECT_EQ(b.finish().error().code(), ErrorCode::kFull);
}

TEST(Validate, refuses_depth_beyond_64_levels) {
  // The builder makes 64 levels; a chain of items is then bent to have the last node's parent one
  // level deeper.
  DocumentBuilder b("t");
  NodeRef node = b.root();
  for (std::uint32_t i = 1; i < limits::kMaxDepth; ++i) node = b.add_node(node, "m", "t");
  b.set_null(node, "m");
  Copy copy(*b.finish());
  ASSERT_TRUE(validate(copy.bytes()));
  // Nodes 0..63 with one item each: raise the node count by one, taking the place of the last
  // item's bytes.
  const std::size_t nodes = sizeof(format::Header);
  const std::size_t count = limits::kMaxDepth;
  std::vector<std::byte> longer(copy.bytes().begin(), copy.bytes().end());
  format::Node extra{};
  std::memcpy(&extra, longer.data() + nodes + (count - 1) * sizeof extra, sizeof extra);
  extra.first_item = static_cast<std::uint32_t>(count);
  const auto* raw = reinterpret_cast<const std::byte*>(&extra);
  longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(nodes + count * sizeof extra), raw,
                raw + sizeof extra);
  Copy deep(longer);
  deep.set(offsetof(format::Header, size), static_cast<std::uint32_t>(longer.size()));
  deep.set(offsetof(format::Header, node_count), static_cast<std::uint32_t>(count + 1));
  deep.set(offsetof(format::Header, text_start),
           deep.get<std::uint32_t>(offsetof(format::Header, text_start)) + 16);
  const std::size_t last = nodes + (count + 1) * sizeof extra + (count - 1) * sizeof(format::Item);
  deep.set(last, (deep.get<std::uint32_t>(last) & format::kTextMask) |
                     static_cast<std::uint32_t>(format::ItemKind::kNode) << format::kTextBits);
  deep.set(last + 4, static_cast<std::uint32_t>(count));
  EXPECT_NE(validate(deep.bytes()).error().message().find("64 levels"), std::string::npos);
}

}  // namespace
}  // namespace vineyard::meta
