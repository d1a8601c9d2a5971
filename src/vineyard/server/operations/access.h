// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vineyard/base/result.h"
#include "vineyard/server/operations/instance.h"

namespace vineyard::server {

/// Whether this connection may send requests at all: the kernel says whose process it is, and only the daemon's own
/// user is let in. Errors: denied (names both users).
Result<void> may_connect(const Instance& in, std::uint64_t uid);

/// Whether this request is in order now: everything but Join wants a client that has joined. Errors: denied, invalid.
Result<void> may_ask(const Instance& in, const Peer& peer, std::uint16_t opcode);

}  // namespace vineyard::server
