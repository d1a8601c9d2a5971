// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vineyard::cli {

/// Reads the command line, carries it out and returns the exit status. Errors are one line on the
/// standard error: what was asked, what is, what to do; with --json they are a JSON object.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace vineyard::cli
