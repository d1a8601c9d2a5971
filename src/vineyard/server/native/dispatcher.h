// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "vineyard/net/loop/event_loop.h"
#include "vineyard/protocol/codec.h"
#include "vineyard/server/native/connection.h"
#include "vineyard/server/operations/instance.h"
#include "vineyard/server/operations/memory.h"

namespace vineyard::server {

/// The native protocol: message table -> operation -> reply. Decodes and sends, decides nothing.
///
/// Owner:   server/worker.
/// Threads: the loop's thread only.
/// Always:  each request gets exactly one reply; a repeat of a finished one gets the same again.
class Dispatcher {
 public:
  Dispatcher(net::EventLoop& loop, Instance& instance);

  /// A connection that the supervisor holds, new or inherited, starts to be served.
  Result<void> serve(Peer& peer);
  /// Tells every client that a new worker is ready: what was not answered is to be asked again.
  void announce_epoch();
  /// After whatever may have published, named or deleted something.
  void serve_waits();
  void serve_gone();
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  /// Called when the last connection has ended.
  void on_idle(std::function<void()> idle) { idle_ = std::move(idle); }

 private:
  struct Call;
  void handle(std::uint64_t serial, const protocol::Frame& frame);
  void handle_notice(Peer& peer, const protocol::Frame& frame);
  void call(Call& c);
  void call_membership(Call& c);
  void call_objects(Call& c);
  void call_names(Call& c);
  bool answer_finished(Call& c);
  template <class Request>
  bool decode(Call& c, Request& request);
  template <class Reply>
  void reply(std::uint64_t serial, std::uint64_t request, const Reply& message,
             std::vector<os::UniqueFd> descriptors = {});
  void fail(std::uint64_t serial, std::uint16_t opcode, std::uint64_t request, const Error& error);
  void finished(const Call& c, std::uint64_t status, std::uint64_t result);
  void ended(std::uint64_t serial);
  Post post();

  net::EventLoop& loop_;
  Instance& in_;
  net::PacketBuffer buffer_;
  protocol::Buffer out_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::function<void()> idle_;
  net::Timer rearm_;
};

}  // namespace vineyard::server
