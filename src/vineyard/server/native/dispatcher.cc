// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/native/dispatcher.h"

#include <fmt/format.h>

#include "vineyard/base/try.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/peer_identity.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/protocol/version.h"
#include "vineyard/server/operations/access.h"
#include "vineyard/server/operations/admin.h"
#include "vineyard/server/operations/membership.h"
#include "vineyard/server/operations/objects.h"

namespace vineyard::server {
namespace {

using protocol::Opcode;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::chrono::seconds kJoinDeadline{
    10};  // who connects and does not join holds descriptors for nothing

std::vector<ObjectId> to_ids(const std::vector<std::uint64_t>& raw) {
  return {raw.begin(), raw.end()};
}
std::vector<std::uint64_t> to_raw(const std::vector<ObjectId>& ids) {
  std::vector<std::uint64_t> raw;
  for (ObjectId id : ids) raw.push_back(id.value);
  return raw;
}

template <class T>
std::vector<os::UniqueFd> one(T descriptor) {
  std::vector<os::UniqueFd> list;
  list.push_back(std::move(descriptor));
  return list;
}

}  // namespace

struct Dispatcher::Call {
  Peer& peer;
  const protocol::Frame& frame;
  [[nodiscard]] std::uint64_t id() const { return frame.header.request_id; }
};

Dispatcher::Dispatcher(net::EventLoop& loop, Instance& instance) : loop_(loop), in_(instance) {}

Post Dispatcher::post() {
  return [this](std::function<void()> f) { loop_.post([f = std::move(f)] { f(); }); };
}

Result<void> Dispatcher::serve(Peer& peer) {
  shm::Held* held = in_.holds.find(shm::Kind::kConnection, peer.serial);
  auto who = os::peer_identity(held->fd);
  VY_TRY(auto socket, os::duplicate(held->fd));
  os::UniqueFd process;
  if (who) {
    peer.uid = who->uid;
    peer.pid = static_cast<std::uint64_t>(who->pid);
    process = std::move(who->pidfd);
  } else {
    peer.gone = true;  // its process ended before we asked
  }
  const std::uint64_t serial = peer.serial;
  auto connection =
      std::make_unique<Connection>(loop_, buffer_, std::move(socket), std::move(process));
  VY_TRY(connection->start([this, serial](const protocol::Frame& f) { handle(serial, f); },
                           [this, serial] { ended(serial); }));
  connection->join_within(kJoinDeadline, [this, serial] {
    const Peer* waited = in_.peer(serial);
    return waited != nullptr && in_.clients.established(waited->control, serial);
  });
  if (peer.gone) loop_.post([this, serial] { ended(serial); });
  connections_[serial] = std::move(connection);
  return {};
}

void Dispatcher::ended(std::uint64_t serial) {
  connections_.erase(serial);
  if (Peer* peer = in_.peer(serial)) {
    peer->gone = true;
    in_.waits.forget(serial);
    if (shm::Held* held = in_.holds.find(shm::Kind::kConnection, serial)) os::shut_down(held->fd);
  }
  serve_gone();
}

void Dispatcher::serve_gone() {
  std::vector<std::uint64_t> gone;
  for (const auto& [serial, peer] : in_.peers) {
    if (peer.gone && !connections_.contains(serial)) gone.push_back(serial);
  }
  bool left = false;
  for (std::uint64_t serial : gone) left = leave(in_, *in_.peer(serial)) || left;
  if (!left) return;
  sweep_pin_tables(in_, Sweep::kOfTheGone);
  in_.retirer.retry_waiting(in_.own_pins());
  in_.arenas.sweep();
  serve_waits();
  if (in_.peers.empty() && idle_) idle_();
}

void Dispatcher::announce_epoch() {
  if (!protocol::encode(out_, protocol::EpochNotice{in_.region.header.epoch.load(kRelaxed)}))
    return;
  for (auto& [serial, connection] : connections_) connection->send(out_);
}

template <class Request>
bool Dispatcher::decode(Call& c, Request& request) {
  auto done = protocol::decode_into(c.frame.body, request);
  if (!done) fail(c.peer.serial, c.frame.header.opcode, c.id(), done.error());
  return done.has_value();
}

template <class Reply>
void Dispatcher::reply(std::uint64_t serial, std::uint64_t request, const Reply& message,
                       std::vector<os::UniqueFd> descriptors) {
  const auto it = connections_.find(serial);
  if (it == connections_.end()) return;
  if (auto done = protocol::encode(out_, request, message); !done) {
    protocol::encode_error(out_, static_cast<std::uint16_t>(Reply::kOpcode), request, done.error());
  }
  it->second->send(out_, std::move(descriptors));
}

void Dispatcher::fail(std::uint64_t serial, std::uint16_t opcode, std::uint64_t request,
                      const Error& error) {
  const auto it = connections_.find(serial);
  if (it == connections_.end()) return;
  protocol::encode_error(out_, opcode, request, error);
  it->second->send(out_);
}

// ---------------------------------------------------------------------------------------------- repeats

void Dispatcher::finished(const Call& c, std::uint64_t status, std::uint64_t result) {
  if (!in_.clients.established(c.peer.control, c.peer.serial)) return;
  shm::ClientControl& cc = in_.clients.control(c.peer.control);
  const std::uint64_t n = cc.finished_count.load(kRelaxed);
  shm::FinishedRequest& f = cc.finished[n % limits::kFinishedRequests];
  f.request.store(0, kRelaxed);
  f.result.store(result, kRelaxed);
  f.status.store(status, kRelaxed);
  f.request.store(c.id(), std::memory_order_release);
  cc.finished_count.store(n + 1, std::memory_order_release);
}

// A request that a predecessor finished without its reply getting through: the same answer again.
bool Dispatcher::answer_finished(Call& c) {
  if (!in_.clients.established(c.peer.control, c.peer.serial)) return false;
  const shm::ClientControl& cc = in_.clients.control(c.peer.control);
  for (const shm::FinishedRequest& f : cc.finished) {
    if (f.request.load(kRelaxed) != c.id()) continue;
    const std::uint64_t result = f.result.load(kRelaxed), status = f.status.load(kRelaxed);
    const auto opcode = static_cast<Opcode>(c.frame.header.opcode);
    if (status != 1) {
      fail(c.peer.serial, c.frame.header.opcode, c.id(),
           Error(static_cast<ErrorCode>(status - 1),
                 "this request failed before the daemon was started again"));
    } else if (opcode == Opcode::kPublish) {
      reply(c.peer.serial, c.id(), protocol::PublishReply{result});
    } else if (opcode == Opcode::kReserve) {
      reply(c.peer.serial, c.id(), protocol::ReserveReply{result});
    } else if (opcode == Opcode::kDelete) {
      reply(c.peer.serial, c.id(),
            protocol::DeleteReply{static_cast<std::uint32_t>(result),
                                  static_cast<std::uint32_t>(result >> 32),
                                  {},
                                  {}});
    } else if (opcode == Opcode::kPutName) {
      reply(c.peer.serial, c.id(), protocol::PutNameReply{});
    } else if (opcode == Opcode::kDropName) {
      reply(c.peer.serial, c.id(), protocol::DropNameReply{static_cast<std::uint32_t>(result)});
    } else if (opcode == Opcode::kClear) {
      reply(c.peer.serial, c.id(), protocol::ClearReply{static_cast<std::uint32_t>(result)});
    } else {
      return false;
    }
    return true;
  }
  return false;
}

// ---------------------------------------------------------------------------------------------- dispatch

void Dispatcher::handle(std::uint64_t serial, const protocol::Frame& frame) {
  Peer* peer = in_.peer(serial);
  if (peer == nullptr) return;
  in_.region.header.turns.fetch_add(1, kRelaxed);
  peer->pinned.clear();  // any message confirms the replies before it
  if (frame.header.kind == protocol::FrameKind::kOneWay) return handle_notice(*peer, frame);
  if (frame.header.kind != protocol::FrameKind::kRequest) return;
  Call c{*peer, frame};
  if (auto allowed = may_ask(in_, *peer, frame.header.opcode); !allowed) {
    return fail(serial, frame.header.opcode, frame.header.request_id, allowed.error());
  }
  if (answer_finished(c)) return;
  call(c);
}

void Dispatcher::handle_notice(Peer& peer, const protocol::Frame& frame) {
  switch (static_cast<Opcode>(frame.header.opcode)) {
    case Opcode::kTopUp: (void)top_up(in_, peer); break;
    case Opcode::kRing:
      if (in_.clients.established(peer.control, peer.serial)) {
        in_.clients.control(peer.control).wanted.store(0, std::memory_order_release);
        in_.harvester.harvest(peer.control);
      }
      break;
    default: break;
  }
  serve_waits();
}

void Dispatcher::serve_waits() {
  if (in_.waits.empty()) return;
  in_.waits.serve(in_, os::monotonic_ms());
  // Who still waits is looked after again when something is published, and when its time is over.
  if (!in_.waits.empty() && !rearm_.active()) {
    rearm_ = loop_.after(std::chrono::milliseconds(50), [this] { serve_waits(); });
  }
}

void Dispatcher::call(Call& c) {
  const auto opcode = c.frame.header.opcode;
  if (protocol::find_message(opcode) == nullptr) {
    return fail(
        c.peer.serial, opcode, c.id(),
        Error(ErrorCode::kUnsupported, fmt::format("this daemon ({}) does not know opcode {}",
                                                   in_.options.version, opcode)));
  }
  if (opcode <= static_cast<std::uint16_t>(Opcode::kSync)) return call_membership(c);
  if (opcode <= static_cast<std::uint16_t>(Opcode::kFetch)) return call_objects(c);
  return call_names(c);
}

void Dispatcher::call_membership(Call& c) {
  const std::uint64_t serial = c.peer.serial, id = c.id();
  const auto opcode = c.frame.header.opcode;
  const auto failed = [&](const Error& e) { fail(serial, opcode, id, e); };
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kJoin: {
      protocol::JoinRequest r;
      if (!decode(c, r)) return;
      if (r.protocol_version != protocol::kProtocolVersion) {
        return failed(Error(
            ErrorCode::kUnsupported,
            fmt::format("the daemon ({}) speaks protocol {}, the client {}: install the same "
                        "release of both",
                        in_.options.version, protocol::kProtocolVersion, r.protocol_version)));
      }
      c.peer.program = r.program.substr(0, shm::kProgramWords * sizeof(std::uint64_t));
      auto joined = join(in_, c.peer, id);
      if (!joined) return failed(joined.error());
      const shm::RegionHeader& h = in_.region.header;
      return reply(serial, id,
                   protocol::JoinReply{serial, c.peer.control, joined->pin_table,
                                       h.epoch.load(kRelaxed), h.instance.load(kRelaxed),
                                       in_.options.pool_bytes, in_.options.version},
                   std::move(joined->descriptors));
    }
    case Opcode::kMapped: {
      protocol::MappedRequest r;
      if (!decode(c, r)) return;
      auto done =
          r.kind == 1   ? mapped_join(in_, c.peer, r.number)
          : r.kind == 2 ? mapped_pin_table(in_, c.peer, r.number)
          : r.kind == 3
              ? mapped_arena(in_, c.peer, r.number)
              : Result<std::uint32_t>(Error(ErrorCode::kInvalid,
                                            fmt::format("nothing mapped is of kind {}", r.kind)));
      return done ? reply(serial, id, protocol::MappedReply{*done}) : failed(done.error());
    }
    case Opcode::kNewArena: {
      protocol::NewArenaRequest r;
      if (!decode(c, r)) return;
      return new_arena(in_, c.peer, id, r.size, post(),
                       [this, serial, id, opcode](Result<NewArena> made) {
                         if (!made) return fail(serial, opcode, id, made.error());
                         reply(serial, id, protocol::NewArenaReply{made->arena, made->size},
                               one(std::move(made->descriptor)));
                         keep_spares(in_, post());
                       });
    }
    case Opcode::kDropArena: {
      protocol::DropArenaRequest r;
      if (!decode(c, r)) return;
      auto done = drop_arena(in_, c.peer, r.list_number);
      return done ? reply(serial, id, protocol::DropArenaReply{}) : failed(done.error());
    }
    case Opcode::kNewPinTable: {
      auto made = new_pin_table(in_, c.peer, id);
      if (!made) return failed(made.error());
      return reply(serial, id, protocol::NewPinTableReply{made->number},
                   one(std::move(made->descriptor)));
    }
    case Opcode::kDescriptor: {
      protocol::DescriptorRequest r;
      if (!decode(c, r)) return;
      auto found = r.kind == 1 ? readable_outbox(in_, r.number) : readable_arena(in_, r.number);
      if (!found) return failed(found.error());
      return reply(serial, id, protocol::DescriptorReply{found->size, found->control},
                   one(std::move(found->descriptor)));
    }
    case Opcode::kSync: {
      auto done = top_up(in_, c.peer);
      const shm::ClientControl& cc = in_.clients.control(c.peer.control);
      const std::uint64_t granted = cc.granted.load(kRelaxed),
                          harvested = cc.harvested.load(kRelaxed);
      // Out of entries or room, but not yet out of grants: the client may go on.
      if (!done && granted == harvested) return failed(done.error());
      reply(serial, id, protocol::SyncReply{harvested, granted});
      return serve_waits();
    }
    default:
      return failed(Error(ErrorCode::kInvalid,
                          fmt::format("{} is not a request", protocol::message_name(opcode))));
  }
}

void Dispatcher::call_objects(Call& c) {
  const std::uint64_t serial = c.peer.serial, id = c.id();
  const auto opcode = c.frame.header.opcode;
  const auto failed = [&](const Error& e) {
    finished(c, 1 + static_cast<std::uint64_t>(e.code()), 0);
    fail(serial, opcode, id, e);
  };
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kReserve: {
      auto made = reserve_id(in_, c.peer);
      if (!made) return failed(made.error());
      finished(c, 1, made->value);
      return reply(serial, id, protocol::ReserveReply{made->value});
    }
    case Opcode::kPublish: {
      protocol::PublishRequest r;
      if (!decode(c, r)) return;
      auto made = publish(
          in_, c.peer,
          {ObjectId(r.id), r.blob != 0 ? Publication::Kind::kBlob : Publication::Kind::kDocument,
           r.place, r.size});
      if (!made) return failed(made.error());
      finished(c, 1, made->value);
      serve_waits();  // who waits for it first
      return reply(serial, id, protocol::PublishReply{made->value});
    }
    case Opcode::kDelete: {
      protocol::DeleteRequest r;
      if (!decode(c, r)) return;
      const auto report =
          remove(in_, to_ids(r.ids),
                 {r.deep != 0 ? DeleteOptions::Depth::kMembersToo : DeleteOptions::Depth::kObjects,
                  r.force != 0 ? DeleteOptions::Force::kHoldersToo : DeleteOptions::Force::kNo});
      finished(c, 1, (std::uint64_t{report.absent} << 32) | report.deleted);
      return reply(serial, id,
                   protocol::DeleteReply{report.deleted, report.absent, to_raw(report.kept),
                                         to_raw(report.holders)});
    }
    case Opcode::kFetch: {
      protocol::FetchRequest r;
      if (!decode(c, r)) return;
      fetch(in_, c.peer, ObjectId(r.id), r.wait_ms,
            [this, serial, id, opcode](Result<ObjectId> found) {
              found ? reply(serial, id, protocol::FetchReply{found->value})
                    : fail(serial, opcode, id, found.error());
            });
      return serve_waits();
    }
    default:
      return failed(Error(ErrorCode::kInvalid,
                          fmt::format("{} is not a request", protocol::message_name(opcode))));
  }
}

void Dispatcher::call_names(Call& c) {
  const std::uint64_t serial = c.peer.serial, id = c.id();
  const auto opcode = c.frame.header.opcode;
  const auto failed = [&](const Error& e) { fail(serial, opcode, id, e); };
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kPutName: {
      protocol::PutNameRequest r;
      if (!decode(c, r)) return;
      auto done = put_name(in_, r.name, ObjectId(r.id),
                           r.mode == 0 ? NameMode::kReplace : NameMode::kIfFree);
      finished(c, done ? 1 : 1 + static_cast<std::uint64_t>(done.error().code()), 0);
      if (!done) return failed(done.error());
      serve_waits();
      return reply(serial, id, protocol::PutNameReply{});
    }
    case Opcode::kGetName: {
      protocol::GetNameRequest r;
      if (!decode(c, r)) return;
      get_name(in_, c.peer, r.name, r.wait_ms, [this, serial, id, opcode](Result<ObjectId> found) {
        found ? reply(serial, id, protocol::GetNameReply{found->value})
              : fail(serial, opcode, id, found.error());
      });
      return serve_waits();
    }
    case Opcode::kDropName: {
      protocol::DropNameRequest r;
      if (!decode(c, r)) return;
      const std::uint32_t existed = in_.names.drop(r.name) ? 1 : 0;
      finished(c, 1, existed);
      return reply(serial, id, protocol::DropNameReply{existed});
    }
    case Opcode::kListNames: {
      protocol::ListNamesRequest r;
      if (!decode(c, r)) return;
      auto page = list_names(in_, r.pattern, r.syntax, r.limit, r.after);
      if (!page) return failed(page.error());
      return reply(serial, id,
                   protocol::ListNamesReply{std::move(page->names), std::move(page->ids),
                                            page->more ? 1U : 0U});
    }
    case Opcode::kList: {
      protocol::ListRequest r;
      if (!decode(c, r)) return;
      auto page = list_objects(in_, r.pattern, r.syntax, r.limit, r.cursor);
      if (!page) return failed(page.error());
      return reply(serial, id, protocol::ListReply{std::move(page->ids), page->cursor});
    }
    case Opcode::kExists: {
      protocol::ExistsRequest r;
      if (!decode(c, r)) return;
      return reply(serial, id, protocol::ExistsReply{exists(in_, r.ids)});
    }
    case Opcode::kStatus: return reply(serial, id, protocol::StatusReply{status_json(in_)});
    case Opcode::kCheck: {
      const auto report = check(in_);
      return reply(serial, id, protocol::CheckReply{report.findings, report.json});
    }
    case Opcode::kKick: {
      protocol::KickRequest r;
      if (!decode(c, r)) return;
      const auto it = connections_.find(r.serial);
      if (it == connections_.end())
        return failed(Error(ErrorCode::kNotFound, fmt::format("there is no client {}", r.serial)));
      reply(serial, id, protocol::KickReply{});
      return it->second->shut_down();
    }
    case Opcode::kClear: {
      const std::uint32_t gone = clear(in_);
      finished(c, 1, gone);
      return reply(serial, id, protocol::ClearReply{gone});
    }
    default:
      return failed(Error(ErrorCode::kInvalid,
                          fmt::format("{} is not a request", protocol::message_name(opcode))));
  }
}

}  // namespace vineyard::server
