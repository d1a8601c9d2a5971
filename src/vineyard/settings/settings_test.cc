// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "vineyard/os/file_system.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::settings {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Result<Settings> parse(std::vector<std::string> words) {
  std::vector<char*> argv;
  words.insert(words.begin(), "vineyardd");
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_settings(static_cast<int>(words.size()), argv.data());
}
Settings good(std::vector<std::string> words) {
  auto parsed = parse(std::move(words));
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  return parsed ? *std::move(parsed) : Settings{};
}
std::string complaint(std::vector<std::string> words) {
  const auto parsed = parse(std::move(words));
  if (parsed) return "none";
  EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid);
  EXPECT_THAT(parsed.error().message(), Not(HasSubstr("\n")));
  return parsed.error().message();
}

// Nothing of the environment the test runs in, and a file for --config.
class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"CONFIG", "SIZE", "SOCKET", "STATE_DIR", "PREFAULT", "RESERVE", "UNTIL_IDLE", "LOG"}) {
      ::unsetenv((std::string("VINEYARD_") + name).c_str());
    }
    ::setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    ::setenv("XDG_STATE_HOME", "/home/x/state", 1);
    ::setenv("HOME", "/home/x", 1);
  }
  std::string file(const std::string& text) {
    folder_.write("vineyard.toml", text);
    return folder_ / "vineyard.toml";
  }
  os::TestFolder folder_;
};

TEST_F(SettingsTest, nothing_needs_to_be_said) {
  const Settings s = good({});
  EXPECT_EQ(s.action, Settings::Action::kServe);
  EXPECT_GT(s.pool_size, 1_MiB);
  EXPECT_EQ(s.pool_size, default_pool(*os::memory_limits()));
  EXPECT_EQ(s.socket, "/run/user/7/vineyard/vineyard.sock");
  EXPECT_EQ(s.state_dir, "/home/x/state/vineyard");
  EXPECT_EQ(s.prefault, Prefault::kBackground);
  EXPECT_EQ(s.reserve, Reserve::kOn);
  EXPECT_EQ(s.life, Life::kUntilStopped);
  EXPECT_EQ(s.log, LogFormat::kText);
}
TEST_F(SettingsTest, flags_are_read) {
  const Settings s = good({"--size", "64Mi", "--socket=/tmp/s", "--state-dir", "/tmp/state",
                           "--prefault", "full", "--no-reserve", "--until-idle", "--log", "json"});
  EXPECT_EQ(s.pool_size, 64_MiB);
  EXPECT_EQ(s.socket, "/tmp/s");
  EXPECT_EQ(s.state_dir, "/tmp/state");
  EXPECT_EQ(s.prefault, Prefault::kFull);
  EXPECT_EQ(s.reserve, Reserve::kOff);
  EXPECT_EQ(s.life, Life::kUntilIdle);
  EXPECT_EQ(s.log, LogFormat::kJson);
}
TEST_F(SettingsTest, what_existing_launchers_write_is_understood) {
  EXPECT_EQ(good({"-size", "1Gi", "-socket", "/tmp/s"}).pool_size, 1_GiB);
  EXPECT_EQ(good({"--size", ""}).pool_size, default_pool(*os::memory_limits()));
  EXPECT_EQ(good({"--until_idle"}).life, Life::kUntilIdle);
  EXPECT_EQ(good({"--until_idle", "true", "--size", "1Gi"}).life, Life::kUntilIdle);
  EXPECT_EQ(good({"--until-idle", "false"}).life, Life::kUntilStopped);
  EXPECT_EQ(good({"--state_dir=/tmp/a_b"}).state_dir, "/tmp/a_b");
}
TEST_F(SettingsTest, reserve_can_be_said_in_every_way) {
  EXPECT_EQ(good({"--reserve"}).reserve, Reserve::kOn);
  for (const char* off : {"--no-reserve", "--reserve=false", "--reserve=off", "--reserve=0"}) {
    EXPECT_EQ(good({off}).reserve, Reserve::kOff) << off;
  }
  EXPECT_EQ(good({"--reserve", "off"}).reserve, Reserve::kOff);
  EXPECT_EQ(good({"--no-reserve", "--reserve"}).reserve, Reserve::kOn);
}
TEST_F(SettingsTest, the_last_of_two_flags_counts) {
  EXPECT_EQ(good({"--size", "1Gi", "--size", "2Gi"}).pool_size, 2_GiB);
}
TEST_F(SettingsTest, the_environment_is_read) {
  ::setenv("VINEYARD_SIZE", "32Mi", 1);
  ::setenv("VINEYARD_UNTIL_IDLE", "1", 1);
  ::setenv("VINEYARD_RESERVE", "off", 1);
  ::setenv("VINEYARD_PREFAULT", "none", 1);
  const Settings s = good({});
  EXPECT_EQ(s.pool_size, 32_MiB);
  EXPECT_EQ(s.life, Life::kUntilIdle);
  EXPECT_EQ(s.reserve, Reserve::kOff);
  EXPECT_EQ(s.prefault, Prefault::kNone);
}
TEST_F(SettingsTest, the_file_is_read) {
  const Settings s = good(
      {"--config", file("size = \"48Mi\"\nuntil-idle = true\nreserve = false\nlog = \"json\"\n")});
  EXPECT_EQ(s.pool_size, 48_MiB);
  EXPECT_EQ(s.life, Life::kUntilIdle);
  EXPECT_EQ(s.reserve, Reserve::kOff);
  EXPECT_EQ(s.log, LogFormat::kJson);
}
TEST_F(SettingsTest, flags_count_more_than_the_environment_and_that_more_than_the_file) {
  const std::string path = file("size = \"1Mi\"\nsocket = \"/file\"\nlog = \"json\"\n");
  ::setenv("VINEYARD_CONFIG", path.c_str(), 1);
  ::setenv("VINEYARD_SIZE", "2Mi", 1);
  ::setenv("VINEYARD_SOCKET", "/environment", 1);
  const Settings s = good({"--size", "3Mi"});
  EXPECT_EQ(s.pool_size, 3_MiB);
  EXPECT_EQ(s.socket, "/environment");
  EXPECT_EQ(s.log, LogFormat::kJson);
}
TEST_F(SettingsTest, help_and_version_are_text_to_print) {
  for (const char* flag : {"--help", "-h", "-help"}) {
    const Settings s = good({flag});
    EXPECT_EQ(s.action, Settings::Action::kPrintText);
    EXPECT_THAT(s.text,
                AllOf(HasSubstr("--size"), HasSubstr("--prefault"), HasSubstr("VINEYARD_SIZE")));
  }
  EXPECT_THAT(good({"--version"}).text, ::testing::MatchesRegex("vineyardd [0-9.]+\n"));
}

TEST_F(SettingsTest, a_wrong_value_is_named_with_its_source_and_what_it_may_be) {
  EXPECT_THAT(complaint({"--size", "much"}), AllOf(HasSubstr("--size"), HasSubstr("much")));
  EXPECT_EQ(complaint({"--prefault", "lazy"}),
            "--prefault: \"lazy\" is not one of none, background, full");
  EXPECT_THAT(complaint({"--log=xml"}), HasSubstr("text, json"));
  EXPECT_THAT(complaint({"--reserve=maybe"}), HasSubstr("maybe"));
  for (const char* flag : {"--size=", "--prefault=", "--log=", "--reserve=", "--until-idle="})
    EXPECT_THAT(complaint({std::string(flag) + "x\ny"}), HasSubstr("x y"));
  ::setenv("VINEYARD_PREFAULT", "eager", 1);
  EXPECT_THAT(complaint({}), HasSubstr("VINEYARD_PREFAULT: \"eager\""));
  ::unsetenv("VINEYARD_PREFAULT");
  EXPECT_THAT(complaint({"--config", file("prefault = \"never\"\n")}),
              HasSubstr("prefault in the file of --config"));
}
TEST_F(SettingsTest, what_is_not_a_setting_is_named) {
  EXPECT_THAT(complaint({"--sice", "1Gi"}), AllOf(HasSubstr("--sice"), HasSubstr("--help")));
  EXPECT_THAT(complaint({"serve"}), HasSubstr("serve"));
  EXPECT_THAT(complaint({"--size"}), HasSubstr("--size"));
}
TEST_F(SettingsTest, what_is_wrong_with_the_file_is_said_in_one_short_line) {
  EXPECT_THAT(complaint({"--config", file("sice = 1\n")}),
              AllOf(HasSubstr("vineyard.toml: there is no setting \"sice\""), HasSubstr("--help")));
  EXPECT_THAT(complaint({"--config", file("log = \"json\"\n[pool]\nsize = 1\n")}),
              HasSubstr("vineyard.toml: line 2: there are no tables here, as [pool]"));
  EXPECT_THAT(complaint({"--config", file("config = \"x\"\n")}),
              HasSubstr("vineyard.toml: there is no setting \"config\""));
  EXPECT_THAT(complaint({"--config", file("size = [1, 2]\n")}), HasSubstr("line 1: a list"));
  EXPECT_THAT(complaint({"--config", file("size = [\r]")}), HasSubstr("line 1: "));
  EXPECT_THAT(complaint({"--config", file("size = \"\"\n")}), HasSubstr("size is empty"));
  EXPECT_THAT(complaint({"--config", folder_ / "missing.toml"}),
              AllOf(HasSubstr("--config"), HasSubstr("missing.toml")));
  EXPECT_EQ(complaint({"--config", folder_.path()}),
            "--config: " + folder_.path() + " is a directory, not a file");
  EXPECT_THAT(complaint({"--config", "/dev/zero"}), HasSubstr("not a file"));
  for (const std::string& garbage :
       {std::string(100'000, 'x'), std::string("\x01\x1b[2J\n\xff=[[[\r\n"),
        std::string("[[[\n")}) {
    const std::string text = complaint({"--config", file(garbage)});
    EXPECT_LT(text.size(), 400U);
    EXPECT_EQ(std::ranges::find_if(text, [](char c) { return c >= 0 && c < ' '; }), text.end());
  }
}
TEST_F(SettingsTest, without_any_home_the_state_directory_must_be_given) {
  ::unsetenv("XDG_STATE_HOME");
  ::unsetenv("HOME");
  const auto parsed = parse({});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message(), HasSubstr("--state-dir"));
  EXPECT_TRUE(parse({"--state-dir", "/tmp/x"}));
}

os::MemoryLimits limits(ByteCount machine, std::optional<ByteCount> limit = {},
                        ByteCount usage = {}) {
  os::MemoryLimits l;
  l.machine = machine;
  l.available = machine;
  l.limit = limit;
  l.usage = usage;
  l.group = "/sys/fs/cgroup/x";
  return l;
}
Settings asking(ByteCount size) {
  Settings s;
  s.asked_size = s.pool_size = size;
  return s;
}

TEST(Pool, is_30_percent_of_what_may_be_used_by_default) {
  EXPECT_EQ(default_pool(limits(10_GiB)).value / 4096, 10ULL * (1 << 30) / 100 * 30 / 4096);
  EXPECT_EQ(default_pool(limits(10_GiB, 1_GiB)).value / 4096, (1ULL << 30) / 100 * 30 / 4096);
  EXPECT_EQ(default_pool(limits(10_GiB, 100_GiB)), default_pool(limits(10_GiB)));
}
TEST(Pool, that_fits_stays_as_it_is) {
  Settings s = asking(1_GiB);
  ASSERT_TRUE(fit_pool(s, limits(10_GiB, 2_GiB, 100_MiB)));
  EXPECT_EQ(s.pool_size, 1_GiB);
  EXPECT_TRUE(s.clamped_by.empty());
}
TEST(Pool, is_made_smaller_than_the_limit_by_what_is_used_and_by_headroom) {
  Settings s = asking(1_GiB);
  ASSERT_TRUE(fit_pool(s, limits(10_GiB, 256_MiB, 24_MiB)));
  EXPECT_EQ(s.pool_size, 200_MiB);
  EXPECT_EQ(s.asked_size, 1_GiB);
  EXPECT_THAT(s.clamped_by,
              AllOf(HasSubstr("/sys/fs/cgroup/x"), HasSubstr("256.0 MiB"), HasSubstr("24.0 MiB")));
}
TEST(Pool, leaves_more_headroom_below_a_large_limit) {
  Settings s = asking(100_GiB);
  ASSERT_TRUE(fit_pool(s, limits(200_GiB, 100_GiB)));
  EXPECT_EQ(s.pool_size, 95_GiB);
}
TEST(Pool, for_which_there_is_no_room_says_why) {
  Settings s = asking(1_GiB);
  const auto fitted = fit_pool(s, limits(10_GiB, 64_MiB, 40_MiB));
  ASSERT_FALSE(fitted);
  EXPECT_THAT(fitted.error().message(), AllOf(HasSubstr("raise the limit"), HasSubstr("64.0 MiB")));
}
TEST(Pool, that_is_tiny_or_larger_than_the_machine_is_refused) {
  Settings tiny = asking(1_MiB);
  EXPECT_THAT(fit_pool(tiny, limits(10_GiB)).error().message(), HasSubstr("at least 4.0 MiB"));
  Settings huge = asking(11_GiB);
  EXPECT_THAT(fit_pool(huge, limits(10_GiB)).error().message(), HasSubstr("10.0 GiB"));
}
TEST_F(SettingsTest, workers_get_what_was_decided_and_nothing_else) {
  ::setenv("VINEYARD_SIZE", "nonsense", 1);
  const std::string broken = file("size = ");
  ::setenv("VINEYARD_CONFIG", broken.c_str(), 1);
  Settings s = asking(100_GiB);
  s.pool_size = 64_MiB;
  s.socket = "/tmp/a socket";
  s.state_dir = "/tmp/state";
  s.prefault = Prefault::kFull;
  s.reserve = Reserve::kOff;
  s.life = Life::kUntilIdle;
  s.log = LogFormat::kJson;
  auto arguments = arguments_for_worker("vineyardd", s);
  EXPECT_EQ(arguments.front(), "vineyardd");
  arguments.erase(arguments.begin());
  const Settings seen = good(arguments);
  EXPECT_EQ(seen.pool_size, s.pool_size);
  EXPECT_EQ(seen.socket, s.socket);
  EXPECT_EQ(seen.state_dir, s.state_dir);
  EXPECT_EQ(seen.prefault, s.prefault);
  EXPECT_EQ(seen.reserve, s.reserve);
  EXPECT_EQ(seen.life, s.life);
  EXPECT_EQ(seen.log, s.log);
}
TEST_F(SettingsTest, what_was_decided_once_is_what_every_worker_finds_without_the_file) {
  const std::string path = file(
      "socket = \"/x/s\"\nprefault = \"full\"\nreserve = false\nuntil-idle = true\nlog = \"json\"");
  const Settings first = good({"--config", path, "--state-dir", "/x/state"});
  auto arguments = arguments_for_worker("vineyardd", first);
  arguments.erase(arguments.begin());
  std::filesystem::remove(path);
  ::setenv("VINEYARD_CONFIG", path.c_str(), 1);
  ::setenv("VINEYARD_SOCKET", "/y/s", 1);
  const Settings again = good(arguments);
  EXPECT_EQ(again.socket, "/x/s");
  EXPECT_EQ(again.state_dir, "/x/state");
  EXPECT_EQ(again.prefault, Prefault::kFull);
  EXPECT_EQ(again.reserve, Reserve::kOff);
  EXPECT_EQ(again.life, Life::kUntilIdle);
  EXPECT_EQ(again.log, LogFormat::kJson);
}

}  // namespace
}  // namespace vineyard::settings
