// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vineyard/net/packet_channel.h"
#include "vineyard/protocol/codec.h"

namespace vineyard::hostile {

/// How a daemon took something.
enum class Outcome {
  kAnswered,  // it still answers on this connection
  kClosed,    // it has closed the connection
  kSilent,    // neither, in time: a failure
};

/// What a connection knows after it has joined: material for requests that are nearly right.
struct Facts {
  std::uint64_t serial = 0;
  std::uint64_t pin_table = 0;
  std::vector<std::uint64_t> arenas;
  std::vector<std::uint64_t> ids;
};

/// A connection that is used in every wrong way.
///
/// Owner:   who attacks.
/// Threads: one.
/// Always:  blocks no longer than `patience_ms` at a time; descriptors that come are closed, but for those of the last
///          join: while they are open, its outbox and pin table have a reader.
class Attacker {
 public:
  Attacker(std::string socket, int patience_ms);

  /// Connects anew. False: nobody accepts in time.
  bool connect();
  /// Joins as a well-behaved client does.
  bool join();
  /// Sends any bytes and descriptors. False: the connection is closed, or its queue stayed full.
  bool send(std::span<const std::byte> packet, std::span<const int> descriptors = {});
  template <protocol::RequestMessage M>
  bool request(const M& message) {
    if (!protocol::encode(out_, ++last_id_, message)) return false;
    return send(out_);
  }
  /// Sends a request and waits for its answer, over all other answers.
  template <protocol::RequestMessage M>
  std::optional<typename M::Reply> call(const M& message) {
    if (!request(message) || await(last_id_) != Outcome::kAnswered) return std::nullopt;
    auto reply = protocol::decode_reply<typename M::Reply>(*protocol::parse_frame(answer_));
    if (!reply) return std::nullopt;
    return *std::move(reply);
  }
  /// Whether a proper request is still answered behind all that was sent.
  Outcome settle();
  /// Takes what has come without waiting.
  void drain();

  [[nodiscard]] Facts& facts() { return facts_; }
  [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }
  [[nodiscard]] const os::UniqueFd& socket() const { return channel_->socket(); }
  /// The longest that settle() or call() had to wait.
  [[nodiscard]] std::int64_t slowest_ms() const { return slowest_ms_; }

 private:
  Outcome await(std::uint64_t id);

  std::string path_;
  int patience_ms_;
  std::optional<net::PacketChannel> channel_;
  net::PacketBuffer buffer_;
  protocol::Buffer out_;
  protocol::Buffer answer_;
  std::vector<os::UniqueFd> came_;  // with the last answer
  std::vector<os::UniqueFd> joined_;
  Facts facts_;
  std::uint64_t last_id_ = 0;
  std::int64_t slowest_ms_ = 0;
};

}  // namespace vineyard::hostile
