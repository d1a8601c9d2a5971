// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/populate.h"

#include <algorithm>

#include "vineyard/client/copy.h"
#include "vineyard/os/mapped_region.h"

namespace vineyard::client {
namespace {
constexpr std::size_t kStep = std::size_t{4} << 20;
}

void populate(std::span<std::byte> untouched) {
  if (untouched.empty()) return;
  static_cast<void>(os::populate_for_write(untouched.data(), untouched.size()).has_value());
}

void copy_and_populate(std::byte* to, const std::byte* from, std::size_t size,
                       std::span<std::byte> untouched) {
  for (std::size_t done = 0; done < size; done += kStep) {
    const std::size_t n = std::min(kStep, size - done);
    // What is untouched ends behind the bytes that are copied; the last step takes what is left of
    // it.
    while (!untouched.empty() && (untouched.data() < to + done + n || done + n == size)) {
      const auto now = untouched.first(std::min(untouched.size(), kStep));
      populate(now);
      untouched = untouched.subspan(now.size());
    }
    copy_to_pool(to + done, from + done, n);
  }
}

}  // namespace vineyard::client
