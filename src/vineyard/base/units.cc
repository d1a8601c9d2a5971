// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/units.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace vineyard {

std::string to_string(ByteCount bytes) {
  static constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double amount = static_cast<double>(bytes.value);
  int unit = 0;
  while (amount >= 1024 && unit < 5) amount /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", amount, kNames[unit]);
  return text;
}

namespace {

// The power of 1024 behind a unit, or -1.
int unit_power(std::string_view unit) {
  if (unit.empty() || unit == "B") return 0;
  static constexpr std::string_view kLetters = "KMGTP";
  const std::size_t at =
      kLetters.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
  if (at == std::string_view::npos) return -1;
  const std::string_view rest = unit.substr(1);
  return rest.empty() || rest == "i" || rest == "B" || rest == "iB" ? static_cast<int>(at) + 1 : -1;
}

}  // namespace

Result<ByteCount> parse_byte_count(std::string_view text) {
  const auto bad = [&] {
    return Error(ErrorCode::kInvalid,
                 "'" + std::string(text) +
                     "' is not a size: write a number and a unit of B, K, M, G, T (or Ki, Mi, "
                     "...), for example 512Mi or 8G");
  };
  double amount = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (code != std::errc() || !(amount >= 0) || std::isinf(amount)) return bad();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const int power = unit_power(unit);
  if (power < 0) return bad();
  const double bytes = std::floor(std::ldexp(amount, 10 * power));
  if (bytes >= std::ldexp(1.0, 63)) {
    return Error(ErrorCode::kInvalid,
                 "'" + std::string(text) + "' is more than any machine has: it must be below 8Ei");
  }
  return ByteCount(static_cast<std::uint64_t>(bytes));
}

}  // namespace vineyard
