// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/shm/pin_table.h"

// What belongs to a process and not to its children: contexts, mappings that children must not
// have, and the steps at a fork (R13; details: threads, forks, instances).
namespace vineyard::client {

class Context;

/// Somebody who has to know before this process forks.
///
/// Owner:   whoever enlisted it in Process.
/// Threads: called in the thread that forks, while all others are kept from forking.
/// Always:  both calls neither allocate nor lock.
class ForkListener {
 public:
  virtual ~ForkListener() = default;
  virtual void before_fork() noexcept = 0;
  /// In the child: closes what must not be inherited. Everything else is left as it is.
  virtual void in_child() noexcept = 0;
};

namespace internal {
/// The word that a new child finds as 0; null until the first connect.
inline std::atomic<std::atomic<std::uint64_t>*> process_word{nullptr};
}  // namespace internal

/// Tells this process from its parent and its children: what was pinned under another number is not
/// ours to release. Below 2: a child that has made no call yet (or no process with contexts).
[[nodiscard]] inline std::uint32_t process_generation() noexcept {
  const auto* word = internal::process_word.load(std::memory_order_acquire);
  return word == nullptr ? 0 : static_cast<std::uint32_t>(word->load(std::memory_order_acquire));
}

/// This process as far as shared memory is concerned. The one exception to "no singletons": pins
/// belong to a process.
///
/// Owner:   itself; never destroyed. A forked child makes its own at its first call and leaves the
///          inherited one, locks and all, as it is.
/// Threads: any number at once.
/// Always:  no fork happens while `fork_mutex()` is held.
class Process {
 public:
  /// Errors: unsupported (a kernel without MADV_WIPEONFORK), full.
  [[nodiscard]] static Result<Process*> here();

  [[nodiscard]] std::uint32_t generation() const { return generation_; }

  /// Held for what a fork must not cut in two; also taken around fork. Short, and without messages.
  [[nodiscard]] std::mutex& fork_mutex() { return fork_mutex_; }
  /// Held while connecting, so that two threads do not make two contexts for one socket.
  [[nodiscard]] std::mutex& connect_mutex() { return connect_mutex_; }

  /// Contexts of this process; under `connect_mutex`.
  [[nodiscard]] std::vector<Context*>& contexts() { return contexts_; }

  void enlist(ForkListener& listener);
  void dismiss(ForkListener& listener);

  /// Maps memory that this process alone writes: a child finds a hole there.
  [[nodiscard]] Result<os::MappedRegion> map_own(os::BorrowedFd fd, ByteCount size);
  void unmap_own(os::MappedRegion& region);
  /// From now on children inherit it. The caller holds `fork_mutex`.
  [[nodiscard]] Result<void> bequeath(const os::MappedRegion& region);
  /// Puts private memory in the place of what `map_own` mapped, for threads that may still look
  /// there.
  void blind_own(const os::MappedRegion& region);

  /// Which barrier a pin needs now. Registers this process with the kernel if that takes
  /// microseconds: in a process with threads it takes 10 to 40 ms, too much for a connect.
  [[nodiscard]] shm::PinBarrier pin_barrier();
  /// Registers in any case, and returns what a pin needs from now on.
  [[nodiscard]] shm::PinBarrier register_for_barriers();

 private:
  explicit Process(std::uint32_t generation) : generation_(generation) {}
  static Result<void> prepare_word();
  static void before_fork();
  static void in_parent();
  static void in_child();
  void forget_hole(const std::byte* data);

  struct Hole {
    std::byte* data;
    std::size_t size;
  };

  const std::uint32_t generation_;
  std::mutex fork_mutex_;
  std::mutex connect_mutex_;
  std::vector<Context*> contexts_;        // connect_mutex_
  std::vector<ForkListener*> listeners_;  // fork_mutex_
  std::vector<Hole> holes_;               // fork_mutex_
  [[nodiscard]] shm::PinBarrier register_locked();

  std::mutex barrier_mutex_;
  bool barrier_known_ = false;  // barrier_mutex_
  shm::PinBarrier barrier_ = shm::PinBarrier::kFence;
};

/// The rare side of barriers within this process: afterwards every thread has passed one.
void private_barrier() noexcept;

}  // namespace vineyard::client
