// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/keys.h"

#include <gtest/gtest.h>

#include "vineyard/base/limits.h"

namespace vineyard::catalog {
namespace {

TEST(Keys, are_read_as_they_are_written) {
  EXPECT_EQ(instance_key({0xab}), "instance/00000000000000ab");
  EXPECT_EQ(parse_key(instance_key({0xab}))->number, 0xabU);
  EXPECT_EQ(parse_key(turn_key({7}))->kind, KeyKind::kTurn);
  EXPECT_EQ(parse_key(object_key(ObjectId(1)))->kind, KeyKind::kObject);
  EXPECT_EQ(parse_key(name_key("a/b"))->name, "a/b");
  EXPECT_EQ(parse_key(kBlocks)->kind, KeyKind::kCounter);
}

TEST(Keys, of_others_are_none) {
  for (const std::string_view key :
       {"", "object/", "object/1", "object/00000000000000AB", "object/-000000000000001",
        "object/00000000000000001", "name/", "names/a", "counter/other", "instance/xyz"})
    EXPECT_FALSE(parse_key(key).has_value()) << key;
  EXPECT_TRUE(parse_key(name_key(std::string(limits::kMaxName, 'n'))).has_value());
  EXPECT_FALSE(parse_key(name_key(std::string(limits::kMaxName + 1, 'n'))).has_value());
}

TEST(ObjectValue, comes_back_with_its_document_untouched) {
  const std::string document("{\"a\": 1}\nsecond line\0x", 22);
  const std::string text = object_value({.owner = {5},
                                         .bytes = 1ULL << 63,
                                         .type = "vineyard::Map<int, std::string>",
                                         .document = document});
  const auto value = parse_object_value(text);
  ASSERT_TRUE(value.has_value()) << value.error().message();
  EXPECT_EQ(value->owner, InstanceId{5});
  EXPECT_EQ(value->bytes, 1ULL << 63);
  EXPECT_EQ(value->type, "vineyard::Map<int, std::string>");
  EXPECT_EQ(value->document, document);
}

TEST(ObjectValue, that_is_none_is_said_so) {
  for (const std::string_view text :
       {"", "\n", "1 \n", "1 0000000000000005 8 t", "2 0000000000000005 8 t\n",
        "1 0000000000000005 8 \n", "1 0000000000000005 -8 t\n", "1 0000000000000005 08 t\n",
        "1 5 8 t\n", "1 0000000000000005 18446744073709551616 t\n"})
    EXPECT_EQ(parse_object_value(text).error().code(), ErrorCode::kCorrupt) << text;
}

TEST(Values, of_names_and_numbers_have_one_spelling) {
  EXPECT_EQ(parse_name_value(ObjectId(9).to_string())->value, 9U);
  EXPECT_FALSE(parse_name_value("9").has_value());
  EXPECT_EQ(*parse_number_value("0"), 0U);
  for (const std::string_view text : {"", "01", "+1", "-1", " 1", "1 ", "1x"})
    EXPECT_FALSE(parse_number_value(text).has_value()) << text;
}

}  // namespace
}  // namespace vineyard::catalog
