// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "vineyard/os/syscall.h"

extern char** environ;

namespace vineyard::os {
namespace {

/// What the kernel is told about the new program.
///
/// Owner:   start_program.
/// Threads: one.
/// Always:  destroyed on every way out.
struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

Result<pid_t> start_program(const std::string& path, std::span<const std::string> arguments,
                            const std::string& log_path) {
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  SpawnSettings settings;
  const char* log = log_path.empty() ? "/dev/null" : log_path.c_str();
  ::posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&settings.files, 1, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.files, 3);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setflags(&settings.attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int reason = ::posix_spawn(&pid, path.c_str(), &settings.files, &settings.attributes,
                                   argv.data(), environ);
  if (reason != 0) return os_error("posix_spawn", reason, path);
  return pid;
}

bool is_executable(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace vineyard::os
