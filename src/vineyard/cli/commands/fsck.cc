// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/status_text.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {

Result<ExitStatus> fsck(const Common& common) {
  VY_TRY(const Client client, connect(common));
  VY_TRY(const CheckReport report, client.check_json());
  if (common.form == Form::kJson) {
    VY_TRY(print(report.json + "\n"));
  } else {
    VY_TRY(const meta::JsonValue answer, meta::JsonValue::parse(report.json));
    VY_TRY(print(check_text(answer)));
  }
  return report.findings == 0 ? ExitStatus::kDone : ExitStatus::kNotAll;
}

}  // namespace vineyard::cli
