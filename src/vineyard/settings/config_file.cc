// SPDX-License-Identifier: Apache-2.0
#include "vineyard/settings/config_file.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "vineyard/base/try.h"

namespace vineyard::settings {
namespace {

Error invalid(const toml::source_region& where, std::string_view what) {
  return Error(ErrorCode::kInvalid, fmt::format("line {}: {}", where.begin.line, what));
}

Result<std::string> text_of(std::string_view key, const toml::node& value) {
  if (const auto* text = value.as_string()) {
    if (!text->get().empty()) return text->get();
    return invalid(value.source(), fmt::format("{} is empty; leave it out for its default", key));
  }
  if (const auto* number = value.as_integer()) return std::to_string(number->get());
  if (const auto* yes = value.as_boolean()) return std::string(yes->get() ? "true" : "false");
  return invalid(value.source(),
                 fmt::format("{} must be text in quotes, a whole number, true or false", key));
}

}  // namespace

Result<std::vector<FileSetting>> parse_config_file(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return invalid(
        parsed.error().source(),
        fmt::format("{} (text stands in quotes: size = \"8Gi\")", parsed.error().description()));
  }
  std::vector<FileSetting> settings;
  for (const auto& [key, value] : parsed.table()) {
    VY_TRY(auto as_text, text_of(key.str(), value));
    settings.push_back({std::string(key.str()), std::move(as_text)});
  }
  return settings;
}

}  // namespace vineyard::settings
