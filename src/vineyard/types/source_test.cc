// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/source.h"

#include <gtest/gtest.h>

#include "vineyard/types/fakes/plain_store.h"

namespace vineyard {
namespace {

using types::testing::PlainStore;

TEST(ObjectSource, reads_inline_members_and_members_by_id_the_same_way) {
  PlainStore store;
  ObjectDraft inner("inner");
  inner.document().set(inner.root(), "n", 5);
  ObjectDraft outer("outer");
  outer.document().add_member(outer.root(), "by_id", *store.add(inner));
  outer.document().set(outer.document().add_node(outer.root(), "inline", "inner"), "n", 5);
  const auto source = *store.source(*store.add(outer));
  for (const char* key : {"by_id", "inline"}) {
    const auto member = source.member(key);
    ASSERT_TRUE(member) << member.error().to_string();
    EXPECT_EQ(member->type_name(), "inner");
    EXPECT_EQ(*member->integer("n"), 5);
  }
  EXPECT_EQ(source.member("none").error().code(), ErrorCode::kCorrupt);
}

TEST(ObjectSource, reads_numbers_that_existing_clients_wrote_as_text) {
  PlainStore store;
  ObjectDraft draft("t");
  draft.document().set(draft.root(), "a", "12");
  draft.document().set(draft.root(), "b", "12x");
  draft.document().set(draft.root(), "c", 1.5);
  const auto source = *store.source(*store.add(draft));
  EXPECT_EQ(*source.integer("a"), 12);
  EXPECT_FALSE(source.integer("b"));
  EXPECT_FALSE(source.integer("c"));
  EXPECT_FALSE(source.text("c"));
}

TEST(ObjectSource, stops_at_64_levels_even_when_objects_refer_to_each_other_in_a_circle) {
  PlainStore store;
  ObjectDraft draft("t");
  draft.document().add_member(draft.root(), "self", ObjectId(1));
  ASSERT_EQ(*store.add(draft), ObjectId(1));
  Result<ObjectSource> source = store.source(ObjectId(1));
  int levels = 0;
  while (source) {
    ++levels;
    source = source->member("self");
  }
  EXPECT_EQ(levels, 64);
  EXPECT_EQ(source.error().code(), ErrorCode::kCorrupt);
}

TEST(ObjectSource, refuses_blobs_where_an_object_is_wanted_and_the_other_way_round) {
  PlainStore store;
  const ObjectId blob = store.add_blob({});
  ObjectDraft other("t");
  const ObjectId object = *store.add(other);
  ObjectDraft draft("t");
  draft.document().add_member(draft.root(), "blob", blob);
  draft.document().add_member(draft.root(), "object", object);
  draft.document().add_member(draft.root(), "missing", ObjectId(99));
  draft.document().add_member(draft.root(), "empty", ObjectId::empty_blob());
  const auto source = *store.source(*store.add(draft));
  EXPECT_EQ(source.member("blob").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(source.bytes("object").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(source.bytes("missing").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(source.bytes("blob")->empty());
  EXPECT_TRUE(source.bytes("empty")->empty());
  EXPECT_EQ(store.source(blob).error().code(), ErrorCode::kInvalid);
}

TEST(ObjectDraft, lays_runs_side_by_side_at_64_bytes_and_fills_gaps_with_zeros) {
  PlainStore store;
  const std::string a(10, 'a');
  const std::string b(70, 'b');
  ObjectDraft draft("t");
  draft.add_bytes(draft.root(), "a", std::as_bytes(std::span(a)));
  draft.add_bytes(draft.root(), "none", {});
  draft.add_generated(draft.root(), "g", 4,
                      [](std::span<std::byte> to) { std::ranges::fill(to, std::byte{7}); });
  draft.add_bytes(draft.root(), "b", std::as_bytes(std::span(b)));
  draft.add_bytes(draft.root(), "a again", std::as_bytes(std::span(a)));
  EXPECT_EQ(draft.payload_size(), 128U + 70);
  const auto source = *store.source(*store.add(draft));
  EXPECT_EQ(source.node().nbytes(), 198U);
  EXPECT_EQ(source.bytes("a")->size(), 10U);
  EXPECT_EQ(source.bytes("a")->data(), source.bytes("a again")->data());
  EXPECT_EQ(source.bytes("g")->front(), std::byte{7});
  EXPECT_EQ(source.bytes("b")->back(), std::byte{'b'});
  EXPECT_EQ(*(source.bytes("a")->data() + 10), std::byte{0});
  EXPECT_TRUE(source.bytes("none")->empty());
}

}  // namespace
}  // namespace vineyard
