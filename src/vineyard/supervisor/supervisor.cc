// SPDX-License-Identifier: Apache-2.0
#include "vineyard/supervisor/supervisor.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <span>
#include <utility>

#include "vineyard/base/try.h"
#include "vineyard/os/fd_passing.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/shared_object.h"

namespace vineyard::supervisor {
namespace {

constexpr int kStandbyPatienceMs = 5000;  // a standby that is silent that long is replaced
constexpr int kStopPatienceMs = 2000;     // between SIGTERM and SIGKILL

bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGILL ||
         signal == SIGFPE;
}

std::string describe(const os::ExitStatus& end) {
  return end.signal != 0 ? "ended by signal " + std::to_string(end.signal)
                         : "exited with status " + std::to_string(end.status);
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

void send_byte(os::BorrowedFd socket, std::uint8_t byte) {
  // Who does not hear it is dead, which its pidfd says.
  (void)os::send_packet(socket, bytes_of(byte), {}, os::Wait::kNo);
}

template <class T>
Result<os::ReceivedPacket> receive(os::BorrowedFd socket, T& into, os::Wait wait) {
  return os::receive_packet(socket, std::as_writable_bytes(std::span(&into, 1)), wait);
}

HoldMessage about_worker(HoldOp op) {
  HoldMessage message{.op = op, .count = 1, .items = {}};
  message.items[0].kind = kWorker;
  return message;
}

}  // namespace

Result<Supervisor> Supervisor::create(Options options) {
  Supervisor made;
  VY_TRY(made.region_, os::create_memfd("vineyard-region", options.region_size));
  VY_TRY(made.region_writable_,
         os::MappedRegion::map(made.region_, options.region_size, os::Access::kReadWrite));
  VY_TRY(os::seal_against_new_writers(made.region_));
  VY_TRY(made.signals_, os::open_signal_fd({SIGTERM, SIGINT}));
  os::ignore_signal(SIGPIPE);
  os::ignore_signal(SIGHUP);
  made.options_ = std::move(options);
  return made;
}

int Supervisor::run() {
  log("supervisor " + std::to_string(os::process_id()) + " started");
  return supervise();
}

int Supervisor::supervise() {
  while (state_ == State::kRunning) {
    const std::int64_t now = os::monotonic_ms();
    if (standby_.pid == 0 && now >= standby_backoff_.not_before_ms) start_standby();
    if (worker_.pid == 0 && now >= worker_backoff_.not_before_ms) start_worker();
    os::Watched watched[] = {
        {signals_}, {standby_.pidfd}, {holds_.find(kWorker, 0)}, {worker_.socket}};
    if (!os::wait_any(watched, wait_ms())) continue;
    if (watched[0].ready) on_signal();
    if (watched[1].ready) replace_standby("ended");
    if (watched[2].ready) {
      on_worker_end();  // what it asked and was not granted is forgotten
    } else if (watched[3].ready) {
      on_worker_message();
    }
  }
  stop();
  return exit_status_;
}

int Supervisor::wait_ms() const {
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
  if (worker_.pid == 0) until = worker_backoff_.not_before_ms;
  if (standby_.pid == 0) until = std::min(until, standby_backoff_.not_before_ms);
  if (until == std::numeric_limits<std::int64_t>::max()) return os::kForever;
  return static_cast<int>(
      std::clamp<std::int64_t>(until - os::monotonic_ms(), 0, os::RestartDelay::kLongestMs));
}

void Supervisor::on_signal() {
  const auto signal = os::read_signal(signals_);
  if (!signal || !signal->has_value()) return;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): checked above
  log("stopping (signal " + std::to_string(**signal) + ")");
  state_ = State::kStopping;
}

// ---- worker

void Supervisor::start_worker() {
  const pid_t me = os::process_id();
  worker_backoff_.started_ms = os::monotonic_ms();
  auto child = os::fork_child([&](os::UniqueFd socket) { become_worker(me, std::move(socket)); });
  if (!child) {
    log("cannot start a worker: " + child.error().message());
    return worker_backoff_.note_end(os::monotonic_ms());
  }
  worker_ = std::move(*child);
  std::vector<os::UniqueFd> fds;
  fds.push_back(std::move(worker_.pidfd));
  (void)keep(about_worker(kHold), std::move(fds));
  log("worker " + std::to_string(worker_.pid) + " started");
  send_byte(worker_.socket, kAnswerDone);  // it waits for this: the standby knows it now
}

void Supervisor::become_worker(pid_t parent, os::UniqueFd socket) {
  if (!os::set_parent_death_signal(SIGKILL, parent)) os::exit_now(0);
  os::ignore_signal(SIGINT);
  os::restore_signal(SIGTERM);
  os::set_process_name("vineyard-worker");
  signals_.reset();
  options_.listener.lock.reset();
  standby_ = {};
  worker_ = {};
  std::uint8_t go = 0;
  const auto told = receive(socket, go, os::Wait::kYes);
  if (!told || told->outcome != os::ReceiveOutcome::kPacket) os::exit_now(0);
  const auto entry = os::load_symbol(options_.worker_library, kWorkerEntryPoint);
  if (!entry) {
    log("the worker cannot be loaded: " + entry.error().message());
    os::exit_now(kExitCannotStart);
  }
  options_.worker_library.reset();
  std::vector<char*> arguments;
  for (std::string& argument : options_.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const std::vector<Hold> holds = holds_.list_for_worker();
  const WorkerContext context{.abi_version = kAbiVersion,
                              .hold_count = static_cast<std::uint32_t>(holds.size()),
                              .holds = holds.data(),
                              .supervisor_socket = socket.get(),
                              .listen_socket = options_.listener.socket.get(),
                              .region_fd = region_.get(),
                              .predecessor_fault = predecessor_fault_ ? 1 : 0,
                              .region = region_writable_.data(),
                              .region_size = region_writable_.size(),
                              .argc = static_cast<std::int32_t>(options_.arguments.size()),
                              .reserved = 0,
                              .argv = arguments.data()};
  const int status = reinterpret_cast<WorkerMain>(*entry)(&context);
  std::fflush(nullptr);
  os::exit_now(status);
}

void Supervisor::on_worker_message() {
  HoldMessage message{};
  auto packet = receive(worker_.socket, message, os::Wait::kNo);
  if (packet && packet->outcome == os::ReceiveOutcome::kWouldBlock) return;
  if (packet && packet->outcome == os::ReceiveOutcome::kEndOfStream) return worker_.socket.reset();
  std::uint8_t answer = kAnswerRefused;
  if (!packet) {
    log("a message of the worker was lost: " + packet.error().message());
  } else if (packet->size != sizeof message) {
    log("a message of the worker has " + std::to_string(packet->size) + " bytes");
  } else if (message.op == kStop) {
    log("stopping (the worker asked for it)");
    state_ = State::kStopping;
    answer = kAnswerDone;
  } else if (std::any_of(std::begin(message.items), std::end(message.items),
                         [](const Hold& item) { return item.kind == kWorker; })) {
    log("the worker named its own pidfd");
  } else {
    answer = keep(message, std::move(packet->fds));
  }
  send_byte(worker_.socket, answer);
}

std::uint8_t Supervisor::keep(const HoldMessage& message, std::vector<os::UniqueFd> fds) {
  if (const auto applied = holds_.apply(message, std::move(fds)); !applied) {
    log("a hold was refused: " + applied.error().message());
    return kAnswerRefused;
  }
  forward(message);
  return kAnswerDone;
}

void Supervisor::on_worker_end() {
  const std::string name = "worker " + std::to_string(worker_.pid);
  const os::ExitStatus end = os::wait_child(worker_.pid).value_or(os::ExitStatus{});
  predecessor_fault_ = is_fault(end.signal);
  worker_ = {};
  (void)keep(about_worker(kDrop), {});
  if (first_worker_ && end.signal == 0 && end.status == kExitCannotStart) {
    state_ = State::kStopping;
    exit_status_ = kExitCannotStart;
    return;
  }
  first_worker_ = false;
  worker_backoff_.note_end(os::monotonic_ms());
  const std::int64_t delay = worker_backoff_.not_before_ms - os::monotonic_ms();
  log(name + " " + describe(end) + ", starting another" +
      (delay > 0 ? " in " + std::to_string(delay) + " ms" : std::string()));
}

// ---- standby

void Supervisor::start_standby() {
  const pid_t me = os::process_id();
  standby_backoff_.started_ms = os::monotonic_ms();
  auto own = os::open_pidfd(me);
  auto in_child = [&](os::UniqueFd socket) { stand_by(std::move(socket), me, std::move(*own)); };
  auto child = own ? os::fork_child(in_child) : Result<os::Child>(own.error());
  if (!child) {
    log("no standby, so the supervisor's death would be the end: " + child.error().message());
    return standby_backoff_.note_end(os::monotonic_ms());
  }
  standby_ = std::move(*child);
  log("standby " + std::to_string(standby_.pid) + " started");
}

void Supervisor::replace_standby(std::string_view why) {
  log("standby " + std::to_string(standby_.pid) + " " + std::string(why) + ", starting another");
  os::end_child(standby_.pid, standby_.pidfd, SIGKILL, 0);
  standby_ = {};
  standby_backoff_.note_end(os::monotonic_ms());
  if (standby_backoff_.not_before_ms <= os::monotonic_ms()) start_standby();
}

// The standby has it before the worker hears of it. One forked anew from here has it, too.
void Supervisor::forward(const HoldMessage& message) {
  if (standby_.pid == 0) return;
  const std::vector<int> fds = holds_.descriptors_of(message);
  const auto sent = os::send_packet(standby_.socket, bytes_of(message), fds, os::Wait::kNo);
  if (!sent || *sent != os::SendOutcome::kSent) return replace_standby("cannot be told");
  os::Watched watched[] = {{standby_.socket}, {standby_.pidfd}};
  if (os::wait_any(watched, kStandbyPatienceMs) && watched[0].ready) {
    std::uint8_t answer = 0;
    if (receive(standby_.socket, answer, os::Wait::kNo) && answer == kAnswerDone) return;
  }
  replace_standby("did not follow");
}

// The forked standby, deep in whatever the supervisor was doing, to which it never returns.
void Supervisor::stand_by(os::UniqueFd socket, pid_t supervisor, os::UniqueFd supervisor_pidfd) {
  os::ignore_signal(SIGINT);
  os::ignore_signal(SIGTERM);
  os::set_process_name("vineyard-stdby");
  signals_.reset();
  standby_ = {};
  worker_ = {};
  for (bool gone = false; !gone;) {
    os::Watched watched[] = {{socket}, {supervisor_pidfd}};
    if (!os::wait_any(watched, os::kForever)) continue;
    gone = watched[1].ready;
    while (obey_supervisor(socket)) {  // also what it sent last
    }
  }
  socket.reset();
  supervisor_pidfd.reset();
  log("supervisor " + std::to_string(supervisor) + " ended, standby " +
      std::to_string(os::process_id()) + " takes over");
  take_over();
  os::exit_now(supervise());
}

// Does what one message says; false: there is none.
bool Supervisor::obey_supervisor(os::UniqueFd& socket) {
  if (!socket.valid()) return false;
  HoldMessage message{};
  auto packet = receive(socket, message, os::Wait::kNo);
  if (packet && packet->outcome == os::ReceiveOutcome::kWouldBlock) return false;
  if (packet && packet->outcome == os::ReceiveOutcome::kEndOfStream) {
    socket.reset();
    return false;
  }
  if (packet && message.op == kStop) os::exit_now(0);
  const bool applied = packet && holds_.apply(message, std::move(packet->fds));
  send_byte(socket, applied ? kAnswerDone : kAnswerRefused);
  return packet.has_value();
}

void Supervisor::take_over() {
  os::set_process_name("vineyardd");
  auto signals = os::open_signal_fd({SIGTERM, SIGINT});
  if (signals) signals_ = std::move(*signals);
  worker_backoff_ = {};
  standby_backoff_ = {};
  predecessor_fault_ = false;
  first_worker_ = false;
  start_standby();  // first of all: until then a second death would be the end
  const os::BorrowedFd old_worker = holds_.find(kWorker, 0);
  if (old_worker.get() < 0) return;
  (void)os::send_signal(old_worker, SIGKILL);  // the kernel did already, when its supervisor ended
  while (!os::wait_readable(old_worker, os::kForever).value_or(false)) {  // it writes the region
  }
  (void)keep(about_worker(kDrop), {});
}

// ---- the end

void Supervisor::stop() {
  if (standby_.pid != 0) {  // first, or it would take over
    const HoldMessage message{.op = kStop, .count = 0, .items = {}};
    (void)os::send_packet(standby_.socket, bytes_of(message), {}, os::Wait::kNo);
    os::end_child(standby_.pid, standby_.pidfd, 0, kStopPatienceMs);
  }
  if (worker_.pid != 0) {
    os::end_child(worker_.pid, holds_.find(kWorker, 0), SIGTERM, kStopPatienceMs);
  }
  options_.listener.remove();
  log("stopped");
}

}  // namespace vineyard::supervisor
