// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::net {

/// Calls back while a descriptor is ready, until the Watch ends.
///
/// Owner:   whoever asked the loop for it; ends before the descriptor is closed and before the
/// loop. Threads: the loop's only. Always:  once it has ended, also from inside its own callback,
/// it is not called back any more.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { end(); }

  /// Ends it now; nothing if it has ended.
  void end();
  [[nodiscard]] bool active() const { return state_ != nullptr; }

 private:
  friend class EventLoop;
  struct State;
  using SharedState =
      std::shared_ptr<State>;  // shared with the wait in flight: either may end first
  explicit Watch(SharedState state) : state_(std::move(state)) {}
  SharedState state_;
};

/// Calls back once, when its time has come, unless the Timer ends before.
///
/// Owner:   whoever asked the loop for it; ends before the loop.
/// Threads: the loop's only.
/// Always:  once it has ended it is not called back any more.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&&) noexcept = default;
  Timer& operator=(Timer&& other) noexcept;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { end(); }

  /// Ends it now; nothing if it has ended or its time has come.
  void end();
  /// Whether its time is still to come.
  [[nodiscard]] bool active() const;

 private:
  friend class EventLoop;
  struct State;
  using SharedState =
      std::shared_ptr<State>;  // shared with the wait in flight: either may end first
  explicit Timer(SharedState state) : state_(std::move(state)) {}
  SharedState state_;
};

/// Waits for descriptors, times and other threads, and calls back one thing after the other.
///
/// Owner:   the worker; ends after all watches and timers.
/// Threads: one thread runs it and makes watches and timers; any thread may `post` and `stop`.
/// Always:  callbacks run in `run()`, never inside the call that asked for them, and never two at
/// once. They do not
///          throw.
class EventLoop {
 public:
  using Callback = std::move_only_function<void()>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Calls back while `fd` can be read without waiting: bytes, a connection to accept, a hang-up or
  /// error to see, the end of a process behind a pidfd. It is called again as long as that is so,
  /// one event each turn, so that nobody starves the others. The descriptor does not block from now
  /// on. At most one watch of this kind for a descriptor. Errors: full (kernel memory), invalid
  /// (already watched).
  [[nodiscard]] Result<Watch> watch_readable(os::BorrowedFd fd, Callback callback);

  /// Calls back while `fd` takes data without waiting (or was hung up). Watches a second descriptor
  /// of the same open socket, so that it may stand beside a watch for reading without costing that
  /// one anything. Errors: full (kernel memory, descriptors).
  [[nodiscard]] Result<Watch> watch_writable(os::BorrowedFd fd, Callback callback);

  /// Calls back once after `delay`.
  [[nodiscard]] Timer after(std::chrono::milliseconds delay, Callback callback);

  /// Calls back in the next turn, in the order of posting. From any thread.
  void post(Callback callback);

  /// Calls back until somebody stops it.
  void run();
  /// Ends run() after the callback that is running, or the next run() at once. From any thread.
  void stop();

 private:
  friend class Watch;
  friend class Timer;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vineyard::net
