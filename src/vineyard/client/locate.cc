// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/locate.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/spawn.h"

namespace vineyard::client {
namespace {

constexpr const char* kSystemSocket = "/run/vineyard/vineyard.sock";
constexpr const char* kDaemon = "vineyardd";
constexpr const char* kNative = ".native";
constexpr std::chrono::milliseconds kBetweenTries{5};
constexpr std::size_t kLogShown = 400;

std::string user_socket() {
  return os::runtime_directory_path() + "/vineyard.sock";
}

// Where the daemon's program may be.
std::vector<std::string> daemon_candidates(const ConnectOptions& options) {
  if (!options.daemon_program.empty()) return {options.daemon_program};
  if (const auto named = os::environment("VINEYARD_DAEMON")) return {*named};
  std::vector<std::string> places;
  if (const auto self = os::executable_path()) {
    const std::string folder = self->substr(0, self->rfind('/'));
    places.push_back(folder + "/" + kDaemon);
    places.push_back(folder + "/../vineyardd/" + kDaemon);
  }
  const std::string path = os::environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin) places.push_back(path.substr(begin, end - begin) + "/" + kDaemon);
    begin = end + 1;
  }
  return places;
}

Result<std::string> find_daemon(const ConnectOptions& options) {
  const auto places = daemon_candidates(options);
  for (const std::string& p : places) {
    if (os::is_executable(p)) return p;
  }
  std::string text = "no vineyardd to start: looked for ";
  for (std::size_t i = 0; i < places.size(); ++i) text += (i == 0 ? "" : ", ") + places[i];
  return Error(ErrorCode::kNotFound,
               text + "; install it, or say where it is with VINEYARD_DAEMON or daemon_program");
}

std::string last_words(const std::string& log) {
  const auto text = os::read_small_file(log);
  if (!text || text->empty()) return "it wrote nothing";
  std::string end = text->substr(text->size() > kLogShown ? text->size() - kLogShown : 0);
  while (!end.empty() && end.back() == '\n') end.pop_back();
  std::replace(end.begin(), end.end(), '\n', ' ');
  return end;
}

}  // namespace

std::vector<std::string> socket_candidates(const ConnectOptions& options) {
  std::string named = options.socket;
  if (named.empty()) named = os::environment("VINEYARD_IPC_SOCKET").value_or("");
  // Where existing clients are served on the path itself, the native socket stands beside it.
  if (!named.empty()) return {named + kNative, named};
  return {user_socket(), kSystemSocket};
}

Result<Found> connect_to_first(const std::vector<std::string>& candidates,
                               const ConnectOptions& options) {
  std::string looked;
  for (const std::string& path : candidates) {
    auto socket = os::connect_unix(path, static_cast<int>(options.connects_within_ms()));
    if (socket) return Found{*std::move(socket), path};
    const ErrorCode code = socket.error().code();
    // Usually it is not there; and a path with a few bytes left cannot have one.
    const bool beside = path.ends_with(kNative) && candidates.size() > 1;
    if (beside && (code == ErrorCode::kNotFound || code == ErrorCode::kInvalid)) continue;
    if (!looked.empty()) looked += "; ";
    if (code == ErrorCode::kNotFound) {
      looked += "there is no socket " + path;
    } else if (code == ErrorCode::kUnavailable) {
      looked += path + " is there, but nobody listens (its daemon has ended)";
    } else {
      return std::move(socket).error().with_context("cannot connect to the daemon at " + path);
    }
  }
  return Error(ErrorCode::kUnavailable,
               "no vineyard daemon: " + looked +
                   "; start one with `vineyardd`, or say where it is with VINEYARD_IPC_SOCKET");
}

Result<Found> start_private_daemon(const ConnectOptions& options) {
  VY_TRY(const std::string program, find_daemon(options));
  std::string path = options.socket;
  if (path.empty()) path = os::environment("VINEYARD_IPC_SOCKET").value_or("");
  if (path.empty()) {
    VY_TRY(os::runtime_directory());
    path = user_socket();
  }
  std::vector<std::string> arguments{"--socket", path, "--until-idle"};
  arguments.insert(arguments.end(), options.daemon_arguments.begin(),
                   options.daemon_arguments.end());
  const std::string log = path + ".log";
  VY_TRY(const pid_t pid, os::start_program(program, arguments, log));
  const std::int64_t until = os::monotonic_ms() + options.connects_within_ms();
  for (;;) {
    auto socket = os::connect_unix(path, static_cast<int>(options.connects_within_ms()));
    if (socket) {
      if (options.started != nullptr) *options.started = {program, path, pid};
      return Found{*std::move(socket), path};
    }
    const auto ended = os::poll_child(pid).value_or(std::nullopt);
    const bool failed = ended && (ended->status != 0 || ended->signal != 0);
    // Two programs may start one at the same moment: the second one's ends, and the first one's is
    // there.
    if (failed && os::connect_unix(path, 0)) continue;
    if (failed) {
      return Error(ErrorCode::kUnavailable, program + " did not come up: " + last_words(log));
    }
    if (os::monotonic_ms() > until) {
      return Error(ErrorCode::kDeadline, program + " does not serve " + path + " after " +
                                             std::to_string(options.connects_within_ms()) +
                                             " ms: " + last_words(log));
    }
    std::this_thread::sleep_for(kBetweenTries);
  }
}

std::string program_name() {
  const auto path = os::executable_path();
  if (!path) return "unknown";
  return path->substr(path->rfind('/') + 1);
}

}  // namespace vineyard::client
