// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// How a process ended: by a signal, or with an exit status.
struct ExitStatus {
  int signal = 0;  // 0: it exited by itself
  int status = 0;
};

/// 0 in the child, its number in the parent. Only from a process with one thread may the child do
/// more than exec.
[[nodiscard]] Result<pid_t> fork_process();
/// Ends this process without running anything that was registered for its end: for forked children.
[[noreturn]] void exit_now(int status);

/// A descriptor that names a process for ever, readable once it has ended.
/// Errors: not_found (no such process), full.
[[nodiscard]] Result<UniqueFd> open_pidfd(pid_t pid);
/// Errors: not_found (it has ended and was waited for), denied.
[[nodiscard]] Result<void> send_signal(BorrowedFd pidfd, int signal);
/// The same for a child that was not waited for yet (so its number is still its own), where there
/// is no pidfd.
void send_signal_to_child(pid_t pid, int signal);
/// Waits for the end of a child.
/// Errors: unavailable (not a child of this process).
[[nodiscard]] Result<ExitStatus> wait_child(pid_t pid);
/// The same without waiting: nothing while it runs.
[[nodiscard]] Result<std::optional<ExitStatus>> poll_child(pid_t pid);

/// Sends `signal` to this process when its parent ends; 0 switches that off.
/// Errors: unavailable (the parent is not `expected_parent` any more: it has ended already).
[[nodiscard]] Result<void> set_parent_death_signal(int signal, pid_t expected_parent);
/// No program started from here on gains rights (setuid, file capabilities).
[[nodiscard]] Result<void> set_no_new_privileges();
/// No core dump of this process, by its limit; object bytes stay out of files.
[[nodiscard]] Result<void> disable_core_dumps();
/// Raises the soft limit of descriptors to the hard one and returns it.
[[nodiscard]] Result<std::uint64_t> raise_descriptor_limit();
/// How many numbers for descriptors there are from the lowest free one up to the limit: when they are
/// few, all below are taken. Two system calls, where counting takes one for each descriptor.
[[nodiscard]] std::uint64_t descriptors_left();
/// The name in ps and top, at most 15 bytes.
void set_process_name(const char* name);

/// Threads of this process now.
[[nodiscard]] Result<unsigned> thread_count();
/// Open descriptors of this process now.
[[nodiscard]] Result<unsigned> descriptor_count();
[[nodiscard]] pid_t process_id();
[[nodiscard]] pid_t parent_process_id();
[[nodiscard]] uid_t effective_user_id();

/// A clock that only goes forward; only differences mean anything.
[[nodiscard]] std::int64_t monotonic_ms();
/// The time of day, since 1970, to some milliseconds.
[[nodiscard]] std::int64_t wall_clock_ms();

/// Turns signals into readable packets of a descriptor, and keeps them from being delivered
/// otherwise.
[[nodiscard]] Result<UniqueFd> open_signal_fd(std::initializer_list<int> signals);
/// The next signal that came, or nothing.
[[nodiscard]] Result<std::optional<int>> read_signal(BorrowedFd signal_fd);
/// Ignores a signal, also one that is blocked and waiting.
void ignore_signal(int signal);
/// Gives a signal its default meaning back and lets it be delivered: in a child that inherited
/// other settings.
void restore_signal(int signal);

}  // namespace vineyard::os
