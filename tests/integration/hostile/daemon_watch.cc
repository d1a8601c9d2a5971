// SPDX-License-Identifier: Apache-2.0
#include "daemon_watch.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace vineyard::hostile {
namespace {

std::string read_proc(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// State and parent of a process from /proc/PID/stat; its name may contain blanks and parentheses.
struct Stat {
  char state = 'X';
  pid_t parent = 0;
};
std::optional<Stat> stat_of(pid_t pid) {
  const std::string text = read_proc(pid, "stat");
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos || text.size() < after_name + 5) return std::nullopt;
  Stat stat;
  stat.state = text[after_name + 2];
  std::from_chars(text.data() + after_name + 4, text.data() + text.size(), stat.parent);
  return stat;
}

bool runs(pid_t pid) {
  const auto stat = stat_of(pid);
  return stat && stat->state != 'Z' && stat->state != 'X';
}

std::int64_t resident_bytes(pid_t pid) {
  const std::string text = read_proc(pid, "status");
  const std::size_t at = text.find("VmRSS:");
  if (at == std::string::npos) return 0;
  const std::size_t digits = text.find_first_of("0123456789", at);
  std::int64_t kib = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), kib);
  return kib << 10;
}

std::int64_t descriptors(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid) + "/fd", error);
  return error ? 0 : std::distance(begin(entries), end(entries));
}

}  // namespace

DaemonWatch::DaemonWatch(pid_t pid) : processes_{pid} {
  for (bool found = true; found;) {
    found = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      pid_t other = 0;
      auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), other);
      if (error != std::errc() || end != name.data() + name.size()) continue;
      if (std::ranges::count(processes_, other) != 0) continue;
      const auto stat = stat_of(other);
      if (!stat || std::ranges::count(processes_, stat->parent) == 0 || !runs(other)) continue;
      processes_.push_back(other);
      found = true;
    }
  }
}

int DaemonWatch::deaths() const {
  return static_cast<int>(std::ranges::count_if(processes_, [](pid_t pid) { return !runs(pid); }));
}

Usage DaemonWatch::usage() const {
  Usage usage;
  for (pid_t pid : processes_) {
    usage.resident_bytes += resident_bytes(pid);
    usage.descriptors += descriptors(pid);
  }
  return usage;
}

}  // namespace vineyard::hostile
