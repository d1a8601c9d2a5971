// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/connection.h"

#include <algorithm>

#include "vineyard/base/try.h"
#include "vineyard/client/no_waiting.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/process.h"

namespace vineyard::client {
namespace {

// How long a thread sleeps before it looks at the region's epoch by itself: an Epoch message may
// get lost when the queue of this connection was full.
constexpr std::int64_t kLookMs = 500;

}  // namespace

Connection::Connection(Process& process, os::UniqueFd socket, std::string path)
    : process_(process),
      path_(std::move(path)),
      channel_(
          std::make_unique<net::PacketChannel>(std::move(socket), net::Descriptors::kAccepted)),
      number_(channel_->socket().get()),
      identity_(os::identity_of(number_).value_or(os::FileIdentity{})) {
  process_.enlist(*this);
}

Connection::~Connection() {
  process_.dismiss(*this);
  if (!still_open()) static_cast<void>(channel_.release());  // the number is not ours to close
}

bool Connection::still_open() const noexcept {
  const auto now = os::identity_of(number_);
  return now && *now == identity_;
}

void Connection::in_child() noexcept {
  if (still_open()) os::UniqueFd(number_.get()).reset();
}

void Connection::watch(const shm::RegionHeader& header) {
  header_.store(&header, std::memory_order_release);
}

std::uint64_t Connection::epoch_now() const {
  const auto* header = header_.load(std::memory_order_acquire);
  const std::uint64_t announced = announced_.load(std::memory_order_relaxed);
  return header == nullptr ? announced : header->epoch.load(std::memory_order_acquire);
}

std::uint64_t Connection::turns_now() const {
  const auto* header = header_.load(std::memory_order_acquire);
  return header == nullptr ? 0 : header->turns.load(std::memory_order_relaxed);
}

Error Connection::lost_error() const {
  return Error(
      ErrorCode::kUnavailable,
      "the connection to " + path_ +
          " is lost: the daemon has ended, or has closed it; the next call connects again");
}

Error Connection::deadline_error(const Waiter& waiter, std::int64_t waited_ms,
                                 std::uint64_t turns_before) const {
  const bool joined = header_.load(std::memory_order_acquire) != nullptr;
  const bool stopped = joined && turns_now() == turns_before;
  std::string text = std::string(waiter.name) + " was not answered within " +
                     std::to_string(waited_ms) + " ms by the daemon at " + path_ + ": ";
  text += stopped  ? "daemon stopped (it has not turned since; is it suspended?)"
          : joined ? "daemon busy (it is running)"
                   : "it accepts connections and does not answer";
  return Error(ErrorCode::kDeadline, std::move(text));
}

Result<void> Connection::send(std::span<const std::byte> packet, std::int64_t until_ms) {
  for (;;) {
    if (!lost() && !still_open()) lose();
    if (lost()) return lost_error();
    auto sent = channel_->send(packet, os::Wait::kNo);
    if (!sent) {
      if (sent.error().code() != ErrorCode::kUnavailable) return std::move(sent).error();
      lose();
      return lost_error();
    }
    if (*sent == os::SendOutcome::kSent) return {};
    const std::int64_t left = until_ms - os::monotonic_ms();
    if (left <= 0) return {};  // not sent; the caller's wait ends now, by its deadline
    VY_TRY(os::wait_writable(channel_->socket(), static_cast<int>(std::min(left, kLookMs))));
  }
}

void Connection::tell_packet(std::span<const std::byte> packet) {
  if (!lost() && !still_open()) lose();
  if (lost()) return;
  const auto sent = channel_->send(packet, os::Wait::kNo);
  if (!sent && sent.error().code() == ErrorCode::kUnavailable) lose();
}

Result<void> Connection::ask(Waiter& waiter, std::chrono::milliseconds deadline) {
  if (NoWaiting::refuses()) {
    return Error(ErrorCode::kDeadline,
                 std::string(waiter.name) + " needs the daemon, and the caller does not wait");
  }
  const std::int64_t began = os::monotonic_ms();
  const std::int64_t until = began + deadline.count();
  const std::uint64_t turns = turns_now();
  waiter.epoch = epoch_now();
  {
    const std::lock_guard lock(mutex_);
    if (lost()) return lost_error();
    waiters_.push_back(&waiter);
  }
  const auto sent = send(waiter.packet, until);
  std::unique_lock lock(mutex_);
  if (sent) await(waiter, lock, until);
  std::erase(waiters_, &waiter);
  if (waiter.answered) return {};
  if (!sent) return sent.error();
  if (lost()) return lost_error();
  return deadline_error(waiter, deadline.count(), turns);
}

// One of the threads that wait receives for all; when it has its own answer another one takes over.
void Connection::await(Waiter& waiter, std::unique_lock<std::mutex>& lock, std::int64_t until_ms) {
  while (!waiter.answered && !lost()) {
    const std::int64_t left = until_ms - os::monotonic_ms();
    if (left <= 0) break;
    if (const std::uint64_t epoch = epoch_now(); epoch > waiter.epoch) {
      waiter.epoch = epoch;  // a new worker: the same request again
      lock.unlock();
      const auto sent = send(waiter.packet, until_ms);
      lock.lock();
      if (!sent) break;
      continue;
    }
    if (receiving_) {
      changed_.wait_for(lock, std::chrono::milliseconds(std::min(left, kLookMs)));
      continue;
    }
    receiving_ = true;
    lock.unlock();
    receive_once(std::min(left, kLookMs));
    lock.lock();
    receiving_ = false;
    changed_.notify_all();
  }
}

// Called by the one thread that receives, without the lock.
void Connection::receive_once(std::int64_t wait_ms) {
  if (!still_open()) return lose();
  const auto ready = os::wait_readable(channel_->socket(), static_cast<int>(wait_ms));
  if (!ready || !*ready) return;
  auto packet = channel_->receive(buffer_, os::Wait::kNo);
  if (!packet || packet->outcome == os::ReceiveOutcome::kEndOfStream) return lose();
  if (packet->outcome == os::ReceiveOutcome::kPacket) take(*std::move(packet));
}

void Connection::take(net::Packet packet) {
  const auto frame = protocol::parse_frame(packet.frame);
  if (!frame) return lose();  // whoever is there does not speak our protocol
  if (frame->header.kind == protocol::FrameKind::kOneWay) return note_epoch(*frame);
  if (frame->header.kind != protocol::FrameKind::kReply) return;
  const std::lock_guard lock(mutex_);
  for (Waiter* w : waiters_) {
    if (w->id != frame->header.request_id || w->answered) continue;
    w->reply.assign(packet.frame.begin(), packet.frame.end());
    w->fds = std::move(packet.fds);
    w->answered = true;
    return;
  }
}

// Who joins has no region yet: the notice alone says that what was asked must be asked again.
void Connection::note_epoch(const protocol::Frame& frame) {
  if (frame.header.opcode != static_cast<std::uint16_t>(protocol::Opcode::kEpoch)) return;
  const auto notice = protocol::decode<protocol::EpochNotice>(frame.body);
  if (!notice) return;
  if (notice->epoch > announced_.load(std::memory_order_relaxed)) {
    announced_.store(notice->epoch, std::memory_order_relaxed);  // the one thread that receives
  }
}

void Connection::lose() {
  lost_.store(true, std::memory_order_release);
  if (still_open()) channel_->shut_down();  // wakes the thread that receives
  changed_.notify_all();
}

void Connection::poke() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (receiving_ || lost()) return;
      receiving_ = true;
    }
    const auto ready = os::wait_readable(channel_->socket(), 0);
    const bool more = ready && *ready;
    if (more) receive_once(0);
    const std::lock_guard lock(mutex_);
    receiving_ = false;
    changed_.notify_all();
    if (!more) return;
  }
}

}  // namespace vineyard::client
