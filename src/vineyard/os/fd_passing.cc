// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/fd_passing.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <string>

#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(kMaxPassedDescriptors * sizeof(int));

// Everything that came in control messages becomes ours at once, so that nothing leaks on any path.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<SendOutcome> send_packet(BorrowedFd socket, std::span<const std::byte> packet,
                                std::span<const int> fds, Wait wait) {
  if (fds.size() > kMaxPassedDescriptors) {
    return Error(ErrorCode::kInvalid,
                 std::to_string(fds.size()) + " descriptors do not fit into one packet");
  }
  iovec part{const_cast<std::byte*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[kControlBytes];
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    std::memset(control, 0, message.msg_controllen);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  }
  const int flags = MSG_NOSIGNAL | (wait == Wait::kNo ? MSG_DONTWAIT : 0);
  if (retry_on_eintr([&] { return ::sendmsg(socket.get(), &message, flags); }) >= 0)
    return SendOutcome::kSent;
  switch (errno) {
    case EAGAIN: return SendOutcome::kWouldBlock;
    case ETOOMANYREFS: return SendOutcome::kTooManyReferences;
    default:
      return os_error(
          "sendmsg", errno,
          std::to_string(packet.size()) + " bytes, " + std::to_string(fds.size()) + " descriptors");
  }
}

Result<ReceivedPacket> receive_packet(BorrowedFd socket, std::span<std::byte> buffer, Wait wait) {
  ReceivedPacket packet;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[kControlBytes];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::kNo ? MSG_DONTWAIT : 0);
  const ssize_t size = retry_on_eintr([&] { return ::recvmsg(socket.get(), &message, flags); });
  if (size < 0) {
    if (errno == EAGAIN) return packet;
    if (errno != ECONNRESET)
      return os_error("recvmsg", errno, "descriptor " + std::to_string(socket.get()));
    packet.outcome = ReceiveOutcome::kEndOfStream;  // it went without reading all we had sent
    return packet;
  }
  packet.fds = take_descriptors(message);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return Error(ErrorCode::kInvalid,
                 "a packet came that is larger than " + std::to_string(buffer.size()) + " bytes");
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return Error(ErrorCode::kFull,
                 "descriptors were lost: this process has none left; raise its limit (ulimit -n)");
  }
  packet.size = static_cast<std::size_t>(size);
  packet.outcome = size == 0 ? ReceiveOutcome::kEndOfStream : ReceiveOutcome::kPacket;
  if (size == 0) packet.fds.clear();
  return packet;
}

}  // namespace vineyard::os
