// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/doctor_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "vineyard/cli/output/table.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

const char* name_of(HostState state) {
  switch (state) {
    case HostState::kOk: return "ok";
    case HostState::kLimited: return "limited";
    case HostState::kMissing: return "missing";
  }
  return "";
}

std::uint64_t count(const std::vector<HostCheck>& checks, HostState state) {
  return static_cast<std::uint64_t>(std::count_if(
      checks.begin(), checks.end(), [state](const HostCheck& c) { return c.state == state; }));
}

}  // namespace

bool anything_missing(const std::vector<HostCheck>& checks) {
  return count(checks, HostState::kMissing) > 0;
}

std::string doctor_text(const std::vector<HostCheck>& checks) {
  std::size_t width = 0;
  for (const HostCheck& c : checks) width = std::max(width, width_of(c.what));
  std::string out;
  for (const HostCheck& c : checks) {
    out += fmt::format("{:<7}  {:<{}}  {}\n", name_of(c.state), c.what, width, printable(c.found));
    if (c.state == HostState::kOk) continue;
    const std::string margin(7 + 2 + width + 2, ' ');
    out += fmt::format("{}why: {}\n", margin, printable(c.why));
    if (!c.advice.empty()) out += fmt::format("{}do:  {}\n", margin, printable(c.advice));
  }
  out += fmt::format("{} ok, {} limited, {} missing\n", count(checks, HostState::kOk),
                     count(checks, HostState::kLimited), count(checks, HostState::kMissing));
  return out;
}

std::string doctor_json(const std::vector<HostCheck>& checks) {
  meta::JsonWriter w;
  w.begin_object();
  w.field("ok", count(checks, HostState::kOk)).field("limited", count(checks, HostState::kLimited));
  w.field("missing", count(checks, HostState::kMissing));
  w.key("checks").begin_array();
  for (const HostCheck& c : checks) {
    w.begin_object().field("what", c.what).field("state", name_of(c.state));
    w.field("found", c.found).field("why", c.why).field("advice", c.advice).end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

}  // namespace vineyard::cli
