// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/table.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

enum class Outcome : std::uint8_t { kDeleted, kAbsent, kKept };

// One thing that was asked for, and what became of it.
struct Target {
  std::string text;
  bool is_name = false;
  ObjectId id = ObjectId::invalid();  // invalid: no such name
  Outcome outcome = Outcome::kAbsent;
  ObjectId holder = ObjectId::invalid();  // kKept: an object that refers to it
  bool name_dropped = false;
};

Result<std::vector<Target>> find_targets(const Client& client, const RmOptions& options) {
  std::vector<Target> targets;
  for (const std::string& text : options.targets) {
    Target t{.text = text};
    if (const auto id = ObjectId::parse(text)) {
      t.id = *id;
    } else {
      t.is_name = true;
      const auto named = client.get_name(text, {.freshness = Freshness::kLinearizable});
      if (named) {
        t.id = *named;
      } else if (named.error().code() != ErrorCode::kNotFound) {
        return named.error();
      }
    }
    targets.push_back(std::move(t));
  }
  return targets;
}

// One step of deleting: what was kept says which object refers to it. Returns how many went.
Result<std::uint32_t> remove_once(const Client& client, std::vector<Target*>& targets,
                                  const DeleteOptions& options) {
  std::vector<ObjectId> ids;
  for (const Target* t : targets) ids.push_back(t->id);
  VY_TRY(const std::vector<bool> there, client.exists(ids));
  VY_TRY(const DeleteReport report, client.remove(ids, options));
  for (std::size_t n = 0; n < targets.size(); ++n) {
    Target& t = *targets[n];
    t.outcome = there[n] ? Outcome::kDeleted : Outcome::kAbsent;
    const auto kept = std::find(report.kept.begin(), report.kept.end(), t.id);
    if (kept == report.kept.end()) continue;
    t.outcome = Outcome::kKept;
    const auto place = static_cast<std::size_t>(kept - report.kept.begin());
    if (place < report.holders.size()) t.holder = report.holders[place];
  }
  return report.deleted;
}

// Objects and what they refer to may be named in any order: what was kept is asked again as long as
// others went.
Result<std::uint32_t> remove(const Client& client, std::vector<Target>& targets,
                             const DeleteOptions& options) {
  std::vector<Target*> left;
  for (Target& t : targets) {
    if (t.id.is_valid()) left.push_back(&t);
  }
  std::uint32_t deleted = 0;
  while (!left.empty()) {
    VY_TRY(const std::uint32_t now, remove_once(client, left, options));
    deleted += now;
    std::erase_if(left, [](const Target* t) { return t->outcome != Outcome::kKept; });
    if (now == 0) break;
  }
  return deleted;
}

// A name goes with its object, unless it stands for another one by now.
Result<void> drop_names(const Client& client, std::vector<Target>& targets) {
  for (Target& t : targets) {
    if (!t.is_name || !t.id.is_valid() || t.outcome == Outcome::kKept) continue;
    const auto now = client.get_name(t.text, {.freshness = Freshness::kLinearizable});
    if (!now || *now != t.id) continue;
    VY_TRY(t.name_dropped, client.drop_name(t.text));
  }
  return {};
}

std::string as_json(const std::vector<Target>& targets, std::uint32_t deleted) {
  meta::JsonWriter w;
  w.begin_object().field("deleted", deleted).key("targets").begin_array();
  for (const Target& t : targets) {
    w.begin_object().field("target", t.text);
    if (t.id.is_valid()) w.field("id", t.id.to_string());
    switch (t.outcome) {
      case Outcome::kDeleted: w.field("outcome", "deleted"); break;
      case Outcome::kAbsent: w.field("outcome", "absent"); break;
      case Outcome::kKept:
        w.field("outcome", "kept");
        if (t.holder.is_valid()) w.field("member_of", t.holder.to_string());
        break;
    }
    if (t.is_name) w.field("name_dropped", t.name_dropped);
    w.end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

std::string line_of(const Target& t) {
  const std::string what = t.is_name && t.id.is_valid()
                               ? fmt::format("{} ({})", printable(t.text), t.id.to_string())
                               : printable(t.text);
  switch (t.outcome) {
    case Outcome::kDeleted:
      return fmt::format("{}: deleted{}\n", what, t.name_dropped ? " with its name" : "");
    case Outcome::kAbsent:
      if (!t.id.is_valid()) return fmt::format("{}: no such name\n", what);
      return fmt::format("{}: not there{}\n", what, t.name_dropped ? "; its name is gone now" : "");
    case Outcome::kKept:
      return fmt::format(
          "{}: kept, because it is a member of {}; delete that one first, or both with --force\n",
          what, t.holder.is_valid() ? t.holder.to_string() : "another object");
  }
  return {};
}

std::string as_text(const std::vector<Target>& targets, std::uint32_t deleted) {
  std::string out;
  for (const Target& t : targets) out += line_of(t);
  const auto asked =
      static_cast<std::uint32_t>(std::count_if(targets.begin(), targets.end(), [](const Target& t) {
        return t.outcome == Outcome::kDeleted;
      }));
  if (deleted > asked) {
    out += fmt::format("{} in all, with payloads and members\n", counted(deleted, "object"));
  }
  return out;
}

}  // namespace

Result<ExitStatus> rm(const Common& common, const RmOptions& options) {
  VY_TRY(const Client client, connect(common));
  VY_TRY(auto targets, find_targets(client, options));
  VY_TRY(const std::uint32_t deleted, remove(client, targets, options.remove));
  VY_TRY(drop_names(client, targets));
  VY_TRY(print(common.form == Form::kJson ? as_json(targets, deleted) : as_text(targets, deleted)));
  const bool all = std::all_of(targets.begin(), targets.end(),
                               [](const Target& t) { return t.outcome == Outcome::kDeleted; });
  return all ? ExitStatus::kDone : ExitStatus::kNotAll;
}

}  // namespace vineyard::cli
