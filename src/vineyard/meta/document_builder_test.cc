// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/meta/validate.h"

namespace vineyard::meta {
namespace {

DocumentView finished(DocumentBuilder& builder) {
  const auto bytes = builder.finish();
  EXPECT_TRUE(bytes) << bytes.error().to_string();
  const auto view = validate(*bytes);
  EXPECT_TRUE(view) << view.error().to_string();
  return *view;
}

std::string why_not(DocumentBuilder& builder) {
  const auto bytes = builder.finish();
  return bytes ? "" : bytes.error().message();
}

TEST(DocumentBuilder, builds_a_document_of_a_type_name_alone) {
  DocumentBuilder builder("a::B<int>");
  const DocumentView view = finished(builder);
  EXPECT_EQ(view.root().type_name(), "a::B<int>");
  EXPECT_EQ(view.root().size(), 0U);
  EXPECT_EQ(view.root().nbytes(), 0U);
  EXPECT_FALSE(view.root().is_global());
  EXPECT_TRUE(view.references().empty());
}

TEST(DocumentBuilder, keeps_every_type_of_field_exactly) {
  DocumentBuilder b("t");
  const NodeRef root = b.root();
  const double tiny = std::numeric_limits<double>::denorm_min();
  b.set_null(root, "null");
  b.set(root, "true", true);
  b.set(root, "false", false);
  b.set(root, "small", -7);
  b.set(root, "int", std::numeric_limits<std::int64_t>::min());
  b.set(root, "uint", std::numeric_limits<std::uint64_t>::max());
  b.set(root, "half", 0.5);
  b.set(root, "tenth", 0.1);
  b.set(root, "tiny", tiny);
  b.set(root, "minus zero", -0.0);
  b.set(root, "inf", std::numeric_limits<double>::infinity());
  b.set(root, "nan", std::nan("5"));
  b.set(root, "text", "gr\xc3\xbc\xc3\x9f");
  b.set(root, "nothing", "");
  const std::array<std::byte, 2> bytes{std::byte{0xff}, std::byte{0}};
  b.set_bytes(root, "bytes", bytes);
  const std::vector<std::int64_t> ints{-1, 2};
  const std::vector<std::uint64_t> uints{~0ULL};
  const std::vector<double> doubles{0.1, 1e300};
  const std::vector<std::uint8_t> bools{1, 0, 1};
  const std::vector<std::string> texts{"", "a", "bcd"};
  b.set(root, "ints", std::span(ints));
  b.set(root, "uints", std::span(uints));
  b.set(root, "doubles", std::span(doubles));
  b.set_bool_list(root, "bools", bools);
  b.set(root, "texts", std::span(texts));
  b.set(root, "no ints", std::span<const std::int64_t>());
  const NodeView n = finished(b).root();
  EXPECT_TRUE(n.field("null")->is_null());
  EXPECT_EQ(n.field("true")->as_bool(), true);
  EXPECT_EQ(n.field("false")->as_bool(), false);
  EXPECT_EQ(n.field("small")->as_int64(), -7);
  EXPECT_EQ(n.field("small")->as_uint64(), std::nullopt);
  EXPECT_EQ(n.field("int")->as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(n.field("uint")->as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(n.field("uint")->as_int64(), std::nullopt);
  EXPECT_EQ(n.field("half")->as_double(), 0.5);
  EXPECT_EQ(n.field("tenth")->as_double(), 0.1);
  EXPECT_EQ(n.field("tiny")->as_double(), tiny);
  EXPECT_TRUE(std::signbit(*n.field("minus zero")->as_double()));
  EXPECT_EQ(n.field("inf")->as_double(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*n.field("nan")->as_double()));
  EXPECT_EQ(n.field("text")->as_text(), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(n.field("nothing")->as_text(), "");
  EXPECT_TRUE(std::ranges::equal(*n.field("bytes")->as_bytes(), bytes));
  EXPECT_TRUE(std::ranges::equal(*n.field("ints")->as_int64_list(), ints));
  EXPECT_TRUE(std::ranges::equal(*n.field("uints")->as_uint64_list(), uints));
  EXPECT_TRUE(std::ranges::equal(*n.field("doubles")->as_double_list(), doubles));
  EXPECT_TRUE(std::ranges::equal(*n.field("bools")->as_bool_list(), bools));
  const TextList list = *n.field("texts")->as_text_list();
  EXPECT_EQ(std::vector<std::string>(list.begin(), list.end()), texts);
  EXPECT_TRUE(n.field("no ints")->as_int64_list()->empty());
  EXPECT_FALSE(n.field("absent"));
  EXPECT_FALSE(n.member("text"));
}

TEST(DocumentBuilder, sorts_fields_and_members_by_key_whatever_the_order_of_building) {
  DocumentBuilder b("t");
  for (const char* key : {"zz", "a long key with the same start 2", "b", "",
                          "a long key with the same start 1", "a", "ab"})
    b.set(b.root(), key, 1);
  b.add_node(b.root(), "m", "n");
  std::vector<std::string> keys;
  const NodeView root = finished(b).root();
  for (const Item item : root) keys.emplace_back(item.key());
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_EQ(keys.size(), 8U);
  for (const auto& key : keys) EXPECT_TRUE(root.find(key)) << key;
}

TEST(DocumentBuilder, keeps_members_of_every_kind_and_lists_references_payload_first) {
  DocumentBuilder b("t");
  b.add_member(b.root(), "z", ObjectId(77));
  const std::uint32_t payload = b.add_payload();
  const NodeRef child = b.add_node(b.root(), "c", "child");
  b.set_nbytes(child, 5);
  b.set_global(child);
  b.add_member(child, "a", ObjectId(78));
  b.add_buffer(b.root(), "b", payload, 64, 100);
  const auto view = finished(b);
  ASSERT_EQ(view.payload_count(), 1U);
  ASSERT_EQ(view.references().size(), 3U);
  EXPECT_EQ(view.reference(0), ObjectId::invalid());
  EXPECT_EQ(view.reference(1), ObjectId(77));
  EXPECT_EQ(view.reference(2), ObjectId(78));
  const NodeView root = view.root();
  EXPECT_EQ(root.member("z")->as_object(), ObjectId(77));
  EXPECT_EQ(root.member("b")->as_buffer()->offset, 64U);
  EXPECT_EQ(root.member("b")->as_buffer()->length, 100U);
  EXPECT_EQ(root.member("b")->as_buffer()->reference, payload);
  const NodeView c = *root.member("c")->as_node();
  EXPECT_EQ(c.type_name(), "child");
  EXPECT_EQ(c.nbytes(), 5U);
  EXPECT_TRUE(c.is_global());
  EXPECT_EQ(c.member("a")->as_object(), ObjectId(78));
  EXPECT_FALSE(root.member("c")->as_object());
  EXPECT_FALSE(root.member("z")->as_buffer());
}

TEST(DocumentBuilder, lets_the_publisher_write_the_payload_ids_into_a_copy) {
  DocumentBuilder b("t");
  b.add_buffer(b.root(), "b", b.add_payload(), 0, 8);
  const auto bytes = b.finish();
  std::vector<std::uint64_t> copy(bytes->size() / 8);
  std::memcpy(copy.data(), bytes->data(), bytes->size());
  patch_reference(std::as_writable_bytes(std::span(copy)), 0, ObjectId(99));
  EXPECT_EQ(validate(std::as_bytes(std::span(copy)))->reference(0), ObjectId(99));
}

TEST(DocumentBuilder, says_what_is_wrong_with_a_document) {
  DocumentBuilder b;
  EXPECT_NE(why_not(b).find("without a type name"), std::string::npos);
  b.clear("t");
  b.set(b.root(), "a", 1);
  b.set(b.root(), "a", 2);
  EXPECT_NE(why_not(b).find("twice"), std::string::npos);
  b.clear("t");
  b.set(b.root(), "a", "\xff");
  EXPECT_NE(why_not(b).find("UTF-8"), std::string::npos);
  b.clear("t\xc3");
  EXPECT_NE(why_not(b).find("UTF-8"), std::string::npos);
  b.clear("t");
  b.set(b.root(), "\xed\xa0\x80", 1);
  EXPECT_NE(why_not(b).find("UTF-8"), std::string::npos);
  b.clear("t");
  b.add_buffer(b.root(), "a", 0, 0, 1);
  EXPECT_NE(why_not(b).find("payload"), std::string::npos);
  b.clear("t");
  EXPECT_EQ(why_not(b), "");
}

TEST(DocumentBuilder, allows_64_levels_and_not_one_more) {
  for (const std::uint32_t levels : {limits::kMaxDepth, limits::kMaxDepth + 1}) {
    DocumentBuilder b("t");
    NodeRef node = b.root();
    for (std::uint32_t i = 1; i < levels; ++i) node = b.add_node(node, "m", "t");
    EXPECT_EQ(b.finish().has_value(), levels == limits::kMaxDepth);
  }
}

TEST(DocumentBuilder, allows_65535_members_and_not_one_more) {
  for (const std::uint32_t count : {limits::kMaxMembers, limits::kMaxMembers + 1}) {
    DocumentBuilder by_id("t");
    DocumentBuilder inline_nodes("t");
    for (std::uint32_t i = 0; i < count; ++i) {
      by_id.add_member(by_id.root(), std::to_string(i), ObjectId(i));
      inline_nodes.add_node(inline_nodes.root(), std::to_string(i), "n");
    }
    EXPECT_EQ(by_id.finish().has_value(), count == limits::kMaxMembers);
    EXPECT_EQ(inline_nodes.finish().has_value(), count == limits::kMaxMembers);
  }
}

TEST(DocumentBuilder, refuses_more_than_64_mib) {
  DocumentBuilder b("t");
  const std::string text(40U << 20, 'x');
  b.set(b.root(), "a", text);
  b.set(b.root(), "b", text);
  EXPECT_EQ(b.finish().error().code(), ErrorCode::kFull);
}

TEST(DocumentBuilder, stores_repeated_keys_of_inner_nodes_once) {
  DocumentBuilder b("t");
  std::size_t sizes[2] = {};
  for (int count : {1, 101}) {
    b.clear("t");
    for (int i = 0; i < count; ++i)
      b.set(b.add_node(b.root(), std::to_string(1000 + i), "vineyard::NumericArray<double>"),
            "a rather long key", i);
    sizes[count > 1 ? 1 : 0] = b.finish()->size();
  }
  // Each further node: its record, its item in the root with a key of 5 bytes, and its own item.
  EXPECT_LE(sizes[1] - sizes[0], 100 * (16 + 8 + 8 + 8));
}

TEST(DocumentBuilder, can_be_changed_after_it_was_finished) {
  DocumentBuilder b("t");
  b.set(b.root(), "b", 1);
  const NodeRef child = b.add_node(b.root(), "c", "t");
  b.add_member(child, "x", ObjectId(3));
  EXPECT_EQ(finished(b).references().size(), 1U);
  EXPECT_EQ(b.remove(b.root(), "c"), 1U);
  EXPECT_EQ(b.remove(b.root(), "c"), 0U);
  b.set(b.root(), "a", 2);
  const DocumentView view = finished(b);
  EXPECT_EQ(view.node_count(), 1U);
  EXPECT_EQ(view.references().size(), 0U);
  EXPECT_EQ(view.root().field("a")->as_int64(), 2);
  EXPECT_EQ(view.root().field("b")->as_int64(), 1);
  b.set_type_name(b.root(), "other");
  EXPECT_EQ(finished(b).root().type_name(), "other");
}

TEST(DocumentBuilder, takes_at_most_168_bytes_and_names_for_8_fields_and_4_members) {
  DocumentBuilder b("t");
  for (int i = 0; i < 8; ++i) b.set(b.root(), std::string(1, static_cast<char>('a' + i)), i);
  for (int i = 0; i < 4; ++i)
    b.add_member(b.root(), std::string(1, static_cast<char>('m' + i)), ObjectId(i));
  const std::size_t names = 13 * 2;  // each one byte long
  EXPECT_LE(b.finish()->size(), 168 + (names + 7) / 8 * 8);
}

}  // namespace
}  // namespace vineyard::meta
