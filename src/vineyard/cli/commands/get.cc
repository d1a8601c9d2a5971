// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/file.h"
#include "vineyard/client/host.h"
#include "vineyard/meta/document_json.h"
#include "vineyard/meta/utf8.h"

namespace vineyard::cli {
namespace {

constexpr std::size_t kMostForTerminal = 1U << 20;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whether a terminal shows these bytes as they are, and obeys none of them.
bool is_plain_text(std::string_view text) {
  const auto harmless = [](char byte) {
    const auto code = static_cast<unsigned char>(byte);
    return (code >= 0x20 && code != 0x7F) || byte == '\n' || byte == '\t';
  };
  return text.size() <= kMostForTerminal && text.find("\xC2\x9B") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), harmless) && meta::is_utf8(text);
}

std::string metadata(const Object& object, Form form) {
  const auto style = form == Form::kJson ? meta::JsonStyle::kCompact : meta::JsonStyle::kIndented;
  if (!object.is_blob()) return meta::to_json(object.document(), object.id(), style) + "\n";
  meta::JsonWriter w(style);
  w.begin_object().field("id", object.id().to_string());
  w.field("typename", object.type_name()).field("nbytes", object.nbytes()).end_object();
  return w.take() + "\n";
}

Result<void> write_blob(const Object& blob, const GetTarget& options) {
  const std::string_view bytes = as_text(blob.view().bytes());
  if (!options.output.empty()) return write_file(options.output, bytes);
  if (is_terminal(StandardStream::kOutput) && !is_plain_text(bytes)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{} holds {} that a terminal should not show; write them to a file "
                             "(-o FILE), into a pipe, or ask for its metadata (--json)",
                             options.target, to_string(ByteCount(bytes.size()))));
  }
  return print(bytes);
}

}  // namespace

Result<ExitStatus> get(const Common& common, const GetTarget& options) {
  VY_TRY(const Client client, connect(common));
  const auto wait_ms = static_cast<std::uint64_t>(options.wait_seconds * 1000);
  VY_TRY(const Object object, client.get(options.target, {.wait_ms = wait_ms}));
  if (object.is_blob() && common.form == Form::kText) {
    VY_TRY(write_blob(object, options));
    return ExitStatus::kDone;
  }
  const std::string json = metadata(object, common.form);
  VY_TRY(options.output.empty() ? print(json) : write_file(options.output, json));
  return ExitStatus::kDone;
}

}  // namespace vineyard::cli
