// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "vineyard/base/units.h"
#include "vineyard/cli/output/table.h"

namespace vineyard::cli {
namespace {

constexpr std::size_t kClientsShown = 12;
constexpr std::size_t kTypesShown = 6;
constexpr std::size_t kProgramWidth = 28;
constexpr std::size_t kTypeWidth = 60;

using Path = std::initializer_list<std::string_view>;

const meta::JsonValue* find(const meta::JsonValue& json, Path path) {
  const meta::JsonValue* at = &json;
  for (const std::string_view key : path) {
    if (at != nullptr) at = at->find(key);
  }
  return at;
}

std::uint64_t number(const meta::JsonValue& json, Path path) {
  const meta::JsonValue* at = find(json, path);
  return at == nullptr ? 0 : at->as_uint64().value_or(0);
}

std::string bytes(const meta::JsonValue& json, Path path) {
  return to_string(ByteCount(number(json, path)));
}

std::string text(const meta::JsonValue& json, Path path) {
  const meta::JsonValue* at = find(json, path);
  const std::string* found = at == nullptr ? nullptr : at->as_text();
  return found == nullptr ? std::string() : printable(*found);
}

std::string process(const meta::JsonValue& status, std::string_view which) {
  const std::uint64_t pid = number(status, {"pids", which});
  return pid == 0 ? fmt::format("no {}", which) : fmt::format("{} {}", which, pid);
}

std::string heading(const meta::JsonValue& s) {
  return fmt::format(
      "vineyard {} at {}, instance {:x}, epoch {}, reserve {}\n", text(s, {"version"}),
      text(s, {"socket"}), number(s, {"instance"}), number(s, {"epoch"}),
      find(s, {"reserve"}) != nullptr && find(s, {"reserve"})->as_bool().value_or(false) ? "on"
                                                                                         : "off");
}

std::string memory(const meta::JsonValue& s) {
  const std::uint64_t used = number(s, {"memory", "used"});
  const std::uint64_t pool = number(s, {"memory", "pool"});
  std::string out = fmt::format("memory     {} of {} used ({}), {} of it by live objects\n",
                                to_string(ByteCount(used)), to_string(ByteCount(pool)),
                                percentage(used, pool), bytes(s, {"memory", "objects"}));
  out +=
      fmt::format("           spare arenas {} ({} ready), daemon {} ({} free), ended programs {}\n",
                  bytes(s, {"memory", "spares"}), number(s, {"memory", "spares_ready"}),
                  bytes(s, {"memory", "daemon"}), bytes(s, {"memory", "daemon_free"}),
                  bytes(s, {"memory", "of_ended_programs"}));
  return out;
}

std::string contents(const meta::JsonValue& s) {
  std::string out = fmt::format("objects    {} ({}, {}), {}; {} deleted but still viewed\n",
                                grouped(number(s, {"objects", "total"})),
                                counted(number(s, {"objects", "documents"}), "document"),
                                counted(number(s, {"objects", "blobs"}), "blob"),
                                counted(number(s, {"objects", "names"}), "name"),
                                grouped(number(s, {"objects", "deleted_but_viewed"})));
  out += fmt::format("arenas     {} of clients, {} of the daemon; {}; {}\n",
                     grouped(number(s, {"arenas", "clients"})),
                     grouped(number(s, {"arenas", "daemon"})),
                     counted(number(s, {"pin_tables"}), "pin table"),
                     counted(number(s, {"descriptors"}), "descriptor"));
  return out;
}

std::string clients(const meta::JsonValue& s) {
  const meta::JsonValue* list = find(s, {"clients"});
  const auto* all = list == nullptr ? nullptr : list->as_array();
  const std::uint64_t count = number(s, {"client_count"});
  if (all == nullptr || all->empty()) return "clients    none\n";
  Table table({{"CLIENT", Align::kRight},
               {"PID", Align::kRight},
               {"UID", Align::kRight},
               {"PROGRAM"},
               {"MEMORY", Align::kRight},
               {"ARENAS", Align::kRight},
               {"PINS", Align::kRight},
               {""}});
  const std::size_t shown = std::min(all->size(), kClientsShown);
  for (std::size_t n = 0; n < shown; ++n) {
    const meta::JsonValue& c = (*all)[n];
    const meta::JsonValue* gone = find(c, {"gone"});
    table.add_row({std::to_string(number(c, {"serial"})), std::to_string(number(c, {"pid"})),
                   std::to_string(number(c, {"uid"})),
                   shortened(text(c, {"program"}), kProgramWidth), bytes(c, {"bytes"}),
                   grouped(number(c, {"arenas"})), grouped(number(c, {"pins"})),
                   gone != nullptr && gone->as_bool().value_or(false) ? "ended" : ""});
  }
  std::string out = fmt::format("clients    {}\n{}", grouped(count), table.text(2));
  if (count > shown) out += fmt::format("  and {} more (--json shows up to 200)\n", count - shown);
  return out;
}

std::string types(const meta::JsonValue& s) {
  const meta::JsonValue* map = find(s, {"types"});
  const auto* all = map == nullptr ? nullptr : map->as_object();
  if (all == nullptr || all->empty()) return {};
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [name, count] : *all) {
    sorted.emplace_back(count.as_uint64().value_or(0), shortened(printable(name), kTypeWidth));
  }
  std::ranges::sort(sorted, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  Table table({{"OBJECTS", Align::kRight}, {"TYPE"}});
  const std::size_t shown = std::min(sorted.size(), kTypesShown);
  for (std::size_t n = 0; n < shown; ++n) {
    table.add_row({grouped(sorted[n].first), sorted[n].second});
  }
  std::string out = "types\n" + table.text(2);
  if (sorted.size() > shown) out += fmt::format("  and {} more\n", sorted.size() - shown);
  return out;
}

}  // namespace

std::string status_text(const meta::JsonValue& status) {
  return heading(status) +
         fmt::format("processes  {}, {}, {}\n", process(status, "supervisor"),
                     process(status, "standby"), process(status, "worker")) +
         memory(status) + contents(status) + clients(status) + types(status);
}

std::string check_text(const meta::JsonValue& report) {
  const std::uint64_t findings = number(report, {"findings"});
  std::string invariants;
  if (const meta::JsonValue* list = find(report, {"invariants"}); list && list->as_array()) {
    for (const meta::JsonValue& name : *list->as_array()) {
      if (const std::string* id = name.as_text()) invariants += " " + printable(*id);
    }
  }
  std::string out = fmt::format("{}: {} and {} in use checked against{}\n",
                                findings == 0 ? "clean" : counted(findings, "finding"),
                                counted(number(report, {"objects"}), "object"),
                                number(report, {"entries"}) == 1
                                    ? "1 entry"
                                    : grouped(number(report, {"entries"})) + " entries",
                                invariants);
  const meta::JsonValue* broken = find(report, {"broken"});
  if (broken == nullptr || broken->as_array() == nullptr) return out;
  for (const meta::JsonValue& finding : *broken->as_array()) {
    out += fmt::format("  {:<4} {}\n", text(finding, {"invariant"}), text(finding, {"what"}));
  }
  const std::size_t listed = broken->as_array()->size();
  if (findings > listed) out += fmt::format("  and {} more\n", findings - listed);
  return out;
}

}  // namespace vineyard::cli
