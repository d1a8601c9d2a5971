// SPDX-License-Identifier: Apache-2.0
#include "vineyard/net/loop/event_loop.h"

#define BOOST_ASIO_NO_DEPRECATED
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/syscall.h"

namespace vineyard::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
// With the executor's own type: the default one is erased, and copied at each wait.
using Executor = asio::io_context::executor_type;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Clock = std::chrono::steady_clock;
using Alarm = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

}  // namespace

struct EventLoop::Impl {
  asio::io_context io{1};  // one thread runs it
  asio::executor_work_guard<Executor> until_stopped{io.get_executor()};
  std::size_t alive = 0;  // watches and timers that have not ended
};

struct Watch::State {
  EventLoop::Impl* loop;
  Descriptor descriptor;
  Descriptor::wait_type direction;
  os::UniqueFd own;  // the second descriptor, of a watch for writing
  EventLoop::Callback callback;
  bool active = true;
  bool calling = false;

  // One wait at a time. Asio waits for edges, but each new wait asks the kernel again, so that it
  // ends at once where the last callback has left something.
  static void wait(SharedState state) {
    Descriptor& descriptor = state->descriptor;
    const auto direction = state->direction;
    descriptor.async_wait(direction, [state = std::move(state)](error_code error) mutable {
      if (!state->active) return;
      // A file that cannot be waited for: its owner is at fault, and would be called for ever.
      VY_CHECK(error != asio::error::operation_not_supported);
      state->calling = true;
      state->callback();
      state->calling = false;
      if (state->active) {
        wait(std::move(state));
      } else {
        state->callback = nullptr;
      }
    });
  }
};

struct Timer::State {
  EventLoop::Impl* loop;
  std::optional<Alarm> alarm;  // empty once it has ended
  EventLoop::Callback callback;

  void finish() {
    alarm.reset();
    --loop->alive;
  }
};

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    end();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Watch::end() {
  auto state = std::exchange(state_, nullptr);
  if (state == nullptr) return;
  state->active = false;
  state->descriptor
      .release();  // not ours to close; the wait in flight comes back and finds that it is over
  state->own.reset();
  --state->loop->alive;
  // What the callback holds goes now, unless it is the callback that ends its own watch.
  if (!state->calling) state->callback = nullptr;
}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    end();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Timer::end() {
  auto state = std::exchange(state_, nullptr);
  if (state == nullptr || !state->alarm) return;
  state->finish();
  state->callback = nullptr;
}

bool Timer::active() const {
  return state_ != nullptr && state_->alarm.has_value();
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() {
  VY_CHECK(impl_->alive == 0);
}

Result<Watch> EventLoop::watch_readable(os::BorrowedFd fd, Callback callback) {
  auto state =
      std::make_shared<Watch::State>(impl_.get(), Descriptor(impl_->io), Descriptor::wait_read,
                                     os::UniqueFd(), std::move(callback));
  error_code error;
  state->descriptor.assign(fd.get(), error);
  if (error) return os::os_error("epoll_ctl(EPOLL_CTL_ADD)", error.value());
  ++impl_->alive;
  Watch::State::wait(state);
  return Watch(std::move(state));
}

Result<Watch> EventLoop::watch_writable(os::BorrowedFd fd, Callback callback) {
  VY_TRY(auto own, os::duplicate(fd));
  auto state =
      std::make_shared<Watch::State>(impl_.get(), Descriptor(impl_->io), Descriptor::wait_write,
                                     std::move(own), std::move(callback));
  error_code error;
  state->descriptor.assign(state->own.get(), error);
  if (error) return os::os_error("epoll_ctl(EPOLL_CTL_ADD)", error.value());
  ++impl_->alive;
  Watch::State::wait(state);
  return Watch(std::move(state));
}

Timer EventLoop::after(std::chrono::milliseconds delay, Callback callback) {
  auto state = std::make_shared<Timer::State>(impl_.get(), std::nullopt, std::move(callback));
  state->alarm.emplace(impl_->io, delay);
  ++impl_->alive;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): emplaced above
  state->alarm->async_wait([state](error_code error) {
    if (error || !state->alarm) return;  // it ended first
    state->finish();
    auto once = std::exchange(state->callback, nullptr);
    once();
  });
  return Timer(std::move(state));
}

void EventLoop::post(Callback callback) {
  asio::post(impl_->io, std::move(callback));
}

void EventLoop::run() {
  impl_->io.run();
  impl_->io.restart();
}

void EventLoop::stop() {
  impl_->io.stop();
}

}  // namespace vineyard::net
