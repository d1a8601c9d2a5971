// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <unordered_map>
#include <vector>

#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/table.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

constexpr std::size_t kTypeWidth = 48;
constexpr std::size_t kNameWidth = 40;

struct Line {
  ObjectId id;
  std::string type{};  // empty: went away while it was listed
  std::uint64_t nbytes = 0;
  std::int64_t created_ms = 0;  // since 1970
  std::uint32_t blobs = 0;      // of its payload
  std::uint32_t members = 0;    // by id, at any depth
  std::vector<std::string> names{};
};

// What an object says about itself. One that is gone meanwhile leaves the line as it is.
void look_at(const Client& client, Line& line) {
  const auto object = client.get(line.id);
  if (!object) return;
  line.type = object->type_name();
  line.nbytes = object->nbytes();
  if (const auto created = client.created_at(line.id)) {
    line.created_ms = created->time_since_epoch().count();
  }
  if (object->is_blob()) return;
  line.blobs = object->document().payload_count();
  line.members = static_cast<std::uint32_t>(object->document().references().size()) - line.blobs;
}

Result<std::vector<Line>> lines_by_name(const Client& client, const LsOptions& options) {
  VY_TRY(const auto named, client.list_names(options.list));
  std::vector<Line> lines;
  for (const NamedObject& n : named) {
    Line line{.id = n.id, .names = {n.name}};
    look_at(client, line);
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<Line>> lines_by_type(const Client& client, const LsOptions& options) {
  VY_TRY(const auto ids, client.list(options.list));
  VY_TRY(const auto named, client.list_names({.limit = std::numeric_limits<std::uint32_t>::max()}));
  std::unordered_map<ObjectId, std::vector<std::string>> names;
  for (const NamedObject& n : named) names[n.id].push_back(n.name);
  std::vector<Line> lines;
  for (const ObjectId id : ids) {
    Line line{.id = id};
    look_at(client, line);
    if (line.type.empty()) continue;
    if (const auto at = names.find(id); at != names.end()) line.names = at->second;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string local_time(std::int64_t since_1970_ms) {
  const std::time_t seconds = since_1970_ms / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string as_json(const std::vector<Line>& lines) {
  meta::JsonWriter w;
  w.begin_array();
  for (const Line& line : lines) {
    w.begin_object().field("id", line.id.to_string());
    if (line.type.empty()) {
      w.key("typename").null();
    } else {
      w.field("typename", line.type).field("nbytes", line.nbytes);
      w.field("timestamp", line.created_ms);
      w.field("payload_blobs", line.blobs).field("members", line.members);
    }
    w.key("names").begin_array();
    for (const std::string& name : line.names) w.value(name);
    w.end_array().end_object();
  }
  w.end_array();
  return w.take() + "\n";
}

std::string as_text(const std::vector<Line>& lines, const LsOptions& options) {
  std::vector<Table::Column> columns{{"ID"}, {"TYPE"}, {"BYTES", Align::kRight}};
  if (options.is_long) {
    columns.push_back({"BLOBS", Align::kRight});
    columns.push_back({"MEMBERS", Align::kRight});
    columns.push_back({"CREATED"});
  }
  columns.push_back({"NAME"});
  Table table(std::move(columns));
  for (const Line& line : lines) {
    std::string names;
    for (const std::string& name : line.names) {
      names += (names.empty() ? "" : ", ") +
               (options.is_long ? printable(name) : shortened(printable(name), kNameWidth));
    }
    const std::string type = line.type.empty() ? "(deleted)" : printable(line.type);
    std::vector<std::string> row{line.id.to_string(),
                                 options.is_long ? type : shortened(type, kTypeWidth),
                                 grouped(line.nbytes)};
    if (options.is_long) {
      row.push_back(grouped(line.blobs));
      row.push_back(grouped(line.members));
      row.push_back(line.created_ms == 0 ? "" : local_time(line.created_ms));
    }
    row.push_back(std::move(names));
    table.add_row(std::move(row));
  }
  return table.text();
}

}  // namespace

Result<ExitStatus> ls(const Common& common, const LsOptions& options) {
  VY_TRY(const Client client, connect(common));
  VY_TRY(const auto lines,
         options.names ? lines_by_name(client, options) : lines_by_type(client, options));
  VY_TRY(print(common.form == Form::kJson ? as_json(lines) : as_text(lines, options)));
  if (lines.size() >= options.list.limit && common.form == Form::kText) {
    std::fprintf(stderr, "vineyard: stopped at %u; --limit shows more\n", options.list.limit);
  }
  return ExitStatus::kDone;
}

}  // namespace vineyard::cli
