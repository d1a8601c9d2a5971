// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "vineyard/base/try.h"
#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

constexpr int kBacklog = 4096;   // the kernel cuts it to net.core.somaxconn
constexpr int kEndingMs = 2000;  // for what a killed process had mapped to be unmapped
constexpr int kLookAgainMs = 5;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalid, "the socket path is empty or contains a zero byte");
  }
  if (path.size() >= sizeof address.sun_path) {
    return Error(ErrorCode::kInvalid, "socket path " + path + " has " +
                                          std::to_string(path.size()) + " bytes, at most " +
                                          std::to_string(sizeof address.sun_path - 1) +
                                          " are possible; choose a shorter one");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> new_socket(int extra_flags) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | extra_flags, 0));
  if (!fd.valid()) return os_error("socket", errno, "AF_UNIX, SOCK_SEQPACKET");
  return fd;
}

int connect_once(BorrowedFd fd, const sockaddr_un& address) {
  return static_cast<int>(retry_on_eintr([&] {
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }));
}

// Why nobody can be reached where something lies: it is no socket, or its daemon has ended.
Error refused(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    const char* what = S_ISDIR(there.st_mode) ? "a directory" : "a file";
    return Error(ErrorCode::kInvalid, path + " is " + what + ", not a socket");
  }
  return Error(ErrorCode::kUnavailable, "the daemon at " + path + " is gone");
}

Error denied(const std::string& path) {
  struct stat there{};
  const std::string whose = ::stat(path.c_str(), &there) == 0
                                ? " belongs to uid " + std::to_string(there.st_uid) + ", which"
                                : " lies in a folder that";
  return Error(ErrorCode::kDenied, "the socket " + path + whose + " does not let uid " +
                                       std::to_string(::geteuid()) +
                                       " in; ask for access, or start a daemon of your own");
}

// Takes the lock beside the path. The loop: a clean stop of the holder may remove the file that was
// just opened.
Result<UniqueFd> lock_path(const std::string& path) {
  const std::string lock_path = path + ".lock";
  for (;;) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    UniqueFd lock(retry_on_eintr([&] { return ::open(lock_path.c_str(), kFlags, 0600); }));
    if (!lock.valid()) {
      if (errno == ENOENT) {
        return Error(ErrorCode::kNotFound,
                     "the directory of socket path " + path + " does not exist; create it first");
      }
      return os_error("open", errno, lock_path);
    }
    if (retry_on_eintr([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return os_error("flock", errno, lock_path);
      return Error(ErrorCode::kExists,
                   "a daemon listens at " + path +
                       " already; stop it, or choose another path with --socket");
    }
    struct stat held{};
    struct stat there{};
    if (::fstat(lock.get(), &held) != 0) return os_error("fstat", errno, lock_path);
    if (::lstat(lock_path.c_str(), &there) == 0 && held.st_ino == there.st_ino &&
        held.st_dev == there.st_dev) {
      return lock;
    }
  }
}

// What lies at the path may be removed only when it is our own dead socket.
Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return os_error("lstat", errno, path);
  }
  if (!S_ISSOCK(there.st_mode)) {
    const char* what = S_ISDIR(there.st_mode)   ? "a directory"
                       : S_ISLNK(there.st_mode) ? "a symbolic link"
                                                : "a file";
    return Error(ErrorCode::kInvalid,
                 path + " is " + what + ", not a socket; remove it or choose another path");
  }
  if (there.st_uid != ::geteuid()) {
    return Error(ErrorCode::kDenied, "the socket at " + path + " belongs to uid " +
                                         std::to_string(there.st_uid) + "; choose another path");
  }
  // The lock says that no daemon of ours is there, but one that was killed may still be ending;
  // another program's socket goes on answering, or is of another type.
  for (int waited_ms = 0;; waited_ms += kLookAgainMs) {
    VY_TRY(const UniqueFd probe, new_socket(SOCK_NONBLOCK));
    if (connect_once(probe, address) != 0 && (errno == ECONNREFUSED || errno == ENOENT)) break;
    if (waited_ms >= kEndingMs) {
      return Error(ErrorCode::kExists,
                   "another program listens at " + path + "; stop it or choose another path");
    }
    ::usleep(kLookAgainMs * 1000);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return os_error("unlink", errno, path);
  return {};
}

// Binds and listens under a passing name in the same folder: who sees the socket at its path can
// connect to it. An address is short, so the folder is named by a descriptor; `lock` makes the name
// unique.
Result<void> listen_at(BorrowedFd socket, const std::string& path, BorrowedFd lock, unsigned mode) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat held{};
  if (!opened.valid() || ::fstat(lock.get(), &held) != 0) return os_error("open", errno, folder);
  const std::string passing =
      "/proc/self/fd/" + std::to_string(opened.get()) + "/.vineyard-" + std::to_string(held.st_ino);
  VY_TRY(const sockaddr_un address, address_of(passing));
  ::unlink(passing.c_str());  // of a daemon that was killed in here
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_error("bind", errno, path);
  const char* step = ::chmod(passing.c_str(), mode) != 0            ? "chmod"
                     : ::listen(socket.get(), kBacklog) != 0        ? "listen"
                     : ::rename(passing.c_str(), path.c_str()) != 0 ? "rename"
                                                                    : nullptr;
  if (step == nullptr) return {};
  const int reason = errno;
  ::unlink(passing.c_str());
  return os_error(step, reason, path);
}

}  // namespace

void UnixListener::remove() {
  ::unlink(path.c_str());
  ::unlink((path + ".lock").c_str());
}

Result<UnixListener> listen_unix(const std::string& path, unsigned mode) {
  VY_TRY(const sockaddr_un address, address_of(path));
  UnixListener listener;
  listener.path = path;
  VY_TRY(listener.lock, lock_path(path));
  if (auto cleared = clear_path(path, address); !cleared) {
    ::unlink((path + ".lock").c_str());  // held: nobody else's
    return std::move(cleared).error();
  }
  VY_TRY(listener.socket, new_socket(SOCK_NONBLOCK));
  // The file gets the socket's own bits (less the umask), so it is never wider than asked for, not
  // for an instant.
  if (::fchmod(listener.socket.get(), mode) != 0) return os_error("fchmod", errno, path);
  VY_TRY(listen_at(listener.socket, path, listener.lock, mode));
  return listener;
}

Result<UniqueFd> connect_unix(const std::string& path, int timeout_ms) {
  VY_TRY(const sockaddr_un address, address_of(path));
  VY_TRY(UniqueFd fd, new_socket(0));
  if (timeout_ms >= 0) {
    const timeval limit{timeout_ms / 1000, timeout_ms % 1000 * 1000 + (timeout_ms == 0 ? 1 : 0)};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
      return os_error("setsockopt", errno, "SO_SNDTIMEO");
    }
  }
  if (connect_once(fd, address) != 0) {
    switch (errno) {
      case ENOENT:
        return Error(ErrorCode::kNotFound, "nothing listens at " + path + " (no such socket)");
      case ECONNREFUSED: return refused(path);
      case EACCES: return denied(path);
      case EPROTOTYPE:
        return Error(ErrorCode::kInvalid, "the socket at " + path + " is no socket of this daemon");
      case EAGAIN:
        return Error(ErrorCode::kDeadline, "the daemon at " + path + " did not accept in time");
      default: return os_error("connect", errno, path);
    }
  }
  if (timeout_ms >= 0) {
    const timeval none{};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) != 0) {
      return os_error("setsockopt", errno, "SO_SNDTIMEO");
    }
  }
  return fd;
}

Result<std::optional<UniqueFd>> accept_connection(BorrowedFd listener) {
  for (;;) {
    UniqueFd fd(
        retry_on_eintr([&] { return ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
    if (fd.valid()) return std::optional<UniqueFd>(std::move(fd));
    if (errno == EAGAIN) return std::optional<UniqueFd>();
    if (errno != ECONNABORTED)
      return os_error("accept4", errno, "descriptor " + std::to_string(listener.get()));
  }
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return os_error("socketpair", errno, "AF_UNIX, SOCK_SEQPACKET");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<UniqueFd> duplicate(BorrowedFd socket) {
  const int fd = ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return os_error("fcntl(F_DUPFD_CLOEXEC)", errno);
  return UniqueFd(fd);
}

void shut_down(BorrowedFd connection) {
  ::shutdown(connection.get(), SHUT_RDWR);
}

}  // namespace vineyard::os
