// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/log.h"

#include <cstdio>

namespace vineyard {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

// Bytes of the UTF-8 sequence that starts `text`; 0: it is none. Surrogates and overlong forms are none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

void append_escaped(std::string& line, unsigned char byte, LogFormat format) {
  char text[8];
  std::snprintf(text, sizeof text, format == LogFormat::kJson ? "\\u%04x" : "\\x%02x", byte);
  line += text;
}

void append_message(std::string& line, std::string_view message, LogFormat format) {
  while (!message.empty()) {
    const unsigned char byte = static_cast<unsigned char>(message[0]);
    const std::size_t length = format == LogFormat::kJson ? utf8_length(message) : 1;
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      append_escaped(line, byte, format);
    } else {
      if (format == LogFormat::kJson && (byte == '"' || byte == '\\')) line += '\\';
      line += message.substr(0, length);
    }
    message.remove_prefix(length == 0 ? 1 : length);
  }
}

}  // namespace

std::string log_line(LogFormat format, LogLevel level, std::string_view message) {
  std::string line;
  if (format == LogFormat::kText) {
    line = "vineyardd: ";
    append_message(line, message, format);
    return line + "\n";
  }
  line = "{\"level\":\"" + std::string(name_of(level)) + "\",\"message\":\"";
  append_message(line, message, format);
  return line + "\"}\n";
}

void write_log(LogFormat format, LogLevel level, std::string_view message) {
  std::fputs(log_line(format, level, message).c_str(), stderr);
}

}  // namespace vineyard
