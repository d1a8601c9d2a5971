// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/type_name.h"

#include <gtest/gtest.h>

namespace vineyard::meta {
namespace {

TEST(TypeName, is_taken_apart_into_base_and_arguments) {
  const auto name = *parse_type_name("a::Hashmap<int64,std::pair<int,double>,x>");
  EXPECT_EQ(name.base, "a::Hashmap");
  EXPECT_EQ(name.arguments, (std::vector<std::string>{"int64", "std::pair<int,double>", "x"}));
  EXPECT_EQ(name.to_string(), "a::Hashmap<int64,std::pair<int,double>,x>");
  EXPECT_TRUE(parse_type_name("vineyard::Blob")->arguments.empty());
}
TEST(TypeName, refuses_brackets_that_do_not_match) {
  for (const char* text : {"", "<a>", "a<", "a<b", "a<b>>", "a<<b>", "a<b>c", "a>b", "a<>", "a<b,>",
                           "a<,b>", "a<b><c>", "a,b"})
    EXPECT_FALSE(parse_type_name(text)) << text;
}
TEST(TypeName, has_one_canonical_spelling) {
  EXPECT_EQ(canonical_type_name("vineyard::Tensor< float >"), "vineyard::Tensor<float>");
  EXPECT_EQ(canonical_type_name("vineyard::Tensor<long unsigned int>"), "vineyard::Tensor<uint64>");
  EXPECT_EQ(canonical_type_name("vineyard::Tensor<int32>"), "vineyard::Tensor<int>");
  EXPECT_EQ(canonical_type_name("vineyard::Scalar<std::__cxx11::string>"),
            "vineyard::Scalar<std::string>");
  EXPECT_EQ(canonical_type_name("a::Map<std::__1::pair<short int, signed char>, float64>"),
            "a::Map<std::pair<int16,int8>,double>");
  EXPECT_EQ(canonical_type_name("float"), "float");
  EXPECT_EQ(canonical_type_name("my type <unsigned  int>"), "my type<uint>");
}
TEST(TypeName, that_is_canonical_stays_as_it_is) {
  for (const char* text :
       {"a::__1__1::::b", "a __1::<b>", "__1 __1::::b", "a<__cxx11::short int>"}) {
    const std::string once = canonical_type_name(text);
    EXPECT_EQ(canonical_type_name(once), once) << text;
  }
  EXPECT_EQ(canonical_type_name("a __1::<b>"), "a<b>");
}
TEST(ElementType, is_found_by_any_spelling) {
  for (int i = 0; i < 12; ++i) {
    const auto type = static_cast<ElementType>(i);
    EXPECT_EQ(parse_element_type(name_in_type(type)), type);
    EXPECT_EQ(parse_element_type(numpy_name(type)), type);
  }
  EXPECT_EQ(parse_element_type("unsigned char"), ElementType::kUint8);
  EXPECT_EQ(parse_element_type("float"), ElementType::kFloat32);
  EXPECT_FALSE(parse_element_type("std::string"));
  EXPECT_EQ(size_of(ElementType::kFloat16), 2U);
  EXPECT_EQ(kElementType<std::uint64_t>, ElementType::kUint64);
}

}  // namespace
}  // namespace vineyard::meta
