// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/child.h"

#include <algorithm>

namespace vineyard::os {

void end_child(pid_t pid, BorrowedFd pidfd, int first_signal, int patience_ms) {
  send_signal_to_child(pid, first_signal);
  if (first_signal != SIGKILL && !wait_readable(pidfd, patience_ms).value_or(false)) {
    send_signal_to_child(pid, SIGKILL);
  }
  (void)wait_child(pid);
}

void RestartDelay::note_end(std::int64_t now_ms) {
  if (now_ms - started_ms >= kQuickEndMs) delay_ms = 0;
  not_before_ms = now_ms + delay_ms;
  delay_ms = delay_ms == 0 ? kFirstMs : std::min<std::int64_t>(delay_ms * 2, kLongestMs);
}

}  // namespace vineyard::os
