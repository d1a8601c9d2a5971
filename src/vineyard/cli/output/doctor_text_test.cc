// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/doctor_text.h"

#include <gtest/gtest.h>

#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

const std::vector<HostCheck> kChecks{
    {"kernel", HostState::kOk, "6.1.0", "seals", ""},
    {"huge pages", HostState::kLimited, "never", "slower", "echo advise"},
    {"daemon", HostState::kMissing, "nobody\nserves", "nothing works", "start one"},
};

TEST(DoctorText, is_short_about_what_is_well_and_explains_the_rest) {
  EXPECT_EQ(doctor_text(kChecks),
            "ok       kernel      6.1.0\n"
            "limited  huge pages  never\n"
            "                     why: slower\n"
            "                     do:  echo advise\n"
            "missing  daemon      nobody\\x0aserves\n"
            "                     why: nothing works\n"
            "                     do:  start one\n"
            "1 ok, 1 limited, 1 missing\n");
}

TEST(DoctorText, only_what_is_missing_is_a_failure) {
  EXPECT_TRUE(anything_missing(kChecks));
  EXPECT_FALSE(anything_missing({kChecks[0], kChecks[1]}));
}

TEST(DoctorJson, says_all_of_it) {
  const auto json = meta::JsonValue::parse(doctor_json(kChecks)).value();
  EXPECT_EQ(json.find("limited")->as_uint64(), 1U);
  const auto& checks = *json.find("checks")->as_array();
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(*checks[1].find("state")->as_text(), "limited");
  EXPECT_EQ(*checks[2].find("found")->as_text(), "nobody\nserves");
}

}  // namespace
}  // namespace vineyard::cli
