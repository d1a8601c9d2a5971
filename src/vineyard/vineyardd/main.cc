// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "vineyard/base/try.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/process.h"
#include "vineyard/os/shared_object.h"
#include "vineyard/settings/settings.h"
#include "vineyard/supervisor/supervisor.h"

namespace vineyard {
namespace {

constexpr unsigned kSocketMode = 0600;
constexpr int kBadStart = 2;

void log_line(std::string_view line) {
  std::fprintf(stderr, "vineyardd: %.*s\n", static_cast<int>(line.size()), line.data());
}

// The worker's shared object: named by the environment, beside this program, or where a package puts it.
Result<os::UniqueFd> open_worker() {
  std::vector<std::string> places;
  if (const auto named = os::environment("VINEYARD_WORKER")) places.push_back(*named);
  VY_TRY(auto self, os::executable_path());
  const std::string folder = self.substr(0, self.rfind('/'));
  places.push_back(folder + "/libvineyard_worker.so");
  places.push_back(folder + "/../lib/vineyard/libvineyard_worker.so");
  places.push_back(folder + "/../server/libvineyard_worker.so");
  for (const std::string& place : places) {
    auto fd = os::open_shared_object(place);
    if (fd) return fd;
    if (fd.error().code() != ErrorCode::kNotFound) return fd;
  }
  return Error(ErrorCode::kNotFound, fmt::format("libvineyard_worker.so is not beside {} (looked in {}); install vineyard again, or set VINEYARD_WORKER", self,
                                                 fmt::join(places, ", ")));
}

Result<int> serve(const settings::Settings& s, int argc, char** argv) {
  (void)os::set_no_new_privileges();
  (void)os::disable_core_dumps();
  (void)os::raise_descriptor_limit();
  VY_TRY(os::create_private_directory(s.state_dir));
  if (s.socket == os::runtime_directory_path() + "/vineyard.sock") VY_TRY(os::runtime_directory());
  supervisor::Options options;
  VY_TRY(options.worker_library, open_worker());
  VY_TRY(options.listener, os::listen_unix(s.socket, kSocketMode));
  options.arguments.assign(argv, argv + argc);
  options.log = log_line;
  if (!s.clamped_by.empty()) {
    log_line(fmt::format("the pool is {} instead of {}: {}", to_string(s.pool_size), to_string(s.asked_size), s.clamped_by));
  }
  VY_TRY(auto instance, supervisor::Supervisor::create(std::move(options)));
  log_line(fmt::format("serves {} of memory at {}", to_string(s.pool_size), s.socket));
  return instance.run();
}

int start(int argc, char** argv) {
  const auto settings = settings::parse_settings(argc, argv);
  if (!settings) {
    log_line(settings.error().message());
    return kBadStart;
  }
  if (settings->action == settings::Settings::Action::kPrintText) {
    std::fputs(settings->text.c_str(), stdout);
    return 0;
  }
  const auto served = serve(*settings, argc, argv);
  if (served) return *served;
  log_line(served.error().message());
  return kBadStart;
}

}  // namespace
}  // namespace vineyard

int main(int argc, char** argv) { return vineyard::start(argc, argv); }
