// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/access.h"

#include <fmt/format.h>

namespace vineyard::server {
namespace {
constexpr std::uint16_t kJoin = 1;
constexpr std::uint16_t kMapped = 2;
constexpr std::uint16_t kStatus = 20;
}  // namespace

Result<void> may_connect(const Instance& in, std::uint64_t uid) {
  const std::uint64_t own = in.region.header.daemon_uid.load(std::memory_order_relaxed);
  if (uid == own) return {};
  return Error(
      ErrorCode::kDenied,
      fmt::format(
          "this instance serves user {} only, and you are user {}; start a vineyardd of your own",
          own, uid));
}

Result<void> may_ask(const Instance& in, const Peer& peer, std::uint16_t opcode) {
  if (auto allowed = may_connect(in, peer.uid); !allowed) return allowed;
  if (opcode == kJoin || opcode == kMapped || opcode == kStatus) return {};
  if (in.clients.established(peer.control, peer.serial)) return {};
  // Joined once, and expelled since: or never joined.
  return Error(ErrorCode::kInvalid,
               "join first: this connection is not a client (or its outbox was refused)");
}

}  // namespace vineyard::server
