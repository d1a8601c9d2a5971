// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/context.h"

#include <algorithm>

#include "vineyard/base/check.h"
#include "vineyard/base/try.h"
#include "vineyard/client/locate.h"
#include "vineyard/client/no_waiting.h"
#include "vineyard/client/populate.h"
#include "vineyard/os/process.h"
#include "vineyard/protocol/version.h"

namespace vineyard::client {
namespace {

enum MappedKind : std::uint32_t { kMappedJoin = 1, kMappedPinTable = 2 };
constexpr std::uint64_t kLeastKept = std::uint64_t{256} << 20;

// How much may stay mapped without a pin.
std::uint64_t bytes_kept(std::uint64_t pool_bytes) {
  return std::max(kLeastKept, pool_bytes / 16);
}

}  // namespace

void release(const Pin& pin) noexcept {
  // In a child the slot is the parent's, and so is the table (R13).
  if (pin.generation == process_generation()) pin.context->pins().release(pin.slot);
}

Context::Context(Process& process, ConnectOptions options, os::FileIdentity identity)
    : process_(process), options_(std::move(options)), identity_(identity) {
  options_.started = nullptr;
}

std::chrono::milliseconds Context::deadline() const {
  return reader_ ? reader_->deadline() : std::chrono::milliseconds(options_.connects_within_ms());
}

ConnectionInfo Context::info() const {
  return {options_.socket, version_, instance_, me_.serial, pool_bytes_};
}

// ---- connecting

Result<Context*> Context::connect(const ConnectOptions& options) {
  VY_TRY(Process * process, Process::here());
  const std::lock_guard lock(process->connect_mutex());
  return connect_locked(*process, options);
}

// Contexts of this process that nobody uses any more go; one that fits is used again.
Context* Context::find(Process& process, const std::vector<std::string>& candidates) {
  std::erase_if(process.contexts(), [](Context* c) {
    return c->handles_.load(std::memory_order_acquire) == 0 && c->end_if_unused();
  });
  for (const std::string& path : candidates) {
    const auto identity = os::identity_at(path);
    if (!identity) continue;
    for (Context* c : process.contexts()) {
      if (c->identity_ != *identity) continue;
      c->connection_->poke();
      if (!c->connection_->lost()) return c;
    }
  }
  return nullptr;
}

Result<Context*> Context::connect_locked(Process& process, const ConnectOptions& options) {
  const auto candidates = socket_candidates(options);
  if (Context* there = find(process, candidates)) {
    there->add_handle();
    if (options.deadline_ms) there->set_deadline(std::chrono::milliseconds(*options.deadline_ms));
    return there;
  }
  auto found = connect_to_first(candidates, options);
  if (!found && found.error().code() == ErrorCode::kUnavailable &&
      options.autostart == Autostart::kPrivateDaemon) {
    found = start_private_daemon(options);
  }
  if (!found) return std::move(found).error();
  return join(process, options, std::move(found->socket), found->path);
}

Result<Context*> Context::join(Process& process, const ConnectOptions& options, os::UniqueFd socket,
                               const std::string& path) {
  VY_TRY(const auto identity, os::identity_at(path));
  ConnectOptions mine = options;
  mine.socket = path;
  std::unique_ptr<Context, void (*)(Context*)> context(
      new Context(process, std::move(mine), identity), [](Context* c) { delete c; });
  context->connection_ = std::make_unique<Connection>(process, std::move(socket), path);
  if (auto joined = context->join_as_client(); !joined) {
    return std::move(joined).error().with_context("cannot join the daemon at " + path);
  }
  context->add_handle();
  process.contexts().push_back(context.get());
  return context.release();
}

Result<void> Context::join_as_client() {
  const std::string program = options_.program.empty() ? program_name() : options_.program;
  VY_TRY(auto answer,
         connection_->call(
             protocol::JoinRequest{protocol::kProtocolVersion,
                                   static_cast<std::uint64_t>(os::process_id()), program},
             deadline()));
  VY_TRY(map_joined(answer));
  VY_TRY(say_mapped(kMappedJoin, me_.serial));
  return {};
}

Result<void> Context::map_joined(Answer<protocol::JoinReply>& answer) {
  const protocol::JoinReply& reply = answer.reply;
  if (answer.fds.size() != 3 || reply.control >= limits::kClients) {
    return Error(ErrorCode::kCorrupt,
                 "the daemon's answer to Join has no index region, outbox and pin table");
  }
  const std::uint64_t sizes[] = {sizeof(shm::Region), sizeof(shm::Outbox), sizeof(shm::PinTable)};
  for (std::size_t i = 0; i < 3; ++i) {
    VY_TRY(const ByteCount size, os::size_of(answer.fds[i]));
    if (size.value < sizes[i]) {
      return Error(ErrorCode::kUnsupported,
                   "the daemon (" + reply.version +
                       ") lays its memory out otherwise than this client; install the same "
                       "release of both");
    }
  }
  VY_TRY(region_, os::MappedRegion::map(answer.fds[0], ByteCount(sizes[0]), os::Access::kReadOnly));
  const auto& region = *region_.as<const shm::Region>();
  if (!shm::is_known_layout(region.header)) {
    return Error(ErrorCode::kUnsupported,
                 "the daemon (" + reply.version + ") has memory of layout " +
                     std::to_string(region.header.version) + "-" +
                     std::to_string(region.header.fingerprint) + ", this client reads layout " +
                     std::to_string(shm::kLayoutVersion) + "-" +
                     std::to_string(shm::kLayoutFingerprint) +
                     "; install the same release of both");
  }
  me_ = {reply.serial, reply.control};
  version_ = reply.version;
  instance_ = reply.instance;
  pool_bytes_ = reply.pool_bytes;
  VY_TRY(auto outbox, process_.map_own(answer.fds[1], ByteCount(sizes[1])));
  VY_TRY(auto table, process_.map_own(answer.fds[2], ByteCount(sizes[2])));
  answer.fds.clear();  // an open description counts like a mapping
  const bool must_fence =
      (region.header.flags.load(std::memory_order_acquire) & shm::kRegionReadersMustFence) != 0;
  const auto barrier = must_fence ? shm::PinBarrier::kFence : process_.pin_barrier();
  VY_TRY(pins_, Pins::create(process_, std::move(table), barrier));
  if (!must_fence) pins_->register_when_worthwhile();
  VY_TRY(mappings_, MappingCache::create(*pins_, bytes_kept(pool_bytes_)));
  const auto* own = outbox.as<const shm::Outbox>();
  TableSource& tables = *this;
  reader_ = std::make_unique<Reader>(*this, process_, *connection_, tables, *pins_, *mappings_,
                                     region, *own, me_);
  reader_->set_deadline(std::chrono::milliseconds(options_.waits_ms()));
  writer_ = std::make_unique<Writer>(process_, *connection_, *reader_, *pins_, std::move(outbox),
                                     region, me_);
  connection_->watch(region.header);
  return {};
}

Result<void> Context::say_mapped(std::uint32_t kind, std::uint64_t number) {
  auto answer = connection_->call(protocol::MappedRequest{kind, number}, deadline());
  if (!answer) return std::move(answer).error();
  return {};
}

Result<os::MappedRegion> Context::new_table() {
  VY_TRY(auto answer, connection_->call(protocol::NewPinTableRequest{}, deadline()));
  if (answer.fds.size() != 1)
    return Error(ErrorCode::kCorrupt, "the daemon sent no descriptor with a pin table");
  VY_TRY(const ByteCount size, os::size_of(answer.fds.front()));
  if (size.value < sizeof(shm::PinTable))
    return Error(ErrorCode::kCorrupt, "the daemon sent a short pin table");
  VY_TRY(auto table, process_.map_own(answer.fds.front(), ByteCount(sizeof(shm::PinTable))));
  answer.fds.clear();
  if (auto said = say_mapped(kMappedPinTable, answer.reply.number); !said) {
    process_.unmap_own(table);
    return std::move(said).error();
  }
  return table;
}

// ---- the end

// The context of a lost connection, or of the parent process, is followed by another one.
Result<Context*> Context::successor() {
  if (NoWaiting::refuses()) {
    return Error(ErrorCode::kDeadline,
                 "connecting again takes its time, and the caller does not wait");
  }
  VY_TRY(Process * process, Process::here());
  const std::lock_guard lock(process->connect_mutex());
  Context* last = this;
  for (;;) {
    Context* next = last->successor_.load(std::memory_order_acquire);
    // A pointer of the parent's, copied by the fork, is nothing to us.
    if (next == nullptr || &next->process_ != process) break;
    if (!next->connection_->lost()) return next;
    last = next;
  }
  ConnectOptions options = last->options_;
  options.deadline_ms = static_cast<std::uint32_t>(last->deadline().count());
  VY_TRY(Context * fresh, connect_locked(*process, options));
  last->successor_.store(fresh,
                         std::memory_order_release);  // counted: it stays as long as this one
  if (&last->process_ == process) last->writer_->close();
  return fresh;
}

// Under the connect lock, and without handles. Slots in use keep it: views, and objects whose
// buffers are yet to come.
bool Context::end_if_unused() {
  if (!pins_->all_released()) return false;
  writer_->close();
  connection_->lose();
  Context* next = successor_.load(std::memory_order_acquire);
  if (next != nullptr && &next->process_ == &process_)
    next->handles_.fetch_sub(1, std::memory_order_acq_rel);
  delete this;
  return true;
}

void Context::drop_handle() noexcept {
  if (generation() != process_generation()) return;  // inherited: left as it is
  if (handles_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const auto process = Process::here();
  if (!process) return;
  const std::lock_guard lock((*process)->connect_mutex());
  // Unless somebody connected meanwhile, or ended it already.
  auto& contexts = (*process)->contexts();
  std::erase_if(contexts, [](Context* c) {
    return c->handles_.load(std::memory_order_acquire) == 0 && c->end_if_unused();
  });
}

// ---- objects and payloads

Result<Object> Context::object(ObjectId id, std::uint64_t wait_ms) {
  VY_TRY(View view, reader_->view(id, wait_ms));
  if (view.id().is_blob()) return Object(std::move(view), {});
  const auto document =
      meta::DocumentView::trusted(view.bytes());  // at home, or a copy that was validated
  return Object(std::move(view), document);
}

Result<Payload> Context::reserve(std::uint64_t size) {
  VY_TRY(const Reserved reserved, writer_->reserve(size));
  populate(reserved.untouched);
  Payload payload;
  add_handle();
  payload.context_ = this;
  payload.bytes_ = reserved.bytes;
  payload.reservation_ = reserved.where;
  payload.generation_ = generation();
  return payload;
}

Result<Writer::Part> Context::take(Payload& payload) {
  if (!payload.is_open())
    return Error(ErrorCode::kInvalid, "the payload was published or given up before");
  if (payload.context_ != this || payload.generation_ != process_generation()) {
    return Error(
        ErrorCode::kUnavailable,
        "the payload was reserved over a connection that is lost, or in the parent process");
  }
  const Writer::Part part{payload.reservation_, payload.bytes_.size()};
  payload.context_ = nullptr;
  payload.bytes_ = {};
  drop_handle();
  return part;
}

}  // namespace vineyard::client
