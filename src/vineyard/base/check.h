// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vineyard {

/// Writes where and what to standard error and aborts. For our own bugs only: whatever a client, peer, file or
/// kernel can cause is a `Result`.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace vineyard

// Always on: a condition that only our own bug can break.
#define VY_CHECK(condition)                            \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::vineyard::check_failed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
// Not evaluated, but what it names counts as used.
#define VY_DCHECK(condition) static_cast<void>(false && (condition))
#else
#define VY_DCHECK(condition) VY_CHECK(condition)
#endif
