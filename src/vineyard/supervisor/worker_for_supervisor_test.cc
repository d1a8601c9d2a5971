// SPDX-License-Identifier: Apache-2.0 A worker that does what tests tell it, as text over its
// listening socket. Loaded by forked children of a Supervisor.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "vineyard/os/fd_passing.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/supervisor/abi.h"

namespace vineyard::supervisor {
namespace {

constexpr std::uint64_t kSize = 65536;

// What the region of a test instance holds.
struct TestRegion {
  std::atomic<std::uint64_t> starts;
  std::atomic<std::uint64_t> pid;
  std::atomic<std::uint64_t> two_workers;  // times a worker started beside its living predecessor
  std::atomic<std::uint64_t> no_standby;   // times a worker started without a standby beside it
};

// State and parent of a process, from /proc.
std::pair<char, pid_t> look_up(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return {'X', 0};
  std::istringstream rest(text.substr(end + 1));
  char state = 'X';
  pid_t parent = 0;
  rest >> state >> parent;
  return {state, parent};
}

bool has_sibling() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos ||
        name == std::to_string(::getpid()))
      continue;
    const auto [state, parent] = look_up(name);
    if (parent == ::getppid() && state != 'Z' && state != 'X') return true;
  }
  return false;
}

class TestWorker {
 public:
  explicit TestWorker(const WorkerContext& context)
      : context_(context), region_(static_cast<TestRegion*>(context.region)) {
    for (std::uint32_t i = 0; i < context.hold_count; ++i) {
      const Hold& hold = context.holds[i];
      holds_[{hold.kind, hold.number}] = hold;
      if (hold.kind == kConnection) connections_.push_back(static_cast<int>(hold.fd));
    }
    const std::uint64_t before = region_->pid.load();
    if (before != 0) {
      const auto [state, parent] = look_up(std::to_string(before));
      if (state != 'Z' && state != 'X') ++region_->two_workers;
    }
    if (!has_sibling()) ++region_->no_standby;
    region_->pid = static_cast<std::uint64_t>(::getpid());
    ++region_->starts;
  }

  [[noreturn]] void run() {
    for (;;) {
      std::vector<os::Watched> watched{{os::BorrowedFd(context_.listen_socket)}};
      for (const int fd : connections_) watched.push_back({os::BorrowedFd(fd)});
      if (!os::wait_any(watched, os::kForever)) continue;
      for (std::size_t i = 1; i < watched.size(); ++i) {
        if (watched[i].ready) serve(watched[i].fd.get());
      }
      if (!watched[0].ready) continue;
      auto client = os::accept_connection(os::BorrowedFd(context_.listen_socket));
      if (client && client->has_value()) connections_.push_back((*client)->release());
    }
  }

 private:
  void serve(int fd) {
    char text[256] = {};
    auto packet = os::receive_packet(os::BorrowedFd(fd), std::as_writable_bytes(std::span(text)),
                                     os::Wait::kNo);
    if (!packet || packet->outcome == os::ReceiveOutcome::kWouldBlock) return;
    if (packet->outcome == os::ReceiveOutcome::kEndOfStream) {
      std::erase(connections_, fd);
      ::close(fd);
      return;
    }
    std::istringstream words(std::string(text, packet->size));
    const std::string reply = answer(words, fd);
    (void)os::send_packet(os::BorrowedFd(fd), std::as_bytes(std::span(reply)), {}, os::Wait::kNo);
  }

  std::string answer(std::istringstream& words, int fd) {
    std::string verb;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    words >> verb >> a >> b;
    if (verb == "pid") return std::to_string(::getpid()) + " " + std::to_string(::getppid());
    if (verb == "state") {
      return std::to_string(region_->starts) + " " + std::to_string(region_->two_workers) + " " +
             std::to_string(region_->no_standby) + " " + std::to_string(context_.predecessor_fault);
    }
    if (verb == "hold") return make(static_cast<std::uint32_t>(a), b);
    if (verb == "keep")
      return ask(kHold,
                 Hold{.kind = kConnection,
                      .fd = 0,
                      .number = a,
                      .owner = 7,
                      .request = 8,
                      .size = 0,
                      .address = 0},
                 {fd});
    if (verb == "drop") return drop(static_cast<std::uint32_t>(a), b);
    if (verb == "list") return list();
    if (verb == "peek") return std::to_string(*word(a));
    if (verb == "poke") return *word(a) = b, "ok";
    if (verb == "fds") return std::to_string(os::descriptor_count().value() - connections_.size());
    if (verb == "abort") ::signal(SIGABRT, SIG_DFL), ::abort();
    if (verb == "exit") ::_exit(static_cast<int>(a));
    if (verb == "ignore-term") return ::signal(SIGTERM, SIG_IGN), "ok";
    if (verb == "stop") return ask(kStop, {}, {});
    if (verb == "own-pidfd")
      return ask(kHold,
                 Hold{.kind = kWorker,
                      .fd = 0,
                      .number = 0,
                      .owner = 0,
                      .request = 0,
                      .size = 0,
                      .address = 0},
                 {fd});
    if (verb == "nonsense") return ask(static_cast<HoldOp>(77), {}, {});
    if (verb == "no-descriptor")
      return ask(kHold,
                 Hold{.kind = kOutbox,
                      .fd = 0,
                      .number = 1,
                      .owner = 0,
                      .request = 0,
                      .size = 0,
                      .address = 0},
                 {});
    if (verb == "argv") return context_.argv[a];
    return "unknown: " + verb;
  }

  // Asks the supervisor; says what it answered.
  std::string ask(HoldOp op, Hold hold, const std::vector<int>& fds) {
    HoldMessage message{.op = op, .count = op == kStop ? 0U : 1U, .items = {hold}};
    const os::BorrowedFd supervisor(context_.supervisor_socket);
    if (!os::send_packet(supervisor, std::as_bytes(std::span(&message, 1)), fds, os::Wait::kYes))
      ::_exit(9);
    std::uint8_t reply = 0;
    auto packet = os::receive_packet(supervisor, std::as_writable_bytes(std::span(&reply, 1)),
                                     os::Wait::kYes);
    if (!packet || packet->size != 1) ::_exit(9);
    return reply == kAnswerDone ? "ok" : "refused";
  }

  std::string make(std::uint32_t kind, std::uint64_t number) {
    os::UniqueFd fd = os::create_memfd("held", ByteCount(kSize)).value();
    Hold hold{.kind = kind,
              .fd = static_cast<std::uint32_t>(fd.get()),
              .number = number,
              .owner = number + 1,
              .request = number + 2,
              .size = kSize,
              .address = 0};
    const std::string reply = ask(kHold, hold, {fd.get()});
    if (reply != "ok") return reply;
    auto mine = os::MappedRegion::map(fd, ByteCount(kSize), os::Access::kReadWrite).value();
    *mine.as<std::uint64_t>() = number * 10;
    if (!os::seal_against_new_writers(fd)) return "not sealed";
    hold.address = reinterpret_cast<std::uint64_t>(mine.release());
    holds_[{kind, number}] = hold;
    (void)fd.release();
    return "ok";
  }

  std::string drop(std::uint32_t kind, std::uint64_t number) {
    const auto found = holds_.find({kind, number});
    if (found != holds_.end()) {
      ::close(static_cast<int>(found->second.fd));
      holds_.erase(found);
    }
    return ask(kDrop,
               Hold{.kind = kind,
                    .fd = 0,
                    .number = number,
                    .owner = 0,
                    .request = 0,
                    .size = 0,
                    .address = 0},
               {});
  }

  std::string list() const {
    std::string text;
    for (const auto& [key, hold] : holds_) {
      text += std::to_string(hold.kind) + ":" + std::to_string(hold.number) + ":" +
              std::to_string(hold.owner) + ":" + std::to_string(hold.request) + ":" +
              std::to_string(hold.size) + " ";
      // What is held is what was made: its first word says so.
      if (hold.size == 0) continue;
      const os::BorrowedFd fd(static_cast<int>(hold.fd));
      const auto seen = os::MappedRegion::map(fd, ByteCount(kSize), os::Access::kReadOnly);
      if (!seen || *seen->as<std::uint64_t>() < hold.number * 10) return "wrong bytes";
    }
    return text.empty() ? "nothing" : text;
  }

  std::uint64_t* word(std::uint64_t number) {
    const auto found = holds_.find({kHomeArena, number});
    if (found == holds_.end()) ::_exit(8);
    return reinterpret_cast<std::uint64_t*>(found->second.address);
  }

  const WorkerContext& context_;
  TestRegion* region_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Hold> holds_;
  std::vector<int> connections_;
};

bool has_argument(const WorkerContext& context, const char* text) {
  for (int i = 1; i < context.argc; ++i) {
    if (std::strcmp(context.argv[i], text) == 0) return true;
  }
  return false;
}

}  // namespace
}  // namespace vineyard::supervisor

extern "C" __attribute__((visibility("default"))) int vineyard_worker_main(
    const vineyard::supervisor::WorkerContext* context) {
  using namespace vineyard::supervisor;
  if (context->abi_version != kAbiVersion || has_argument(*context, "--cannot-start"))
    return kExitCannotStart;
  TestWorker worker(*context);
  const auto starts = static_cast<TestRegion*>(context->region)->starts.load();
  if (has_argument(*context, "--five-quick-deaths") && starts <= 5) return 3;
  if (has_argument(*context, "--second-cannot-start") && starts == 2) return kExitCannotStart;
  worker.run();
}
