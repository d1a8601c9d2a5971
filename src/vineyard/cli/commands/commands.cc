// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/commands/commands.h"

#include <cstdio>

namespace vineyard::cli {

Result<Client> connect(const Common& common) {
  ConnectOptions options;
  options.socket = common.socket;
  options.program = "vineyard";
  return Client::connect(options);
}

Result<void> print(std::string_view text) {
  if (text.empty()) return {};
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return Error(ErrorCode::kUnavailable, "the answer could not be written to the standard output");
}

}  // namespace vineyard::cli
