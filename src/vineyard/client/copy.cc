// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/copy.h"

#include <cstring>

#if defined(__x86_64__) && !defined(VINEYARD_TSAN)
#include <emmintrin.h>
#define VY_STREAMING_STORES 1
#endif

namespace vineyard::client {
namespace {
constexpr std::size_t kStreamFrom = std::size_t{1} << 20;  // of a whole put
constexpr std::size_t kPartFrom = std::size_t{16} << 10;  // of one part of it: below, it costs more

#ifdef VY_STREAMING_STORES
constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kPagesAtOnce = 4;

void stream_line(std::byte* to, const std::byte* from) {
  const auto* in = reinterpret_cast<const __m128i*>(from);
  auto* out = reinterpret_cast<__m128i*>(to);
  const __m128i a = _mm_loadu_si128(in);
  const __m128i b = _mm_loadu_si128(in + 1);
  const __m128i c = _mm_loadu_si128(in + 2);
  const __m128i d = _mm_loadu_si128(in + 3);
  _mm_stream_si128(out, a);
  _mm_stream_si128(out + 1, b);
  _mm_stream_si128(out + 2, c);
  _mm_stream_si128(out + 3, d);
}

void stream(std::byte* to, const std::byte* from, std::size_t size) {
  std::size_t done = 0;
  // Lines of several pages in turn keep more of the memory busy than one page after the other.
  for (; size - done >= kPagesAtOnce * kPage; done += kPagesAtOnce * kPage) {
    for (std::size_t line = done; line < done + kPage; line += kLine) {
      for (std::size_t page = 0; page < kPagesAtOnce; ++page)
        stream_line(to + line + page * kPage, from + line + page * kPage);
    }
  }
  for (; size - done >= kLine; done += kLine) stream_line(to + done, from + done);
  // Streaming stores are not ordered by the release store that publishes them.
  _mm_sfence();
  std::memcpy(to + done, from + done, size - done);
}
#endif
}  // namespace

void copy_to_pool(std::byte* to, const std::byte* from, std::size_t size,
                  [[maybe_unused]] std::size_t whole) {
#ifdef VY_STREAMING_STORES
  if (whole >= kStreamFrom && size >= kPartFrom) return stream(to, from, size);
#endif
  if (size != 0) std::memcpy(to, from, size);
}

}  // namespace vineyard::client
