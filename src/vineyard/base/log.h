// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vineyard {

enum class LogFormat : std::uint8_t { kText, kJson };
enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

/// One line of a log, with its newline. Text: `vineyardd: message`; JSON: one object a line. Bytes that would break
/// the line (control characters; in JSON also what is not UTF-8) are escaped, so no message can forge another line.
[[nodiscard]] std::string log_line(LogFormat format, LogLevel level, std::string_view message);

/// Writes that line to the standard error, where the log of a daemon goes.
void write_log(LogFormat format, LogLevel level, std::string_view message);

}  // namespace vineyard
