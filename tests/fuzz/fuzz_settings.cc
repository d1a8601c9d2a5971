// SPDX-License-Identifier: Apache-2.0
// A settings file, then the words of a command line, each after a NUL: is refused in one line, or
// gives settings that every worker finds again in its arguments.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/check.h"
#include "vineyard/settings/config_file.h"
#include "vineyard/settings/settings.h"

using namespace vineyard;
using settings::Settings;

namespace {

// A file without a folder, written anew for each input.
class File {
 public:
  File() : fd_(memfd_create("settings", MFD_CLOEXEC)) { VY_CHECK(fd_ >= 0); }
  void write(std::string_view text) const {
    VY_CHECK(ftruncate(fd_, 0) == 0);
    VY_CHECK(pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

Result<Settings> parse(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return settings::parse_settings(static_cast<int>(words.size()), argv.data());
}

void check_error(const Error& error) {
  VY_CHECK(error.code() == ErrorCode::kInvalid);
  VY_CHECK(error.message().size() < 1000);
  VY_CHECK(std::ranges::none_of(error.message(),
                                [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }));
}

// What was read, written in the one way that needs no thought.
std::string written_again(const std::vector<settings::FileSetting>& all) {
  std::string text;
  for (const auto& [key, value] : all) {
    VY_CHECK(!key.empty() && !value.empty());
    text += key + "=\"";
    for (char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += "\"\n";
  }
  return text;
}

void check_file(std::string_view text) {
  const auto read = settings::parse_config_file(text);
  if (!read) return;
  const auto again = settings::parse_config_file(written_again(*read));
  VY_CHECK(again && again->size() == read->size());
  for (std::size_t n = 0; n < read->size(); ++n)
    VY_CHECK((*read)[n].key == (*again)[n].key && (*read)[n].value == (*again)[n].value);
}

void check_worker_finds(const Settings& s) {
  const auto again = parse(settings::arguments_for_worker("vineyardd", s));
  VY_CHECK(again.has_value());
  VY_CHECK(again->action == Settings::Action::kServe);
  VY_CHECK(again->socket == s.socket && again->state_dir == s.state_dir);
  VY_CHECK(again->pool_size == s.pool_size);
  VY_CHECK(again->prefault == s.prefault && again->reserve == s.reserve);
  VY_CHECK(again->life == s.life && again->log == s.log);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const File file = [] {
    clearenv();
    setenv("HOME", "/home/fuzz", 1);
    return File();
  }();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> words{"vineyardd", "--config", file.path()};
  std::size_t end = std::min(text.find('\0'), text.size());
  const std::string_view of_file = text.substr(0, end);
  while (end < text.size()) {
    text.remove_prefix(end + 1);
    end = std::min(text.find('\0'), text.size());
    words.emplace_back(text.substr(0, end));
    // Only the one file is read.
    if (words.back().find("config") != std::string::npos) return 0;
  }
  check_file(of_file);
  file.write(of_file);
  const auto parsed = parse(std::move(words));
  if (!parsed) {
    check_error(parsed.error());
  } else if (parsed->action == Settings::Action::kServe) {
    file.write("size = not read again");
    check_worker_finds(*parsed);
  }
  return 0;
}
