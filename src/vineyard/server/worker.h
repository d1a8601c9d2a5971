// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vineyard/base/log.h"
#include "vineyard/catalog/local/block_file.h"
#include "vineyard/net/loop/event_loop.h"
#include "vineyard/server/native/dispatcher.h"
#include "vineyard/server/operations/instance.h"
#include "vineyard/server/operations/maintenance.h"
#include "vineyard/server/supervisor_link.h"
#include "vineyard/supervisor/abi.h"

namespace vineyard::server {

/// What the settings mean to a worker.
struct WorkerOptions {
  InstanceOptions instance;
  enum class Life : std::uint8_t { kUntilStopped, kUntilIdle } life = Life::kUntilStopped;
  LogFormat log = LogFormat::kText;
};

/// The worker: the parts of a running instance, wired together. No logic of its own.
///
/// Owner:   vineyard_worker_main; one in a process.
/// Threads: made and run by one thread; `background` has its own and only posts.
/// Always:  nothing in here is the only copy of anything.
class Worker {
 public:
  Worker(const supervisor::WorkerContext& context, WorkerOptions options, shm::BlockSource& blocks);

  /// Takes over what the supervisor holds, rebuilds, announces itself. Errors: anything that keeps it from serving.
  Result<void> start();
  void run() { loop_.run(); }

 private:
  void adopt_holds();
  void accept_clients();
  void schedule_tick();
  void when_idle();
  Post post();

  const supervisor::WorkerContext& context_;
  WorkerOptions options_;
  net::EventLoop loop_;
  os::UniqueFd supervisor_socket_;
  os::UniqueFd listen_socket_;
  os::UniqueFd region_fd_;
  SupervisorLink link_;
  Instance instance_;
  Maintenance maintenance_;
  Dispatcher dispatcher_;
  net::Watch listening_;
  net::Timer tick_;
  net::Timer idle_;
  net::Timer accept_again_;
};

}  // namespace vineyard::server
