// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/settings.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"
#include "vineyard/settings/config_file.h"

namespace vineyard::settings {
namespace {

constexpr std::uint64_t kDefaultPercent = 30;
constexpr ByteCount kSmallestPool = 4_MiB;
constexpr ByteCount kSmallestHeadroom =
    32_MiB;  // left in a control group for the daemon's private memory
constexpr std::uint64_t kHeadroomShare =
    20;  // or one part in so many of the limit, if that is more
constexpr std::uint64_t kPoolUnit = 4096;
constexpr std::string_view kConfig = "--config";

using Words = std::vector<std::string>;

// Everything is read as text, so that every complaint about a value is ours: one line that names
// its source.
struct Texts {
  std::string config, size, socket, state_dir, prefault, reserve, log, until_idle;
};

bool is_switch(std::string_view name) {
  return name == "--reserve" || name == "--no-reserve" || name == "--until-idle";
}

std::optional<bool> truth_of(std::string_view text) {
  for (const std::string_view yes : {"true", "on", "yes", "1"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "off", "no", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

// Launchers also write `-size 1Gi`, `--until_idle` and `--until_idle true`.
Words words_of(int argc, char* const* argv) {
  Words words;
  for (int n = 1; n < argc; ++n) {
    std::string word = argv[n];
    if (word == "--") {
      words.insert(words.end(), argv + n, argv + argc);
      break;
    }
    if (word.size() > 2 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1])) != 0)
      word.insert(0, "-");
    if (word.starts_with("--")) {
      const auto end =
          word.begin() + static_cast<std::ptrdiff_t>(std::min(word.find('='), word.size()));
      std::replace(word.begin(), end, '_', '-');
    }
    if (!words.empty() && is_switch(words.back()) && truth_of(word)) {
      words.back() += "=" + word;
    } else {
      words.push_back(std::move(word));
    }
  }
  return words;
}

constexpr std::array<std::pair<const char*, const char*>, 8> kFromEnvironment{{
    {"--config", "VINEYARD_CONFIG"},
    {"--size", "VINEYARD_SIZE"},
    {"--socket", "VINEYARD_SOCKET"},
    {"--state-dir", "VINEYARD_STATE_DIR"},
    {"--prefault", "VINEYARD_PREFAULT"},
    {"--reserve", "VINEYARD_RESERVE"},
    {"--until-idle", "VINEYARD_UNTIL_IDLE"},
    {"--log", "VINEYARD_LOG"},
}};

// The environment becomes words before all others: the last one counts.
Words with_environment(const Words& given) {
  Words words;
  for (const auto& [name, variable] : kFromEnvironment) {
    if (const auto value = os::environment(variable))
      words.push_back(std::string(name) + "=" + *value);
  }
  words.insert(words.end(), given.begin(), given.end());
  return words;
}

void declare(CLI::App& app, Texts& t) {
  const auto option = [&app](const char* name, std::string& into, const char* what) {
    return app.add_option(name, into, what)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };
  option("--config", t.config, "Read settings from this TOML file");
  option("--size", t.size,
         "Memory of the pool, for example 8Gi (default: 30 % of what may be used)");
  option("--socket", t.socket, "Path of the socket that clients connect to");
  option("--state-dir", t.state_dir, "Folder for what must survive a restart");
  option("--prefault", t.prefault,
         "When memory is touched: none, background, full (default: background)");
  app.add_flag("--reserve,!--no-reserve", t.reserve,
               "Touch memory before it is handed out, so that the daemon pays for it (default), or "
               "let its writer pay")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("--until-idle", t.until_idle, "End when the last client has left")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  option("--log", t.log, "Format of log lines: text, json (default: text)");
  app.set_version_flag("--version", std::string("vineyardd ") + VINEYARD_VERSION);
  app.footer(
      "Each setting can also be given as VINEYARD_SIZE, VINEYARD_SOCKET, ... in the environment, "
      "or as\n"
      "size = \"8Gi\" in the file of --config. Flags count first, then the environment, then the "
      "file.");
}

// Where a setting's value came from, for messages: `--size`, `VINEYARD_SIZE` or `size in the file
// of --config`.
std::string source_of(std::string_view name, const Words& given) {
  for (const std::string& word : given) {
    if (word == name || word.starts_with(std::string(name) + "=")) return std::string(name);
  }
  for (const auto& [option, variable] : kFromEnvironment) {
    if (option == name && os::environment(variable)) return variable;
  }
  return std::string(name.substr(2)) + " in the file of --config";
}

// Text of somebody else's as part of one line.
std::string printable(std::string text) {
  constexpr std::size_t kShown = 200;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

Error complaint(std::string_view text) {
  return Error(ErrorCode::kInvalid,
               printable(std::string(text)) + "; vineyardd --help lists all settings");
}

// The file that counts, the last one that is named; empty: none.
std::string config_file(const Words& words) {
  std::string file;
  for (std::size_t n = 0; n < words.size(); ++n) {
    if (words[n] == kConfig && n + 1 < words.size()) file = words[n + 1];
    if (words[n].starts_with("--config=")) file = words[n].substr(kConfig.size() + 1);
  }
  return file;
}

// The file becomes words before the environment: whatever else is said counts more.
// Errors: invalid (not read, not understood, or a setting that there is not).
Result<Words> words_of_file(const std::string& file) {
  auto text = os::read_small_file(file);
  if (!text) return Error(ErrorCode::kInvalid, "--config: " + text.error().message());
  auto settings = parse_config_file(*text);
  if (!settings) return complaint(std::move(settings).error().with_context(file).message());
  Words words;
  for (const auto& [key, value] : *settings) {
    const std::string name = "--" + key;
    const auto known = std::ranges::find(
        kFromEnvironment, name, [](const auto& pair) { return std::string_view(pair.first); });
    if (known == kFromEnvironment.end() || name == kConfig)
      return complaint(fmt::format("{}: there is no setting \"{}\" in a file", file, key));
    words.push_back(name + "=" + value);
  }
  return words;
}

template <class T>
using Choices = std::initializer_list<std::pair<const char*, T>>;
constexpr Choices<Prefault> kPrefaults{
    {"none", Prefault::kNone}, {"background", Prefault::kBackground}, {"full", Prefault::kFull}};
constexpr Choices<LogFormat> kLogFormats{{"text", LogFormat::kText}, {"json", LogFormat::kJson}};

template <class T>
const char* word_for(T value, Choices<T> choices) {
  for (const auto& [word, meaning] : choices) {
    if (meaning == value) return word;
  }
  return "";
}

template <class T>
Result<T> choice(const std::string& text, std::string_view name, const Words& given,
                 Choices<T> values) {
  std::string known;
  for (const auto& [word, value] : values) {
    if (text == word) return value;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  return Error(ErrorCode::kInvalid, fmt::format("{}: \"{}\" is not one of {}",
                                                source_of(name, given), printable(text), known));
}

Result<bool> truth(const std::string& text, std::string_view name, const Words& given) {
  if (const auto value = truth_of(text)) return *value;
  return Error(ErrorCode::kInvalid, fmt::format("{}: \"{}\" is neither true nor false",
                                                source_of(name, given), printable(text)));
}

Result<void> take_size(const Texts& t, const Words& given, Settings& s) {
  if (t.size.empty()) {
    VY_TRY(const os::MemoryLimits limits, os::memory_limits());
    s.asked_size = default_pool(limits);
  } else {
    auto parsed = parse_byte_count(t.size);
    if (!parsed) {
      return Error(ErrorCode::kInvalid,
                   source_of("--size", given) + ": " + printable(parsed.error().message()));
    }
    s.asked_size = *parsed;
  }
  s.pool_size = s.asked_size;
  return {};
}

Result<Settings> settings_from(const Texts& t, const Words& given) {
  Settings s;
  VY_TRY(take_size(t, given, s));
  s.socket = t.socket.empty() ? os::runtime_directory_path() + "/vineyard.sock" : t.socket;
  s.state_dir = t.state_dir;
  if (s.state_dir.empty()) {
    VY_TRY(s.state_dir, os::state_directory_path());
  }
  if (!t.prefault.empty()) {
    VY_TRY(s.prefault, choice(t.prefault, "--prefault", given, kPrefaults));
  }
  if (!t.log.empty()) {
    VY_TRY(s.log, choice(t.log, "--log", given, kLogFormats));
  }
  if (!t.reserve.empty()) {
    VY_TRY(const bool on, truth(t.reserve, "--reserve", given));
    s.reserve = on ? Reserve::kOn : Reserve::kOff;
  }
  if (!t.until_idle.empty()) {
    VY_TRY(const bool on, truth(t.until_idle, "--until-idle", given));
    s.life = on ? Life::kUntilIdle : Life::kUntilStopped;
  }
  return s;
}

Settings print(std::string text) {
  Settings s;
  s.action = Settings::Action::kPrintText;
  s.text = std::move(text);
  return s;
}

ByteCount may_use(const os::MemoryLimits& limits) {
  return limits.limit ? std::min(*limits.limit, limits.machine) : limits.machine;
}

ByteCount whole_pages(std::uint64_t bytes) {
  return ByteCount(bytes / kPoolUnit * kPoolUnit);
}

}  // namespace

Result<Settings> parse_settings(int argc, char* const* argv) {
  CLI::App app(
      "vineyardd shares immutable objects between the programs of this machine, in shared memory.",
      "vineyardd");
  Texts texts;
  declare(app, texts);
  const Words given = words_of(argc, argv);
  Words words = with_environment(given);
  const std::string file = config_file(words);
  if (!file.empty()) {
    VY_TRY(const Words of_file, words_of_file(file));
    words.insert(words.begin(), of_file.begin(), of_file.end());
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return print(app.help());
  } catch (const CLI::CallForVersion& e) {
    return print(std::string(e.what()) + "\n");
  } catch (const CLI::ParseError& e) {
    return complaint(e.what());
  }
  return settings_from(texts, given);
}

ByteCount default_pool(const os::MemoryLimits& limits) {
  return whole_pages(may_use(limits).value / 100 * kDefaultPercent);
}

Result<void> fit_pool(Settings& s, const os::MemoryLimits& limits) {
  if (s.asked_size > limits.machine) {
    return Error(
        ErrorCode::kInvalid,
        fmt::format("--size {} is more than the {} of memory of this machine; choose a smaller one",
                    to_string(s.asked_size), to_string(limits.machine)));
  }
  if (limits.limit) {
    const std::uint64_t headroom =
        std::max(kSmallestHeadroom.value, limits.limit->value / kHeadroomShare);
    const std::uint64_t taken = limits.usage.value + headroom;
    const ByteCount left =
        whole_pages(limits.limit->value > taken ? limits.limit->value - taken : 0);
    if (s.pool_size > left) {
      s.pool_size = left;
      s.clamped_by = fmt::format("the memory limit of {} is {}, {} are in use and {} are kept free",
                                 limits.group, to_string(*limits.limit), to_string(limits.usage),
                                 to_string(ByteCount(headroom)));
    }
  }
  if (s.pool_size >= kSmallestPool) return {};
  if (!s.clamped_by.empty()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("no room for a pool of at least {}: {}; raise the limit",
                             to_string(kSmallestPool), s.clamped_by));
  }
  return Error(ErrorCode::kInvalid,
               fmt::format("--size {} is too small for a pool, at least {} are needed",
                           to_string(s.pool_size), to_string(kSmallestPool)));
}

std::vector<std::string> arguments_for_worker(const std::string& program, const Settings& s) {
  // Every setting, so that nothing of a worker's environment counts; and no file, which may have
  // been edited since.
  return {program,
          "--config",
          "",
          "--size=" + std::to_string(s.pool_size.value),
          "--socket=" + s.socket,
          "--state-dir=" + s.state_dir,
          std::string("--prefault=") + word_for(s.prefault, kPrefaults),
          std::string("--log=") + word_for(s.log, kLogFormats),
          s.reserve == Reserve::kOn ? "--reserve=on" : "--reserve=off",
          s.life == Life::kUntilIdle ? "--until-idle=on" : "--until-idle=off"};
}

}  // namespace vineyard::settings
