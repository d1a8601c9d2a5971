// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/utf8.h"

#include <cstdint>
#include <cstring>

namespace vineyard::meta {
namespace {

using Byte = unsigned char;

bool is_continuation(Byte b) {
  return (b & 0xc0) == 0x80;
}

// The length of the well-formed sequence at `p`, or 0. `first` is not ASCII.
std::size_t sequence_length(const Byte* p, std::size_t left) {
  const Byte first = p[0];
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (left < length) return 0;
  // The second byte carries the limits against overlong forms, surrogates and values beyond
  // U+10FFFF.
  const Byte low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const Byte high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (p[1] < low || p[1] > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (!is_continuation(p[i])) return 0;
  return length;
}

}  // namespace

bool is_utf8_beyond_ascii(std::string_view text) {
  const auto* p = reinterpret_cast<const Byte*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    std::uint64_t word = 0;
    if (left >= sizeof word) {
      std::memcpy(&word, p, sizeof word);
      if ((word & 0x8080808080808080ULL) == 0) {
        p += sizeof word, left -= sizeof word;
        continue;
      }
    }
    const std::size_t length = *p < 0x80 ? 1 : sequence_length(p, left);
    if (length == 0) return false;
    p += length, left -= length;
  }
  return true;
}

}  // namespace vineyard::meta
