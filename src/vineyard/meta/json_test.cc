// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace vineyard::meta {
namespace {

std::string rewritten(std::string_view text, JsonStyle style = JsonStyle::kCompact) {
  const auto value = JsonValue::parse(text);
  EXPECT_TRUE(value) << value.error().to_string();
  JsonWriter writer(style);
  value->write(writer);
  return writer.take();
}

TEST(JsonWriter, nests_objects_and_arrays) {
  JsonWriter w;
  w.begin_object()
      .field("a", 1)
      .key("b")
      .begin_array()
      .value("x")
      .null()
      .value(true)
      .begin_object()
      .end_object();
  w.end_array().field("c", 2.0).end_object();
  EXPECT_EQ(w.text(), R"({"a":1,"b":["x",null,true,{}],"c":2.0})");
}
TEST(JsonWriter, indents_for_people) {
  JsonWriter w(JsonStyle::kIndented);
  w.begin_object().field("a", 1).key("b").begin_array().end_array().end_object();
  EXPECT_EQ(w.text(), "{\n  \"a\": 1,\n  \"b\": []\n}");
}
TEST(JsonWriter, escapes_what_json_does_not_allow_in_texts) {
  JsonWriter w;
  w.value(std::string_view("a\"\\\n\t\r\x01\x1f\0\xc3\xa4", 11));
  EXPECT_EQ(w.text(), "\"a\\\"\\\\\\n\\t\\r\\u0001\\u001f\\u0000\xc3\xa4\"");
}
TEST(JsonWriter, writes_64_bits_exactly) {
  JsonWriter w;
  w.begin_array()
      .value(std::numeric_limits<std::int64_t>::min())
      .value(std::numeric_limits<std::uint64_t>::max());
  w.end_array();
  EXPECT_EQ(w.text(), "[-9223372036854775808,18446744073709551615]");
}
TEST(JsonWriter, writes_what_is_no_number_as_text) {
  JsonWriter w;
  w.begin_array().value(std::nan("")).value(-HUGE_VAL).value(HUGE_VAL).end_array();
  EXPECT_EQ(w.text(), R"(["NaN","-Infinity","Infinity"])");
}

TEST(JsonValue, reads_what_was_written) {
  const char* text =
      R"({"a":[1,-2,18446744073709551615,0.1,-0.0,1e+300],"b":{"c":null,"d":true},"e":"\u00e4\n"})";
  EXPECT_EQ(rewritten(text),
            "{\"a\":[1,-2,18446744073709551615,0.1,-0.0,1e+300],\"b\":{\"c\":null,\"d\":true},"
            "\"e\":\"\xc3\xa4\\n\"}");
  EXPECT_EQ(rewritten(" [ ] "), "[]");
}
TEST(JsonValue, keeps_every_double_exactly) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    JsonWriter w;
    w.value(number);
    const auto value = JsonValue::parse(w.text());
    ASSERT_TRUE(value);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*value->as_double()),
              std::bit_cast<std::uint64_t>(number))
        << w.text();
  }
}
TEST(JsonValue, rounds_decimal_numbers_to_the_nearest_double) {
  EXPECT_EQ(JsonValue::parse("0.1")->as_double(), 0.1);
  EXPECT_EQ(JsonValue::parse("9007199254740993.0")->as_double(), 9007199254740992.0);
  EXPECT_EQ(JsonValue::parse("123456789012345678901234567890")->as_double(),
            123456789012345678901234567890.0);
  EXPECT_EQ(JsonValue::parse("1e400")->as_double(), HUGE_VAL);
}
TEST(JsonValue, finds_values_by_key) {
  const auto value = *JsonValue::parse(R"({"a":{"b":[1,"x"]}})");
  ASSERT_NE(value.find("a"), nullptr);
  const auto* list = value.find("a")->find("b");
  ASSERT_NE(list->as_array(), nullptr);
  EXPECT_EQ(list->as_array()->at(0).as_int64(), 1);
  EXPECT_EQ(*list->as_array()->at(1).as_text(), "x");
  EXPECT_EQ(value.find("z"), nullptr);
  EXPECT_EQ(list->find("z"), nullptr);
}
TEST(JsonValue, refuses_what_is_not_json_and_says_where) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "nan", "'a'", "[1] 2", "\"\xff\"",
                           "{\"a\":1,\"a\":2}", "01", "\"\\ud800\""}) {
    const auto value = JsonValue::parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(value.error().message().find("at byte"), std::string::npos);
  }
  EXPECT_FALSE(JsonValue::parse(std::string(100000, '[')));
}

}  // namespace
}  // namespace vineyard::meta
