// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/result.h"

// A barrier whose price the rare side pays (rule R1). The frequent side writes, passes
// light_barrier(), reads; the rare side writes, passes global_barrier() (or private_barrier()
// within one process), reads. Then at least one of the two sees what the other wrote.
namespace vineyard::os {

/// Whether the kernel has the global and the private expedited barrier.
[[nodiscard]] bool membarrier_available();

/// Makes this process one that global_barrier() of any process reaches. Until it has returned true,
/// the frequent side needs full_fence(). May take 16 ms in a process with threads. Children made by
/// fork inherit it.
[[nodiscard]] bool register_for_global_barrier();
/// Passes a full barrier on every processor that runs a registered process.
/// Errors: unsupported.
[[nodiscard]] Result<void> global_barrier();

/// The same among the threads of this process.
[[nodiscard]] bool register_for_private_barrier();
/// Errors: unsupported, denied (not registered).
[[nodiscard]] Result<void> private_barrier();

#ifdef VINEYARD_TSAN
namespace internal {
// TSan knows neither membarrier nor fences, but follows ordered read-modify-writes of one word.
inline std::atomic<std::uint64_t> barrier_twin{0};
}  // namespace internal
inline void light_barrier() {
  internal::barrier_twin.fetch_add(1, std::memory_order_seq_cst);
}
inline void full_fence() {
  internal::barrier_twin.fetch_add(1, std::memory_order_seq_cst);
}
inline void copies_before_look() {
  // Under TSan atomics are calls, and keep their order.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
#else
/// The frequent side's barrier, where it is registered: stops the compiler, costs nothing.
inline void light_barrier() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
/// The frequent side's barrier where there is no membarrier, or no registration yet.
inline void full_fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
/// Keeps loads of bytes, which are no atomics, before the look that says whether they were the
/// right ones.
inline void copies_before_look() {
  std::atomic_thread_fence(std::memory_order_acquire);
}
#endif

}  // namespace vineyard::os
