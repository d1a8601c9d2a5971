// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace vineyard::os {

/// A file descriptor that is closed with its owner.
///
/// Owner:   whoever holds it; closes the descriptor when it ends.
/// Threads: one at a time.
/// Always:  holds one open descriptor or none (-1).
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  /// Gives the descriptor away: the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  /// Closes what is held and takes `fd` instead.
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// A descriptor that somebody else owns and keeps open during the call.
///
/// Owner:   nobody; a plain value.
/// Threads: as any value.
/// Always:  never closes anything. From a number only in so many words (the supervisor's table of
/// holds).
class BorrowedFd {
 public:
  BorrowedFd(const UniqueFd& fd) : fd_(fd.get()) {}  // NOLINT: implicit, as a reference would be
  explicit constexpr BorrowedFd(int fd) : fd_(fd) {}
  [[nodiscard]] constexpr int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace vineyard::os
