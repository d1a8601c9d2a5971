// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vineyard {

/// While one lives, calls of this thread that would have to wait for the daemon fail at once instead (deadline), and
/// nothing of them happened: whoever must not wait where he is - a binding that holds its interpreter's lock - asks
/// again elsewhere.
///
/// Owner:   a scope of the caller; they do not nest.
/// Threads: the one that made it.
/// Always:  `refused` says whether a call failed for this reason.
class NoWaiting {
 public:
  NoWaiting() noexcept;
  ~NoWaiting();
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
  [[nodiscard]] bool refused() const noexcept;

  /// For the client: whether this thread must not wait now. Noted when it is so.
  [[nodiscard]] static bool refuses() noexcept;
};

}  // namespace vineyard
