// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/status_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vineyard::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

meta::JsonValue parsed(std::string_view json) {
  auto value = meta::JsonValue::parse(json);
  EXPECT_TRUE(value) << json;
  return value ? *value : meta::JsonValue();
}

constexpr std::string_view kStatus = R"({
  "version": "0.1.0", "socket": "/run/v.sock", "instance": 3735928559, "epoch": 2, "page_bytes": 4096,
  "reserve": true, "pids": {"supervisor": 10, "worker": 12, "standby": 11},
  "memory": {"pool": 1073741824, "used": 268435456, "objects": 1048576, "daemon": 2097152,
    "daemon_free": 1048576, "spares": 67108864, "spares_ready": 1, "of_ended_programs": 0},
  "objects": {"total": 3, "documents": 1, "blobs": 2, "deleted_but_viewed": 1, "names": 1},
  "types": {"vineyard::Tensor<double>": 1, "vineyard::Blob": 2},
  "client_count": 2, "clients": [
    {"serial": 7, "pid": 99, "uid": 1000, "program": "python3", "bytes": 67108864, "arenas": 1, "pins": 4, "gone": false},
    {"serial": 5, "pid": 98, "uid": 1000, "program": "bad\u001b[2J", "bytes": 0, "arenas": 0, "pins": 1, "gone": true}],
  "arenas": {"clients": 2, "daemon": 1, "retired": 0}, "pin_tables": 2, "descriptors": 31})";

TEST(StatusText, fits_on_a_screen_and_says_who_holds_what) {
  EXPECT_EQ(status_text(parsed(kStatus)),
            R"(vineyard 0.1.0 at /run/v.sock, instance deadbeef, epoch 2, reserve on
processes  supervisor 10, standby 11, worker 12
memory     256.0 MiB of 1.0 GiB used (25 %), 1.0 MiB of it by live objects
           spare arenas 64.0 MiB (1 ready), daemon 2.0 MiB (1.0 MiB free), ended programs 0 B
objects    3 (1 document, 2 blobs), 1 name; 1 deleted but still viewed
arenas     2 of clients, 1 of the daemon; 2 pin tables; 31 descriptors
clients    2
  CLIENT  PID   UID  PROGRAM       MEMORY  ARENAS  PINS
       7   99  1000  python3     64.0 MiB       1     4
       5   98  1000  bad\x1b[2J       0 B       0     1  ended
types
  OBJECTS  TYPE
        2  vineyard::Blob
        1  vineyard::Tensor<double>
)");
}

TEST(StatusText, says_when_there_is_no_standby) {
  const std::string text =
      status_text(parsed(R"({"pids": {"supervisor": 1, "worker": 2, "standby": 0}})"));
  EXPECT_THAT(text, HasSubstr("supervisor 1, no standby, worker 2\n"));
}

TEST(StatusText, takes_an_answer_that_says_nothing) {
  for (const char* json : {"{}", "[]", "null", R"({"clients": 7, "memory": [], "types": "x"})"}) {
    EXPECT_THAT(status_text(parsed(json)), HasSubstr("clients    none\n")) << json;
  }
}

TEST(StatusText, shows_the_first_clients_and_counts_the_others) {
  std::string json = R"({"client_count": 300, "clients": [)";
  for (int n = 0; n < 200; ++n) json += fmt::format("{}{{\"serial\": {}}}", n ? "," : "", 1000 + n);
  const std::string text = status_text(parsed(json + "]}"));
  EXPECT_THAT(text, HasSubstr("clients    300\n"));
  EXPECT_THAT(text, HasSubstr(" 1011 "));
  EXPECT_THAT(text, Not(HasSubstr(" 1012 ")));
  EXPECT_THAT(text, HasSubstr("and 288 more"));
}

TEST(CheckText, is_one_line_when_all_is_well) {
  EXPECT_EQ(
      check_text(parsed(
          R"({"findings": 0, "invariants": ["I2", "I9"], "entries": 1, "objects": 1, "broken": []})")),
      "clean: 1 object and 1 entry in use checked against I2 I9\n");
}

TEST(CheckText, lists_what_is_broken) {
  EXPECT_EQ(check_text(parsed(R"({"findings": 3, "invariants": ["I2"], "entries": 20, "objects": 12,
    "broken": [{"invariant": "I2", "what": "o1 has a missing member o2"}, {"invariant": "I13", "what": "outbox 4\n belongs to nobody"}]})")),
            "3 findings: 12 objects and 20 entries in use checked against I2\n"
            "  I2   o1 has a missing member o2\n"
            "  I13  outbox 4\\x0a belongs to nobody\n"
            "  and 1 more\n");
}

}  // namespace
}  // namespace vineyard::cli
