// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "vineyard/net/loop/event_loop.h"
#include "vineyard/net/packet_channel.h"
#include "vineyard/protocol/codec.h"

namespace vineyard::server {

/// One client's connection as the loop sees it: frames in, replies out, a bounded backlog for the slow.
///
/// Owner:   Listener, by the client's serial.
/// Threads: the loop's thread only.
/// Always:  replies leave in order; at most one reply with descriptors is unread; who does not read is cut off when
///          the backlog is full.
class Connection {
 public:
  using OnFrame = std::function<void(const protocol::Frame&)>;
  using OnEnd = std::function<void()>;

  /// `socket` is this object's own descriptor of the connection (the held one lives in Holds).
  Connection(net::EventLoop& loop, net::PacketBuffer& buffer, os::UniqueFd socket,
             os::UniqueFd process);

  /// Starts to listen. `on_end` is called once, when the peer hung up, misbehaved or its process ended.
  Result<void> start(OnFrame on_frame, OnEnd on_end);

  /// Ends the connection after `limit`, unless `joined` says so by then.
  void join_within(std::chrono::milliseconds limit, std::function<bool()> joined);

  /// Sends the frame, or keeps it until the peer reads.
  void send(std::span<const std::byte> frame, std::vector<os::UniqueFd> descriptors = {});
  void shut_down();
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Unsent {
    std::vector<std::byte> frame;
    std::vector<os::UniqueFd> descriptors;
  };
  void read_one();
  void flush();
  bool send_now(std::span<const std::byte> frame, const std::vector<os::UniqueFd>& descriptors,
                bool* sent);
  void end();

  net::EventLoop& loop_;
  net::PacketBuffer& buffer_;
  net::PacketChannel channel_;
  os::UniqueFd process_;
  OnFrame on_frame_;
  OnEnd on_end_;
  net::Watch readable_;
  net::Watch writable_;
  net::Watch process_ended_;
  net::Timer retry_;
  net::Timer join_by_;
  std::deque<Unsent> backlog_;
  std::size_t backlog_bytes_ = 0;
  bool ended_ = false;
};

}  // namespace vineyard::server
