// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/settings.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "vineyard/base/try.h"
#include "vineyard/os/cgroup.h"
#include "vineyard/os/file_system.h"

namespace vineyard::settings {
namespace {

constexpr double kDefaultShare = 0.3;           // of the memory that this process may use
constexpr ByteCount kSmallestPool = 4_MiB;
constexpr ByteCount kHeadroom = 32_MiB;         // of a control group's limit, for the daemon's own private memory

struct Texts {
  std::string size, socket, state_dir, reserve = "on", prefault = "background", log = "text";
  bool until_idle = false;
};

// Launchers also write `-size 1Gi`: one dash before a long option.
std::vector<std::string> with_two_dashes(int argc, char* const* argv) {
  std::vector<std::string> words;
  for (int n = 1; n < argc; ++n) {
    std::string word = argv[n];
    if (word.size() > 2 && word[0] == '-' && word[1] != '-' && !std::isdigit(static_cast<unsigned char>(word[1]))) {
      word.insert(0, "-");
    }
    words.push_back(std::move(word));
  }
  return words;
}

void declare(CLI::App& app, Texts& t) {
  app.set_config("--config", "", "Read settings from this TOML file");
  app.add_option("--size", t.size, "Memory of the pool, for example 8G (default: 30 % of what may be used)")->envname("VINEYARD_SIZE");
  app.add_option("--socket", t.socket, "Path of the socket that clients connect to")->envname("VINEYARD_SOCKET");
  app.add_option("--state-dir", t.state_dir, "Folder for what must survive a restart")->envname("VINEYARD_STATE_DIR");
  app.add_option("--prefault", t.prefault, "When pages are touched: none, background, full")
      ->envname("VINEYARD_PREFAULT")
      ->check(CLI::IsMember({"none", "background", "full"}));
  app.add_flag_callback("--no-reserve", [&t] { t.reserve = "off"; }, "Writers pay for their pages, not the daemon");
  app.add_option("--reserve", t.reserve, "on: memory is touched before it is handed out; off: by its writer")
      ->envname("VINEYARD_RESERVE")
      ->check(CLI::IsMember({"on", "off"}))
      ->expected(0, 1)
      ->default_str("on");
  app.add_flag("--until-idle", t.until_idle, "End when the last client has left")->envname("VINEYARD_UNTIL_IDLE");
  app.add_option("--log", t.log, "Format of log lines: text, json")->envname("VINEYARD_LOG")->check(CLI::IsMember({"text", "json"}));
  app.set_version_flag("--version", VINEYARD_VERSION);
}

// CLI11 explains over several lines; we say it in one.
Error explain(const CLI::ParseError& e) {
  std::string text = e.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Error(ErrorCode::kInvalid, text + "; `vineyardd --help` lists all settings");
}

Result<void> choose_size(const std::string& text, Settings& s) {
  VY_TRY(auto memory, os::memory_limits());
  const ByteCount may_use = memory.limit ? std::min(*memory.limit, memory.machine) : memory.machine;
  if (text.empty()) {
    s.asked_size = ByteCount(static_cast<std::uint64_t>(static_cast<double>(may_use.value) * kDefaultShare) & ~std::uint64_t{4095});
  } else {
    auto parsed = parse_byte_count(text);
    if (!parsed) return std::move(parsed).error().with_context("--size");
    s.asked_size = *parsed;
  }
  s.pool_size = s.asked_size;
  if (memory.limit) {
    const std::uint64_t taken = memory.usage.value + kHeadroom.value;
    const std::uint64_t left = memory.limit->value > taken ? memory.limit->value - taken : 0;
    if (s.pool_size.value > left) {
      s.pool_size = ByteCount(left & ~std::uint64_t{4095});
      s.clamped_by = fmt::format("the memory limit of {} ({}, {} in use)", memory.group, to_string(*memory.limit), to_string(memory.usage));
    }
  }
  if (s.pool_size > memory.machine) {
    return Error(ErrorCode::kInvalid, fmt::format("--size {} is more than this machine's memory of {}; choose a smaller one",
                                                  to_string(s.pool_size), to_string(memory.machine)));
  }
  if (s.pool_size < kSmallestPool) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("--size: a pool of {} is too small, at least {} are needed{}", to_string(s.pool_size), to_string(kSmallestPool),
                             s.clamped_by.empty() ? "" : " (it was made smaller by " + s.clamped_by + ")"));
  }
  return {};
}

}  // namespace

Result<Settings> parse_settings(int argc, char* const* argv) {
  CLI::App app("vineyardd: shares immutable objects between the programs of this machine, in shared memory", "vineyardd");
  Texts texts;
  declare(app, texts);
  Settings s;
  std::vector<std::string> words = with_two_dashes(argc, argv);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    s.action = Settings::Action::kPrintText;
    s.text = app.help();
    return s;
  } catch (const CLI::CallForVersion&) {
    s.action = Settings::Action::kPrintText;
    s.text = std::string("vineyardd ") + VINEYARD_VERSION + "\n";
    return s;
  } catch (const CLI::ParseError& e) {
    return explain(e);
  }
  VY_TRY(choose_size(texts.size, s));
  s.socket = texts.socket.empty() ? os::runtime_directory_path() + "/vineyard.sock" : texts.socket;
  s.state_dir = texts.state_dir;
  if (s.state_dir.empty()) {
    VY_TRY(s.state_dir, os::state_directory_path());
  }
  s.reserve = texts.reserve == "off" ? Reserve::kOff : Reserve::kOn;
  s.prefault = texts.prefault == "none" ? Prefault::kNone : texts.prefault == "full" ? Prefault::kFull : Prefault::kBackground;
  s.life = texts.until_idle ? Life::kUntilIdle : Life::kUntilStopped;
  s.log = texts.log == "json" ? LogFormat::kJson : LogFormat::kText;
  return s;
}

}  // namespace vineyard::settings
