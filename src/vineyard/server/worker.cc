// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/worker.h"

#include <fmt/format.h>

#include "vineyard/base/try.h"
#include "vineyard/os/huge_pages.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/mapping_lease.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/process.h"
#include "vineyard/os/random.h"
#include "vineyard/os/socket.h"
#include "vineyard/server/operations/membership.h"
#include "vineyard/server/operations/memory.h"

namespace vineyard::server {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kIdle{
    1000};  // without clients, before an --until-idle instance ends
constexpr std::chrono::milliseconds kAcceptAgain{100};
// Kept for those who are connected: what they are sent, new arenas. A new connection takes three.
constexpr std::uint64_t kDescriptorsForServing = 6;
constexpr auto kRelaxed = std::memory_order_relaxed;

// The first worker of a region writes its header; later ones check that they know the layout.
Result<void> prepare_region(shm::Region& region) {
  shm::RegionHeader& h = region.header;
  if (h.magic == 0) {
    h.version = shm::kLayoutVersion;
    h.fingerprint = shm::kLayoutFingerprint;
    h.instance.store(os::random_bits() | 1, kRelaxed);
    h.page_kind.store(os::huge_pages_available() ? os::kHugePage : os::page_size(), kRelaxed);
    h.magic = shm::kRegionMagic;
    return {};
  }
  if (!shm::is_known_layout(h)) {
    return Error(
        ErrorCode::kUnsupported,
        fmt::format("this worker knows region layout {}-{}, the running instance has {}-{}; "
                    "stop the instance to upgrade it",
                    shm::kLayoutVersion, shm::kLayoutFingerprint, h.version, h.fingerprint));
  }
  return {};
}

}  // namespace

Worker::Worker(const supervisor::WorkerContext& context, WorkerOptions options,
               shm::BlockSource& blocks)
    : context_(context),
      options_(std::move(options)),
      supervisor_socket_(context.supervisor_socket),
      listen_socket_(context.listen_socket),
      region_fd_(context.region_fd),
      link_(supervisor_socket_),
      instance_(*static_cast<shm::Region*>(context.region), region_fd_, link_, blocks,
                options_.instance),
      maintenance_(instance_),
      dispatcher_(loop_, instance_) {}

Post Worker::post() {
  return [this](std::function<void()> f) { loop_.post([f = std::move(f)] { f(); }); };
}

void Worker::adopt_holds() {
  for (std::uint32_t n = 0; n < context_.hold_count; ++n) {
    const supervisor::Hold& h = context_.holds[n];
    if (h.kind == supervisor::kWorker) continue;
    shm::Held held;
    held.facts = {static_cast<shm::Kind>(h.kind), h.number, h.owner, h.request, h.size};
    held.fd.reset(static_cast<int>(h.fd));
    if (h.address != 0)
      held.writable = os::MappedRegion(reinterpret_cast<void*>(h.address), h.size);
    if (held.facts.kind == shm::Kind::kClientArena && h.owner == 0) {
      const auto touched = os::allocated_size(held.fd);
      if (touched && touched->value >= h.size) instance_.spares_ready.insert(h.number);
    }
    instance_.holds.adopt(std::move(held));
  }
}

Result<void> Worker::start() {
  static_assert(sizeof(shm::Region) <= supervisor::kRegionBytes);
  if (context_.region_size < sizeof(shm::Region)) {
    return Error(ErrorCode::kUnsupported, "the supervisor's region is too small for this worker");
  }
  os::ignore_lease_signal();
  VY_TRY(prepare_region(instance_.region));
  adopt_holds();
  VY_TRY(auto report,
         instance_.start(context_.predecessor_fault != 0 ? shm::Predecessor::kDiedOfFault
                                                         : shm::Predecessor::kNoneOrKilled));
  if (report.poisoned_client) {
    write_log(options_.log, LogLevel::kWarning,
              fmt::format("client {} published bytes that killed two workers in a row; its outbox "
                          "stays unread",
                          *report.poisoned_client));
    expel(instance_, *report.poisoned_client);
  }
  instance_.harvester.harvest_all();
  std::vector<std::uint64_t> serials;
  for (const auto& [serial, peer] : instance_.peers) serials.push_back(serial);
  for (std::uint64_t serial : serials) {
    if (auto served = dispatcher_.serve(*instance_.peer(serial)); !served)
      instance_.peer(serial)->gone = true;
  }
  dispatcher_.on_idle([this] { when_idle(); });
  VY_TRY(listening_, loop_.watch_readable(listen_socket_, [this] { accept_clients(); }));
  instance_.region.header.epoch.fetch_add(1, std::memory_order_release);
  dispatcher_.announce_epoch();
  dispatcher_.serve_gone();
  keep_spares(instance_, post());
  schedule_tick();
  return {};
}

void Worker::accept_clients() {
  auto connection = os::descriptors_left() > kDescriptorsForServing
                        ? os::accept_connection(listen_socket_)
                        : Error(ErrorCode::kFull, "no descriptors for another client");
  if (!connection) {
    // Those who are connected do not notice; the rest waits in the queue.
    listening_.end();
    accept_again_ = loop_.after(kAcceptAgain, [this] {
      if (auto again = loop_.watch_readable(listen_socket_, [this] { accept_clients(); }))
        listening_ = *std::move(again);
    });
    return;
  }
  if (!*connection) return;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): checked above
  auto peer = arrive(instance_, std::move(**connection));
  if (!peer) return;
  if (auto served = dispatcher_.serve(**peer); !served) (*peer)->gone = true;
  if (!tick_.active()) schedule_tick();
}

void Worker::schedule_tick() {
  tick_ = loop_.after(kTick, [this] {
    maintenance_.tick();
    dispatcher_.serve_gone();
    if (maintenance_.has_work()) schedule_tick();
  });
}

void Worker::when_idle() {
  if (options_.life != WorkerOptions::Life::kUntilIdle) return;
  idle_ = loop_.after(kIdle, [this] {
    if (instance_.peers.empty()) (void)link_.stop();
  });
}

}  // namespace vineyard::server
