// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/copy.h"

#include <cstring>

#if defined(__x86_64__) && !defined(VINEYARD_TSAN)
#include <emmintrin.h>
#define VY_STREAMING_STORES 1
#endif

namespace vineyard::client {
namespace {
constexpr std::size_t kStreamFrom = std::size_t{1} << 20;

#ifdef VY_STREAMING_STORES
void stream(std::byte* to, const std::byte* from, std::size_t size) {
  constexpr std::size_t kLine = 64;
  const std::size_t whole = size / kLine * kLine;
  for (std::size_t i = 0; i < whole; i += kLine) {
    const auto* in = reinterpret_cast<const __m128i*>(from + i);
    auto* out = reinterpret_cast<__m128i*>(to + i);
    const __m128i a = _mm_loadu_si128(in);
    const __m128i b = _mm_loadu_si128(in + 1);
    const __m128i c = _mm_loadu_si128(in + 2);
    const __m128i d = _mm_loadu_si128(in + 3);
    _mm_stream_si128(out, a);
    _mm_stream_si128(out + 1, b);
    _mm_stream_si128(out + 2, c);
    _mm_stream_si128(out + 3, d);
  }
  // Streaming stores are not ordered by the release store that publishes them.
  _mm_sfence();
  std::memcpy(to + whole, from + whole, size - whole);
}
#endif
}  // namespace

void copy_to_pool(std::byte* to, const std::byte* from, std::size_t size) {
#ifdef VY_STREAMING_STORES
  if (size >= kStreamFrom) return stream(to, from, size);
#endif
  if (size != 0) std::memcpy(to, from, size);
}

}  // namespace vineyard::client
