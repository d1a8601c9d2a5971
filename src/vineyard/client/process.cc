// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/process.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/client/slot_pool.h"
#include "vineyard/os/fork_guard.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/os/process.h"

namespace vineyard::client {
namespace {
std::atomic<Process*> current{nullptr};
std::atomic<os::ForkGuard*> process_guard{nullptr};  // behind internal::process_word
std::atomic<std::uint32_t> last_generation{1};
thread_local Process* forking = nullptr;  // whose lock this thread took for its fork
constexpr std::uint64_t kClaiming = 1;
}  // namespace

void private_barrier() noexcept {
  // Where the kernel has none, and while this process is not registered, the frequent side fences by
  // itself (PinBarrier::kFence). The fence comes first: who is refused here has then been seen by
  // whoever goes on without fences once another thread has registered.
  os::full_fence();
  static_cast<void>(os::private_barrier().has_value());
}

// Two threads may both make a word; the second one's goes again. No lock: a child could find it
// taken.
Result<void> Process::prepare_word() {
  if (internal::process_word.load(std::memory_order_acquire) != nullptr) return {};
  VY_TRY(auto guard, os::ForkGuard::create());
  auto kept = std::make_unique<os::ForkGuard>(std::move(guard));
  std::atomic<std::uint64_t>* none = nullptr;
  if (internal::process_word.compare_exchange_strong(none, &kept->word())) {
    process_guard.store(kept.release(), std::memory_order_relaxed);  // as long as the process
  }
  return {};
}

Result<Process*> Process::here() {
  VY_TRY(prepare_word());
  auto& word = *internal::process_word.load(std::memory_order_acquire);
  for (;;) {
    std::uint64_t seen = word.load(std::memory_order_acquire);
    if (seen > kClaiming) return current.load(std::memory_order_acquire);
    if (seen == 0 && word.compare_exchange_strong(seen, kClaiming)) break;
    std::this_thread::yield();  // another thread of this new process is at it
  }
  const auto registered = os::register_fork_handlers_once(
      {.before = &before_fork, .in_parent = &in_parent, .in_child = &in_child});
  if (!registered) {
    word.store(0, std::memory_order_release);
    return registered.error();
  }
  auto* process = new Process(last_generation.fetch_add(1) + 1);  // never destroyed
  current.store(process, std::memory_order_release);
  word.store(process->generation_, std::memory_order_release);
  return process;
}

void Process::enlist(ForkListener& listener) {
  const std::lock_guard lock(fork_mutex_);
  listeners_.push_back(&listener);
}

void Process::dismiss(ForkListener& listener) {
  const std::lock_guard lock(fork_mutex_);
  std::erase(listeners_, &listener);
}

Result<os::MappedRegion> Process::map_own(os::BorrowedFd fd, ByteCount size) {
  const std::lock_guard lock(fork_mutex_);
  VY_TRY(auto region, os::MappedRegion::map(fd, size, os::Access::kReadWrite));
  // Whole pages: the kernel rounds a mapping up, and its advice wants the same.
  const std::size_t page = os::page_size();
  const std::size_t whole = (region.size() + page - 1) / page * page;
  VY_TRY(os::dont_fork(region.data(), whole));
  holes_.push_back({region.data(), whole});
  return region;
}

void Process::forget_hole(const std::byte* data) {
  std::erase_if(holes_, [&](const Hole& h) { return h.data == data; });
}

void Process::unmap_own(os::MappedRegion& region) {
  const std::lock_guard lock(fork_mutex_);
  forget_hole(region.data());
  region.reset();
}

Result<void> Process::bequeath(const os::MappedRegion& region) {
  for (const Hole& h : holes_) {
    if (h.data != region.data()) continue;
    VY_TRY(os::do_fork(h.data, h.size));
    break;
  }
  forget_hole(region.data());
  return {};
}

void Process::blind_own(const os::MappedRegion& region) {
  const std::lock_guard lock(fork_mutex_);
  forget_hole(region.data());
  if (region.valid()) VY_CHECK(os::replace_with_anonymous(region.data(), region.size()));
}

shm::PinBarrier Process::pin_barrier() {
  const std::lock_guard lock(barrier_mutex_);
  return os::thread_count().value_or(0) == 1 ? register_locked() : barrier_;
}

shm::PinBarrier Process::register_for_barriers() {
  const std::lock_guard lock(barrier_mutex_);
  return register_locked();
}

shm::PinBarrier Process::register_locked() {
  if (barrier_known_) return barrier_;
  const bool light = os::membarrier_available() && os::register_for_private_barrier() &&
                     os::register_for_global_barrier();
  barrier_ = light ? shm::PinBarrier::kLight : shm::PinBarrier::kFence;
  barrier_known_ = true;
  return barrier_;
}

void Process::before_fork() {
  Process* process = current.load(std::memory_order_acquire);
  // A child that has made no call yet owns nothing, and its parent's lock may be taken for ever.
  if (process == nullptr || process_generation() != process->generation_) return;
  process->fork_mutex_.lock();
  forking = process;
  for (ForkListener* listener : process->listeners_) listener->before_fork();
  // A thread that saw "not frozen" before this has passed a barrier now: what it did until then is
  // seen by the child.
  private_barrier();
}

void Process::in_parent() {
  if (forking == nullptr) return;
  forking->fork_mutex_.unlock();
  forking = nullptr;
}

void Process::in_child() {
  internal::forget_lanes_of_other_threads();
  Process* process = forking;
  forking = nullptr;
  if (process == nullptr) return;
  // Else the child's next mapping could land where the parent's arena was, and be taken for it. One
  // that is filled already is no matter.
  for (const Hole& h : process->holes_)
    static_cast<void>(os::fill_hole(h.data, h.size).has_value());
  for (ForkListener* listener : process->listeners_) listener->in_child();
}

}  // namespace vineyard::client
