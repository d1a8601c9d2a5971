// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/client/options.h"
#include "vineyard/os/unique_fd.h"

// Which daemon, and where from. The only place of the client that reads the environment.
namespace vineyard::client {

/// Where a native socket may be, best first: what the options name (and beside it, since old
/// clients may be served on the path itself), else the environment, else the user's folder and the
/// system's.
[[nodiscard]] std::vector<std::string> socket_candidates(const ConnectOptions& options);

/// A connected socket and its path.
struct Found {
  os::UniqueFd socket;
  std::string path;
};

/// Connects to the first candidate that is served.
/// Errors: unavailable (says where it looked, what is there, what to do), denied, deadline.
[[nodiscard]] Result<Found> connect_to_first(const std::vector<std::string>& candidates,
                                             const ConnectOptions& options);

/// Starts a daemon of this user, which ends after its last client, and connects to it.
/// Errors: not_found (no program; says where it looked), unavailable (it did not come up; says what
/// it wrote).
[[nodiscard]] Result<Found> start_private_daemon(const ConnectOptions& options);

/// The name of this program, for people.
[[nodiscard]] std::string program_name();

}  // namespace vineyard::client
