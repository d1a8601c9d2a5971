// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Locks that say what they guard, for clang's thread-safety analysis (an error in the preset
// `clang-dev`); g++ ignores the annotations. std::mutex carries none, so the analysis is blind to it.
#if defined(__clang__)
#define VY_ANNOTATION(x) __attribute__((x))
#else
#define VY_ANNOTATION(x)
#endif
#define VY_GUARDED_BY(mutex) VY_ANNOTATION(guarded_by(mutex))
#define VY_REQUIRES(...) VY_ANNOTATION(requires_capability(__VA_ARGS__))
#define VY_EXCLUDES(...) VY_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace vineyard {

/// A mutex within one process. Nothing that another process can see may depend on it.
///
/// Owner:   the object whose fields it guards; each of these says so with VY_GUARDED_BY.
/// Threads: any.
/// Always:  held by one thread at most; not recursive.
class VY_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  ~Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() VY_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() VY_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for as long as it lives, or until `unlock`.
///
/// Owner:   a block of code.
/// Threads: the one that made it.
/// Always:  lets go at the end of its block of what it holds then.
class VY_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) VY_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() VY_ANNOTATION(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() VY_ANNOTATION(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }
  void unlock() VY_ANNOTATION(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// Lets threads wait for a condition on what a Mutex guards.
///
/// Owner:   the owner of the Mutex.
/// Threads: any; who waits holds the Mutex.
/// Always:  may wake for no reason: callers look at their condition again, in a loop.
class CondVar {
 public:
  void wait(Mutex& mutex) VY_REQUIRES(mutex) { condition_.wait(mutex); }
  /// Returns at the latest after `duration`.
  template <class Rep, class Period>
  void wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> duration) VY_REQUIRES(mutex) {
    condition_.wait_for(mutex, duration);
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace vineyard
