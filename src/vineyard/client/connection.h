// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/client/process.h"
#include "vineyard/net/packet_channel.h"
#include "vineyard/os/file_identity.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/protocol/codec.h"
#include "vineyard/shm/layout.h"

namespace vineyard::client {

/// A reply and the descriptors that came with it.
///
/// Owner:   the caller that asked.
/// Threads: a value.
/// Always:  the descriptors are open, and end with it.
template <class Reply>
struct Answer {
  Reply reply;
  std::vector<os::UniqueFd> fds;
};

/// Requests to the instance and their replies, over one socket, without a thread of its own: of the
/// threads that wait one receives for all.
///
/// A request is sent again under the same id when a new worker says that it is ready (Epoch): what
/// it created or did before is known under that id. Replies that nobody waits for are dropped,
/// their descriptors closed.
///
/// Owner:   the Context.
/// Threads: any number at once; one that waits for long keeps nobody else waiting.
/// Always:  each call has one outcome by its deadline. Once lost, it stays lost.
class Connection : private ForkListener {
 public:
  Connection(Process& process, os::UniqueFd socket, std::string path);  // the socket is open
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// From here on the region says which worker is there and whether it turns.
  void watch(const shm::RegionHeader& header);

  /// Asks and waits for the reply.
  /// Errors: what the instance answers; unavailable (gone), deadline (says whether the daemon is
  /// stopped or busy).
  template <protocol::RequestMessage M>
  [[nodiscard]] Result<Answer<typename M::Reply>> call(const M& message,
                                                       std::chrono::milliseconds deadline) {
    protocol::Buffer packet;
    const std::uint64_t id = next_id_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (auto encoded = protocol::encode(packet, id, message, deadline); !encoded) {
      return std::move(encoded).error();
    }
    Waiter waiter;
    waiter.id = id;
    waiter.packet = packet;
    waiter.name = M::kName;
    if (auto done = ask(waiter, deadline); !done) return std::move(done).error();
    const auto frame = protocol::parse_frame(waiter.reply);
    if (!frame) return frame.error();
    auto reply = protocol::decode_reply<typename M::Reply>(*frame);
    if (!reply) return std::move(reply).error();
    return Answer<typename M::Reply>{*std::move(reply), std::move(waiter.fds)};
  }
  /// Says something that is not answered. A full queue or a lost connection swallows it.
  template <protocol::NoticeMessage M>
  void tell(const M& message) {
    protocol::Buffer packet;
    if (protocol::encode(packet, message)) tell_packet(packet);
  }

  [[nodiscard]] bool lost() const { return lost_.load(std::memory_order_acquire); }
  /// Marks it as lost: nothing is sent or received any more, and who waits is told so.
  void lose();
  /// Takes in what has come, without waiting: notices a hang-up.
  void poke();

 private:
  struct Waiter {
    std::uint64_t id = 0;
    std::span<const std::byte> packet;
    std::string_view name;
    std::uint64_t epoch = 0;  // of the worker it was last sent to
    bool answered = false;
    std::vector<std::byte> reply;
    std::vector<os::UniqueFd> fds;
  };

  void before_fork() noexcept override {}
  void in_child() noexcept override;

  [[nodiscard]] Result<void> ask(Waiter& waiter, std::chrono::milliseconds deadline);
  [[nodiscard]] Result<void> send(std::span<const std::byte> packet, std::int64_t until_ms);
  void tell_packet(std::span<const std::byte> packet);
  void await(Waiter& waiter, std::unique_lock<std::mutex>& lock, std::int64_t until_ms);
  void receive_once(std::int64_t wait_ms);
  void take(net::Packet packet);
  [[nodiscard]] std::uint64_t epoch_now() const;
  void note_epoch(const protocol::Frame& frame);
  [[nodiscard]] std::uint64_t turns_now() const;
  [[nodiscard]] bool still_open() const noexcept;
  [[nodiscard]] Error lost_error() const;
  [[nodiscard]] Error deadline_error(const Waiter& waiter, std::int64_t waited_ms,
                                     std::uint64_t turns_before) const;

  Process& process_;
  const std::string path_;
  std::unique_ptr<net::PacketChannel> channel_;
  // A program may close all its descriptors and open others under the same numbers: ours is looked
  // at before each use.
  const os::BorrowedFd number_;
  const os::FileIdentity identity_;
  std::atomic<const shm::RegionHeader*> header_{nullptr};
  std::atomic<std::uint64_t> next_id_{0};
  std::atomic<bool> lost_{false};
  net::PacketBuffer buffer_;  // of the thread that receives

  std::atomic<std::uint64_t> announced_{0};  // newest epoch that a notice named

  std::mutex mutex_;  // for what follows
  std::condition_variable changed_;
  std::vector<Waiter*> waiters_;
  bool receiving_ = false;
};

}  // namespace vineyard::client
