// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/sequence/sequence.h"

#include <gtest/gtest.h>

#include "vineyard/types/fakes/plain_store.h"
#include "vineyard/types/scalar/scalar.h"
#include "vineyard/types/tensor/tensor.h"

namespace vineyard {
namespace {

using types::testing::PlainStore;

TEST(Sequence, holds_elements_of_any_type_in_one_object) {
  using Value = std::tuple<int, std::string, std::pair<double, bool>, std::vector<double>,
                           std::vector<std::string>>;
  const Value value(1, "two", {3.5, true}, {4, 5}, {"six", "", "seven"});
  PlainStore store;
  const ObjectId id = *store.put(value);
  EXPECT_EQ(store.objects().size(), 2U);  // the document and one payload blob
  const auto back = store.get<Value>(id);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, value);
}

TEST(Sequence, is_written_as_existing_clients_do) {
  PlainStore store;
  const auto object = *store.get(*store.put(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(object.root().type_name(), "vineyard::Sequence");
  EXPECT_EQ(object.root().field("size_")->as_int64(), 2);
  EXPECT_EQ(object.root().field("__elements_-size")->as_int64(), 2);
  EXPECT_TRUE(object.root().member("__elements_-1")->as_node());
}

TEST(Sequence, holds_objects_by_their_ids) {
  PlainStore store;
  const std::vector<ObjectId> ids{*store.put(1), *store.put(std::string("x"))};
  const ObjectId id = *store.put(ids);
  EXPECT_EQ(store.get(id)->document().references().size(), 2U);
  EXPECT_EQ(*store.get<std::vector<ObjectId>>(id), ids);
  // Elements by id and inline elements read the same.
  using Tuple = std::tuple<int, std::string>;
  EXPECT_EQ(*store.get<Tuple>(id), Tuple(1, "x"));
}

TEST(Sequence, may_be_empty_and_nested) {
  PlainStore store;
  using List = std::vector<std::vector<std::string>>;
  const List lists{{}, {"a"}, {}};
  EXPECT_EQ(*store.get<List>(*store.put(lists)), lists);
  EXPECT_EQ(*store.get<std::tuple<>>(*store.put(std::tuple<>())), std::tuple<>());
}

TEST(Sequence, refuses_another_size_or_type) {
  PlainStore store;
  const ObjectId id = *store.put(std::tuple<int, int>(1, 2));
  EXPECT_EQ((store.get<std::tuple<int>>(id)).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ((store.get<std::tuple<int, std::string>>(id)).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ((store.get<std::pair<int, int>>(id)).error().code(), ErrorCode::kInvalid);
  ObjectDraft draft("vineyard::Sequence");
  draft.document().set(draft.root(), "__elements_-size", std::int64_t{1} << 40);
  EXPECT_EQ(store.get<std::vector<std::string>>(*store.add(draft)).error().code(),
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace vineyard
