// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/scalar/scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "vineyard/types/fakes/plain_store.h"

namespace vineyard {
namespace {

using types::testing::PlainStore;

template <class T>
T there_and_back(const T& value) {
  PlainStore store;
  const auto result = store.get<T>(*store.put(value));
  EXPECT_TRUE(result) << result.error().to_string();
  return *result;
}

TEST(Scalar, comes_back_as_it_went_in) {
  EXPECT_EQ(there_and_back(true), true);
  EXPECT_EQ(there_and_back(std::int8_t{-128}), -128);
  EXPECT_EQ(there_and_back(std::uint16_t{65535}), 65535);
  EXPECT_EQ(there_and_back(-5), -5);
  EXPECT_EQ(there_and_back(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(there_and_back(std::numeric_limits<std::uint64_t>::max()),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(there_and_back(0.1), 0.1);
  EXPECT_EQ(there_and_back(0.1F), 0.1F);
  EXPECT_TRUE(std::isnan(there_and_back(std::nan(""))));
  EXPECT_EQ(there_and_back(std::string("gr\xc3\xbc\xc3\x9f")), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(there_and_back(std::string("\xff\0x", 3)), std::string("\xff\0x", 3));
  EXPECT_EQ(there_and_back(std::string()), "");
}

TEST(Scalar, is_written_as_existing_clients_do) {
  PlainStore store;
  const auto object = *store.get(*store.put(7));
  EXPECT_EQ(object.root().type_name(), "vineyard::Scalar<int>");
  EXPECT_EQ(object.root().field("type_")->as_text(), "int32");
  EXPECT_EQ(object.root().field("value_")->as_int64(), 7);
  EXPECT_EQ(object.document().references().size(), 0U);
  EXPECT_EQ(store.get(*store.put(std::uint8_t{1}))->root().type_name(), "vineyard::Scalar<uint8>");
  EXPECT_EQ(store.get(*store.put(std::string()))->root().type_name(),
            "vineyard::Scalar<std::string>");
}

TEST(Scalar, resolves_to_any_type_that_holds_the_value) {
  PlainStore store;
  const ObjectId three = *store.put(std::int64_t{3});
  EXPECT_EQ(*store.get<std::uint8_t>(three), 3);
  EXPECT_EQ(*store.get<double>(three), 3.0);
  EXPECT_FALSE(store.get<bool>(three));
  EXPECT_FALSE(store.get<std::string>(three));
  const ObjectId large = *store.put(std::int64_t{300});
  EXPECT_EQ(store.get<std::uint8_t>(large).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(store.get<std::int8_t>(*store.put(-129)).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(*store.get<int>(*store.put(true)), 1);
  EXPECT_EQ(*store.get<bool>(*store.put(1)), true);
  EXPECT_FALSE(store.get<std::uint64_t>(*store.put(-1)));
  EXPECT_FALSE(store.get<float>(*store.put(0.1)));
  EXPECT_EQ(*store.get<float>(*store.put(0.5)), 0.5F);
  EXPECT_FALSE(store.get<double>(*store.put((std::int64_t{1} << 53) + 1)));
}

TEST(Scalar, refuses_objects_of_other_types) {
  PlainStore store;
  ObjectDraft other("my::Type");
  other.document().set(other.root(), "value_", 1);
  EXPECT_EQ(store.get<int>(*store.add(other)).error().code(), ErrorCode::kInvalid);
  ObjectDraft empty("vineyard::Scalar<int>");
  EXPECT_EQ(store.get<int>(*store.add(empty)).error().code(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace vineyard
