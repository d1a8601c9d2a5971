// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_system.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "vineyard/base/try.h"
#include "vineyard/os/syscall.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {
namespace {

constexpr std::size_t kSmallFile = 1 << 20;

Result<void> make_missing_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string parent = path.substr(0, at);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
      return os_error("mkdir", errno, parent);
  }
  return {};
}

std::string runtime_base(uid_t uid) {
  if (const auto given = environment("XDG_RUNTIME_DIR")) return *given + "/vineyard";
  return "/tmp/vineyard-" + std::to_string(uid);
}

}  // namespace

Result<void> create_private_directory(const std::string& path) {
  VY_TRY(make_missing_parents(path));
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return os_error("mkdir", errno, path);
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return os_error("lstat", errno, path);
  if (!S_ISDIR(there.st_mode)) {
    return Error(ErrorCode::kInvalid,
                 path + " is not a directory (links are not followed); remove it");
  }
  if (there.st_uid != ::geteuid()) {
    return Error(ErrorCode::kDenied, "directory " + path + " belongs to uid " +
                                         std::to_string(there.st_uid) + ", not to this user");
  }
  if ((there.st_mode & 0022) != 0) {
    return Error(ErrorCode::kDenied,
                 "directory " + path + " can be written by others; chmod 700 it");
  }
  return {};
}

Result<std::string> read_small_file(const std::string& path) {
  // Not blocking: what is opened may turn out to be a pipe that nobody writes to.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  UniqueFd fd(retry_on_eintr([&] { return ::open(path.c_str(), kFlags); }));
  if (!fd.valid()) return os_error("open", errno, path);
  struct stat there{};
  if (::fstat(fd.get(), &there) != 0) return os_error("fstat", errno, path);
  if (!S_ISREG(there.st_mode)) {
    const char* what = S_ISDIR(there.st_mode) ? "a directory" : "a pipe or device";
    return Error(ErrorCode::kInvalid, path + " is " + what + ", not a file");
  }
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t size = retry_on_eintr([&] { return ::read(fd.get(), piece, sizeof piece); });
    if (size < 0) return os_error("read", errno, path);
    if (size == 0) return text;
    text.append(piece, static_cast<std::size_t>(size));
    if (text.size() > kSmallFile) return Error(ErrorCode::kInvalid, path + " is larger than 1 MiB");
  }
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return os_error("unlink", errno, path);
}

std::string runtime_directory_path() {
  return runtime_base(::geteuid());
}

Result<std::string> runtime_directory() {
  std::string path = runtime_directory_path();
  VY_TRY(create_private_directory(path));
  return path;
}

Result<std::string> state_directory_path() {
  if (const auto given = environment("XDG_STATE_HOME")) return *given + "/vineyard";
  if (const auto home = environment("HOME")) return *home + "/.local/state/vineyard";
  return Error(ErrorCode::kNotFound,
               "neither XDG_STATE_HOME nor HOME is set; give a folder with --state-dir");
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

Result<std::string> executable_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) return os_error("readlink", errno, "/proc/self/exe");
  return std::string(path, static_cast<std::size_t>(size));
}

void occupy_standard_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) != -1) continue;
    // The lowest free number is this one. The other direction than the stream's, so that using it fails.
    (void)::open("/dev/null", (number == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  }
}

bool is_terminal(StandardStream stream) {
  switch (stream) {
    case StandardStream::kInput: return ::isatty(STDIN_FILENO) == 1;
    case StandardStream::kOutput: return ::isatty(STDOUT_FILENO) == 1;
    case StandardStream::kError: return ::isatty(STDERR_FILENO) == 1;
  }
  return false;
}

}  // namespace vineyard::os
