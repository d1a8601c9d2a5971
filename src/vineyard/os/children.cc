// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/children.h"

#include <fmt/format.h>

#include <charconv>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"

namespace vineyard::os {

Result<std::vector<pid_t>> children_of(pid_t pid) {
  VY_TRY(auto text, read_small_file(fmt::format("/proc/{0}/task/{0}/children", pid)));
  std::vector<pid_t> children;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    pid_t child = 0;
    const auto [next, code] = std::from_chars(at, end, child);
    if (code != std::errc()) break;
    children.push_back(child);
    at = next == end ? end : next + 1;
  }
  return children;
}

}  // namespace vineyard::os
