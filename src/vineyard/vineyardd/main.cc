// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vineyard/base/log.h"
#include "vineyard/base/try.h"
#include "vineyard/os/cgroup.h"
#include "vineyard/os/confinement.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/process.h"
#include "vineyard/os/shared_object.h"
#include "vineyard/settings/settings.h"
#include "vineyard/supervisor/supervisor.h"

namespace vineyard {
namespace {

constexpr unsigned kSocketMode = 0600;
constexpr int kBadStart = 2;

LogFormat g_log_format = LogFormat::kText;  // set once, before anything is forked

void write_info(std::string_view message) {
  write_log(g_log_format, LogLevel::kInfo, message);
}

// The worker's shared object: named by the environment, else beside this program or where packages
// put it.
Result<os::UniqueFd> open_worker() {
  if (const auto named = os::environment("VINEYARD_WORKER")) {
    auto file = os::open_shared_object(*named);
    if (!file) return std::move(file).error().with_context("VINEYARD_WORKER");
    return file;
  }
  VY_TRY(const std::string self, os::executable_path());
  const std::string folder = self.substr(0, self.rfind('/'));
  std::string looked;
  for (const char* place :
       {"/", "/../lib/vineyard/", "/../server/"}) {  // the last one: a build folder
    const std::string path = folder + place + "libvineyard_worker.so";
    auto file = os::open_shared_object(path);
    if (file || file.error().code() != ErrorCode::kNotFound) return file;
    looked += (looked.empty() ? "" : ", ") + path;
  }
  return Error(
      ErrorCode::kNotFound,
      fmt::format(
          "the worker is missing, looked for {}; install vineyard again or set VINEYARD_WORKER",
          looked));
}

// A second line of defence: whatever the worker is made to do, it changes no other file.
Result<void> confine(const settings::Settings& s) {
#ifndef VINEYARD_COVERAGE  // whose counts are written beside the build
  const std::size_t slash = s.socket.rfind('/');
  const std::string folders[] = {slash == std::string::npos ? "." : s.socket.substr(0, slash + 1),
                                 s.state_dir};
  const auto confined = os::confine_writes(folders);
  if (!confined && confined.error().code() != ErrorCode::kUnsupported) return confined;
#endif
  return {};
}

// Three processes share out what there is; with fewer than these not one client could connect.
Result<void> check_descriptors() {
  constexpr std::uint64_t kFewest = 32;
  VY_TRY(const std::uint64_t limit, os::raise_descriptor_limit());
  if (limit >= kFewest) return {};
  return Error(
      ErrorCode::kInvalid,
      fmt::format("a process may have {} files open here, at least {} are needed; raise the "
                  "limit (ulimit -n)",
                  limit, kFewest));
}

Result<int> serve(settings::Settings& s, const std::string& program) {
  VY_TRY(const os::MemoryLimits limits, os::memory_limits());
  VY_TRY(settings::fit_pool(s, limits));
  VY_TRY(os::set_no_new_privileges());
  VY_TRY(os::disable_core_dumps());
  VY_TRY(check_descriptors());
  if (auto made = os::create_private_directory(s.state_dir); !made)
    return std::move(made).error().with_context("the folder of --state-dir");
  if (s.socket.starts_with(os::runtime_directory_path() + "/")) VY_TRY(os::runtime_directory());
  supervisor::Options options;
  VY_TRY(options.worker_library, open_worker());
  VY_TRY(options.listener, os::listen_unix(s.socket, kSocketMode));
  VY_TRY(confine(s));
  options.arguments = settings::arguments_for_worker(program, s);
  options.log = write_info;
  if (!s.clamped_by.empty()) {
    write_info(fmt::format("the pool is {} instead of {}: {}", to_string(s.pool_size),
                           to_string(s.asked_size), s.clamped_by));
  }
  VY_TRY(auto instance, supervisor::Supervisor::create(std::move(options)));
  write_info(fmt::format("serves {} of memory at {}", to_string(s.pool_size), s.socket));
  return instance.run();
}

int start(int argc, char** argv) {
  os::occupy_standard_streams();
  auto settings = settings::parse_settings(argc, argv);
  if (settings && settings->action == settings::Settings::Action::kPrintText) {
    std::fputs(settings->text.c_str(), stdout);
    return 0;
  }
  if (settings) g_log_format = settings->log;
  const auto ended = settings ? serve(*settings, argv[0]) : Result<int>(settings.error());
  if (ended) return *ended;
  write_log(g_log_format, LogLevel::kError, ended.error().message());
  return kBadStart;
}

}  // namespace
}  // namespace vineyard

int main(int argc, char** argv) {
  return vineyard::start(argc, argv);
}
