// SPDX-License-Identifier: Apache-2.0
#include <exception>

#include "vineyard/base/try.h"
#include "vineyard/server/worker.h"
#include "vineyard/settings/settings.h"

namespace vineyard::server {
namespace {

class Blocks : public shm::BlockSource {
 public:
  explicit Blocks(catalog::local::BlockFile file) : file_(std::move(file)) {}
  Result<BlockId> take_block() override { return file_.take(); }

 private:
  catalog::local::BlockFile file_;
};

WorkerOptions options_from(const settings::Settings& s) {
  WorkerOptions o;
  o.instance.pool_bytes = s.pool_size.value;
  o.instance.reserve = s.reserve == settings::Reserve::kOn ? Reserve::kOn : Reserve::kOff;
  o.instance.prefault = s.prefault == settings::Prefault::kNone   ? Prefault::kNone
                        : s.prefault == settings::Prefault::kFull ? Prefault::kFull
                                                                  : Prefault::kBackground;
  o.instance.socket = s.socket;
  o.instance.version = VINEYARD_VERSION;
  o.log = s.log;
  o.life = s.life == settings::Life::kUntilIdle ? WorkerOptions::Life::kUntilIdle
                                                : WorkerOptions::Life::kUntilStopped;
  return o;
}

Result<void> serve(const supervisor::WorkerContext& context, LogFormat& log) {
  if (context.abi_version != supervisor::kAbiVersion) {
    return Error(ErrorCode::kUnsupported,
                 "this worker belongs to another release than its vineyardd; install both from the "
                 "same package");
  }
  VY_TRY(auto parsed, settings::parse_settings(context.argc, context.argv));
  log = parsed.log;
  VY_TRY(auto file, catalog::local::BlockFile::open(parsed.state_dir + "/catalog.sqlite"));
  Blocks blocks(std::move(file));
  Worker worker(context, options_from(parsed), blocks);
  VY_TRY(worker.start());
  worker.run();
  return {};
}

}  // namespace
}  // namespace vineyard::server

extern "C" __attribute__((visibility("default"))) int vineyard_worker_main(
    const vineyard::supervisor::WorkerContext* context) {
  vineyard::LogFormat log = vineyard::LogFormat::kText;
  try {
    const auto served = vineyard::server::serve(*context, log);
    if (served) return 0;
    write_log(log, vineyard::LogLevel::kError, served.error().message());
  } catch (const std::exception& e) {
    write_log(log, vineyard::LogLevel::kError, std::string("the worker ends: ") + e.what());
    return 1;
  }
  return vineyard::supervisor::kExitCannotStart;
}
