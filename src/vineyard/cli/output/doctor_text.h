// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vineyard/client/host.h"

// What `vineyard doctor` found.
namespace vineyard::cli {

/// One line for what is well; why it matters and what to do for the rest.
[[nodiscard]] std::string doctor_text(const std::vector<HostCheck>& checks);
/// All of it.
[[nodiscard]] std::string doctor_json(const std::vector<HostCheck>& checks);
[[nodiscard]] bool anything_missing(const std::vector<HostCheck>& checks);

}  // namespace vineyard::cli
