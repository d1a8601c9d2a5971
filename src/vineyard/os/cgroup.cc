// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/cgroup.h"

#include <charconv>
#include <cstdint>
#include <string_view>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"

namespace vineyard::os {
namespace {

constexpr std::uint64_t kUnlimited = std::uint64_t{1}
                                     << 60;  // version 1 writes "none" as a huge number

struct Version {
  const char* mount;  // below root
  const char* limit_file;
  const char* usage_file;
  const char* file_pages[2];  // lines of memory.stat: file pages, which the kernel gives back
};
constexpr Version kVersion2{
    "/sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file ", "active_file "}};
constexpr Version kVersion1{"/sys/fs/cgroup/memory",
                            "memory.limit_in_bytes",
                            "memory.usage_in_bytes",
                            {"total_inactive_file ", "total_active_file "}};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  const auto text = read_small_file(path);
  return text ? parse_number(*text) : std::nullopt;
}

// The number behind `key` at the start of a line.
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') return parse_number(text.substr(at + key.size()));
  }
  return std::nullopt;
}

// What a group uses and cannot be made to give back: the bytes of cached files do not count.
std::optional<std::uint64_t> read_usage(const std::string& folder, const Version& version) {
  const auto usage = read_number(folder + "/" + version.usage_file);
  const auto details = read_small_file(folder + "/memory.stat");
  if (!usage || !details) return usage;
  std::uint64_t files = 0;
  for (const char* line : version.file_pages) files += value_of(*details, line).value_or(0);
  return *usage > files ? *usage - files : 0;
}

// Path of the own group from /proc/self/cgroup: `0::/path` (version 2), `7:memory:/path` (version
// 1).
std::optional<std::string> own_group(std::string_view table, std::string_view controllers) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(line.size() < table.size() ? line.size() + 1 : table.size());
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string list = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    if (list == "," + std::string(controllers) + "," ||
        (!controllers.empty() &&
         list.find("," + std::string(controllers) + ",") != std::string::npos)) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

// Looks at the own group and all above it: the one with the least room decides.
bool read_groups(const std::string& root, const Version& version, std::string path,
                 MemoryLimits& limits) {
  bool found = false;
  std::uint64_t least_room = ~std::uint64_t{0};
  for (;;) {
    if (path == "/") path.clear();
    const std::string folder = root + version.mount + path;
    const auto usage = read_usage(folder, version);
    if (usage && !found) {
      limits.usage = ByteCount(*usage);
      limits.group = folder;
      found = true;
    }
    const auto limit = read_number(folder + "/" + version.limit_file);
    if (usage && limit && *limit < kUnlimited) {
      const std::uint64_t room = *limit > *usage ? *limit - *usage : 0;
      if (room < least_room) {
        least_room = room;
        limits.limit = ByteCount(*limit);
        limits.usage = ByteCount(*usage);
        limits.group = folder;
      }
    }
    if (path.empty()) return found;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

Result<MemoryLimits> memory_limits(const std::string& root) {
  VY_TRY(const std::string info, read_small_file(root + "/proc/meminfo"));
  MemoryLimits limits;
  limits.machine = ByteCount(value_of(info, "MemTotal:").value_or(0) * 1024);
  const auto available = value_of(info, "MemAvailable:");
  limits.available = available ? ByteCount(*available * 1024) : limits.machine;
  const auto table = read_small_file(root + "/proc/self/cgroup");
  if (!table) return limits;
  // On a mixed host the memory controller is in one of the two; version 1 names it.
  if (const auto path = own_group(*table, "memory");
      path && read_groups(root, kVersion1, *path, limits))
    return limits;
  if (const auto path = own_group(*table, "")) read_groups(root, kVersion2, *path, limits);
  return limits;
}

}  // namespace vineyard::os
