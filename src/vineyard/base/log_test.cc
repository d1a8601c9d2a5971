// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/log.h"

#include <gtest/gtest.h>

namespace vineyard {
namespace {

std::string json(std::string_view message) {
  return log_line(LogFormat::kJson, LogLevel::kInfo, message);
}

TEST(LogLine, text_names_the_program) {
  EXPECT_EQ(log_line(LogFormat::kText, LogLevel::kInfo, "worker 12 started"),
            "vineyardd: worker 12 started\n");
}
TEST(LogLine, json_is_one_object_a_line) {
  EXPECT_EQ(log_line(LogFormat::kJson, LogLevel::kError, "no \"socket\" at C:\\x"),
            "{\"level\":\"error\",\"message\":\"no \\\"socket\\\" at C:\\\\x\"}\n");
}
TEST(LogLine, no_message_can_forge_another_line) {
  EXPECT_EQ(log_line(LogFormat::kText, LogLevel::kInfo, "a\nvineyardd: b\x1b[1m"),
            "vineyardd: a\\x0avineyardd: b\\x1b[1m\n");
  EXPECT_EQ(json("a\nb"), "{\"level\":\"info\",\"message\":\"a\\u000ab\"}\n");
}
TEST(LogLine, json_stays_utf8_whatever_the_message_holds) {
  EXPECT_EQ(json("caf\xc3\xa9 \xf0\x9f\x8d\x87"),
            "{\"level\":\"info\",\"message\":\"caf\xc3\xa9 \xf0\x9f\x8d\x87\"}\n");
  for (const char* bad :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    const std::string line = json(bad);
    for (const char c : line) EXPECT_LT(static_cast<unsigned char>(c), 0x80) << line;
  }
}

}  // namespace
}  // namespace vineyard
