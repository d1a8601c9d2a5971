// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/layout.h"

#include <gtest/gtest.h>

#include "vineyard/types/fakes/c_arrays.h"

namespace vineyard::arrow {
namespace {

TEST(ArrowLayout, knows_every_format_of_the_specification) {
  for (const std::string& format : types::testing::RandomArrays::formats()) {
    if (format == "dictionary") continue;
    const auto layout = parse_format(format);
    ASSERT_TRUE(layout) << format;
    if (layout->kind == LayoutKind::kFixedWidth) {
      EXPECT_EQ(layout->width, types::testing::detail::width_of(format)) << format;
    }
  }
}

TEST(ArrowLayout, refuses_what_is_no_format) {
  for (const char* format :
       {"",       "x",       "ll",     "d:", "d:1",  "d:0,0", "d:3,1,16", "d:3,1,",
        "w:",     "w:-1",    "w:x",    "+",  "+w:",  "+w:-1", "+ud",      "+ud:1,1",
        "+us:-1", "+us:128", "+us:1,", "ts", "tsx:", "tsn",   "tdx",      "+vx"})
    EXPECT_EQ(parse_format(format).error().code(), ErrorCode::kUnsupported) << format;
}

TEST(ArrowLayout, finds_formats_behind_the_type_names_of_existing_clients) {
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<int64>"), "l");
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<int>"), "i");
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<uint>"), "I");
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<float>"), "f");
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<date32[day]>"), "tdD");
  EXPECT_EQ(format_of_type_name("vineyard::LargeStringArray"), "U");
  EXPECT_EQ(format_of_type_name("vineyard::StructArray"), "");
  EXPECT_EQ(format_of_type_name("vineyard::NumericArray<what>"), "");
}

}  // namespace
}  // namespace vineyard::arrow
