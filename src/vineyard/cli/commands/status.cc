// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/status_text.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {

Result<ExitStatus> status(const Common& common) {
  VY_TRY(const Client client, connect(common));
  VY_TRY(const std::string json, client.status_json());
  if (common.form == Form::kJson) {
    VY_TRY(print(json + "\n"));
    return ExitStatus::kDone;
  }
  VY_TRY(const meta::JsonValue answer, meta::JsonValue::parse(json));
  VY_TRY(print(status_text(answer)));
  return ExitStatus::kDone;
}

}  // namespace vineyard::cli
