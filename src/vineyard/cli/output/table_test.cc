// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/table.h"

#include <gtest/gtest.h>

namespace vineyard::cli {
namespace {

TEST(Table, makes_columns_as_wide_as_their_widest_cell) {
  Table table({{"ID"}, {"BYTES", Align::kRight}});
  table.add_row({"o01", "7"});
  table.add_row({"o0002", "1234567"});
  EXPECT_EQ(table.text(),
            "ID       BYTES\n"
            "o01          7\n"
            "o0002  1234567\n");
}

TEST(Table, leaves_no_blanks_at_the_end_of_a_line) {
  Table table({{"ID"}, {"NAME"}});
  table.add_row({"o1"});
  table.add_row({"o2", "a name", "dropped"});
  EXPECT_EQ(table.text(2), "  ID  NAME\n  o1\n  o2  a name\n");
}

TEST(Table, counts_characters_and_not_bytes) {
  Table table({{"NAME"}, {"X"}});
  table.add_row({"äöü", "1"});
  table.add_row({"abcd", "2"});
  EXPECT_EQ(table.text(), "NAME  X\näöü   1\nabcd  2\n");
}

TEST(Table, keeps_a_row_on_one_line_whatever_its_cells_hold) {
  Table table({{"NAME"}});
  table.add_row({"two\nlines \x1b[31mred"});
  EXPECT_EQ(table.text(), "NAME\ntwo\\x0alines \\x1b[31mred\n");
}

TEST(Printable, leaves_text_as_it_is) {
  EXPECT_EQ(printable("plain, ünïcode, 数 and 🍇"), "plain, ünïcode, 数 and 🍇");
}

TEST(Printable, shows_what_is_not_utf8_byte_by_byte) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("a\xc3"), "a\\xc3");         // cut off
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // a control sequence begins with it
}

TEST(Shortened, cuts_in_the_middle) {
  EXPECT_EQ(shortened("0123456789", 10), "0123456789");
  EXPECT_EQ(shortened("0123456789", 9), "012...789");
  EXPECT_EQ(shortened("0123456789", 8), "012...89");
  EXPECT_EQ(shortened("ääääääääää", 7), "ää...ää");
}

TEST(Numbers, are_grouped_counted_and_compared) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(18446744073709551615U), "18,446,744,073,709,551,615");
  EXPECT_EQ(counted(1, "object"), "1 object");
  EXPECT_EQ(counted(2000, "object"), "2,000 objects");
  EXPECT_EQ(percentage(1, 3), "33 %");
  EXPECT_EQ(percentage(1, 0), "0 %");
}

}  // namespace
}  // namespace vineyard::cli
