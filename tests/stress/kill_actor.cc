// SPDX-License-Identifier: Apache-2.0
#include "kill_actor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "vineyard/shm/layout.h"

namespace vineyard::stress {
namespace {

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

void fill(std::span<std::byte> bytes, std::uint64_t seed) {
  for (std::size_t n = 0; n + 8 <= bytes.size(); n += 8) {
    const std::uint64_t word = mix(seed + n);
    std::memcpy(bytes.data() + n, &word, 8);
  }
}

bool filled_with(std::span<const std::byte> bytes, std::uint64_t seed) {
  for (std::size_t n = 0; n + 8 <= bytes.size(); n += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + n, 8);
    if (word != mix(seed + n)) return false;
  }
  return true;
}

constexpr std::size_t kShortLivedSize = 1536;

}  // namespace

void Actor::violation(const char* what, ObjectId id, const std::string& text) {
  if (board_.violations.fetch_add(1) < 20) {
    std::fprintf(stderr, "VIOLATION %s: %s %s (actor %u, pid %d)\n", what, id.to_string().c_str(),
                 text.c_str(), number_, getpid());
  }
}

// Errors that are nobody's fault: the daemon's processes are killed all the time, and the pool is small.
bool Actor::good(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kFull: ++board_.full; return true;
    case ErrorCode::kUnavailable: ++board_.lost; return true;
    case ErrorCode::kNotFound: return true;
    default: return false;
  }
}

void Actor::connect() {
  while (!client_) {
    auto connected = Client::connect({.socket = socket_});
    if (connected)
      client_ = *std::move(connected);
    else if (connected.error().code() == ErrorCode::kDeadline)
      violation("no answer to join", {}, connected.error().message());
    if (board_.stop) _exit(0);
  }
}

std::optional<ObjectId> Actor::write(const std::vector<ObjectId>& members) {
  const std::uint64_t seed = random_() | 1;
  const std::uint32_t blobs = 1 + below(2);
  std::vector<Payload> payloads;
  builder_.clear("stress::Object");
  builder_.set(builder_.root(), "seed", seed);
  for (std::uint32_t n = 0; n < blobs; ++n) {
    const std::size_t size = 8ULL * (1 + below(below(40) == 0 ? 8000 : 400));
    auto payload = client_->reserve(ByteCount(size));
    if (!payload) {
      if (!good(payload.error())) violation("reserve", {}, payload.error().to_string());
      return std::nullopt;
    }
    fill(payload->bytes(), seed + n);
    builder_.add_buffer(builder_.root(), "buffer_" + std::to_string(n), builder_.add_payload(), 0,
                        size);
    payloads.push_back(*std::move(payload));
  }
  for (std::size_t n = 0; n < members.size(); ++n)
    builder_.add_member(builder_.root(), "member_" + std::to_string(n), members[n]);
  auto id = client_->publish(builder_, payloads);
  if (!id) {
    if (!good(id.error())) violation("publish", {}, id.error().to_string());
    return std::nullopt;
  }
  ++board_.puts;
  last_seed_ = seed;
  return *id;
}

void Actor::show(ObjectId id, std::uint64_t seed) {
  Shown& s = board_.shelves[number_][next_shelf_++ % kShelf];
  board_.fresh[below(16)] = id.value;
  const std::uint64_t old = s.id.exchange(0);
  s.seed = seed;
  s.id = id.value;
  if (old != 0) trash_.emplace_back(old);
  if (trash_.size() >= 16) {
    remove(trash_);
    trash_.clear();
  }
}

void Actor::remove(const std::vector<ObjectId>& ids) {
  for (ObjectId id : ids) board_.doomed[below(64)] = id.value;
  if (below(2)) usleep(below(2000));  // composers like what is about to go
  const auto report = client_->remove(ids, {.deep = below(4) == 0});
  if (report)
    board_.deleted += report->deleted;
  else if (!good(report.error()))
    violation("delete", ids.front(), report.error().to_string());
}

std::optional<Actor::Seen> Actor::read(ObjectId id, std::optional<std::uint64_t> seed,
                                       const char* when) {
  auto object = client_->get(id);
  if (!object) {
    if (!good(object.error())) violation(when, id, object.error().to_string());
    if (object.error().code() == ErrorCode::kNotFound) ++board_.absent;
    return std::nullopt;
  }
  ++board_.gets;
  Seen seen{*std::move(object), {}, 0};
  if (seen.object.is_blob()) return std::nullopt;
  const auto field = seen.object.root().field("seed");
  seen.seed = field && field->as_uint64() ? *field->as_uint64() : 0;
  if (seen.seed == 0) return std::nullopt;  // not one of ours: a hostile writer's
  if (seed && *seed != seen.seed) violation("another object's document", id, when);
  for (std::uint32_t n = 0; n < 2; ++n) {
    const std::string key = "buffer_" + std::to_string(n);
    if (!seen.object.root().member(key)) continue;
    auto buffer = seen.object.buffer(key);
    if (!buffer) {
      if (buffer.error().code() == ErrorCode::kNotFound)
        violation("a payload is gone under its object", id, buffer.error().message());
      else if (!good(buffer.error()))
        violation("payload", id, buffer.error().to_string());
      return std::nullopt;
    }
    seen.buffers.push_back(*std::move(buffer));
  }
  verify(seen, when);
  return seen;
}

void Actor::verify(const Seen& seen, const char* when) {
  for (std::size_t n = 0; n < seen.buffers.size(); ++n) {
    if (!filled_with(seen.buffers[n].bytes(), seen.seed + n))
      violation("wrong bytes", seen.object.id(), when);
  }
  const auto field = seen.object.root().field("seed");
  if (!field || field->as_uint64() != seen.seed)
    violation("a document changed", seen.object.id(), when);
}

void Actor::read_members(const Seen& seen) {
  for (std::uint32_t n = 0; n < 4; ++n) {
    const auto member = seen.object.root().member("member_" + std::to_string(n));
    if (!member || !member->as_object()) continue;
    const auto object = client_->get(*member->as_object());
    if (!object && object.error().code() == ErrorCode::kNotFound) {
      violation("a member is gone under its parent", *member->as_object(),
                "parent " + seen.object.id().to_string());
    }
  }
}

void Actor::look_at_somebody() {
  const Shown& s = board_.shelves[below(kActors)][below(kShelf)];
  ObjectId id(s.id.load());
  const std::uint64_t seed = s.seed.load();
  std::optional<std::uint64_t> expected = seed;
  if (id.value == 0 || id.value != s.id.load()) {
    id = ObjectId(board_.doomed[below(64)].load());
    expected.reset();
  }
  if (id.value == 0) return;
  auto seen = read(id, expected, "first look");
  if (!seen) return;
  if (below(3) == 0) read_members(*seen);
  views_.push_back(*std::move(seen));
}

void Actor::look_at_the_hostile() {
  const ObjectId id(board_.hostile_blobs[below(64)].load());
  if (id.value == 0) return;
  const auto object = client_->get(id);
  if (!object) return;
  const auto bytes = object->view().bytes();
  const bool zeros = std::ranges::all_of(bytes.first(std::min<std::size_t>(bytes.size(), 4096)),
                                         [](std::byte b) { return b == std::byte{0}; });
  if (!zeros) violation("a forged record shows other people's bytes", id);
}

std::optional<Actor::Seen> Actor::must_be_there(ObjectId id, std::uint64_t seed, const char* when) {
  const auto object = client_->get(id);
  if (!object && object.error().code() == ErrorCode::kNotFound)
    violation("an object is lost", id, std::string(when) + ": " + object.error().message());
  if (!object) return std::nullopt;
  return read(id, seed, when);
}

// Members that are just being deleted, most of all. They are held by the client's own pins alone, until the parent is
// published; what was composed is looked at again before anybody else is told.
void Actor::compose() {
  if (composed_) {
    const auto [id, seed] = *std::exchange(composed_, std::nullopt);
    if (const auto seen = must_be_there(id, seed, "composed a while ago")) read_members(*seen);
    show(id, seed);
  }
  std::vector<ObjectId> members;
  const std::uint32_t which = below(3);  // dying, brand-new, or any
  for (std::uint32_t n = 0, want = 1 + below(3); n < want; ++n) {
    const Shown& s = board_.shelves[below(kActors)][below(kShelf)];
    const ObjectId id(which == 0   ? board_.doomed[below(64)].load()
                      : which == 1 ? board_.fresh[below(16)].load()
                                   : s.id.load());
    if (id.value == 0 || id.is_blob()) continue;
    if (below(4) != 0 || read(id, std::nullopt, "compose")) members.push_back(id);
  }
  if (members.empty()) return;
  const auto id = write(members);
  if (!id) return;
  ++board_.composed;
  composed_.emplace(*id, last_seed_);
  if (const auto seen = must_be_there(*id, last_seed_, "just composed")) read_members(*seen);
}

void Actor::own() {
  Shown& s = board_.kept[number_][below(kKept)];
  const ObjectId id(s.id.load());
  if (id.value == 0) {
    const auto fresh = write({});
    if (!fresh) return;
    s.seed = last_seed_;
    s.id = fresh->value;
    return;
  }
  (void)must_be_there(id, s.seed.load(), "own");
  if (below(2)) return;
  s.id = 0;
  trash_.push_back(id);
}

// What was published is there, however soon its writer ends.
void Actor::die_after_a_put() {
  Shown& s = board_.kept[number_][below(kKept)];
  if (s.id.load() != 0) return own();
  const auto id = write({});
  if (!id) return;
  s.seed = last_seed_;
  s.id = id->value;
  kill(getpid(), SIGKILL);
}

void Actor::fork_once() {
  for (int n = 0; n < 6; ++n) look_at_somebody();
  const pid_t child = fork();
  if (child < 0) return;
  if (child > 0) {
    ++board_.forks;
    if (below(2)) drop_some(0);
    return;
  }
  random_.seed(mix(static_cast<std::uint64_t>(getpid())));
  Actor mine(board_, socket_, number_, random_());
  const bool second = below(2);
  if (second) mine.connect();
  for (int n = 0, rounds = static_cast<int>(below(30)); n < rounds && !board_.stop; ++n) {
    for (const Seen& s : views_) verify(s, "inherited");
    if (second) {
      mine.look_at_somebody();
      (void)mine.write({});
      mine.drop_some(4);
    } else {
      usleep(below(2000));
    }
  }
  drop_some(0);
  _exit(0);
}

void Actor::close_everything() {
  for (int n = 0; n < 6; ++n) look_at_somebody();
  close_range(3, ~0U, 0);
  ++board_.closes;
  for (int n = 0; n < 10; ++n) {
    for (const Seen& s : views_) verify(s, "all descriptors closed");
    usleep(below(2000));
  }
  // The first calls find the connection gone; then the same client goes on.
  for (int n = 0; n < 10; ++n) {
    look_at_somebody();
    for (const Seen& s : views_) verify(s, "after a new connection");
    drop_some(8);
  }
}

void Actor::drop_some(std::size_t keep) {
  while (views_.size() > keep) {
    const std::size_t n = below(static_cast<std::uint32_t>(views_.size()));
    verify(views_[n], "last look");
    views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(n));
  }
}

void Actor::step(Role role) {
  const std::uint32_t x = below(100);
  switch (role) {
    case Role::kWriter:
      if (x < 75) {
        if (const auto id = write({})) show(*id, last_seed_);
      } else if (x == 75) {
        die_after_a_put();
      } else {
        own();
      }
      break;
    case Role::kReader: x < 90 ? look_at_somebody() : look_at_the_hostile(); break;
    case Role::kComposer: x < 70 ? compose() : own(); break;
    case Role::kForker:
      if (x < 4)
        fork_once();
      else if (x < 50)
        own();
      else
        look_at_somebody();
      break;
    case Role::kCloser:
      if (x < 2)
        close_everything();
      else if (x < 40)
        own();
      else
        look_at_somebody();
      break;
    case Role::kHolder:
      look_at_somebody();
      usleep(below(4000));
      for (const Seen& s : views_) verify(s, "held for long");
      drop_some(40);
      return;
    case Role::kShortLived: {
      std::vector<char> bytes(kShortLivedSize, static_cast<char>(x));
      const auto id = client_->put_blob(std::as_bytes(std::span(bytes)));
      if (id) trash_.push_back(*id);
      if (trash_.size() > 16) {
        remove(trash_);
        trash_.clear();
      }
      break;
    }
    case Role::kHostile: break;
  }
  if (below(4) == 0) {
    for (const Seen& s : views_) verify(s, "later look");
  }
  drop_some(below(16));
}

void Actor::run(Role role) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGCHLD, SIG_IGN);
  connect();
  while (!board_.stop) step(role);
  for (;;) pause();
}

}  // namespace vineyard::stress
