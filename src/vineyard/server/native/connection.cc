// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/native/connection.h"

#include "vineyard/base/try.h"

namespace vineyard::server {
namespace {
constexpr std::size_t kBacklogLimit =
    1U << 20;  // bytes of replies kept for a client that does not read
constexpr std::chrono::milliseconds kDescriptorRetry{1};
}  // namespace

Connection::Connection(net::EventLoop& loop, net::PacketBuffer& buffer, os::UniqueFd socket,
                       os::UniqueFd process)
    : loop_(loop),
      buffer_(buffer),
      channel_(std::move(socket), net::Descriptors::kRefused),
      process_(std::move(process)) {}

Result<void> Connection::start(OnFrame on_frame, OnEnd on_end) {
  on_frame_ = std::move(on_frame);
  on_end_ = std::move(on_end);
  VY_TRY(readable_, loop_.watch_readable(channel_.socket(), [this] { read_one(); }));
  if (process_.valid()) {
    VY_TRY(process_ended_, loop_.watch_readable(process_, [this] { end(); }));
  }
  return {};
}

void Connection::join_within(std::chrono::milliseconds limit, std::function<bool()> joined) {
  join_by_ = loop_.after(limit, [this, joined = std::move(joined)] {
    if (!joined()) end();
  });
}

void Connection::read_one() {
  auto packet = channel_.receive(buffer_, os::Wait::kNo);
  if (!packet || packet->outcome == os::ReceiveOutcome::kEndOfStream) return end();
  if (packet->outcome == os::ReceiveOutcome::kWouldBlock) return;
  const auto frame = protocol::parse_frame(packet->frame);
  if (!frame) return end();  // who does not speak the protocol is not answered
  on_frame_(*frame);
}

bool Connection::send_now(std::span<const std::byte> frame,
                          const std::vector<os::UniqueFd>& descriptors, bool* sent) {
  std::vector<os::BorrowedFd> fds(descriptors.begin(), descriptors.end());
  const auto outcome = channel_.send(frame, fds, os::Wait::kNo);
  if (!outcome) {
    end();
    return false;
  }
  *sent = *outcome == os::SendOutcome::kSent;
  if (*outcome == os::SendOutcome::kTooManyReferences)
    retry_ = loop_.after(kDescriptorRetry, [this] { flush(); });
  return true;
}

void Connection::send(std::span<const std::byte> frame, std::vector<os::UniqueFd> descriptors) {
  if (ended_) return;
  if (backlog_.empty()) {
    bool sent = false;
    if (!send_now(frame, descriptors, &sent) || sent) return;
  }
  if (backlog_bytes_ + frame.size() > kBacklogLimit) return end();
  backlog_bytes_ += frame.size();
  backlog_.push_back({{frame.begin(), frame.end()}, std::move(descriptors)});
  if (!writable_.active() && !retry_.active()) {
    auto watch = loop_.watch_writable(channel_.socket(), [this] { flush(); });
    if (!watch) return end();
    writable_ = *std::move(watch);
  }
}

void Connection::flush() {
  while (!backlog_.empty()) {
    bool sent = false;
    if (!send_now(backlog_.front().frame, backlog_.front().descriptors, &sent)) return;
    if (!sent) return;
    backlog_bytes_ -= backlog_.front().frame.size();
    backlog_.pop_front();
  }
  writable_.end();
}

void Connection::shut_down() {
  channel_.shut_down();
}

void Connection::end() {
  if (ended_) return;
  ended_ = true;
  readable_.end();
  writable_.end();
  process_ended_.end();
  retry_.end();
  join_by_.end();
  backlog_.clear();
  // Later, not now: whoever called is still using this object.
  loop_.post([on_end = on_end_] { on_end(); });
}

}  // namespace vineyard::server
