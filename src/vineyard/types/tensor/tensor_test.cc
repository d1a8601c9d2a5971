// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/tensor/tensor.h"

#include <gtest/gtest.h>

#include "vineyard/types/fakes/plain_store.h"

namespace vineyard {
namespace {

using types::testing::PlainStore;

TEST(Tensor, comes_back_as_a_view_with_shape_and_strides) {
  PlainStore store;
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const ObjectId id = *store.put(TensorValues<double>{.values = values, .shape = {2, 3}});
  const auto t = store.get<Tensor<double>>(id);
  ASSERT_TRUE(t) << t.error().to_string();
  EXPECT_TRUE(std::ranges::equal(t->shape(), std::vector<std::int64_t>{2, 3}));
  EXPECT_TRUE(std::ranges::equal(t->strides(), std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ((*t)(1, 2), 6);
  EXPECT_TRUE(std::ranges::equal(t->values(), values));
  // It lies in the payload blob: no copy was made.
  EXPECT_EQ(reinterpret_cast<const std::byte*>(t->data()),
            store.bytes(ObjectId(1).with_blob_bit()).data());
}

TEST(Tensor, is_written_as_existing_clients_do) {
  PlainStore store;
  const std::vector<float> values{1, 2};
  const auto object = *store.get(
      *store.put(TensorValues<float>{.values = values, .shape = {2}, .partition_index = {0, 1}}));
  const auto root = object.root();
  EXPECT_EQ(root.type_name(), "vineyard::Tensor<float>");
  EXPECT_EQ(root.nbytes(), 8U);
  EXPECT_EQ(root.field("shape_")->as_text(), "[2]");
  EXPECT_EQ(root.field("partition_index_")->as_text(), "[0,1]");
  EXPECT_EQ(root.field("value_type_")->as_text(), "float32");
  EXPECT_EQ(root.field("value_type_meta_")->as_text(), "<f4");
  EXPECT_EQ(root.field("order_")->as_text(), "\"C\"");
  EXPECT_EQ(root.member("buffer_")->as_buffer()->length, 8U);
}

TEST(Tensor, may_have_no_elements_or_no_dimensions) {
  PlainStore store;
  const auto empty = store.get<Tensor<int>>(*store.put(TensorValues<int>{{}, {3, 0, 2}}));
  ASSERT_TRUE(empty) << empty.error().to_string();
  EXPECT_EQ(empty->size(), 0U);
  EXPECT_EQ(empty->shape().size(), 3U);
  const std::vector<int> one{7};
  const auto scalar = store.get<Tensor<int>>(*store.put(TensorValues<int>{one, {}}));
  EXPECT_EQ((*scalar)(), 7);
}

TEST(Tensor, can_be_put_again_and_read_as_a_vector) {
  PlainStore store;
  const std::vector<std::uint16_t> values{1, 2, 3};
  const ObjectId id = *store.put(values);
  const auto t = store.get<Tensor<std::uint16_t>>(id);
  EXPECT_EQ(*store.get<std::vector<std::uint16_t>>(*store.put(*t)), values);
}

TEST(Tensor, reads_what_existing_clients_wrote) {
  PlainStore store;
  const std::vector<std::int32_t> values{5, 6};
  const ObjectId blob = store.add_blob(std::as_bytes(std::span(values)));
  ObjectDraft draft("vineyard::Tensor<int>");
  draft.document().set(draft.root(), "shape_", "[ 1, 2 ]");
  draft.document().set(draft.root(), "value_type_", "int");
  draft.document().add_member(draft.root(), "buffer_", blob);
  EXPECT_EQ((*store.get<Tensor<int>>(*store.add(draft)))(0, 1), 6);
  ObjectDraft bare("vineyard::Tensor<int32>");
  bare.document().set(bare.root(), "shape_", "[]");
  bare.document().add_member(bare.root(), "buffer_", blob);
  EXPECT_EQ((*store.get<Tensor<int>>(*store.add(bare)))(), 5);
}

TEST(Tensor, is_not_put_when_shape_and_values_do_not_agree) {
  PlainStore store;
  const std::vector<int> values{1, 2, 3};
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{2}, {4}, {-3}, {-1, -3}, {1LL << 62, 4}}) {
    const auto id = store.put(TensorValues<int>{values, shape});
    ASSERT_FALSE(id);
    EXPECT_EQ(id.error().code(), ErrorCode::kInvalid);
  }
}

// A tensor of 16 bytes whose metadata claims something else.
Result<Tensor<std::int32_t>> with(const std::string& shape, std::uint64_t offset,
                                  std::uint64_t length, const char* type = "int32") {
  PlainStore store;
  const std::vector<std::int32_t> values{1, 2, 3, 4};
  ObjectDraft draft("vineyard::Tensor<int>");
  draft.add_bytes(draft.root(), "whole", std::as_bytes(std::span(values)));
  draft.document().set(draft.root(), "shape_", shape);
  draft.document().set(draft.root(), "value_type_", type);
  draft.document().add_buffer(draft.root(), "buffer_", 0, offset, length);
  return store.get<Tensor<std::int32_t>>(*store.add(draft));
}

TEST(Tensor, whose_metadata_lies_is_refused) {
  EXPECT_TRUE(with("[4]", 0, 16));
  EXPECT_TRUE(with("[2]", 8, 8));
  for (const char* shape : {"[5]", "[-1]", "[4611686018427387904,4]", "[1,2", "x", "[1,]", "[2.5]",
                            "[99999999999999999999]", "[4] 1"})
    EXPECT_EQ(with(shape, 0, 16).error().code(), ErrorCode::kCorrupt) << shape;
  EXPECT_EQ(with("[1]", 16, 4).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(with("[1]", 1, 4).error().code(), ErrorCode::kCorrupt);  // not aligned
  EXPECT_EQ(with("[1]", 0, 1ULL << 45).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(with("[1]", 0, 16, "object").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(with("[1]", 0, 16, "float32").error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace vineyard
