// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vineyard/os/process.h"

namespace vineyard {
namespace {

const HostCheck* find(const std::vector<HostCheck>& checks, std::string_view what) {
  for (const HostCheck& check : checks) {
    if (check.what == what) return &check;
  }
  return nullptr;
}

TEST(Host, says_what_is_and_why_it_matters_for_every_check) {
  const auto checks = examine_host();
  EXPECT_GE(checks.size(), 10u);
  for (const HostCheck& check : checks) {
    EXPECT_FALSE(check.found.empty()) << check.what;
    EXPECT_FALSE(check.why.empty()) << check.what;
    for (const std::string* text : {&check.what, &check.found, &check.why, &check.advice}) {
      EXPECT_EQ(text->find('\n'), std::string::npos) << check.what;
    }
  }
}

TEST(Host, gives_advice_where_something_is_missing) {
  for (const HostCheck& check : examine_host()) {
    if (check.state == HostState::kMissing) {
      EXPECT_FALSE(check.advice.empty()) << check.what;
    }
    if (check.state == HostState::kOk) {
      EXPECT_EQ(check.advice, "") << check.what;
    }
  }
}

TEST(Host, has_what_these_tests_rest_on) {
  const auto checks = examine_host();
  const HostCheck* seals = find(checks, "memfd and seals");
  ASSERT_NE(seals, nullptr);
  EXPECT_EQ(seals->state, HostState::kOk) << seals->found;
  const HostCheck* descriptors = find(checks, "descriptors");
  ASSERT_NE(descriptors, nullptr);
  EXPECT_THAT(descriptors->found, testing::MatchesRegex(".* now, .* at most"));
}

TEST(Host, leaves_nothing_open) {
  (void)examine_host();
  const unsigned before = os::descriptor_count().value();
  (void)examine_host();
  EXPECT_EQ(os::descriptor_count().value(), before);
}

}  // namespace
}  // namespace vineyard
