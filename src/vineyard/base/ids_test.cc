// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/ids.h"

#include <gtest/gtest.h>

namespace vineyard {
namespace {

TEST(ObjectId, takes_apart_what_it_was_made_of) {
  const ObjectId id = ObjectId::make({0x1abcdef}, {0xfedcba}, {0x3abc});
  EXPECT_EQ(id.block().value, 0x1abcdefU);
  EXPECT_EQ(id.index().value, 0xfedcbaU);
  EXPECT_EQ(id.generation().value, 0x3abcU);
  EXPECT_FALSE(id.is_blob());
  EXPECT_TRUE(id.with_blob_bit().is_blob());
  EXPECT_EQ(id.with_blob_bit().without_blob_bit(), id);
}
TEST(ObjectId, is_written_as_o_and_sixteen_digits_and_read_back) {
  EXPECT_EQ(ObjectId(5).to_string(), "o0000000000000005");
  EXPECT_EQ(ObjectId::parse("o0000000000000005"), ObjectId(5));
  EXPECT_EQ(ObjectId::parse("o8000000000000000"), ObjectId::empty_blob());
}
TEST(ObjectId, takes_any_other_text_for_a_name) {
  for (const char* text : {"", "o", "o123", "x0000000000000005", "o000000000000000g",
                           "o00000000000000055", "o+00000000000005"})
    EXPECT_FALSE(ObjectId::parse(text)) << text;
}
TEST(ObjectId, keeps_its_reserved_values_out_of_reach_of_blocks) {
  EXPECT_EQ(ObjectId::empty_blob().block().value, 0U);
  EXPECT_EQ(ObjectId::invalid().block().value, (1U << 25) - 1);
  EXPECT_FALSE(ObjectId().is_valid());
}

}  // namespace
}  // namespace vineyard
