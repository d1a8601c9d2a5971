// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

#include <algorithm>

namespace vineyard::simulation {

using catalog::Catalog;
using catalog::Committed;
using catalog::InstanceId;
using catalog::MemoryStore;
using catalog::StoreAnswer;
using catalog::StoreCall;
using catalog::Transaction;
using catalog::Wish;

namespace {

constexpr Time kLease = 5'000;
constexpr Time kTick = 20;
constexpr Time kPatience = 4'000;  // of a request
constexpr Time kQuiet = 25'000;    // after everything is healed
constexpr int kNames = 6;
constexpr std::size_t kViolations = 5;  // then it is enough

std::string value_of(InstanceId owner, ObjectId id) {
  return catalog::object_value({.owner = owner,
                                .bytes = id.value % 100,
                                .type = id.value % 2 == 0 ? "a::Type" : "b::Type",
                                .document = id.to_string()});
}

StoreAnswer unavailable(const StoreCall& call) {
  const Error error(ErrorCode::kUnavailable, "the store does not answer");
  if (std::holds_alternative<catalog::IdentityCall>(call)) return Result<std::string>(error);
  if (std::holds_alternative<catalog::RangeCall>(call)) return Result<catalog::Page>(error);
  if (std::holds_alternative<catalog::ChangesCall>(call)) return Result<catalog::Changes>(error);
  return Result<Committed>(error);
}

}  // namespace

/// A simulated instance: a catalog, and what its host holds beside it.
struct Cluster::Instance {
  int number = 0;
  InstanceId id;
  std::uint64_t life = 0;  // its processes
  MemoryStore::Session session = 0;
  std::unique_ptr<Catalog> catalog;
  std::map<ObjectId, std::string> held;  // published, as the catalog has told
  bool dead = false;
  Time frozen_until = 0;
  Time cut_until = 0;
  Time renewed = 0;                           // its session, last
  std::vector<std::function<void()>> thawed;  // what waits for it while it is frozen
  std::map<std::string, Time> told;           // when a name had what was last told of it
};

Cluster::Cluster(Options options) : options_(options), random_(options.seed) {
  for (int n = 0; n < options_.instances; ++n) {
    auto one = std::make_unique<Instance>();
    one->number = n;
    one->id = {static_cast<std::uint64_t>(n) + 1};
    instances_.push_back(std::move(one));
  }
}

Cluster::~Cluster() = default;

void Cluster::at(Time time, std::function<void()> run) {
  events_.push({.at = std::max(time, now_), .order = ++order_, .run = std::move(run)});
}

void Cluster::violation(const std::string& text) {
  if (violations_.size() < kViolations)
    violations_.push_back(fmt::format("seed {} at {} ms: {}", options_.seed, now_, text));
}

std::vector<std::string> Cluster::run() {
  for (auto& one : instances_) start(*one);
  at(1, [this] { work(); });
  if (options_.faults) at(500, [this] { break_something(); });
  at(options_.busy, [this] { heal(); });
  const Time end = options_.busy + kQuiet;
  while (!events_.empty() && events_.top().at <= end && violations_.size() < kViolations) {
    Event event = events_.top();
    events_.pop();
    now_ = event.at;
    event.run();
  }
  check_quiet();
  return violations_;
}

// A new process of an instance.
void Cluster::start(Instance& one) {
  ++one.life;
  one.session = ++sessions_;
  one.renewed = now_;
  one.told.clear();
  one.catalog = std::make_unique<Catalog>(
      catalog::Settings{.self = one.id,
                        .incarnation = fmt::format("{}-{}", one.id.value, one.life),
                        .announcement = fmt::format("instance {}", one.number),
                        .forget_after = 8'000,
                        .relist_after = 10'000},
      now_);
  std::vector<ObjectId> ids;
  for (const auto& [id, value] : one.held) ids.push_back(id);
  one.catalog->hold(ids);
  const std::uint64_t life = one.life;
  // Each process ticks by itself.
  struct Ticker {
    Cluster& cluster;
    Instance& one;
    std::uint64_t life;
    void operator()() const {
      if (one.dead || one.life != life) return;
      if (one.frozen_until <= cluster.now_) {
        cluster.end_session_if_out_of_reach(one);
        one.catalog->tick(cluster.now_);
        cluster.pump(one);
      }
      cluster.at(cluster.now_ + kTick, *this);
    }
  };
  at(now_, Ticker{*this, one, life});
  pump(one);
}

// A session lives as long as its process reaches the store at least once a lease.
void Cluster::end_session_if_out_of_reach(Instance& one) {
  const bool reaches = one.cut_until <= now_ && !store_down_;
  if (!reaches) return;
  if (now_ - one.renewed > kLease) {
    trace("instance {} has lost session {}", one.number, one.session);
    store_.end(one.session);
    history_.changed(catalog::instance_key(one.id), std::nullopt, now_);
    one.session = ++sessions_;
  }
  one.renewed = now_;
}

// Does what comes out of a catalog.
void Cluster::pump(Instance& one) {
  for (catalog::Effect& effect : one.catalog->take_effects()) {
    if (auto* call = std::get_if<catalog::Call>(&effect)) {
      make(one, *call);
    } else if (auto* reply = std::get_if<catalog::Reply>(&effect)) {
      replied(one, *reply);
    } else if (auto* owned = std::get_if<catalog::Owned>(&effect)) {
      if (owned->published)
        one.held[owned->id] = value_of(one.id, owned->id);
      else
        one.held.erase(owned->id);
    } else if (auto* supply = std::get_if<catalog::Supply>(&effect)) {
      for (const ObjectId id : supply->ids)
        if (one.held.contains(id))
          one.catalog->request(0, catalog::Publish{.id = id, .value = one.held[id], .name = {}},
                               now_ + 3'600'000);
    }
  }
}

// Sends a call to the store, or loses it, or its answer, or lets it arrive long after it was given up.
void Cluster::make(Instance& one, const catalog::Call& call) {
  const std::uint64_t life = one.life;
  const std::uint64_t store_life = store_life_;
  const auto answer = [this, &one, life, id = call.id](const StoreAnswer& what) {
    const auto deliver = [this, &one, life, id, what] {
      if (one.dead || one.life != life) return;
      one.catalog->answer(id, what);
      pump(one);
    };
    if (one.frozen_until > now_)
      one.thawed.push_back(deliver);
    else
      deliver();
  };
  const auto refuse = [answer, what = call.call] { answer(unavailable(what)); };
  const auto arrive = [this, &one, store_life, call, session = one.session](auto then) {
    if (store_down_ || store_life != store_life_) return then(unavailable(call.call));
    then(execute(one, call, session));
  };
  const bool faulty = options_.faults && !healed_;
  const bool cut = one.cut_until > now_;
  const Time way = 1 + below(faulty && chance(0.05) ? 800 : 4);
  if (cut || (faulty && chance(0.03))) {
    const Time given_up = now_ + 20 + below(500);
    if (!cut && chance(0.5)) {
      // It arrives, but nobody learns of it; perhaps only after it was given up.
      at(now_ + way + (chance(0.5) ? below(3'000) : 0), [arrive] { arrive([](const auto&) {}); });
    }
    at(given_up, refuse);
    return;
  }
  at(now_ + way, [this, arrive, answer] {
    arrive([this, answer](const StoreAnswer& what) {
      at(now_ + 1 + below(3), [answer, what] { answer(what); });
    });
  });
}

StoreAnswer Cluster::execute(Instance& one, const catalog::Call& made,
                             MemoryStore::Session session) {
  const StoreCall& call = made.call;
  if (std::holds_alternative<catalog::IdentityCall>(call)) return store_.identity();
  if (const auto* range = std::get_if<catalog::RangeCall>(&call))
    return store_.range(range->prefix, range->after, range->prefix.empty() ? 7 : range->limit,
                        made.identity);
  if (const auto* changes = std::get_if<catalog::ChangesCall>(&call))
    return store_.changes(changes->after, 5, made.identity);
  Transaction transaction = std::get<Transaction>(call);
  transaction.identity = made.identity;
  bool announces = false;
  for (const catalog::Change& c : transaction.changes)
    announces = announces || c.key == catalog::instance_key(one.id);
  std::map<std::string, InstanceId> owners;
  for (const catalog::Change& c : transaction.changes)
    if (const catalog::Item* item = store_.find(c.key); item != nullptr)
      if (const auto value = catalog::parse_object_value(item->value)) owners[c.key] = value->owner;
  const bool was_there = store_.find(catalog::instance_key(one.id)) != nullptr;
  auto result = store_.commit(transaction, session);
  trace("instance {} ({}{}) {}: {}", one.number, one.life, one.dead ? ", dead" : "",
        announces ? fmt::format("announces itself, session {}", session) : "commits",
        !result        ? result.error().message()
        : result->done ? "done"
                       : "refused");
  for (const catalog::Change& c : transaction.changes)
    if (result && result->done) trace("  {} = {}", c.key, c.value.value_or("-"));
  if (!result || !result->done) return result;
  ++history_.transactions;
  if (!was_there && !announces)
    violation(fmt::format("instance {} committed while it was not announced", one.number));
  for (const catalog::Change& c : transaction.changes) {
    const auto key = catalog::parse_key(c.key);
    if (key && key->kind == catalog::KeyKind::kObject) {
      const bool own = !owners.contains(c.key) || owners[c.key] == one.id;
      const bool gone = owners.contains(c.key) && !c.value &&
                        store_.find(catalog::instance_key(owners[c.key])) == nullptr;
      if (gone) forgotten_.insert(ObjectId(key->number));
      if (!own && !gone)
        violation(fmt::format("instance {} changed {} of another", one.number, c.key));
    }
    history_.changed(c.key, c.value, now_);
  }
  watch_commit(one, transaction, announces);
  return result;
}

// Counts what was done, by what it changed: each of them changes something that no other one does.
void Cluster::watch_commit(const Instance& one, const Transaction& t, bool announces) {
  if (announces) return;
  for (auto& [request, o] : history_.operations) {
    if (o.instance != one.number || (o.ended && *o.ended + 60'000 < now_)) continue;
    const bool may_happen = !o.ended || o.refusal == ErrorCode::kDeadline;
    for (const catalog::Change& c : t.changes) {
      const bool set_object = o.kind == Operation::Kind::kPublish && c.value && o.done == 0;
      const bool end_object =
          o.kind == Operation::Kind::kWithdraw && !c.value && o.done == 0 && may_happen;
      if ((set_object || end_object) && c.key == catalog::object_key(o.id)) ++o.done;
      if (o.kind == Operation::Kind::kSetName && c.key == catalog::name_key(o.name) &&
          c.value == o.id.to_string())
        ++o.done;
      if (o.kind == Operation::Kind::kDropName && c.key == catalog::name_key(o.name) && !c.value &&
          may_happen && o.done == 0)
        ++o.done;
    }
  }
}

void Cluster::replied(Instance& one, const catalog::Reply& reply) {
  const auto at = history_.operations.find(reply.request);
  if (at == history_.operations.end()) return violation("an answer to no question");
  Operation& o = at->second;
  if (o.ended) return violation("two answers to one question");
  o.ended = now_;
  const catalog::Answer* answer = reply.answer ? &*reply.answer : nullptr;
  if (answer == nullptr) o.refusal = reply.answer.error().code();
  if (now_ > o.deadline + kTick && one.frozen_until + kTick < now_ && one.thawed.empty())
    violation("an answer after its deadline");
  if (const std::string wrong = history_.judge(o, answer); !wrong.empty())
    violation(fmt::format("request {} of kind {} ('{}', {}) of instance {}, begun at {}: {}{}",
                          reply.request, static_cast<int>(o.kind), o.name, o.id.to_string(),
                          one.number, o.begun, wrong,
                          answer != nullptr ? "" : " (" + reply.answer.error().message() + ")"));
  if (answer != nullptr && o.kind == Operation::Kind::kTakeBlock &&
      !blocks_.insert(answer->block.value).second)
    violation(fmt::format("block {} was given out twice", answer->block.value));
}

Cluster::Instance* Cluster::any_instance() {
  std::vector<Instance*> able;
  for (auto& one : instances_)
    if (!one->dead && one->frozen_until <= now_) able.push_back(one.get());
  return able.empty() ? nullptr : able[below(able.size())];
}

// Clients of all instances, until everything is healed.
void Cluster::work() {
  if (healed_) return;
  if (Instance* one = any_instance(); one != nullptr) {
    const std::uint64_t burst = chance(0.1) ? 1 + below(30) : 1;
    for (std::uint64_t n = 0; n < burst; ++n) ask(*one);
    pump(*one);
  }
  at(now_ + 1 + below(150), [this] { work(); });
}

void Cluster::ask(Instance& one) {
  const catalog::RequestId request = history_.operations.size() + 1;
  Operation& o = history_.operations[request];
  o.instance = one.number;
  o.life = one.life;
  o.begun = now_;
  o.deadline = now_ + kPatience;
  Wish wish = any_wish(one, o);
  one.catalog->request(request, std::move(wish), o.deadline);
}

Wish Cluster::any_wish(Instance& one, Operation& o) {
  o.name = fmt::format("n{}", below(kNames));
  const std::uint64_t kind = below(100);
  if (known_.empty() || kind < 30) {
    o.kind = Operation::Kind::kPublish;
    o.id = ObjectId(++objects_);
    known_.push_back(o.id);
    if (chance(0.7)) o.name.clear();
    return catalog::Publish{.id = o.id, .value = value_of(one.id, o.id), .name = o.name};
  }
  o.id = known_[chance(0.5) ? known_.size() - 1 - below(std::min<std::size_t>(known_.size(), 10))
                            : below(known_.size())];
  if (kind < 40) {
    o.kind = Operation::Kind::kWithdraw;
    if (!one.held.empty() && chance(0.9)) {
      auto held = one.held.begin();
      std::advance(held, static_cast<std::ptrdiff_t>(below(one.held.size())));
      o.id = held->first;
    }
    return catalog::Withdraw{.id = o.id};
  }
  if (kind < 60) {
    // A name and an id that meet once only, so that one can count.
    o.kind = Operation::Kind::kSetName;
    for (const auto& [request, other] : history_.operations)
      if (&other != &o && other.id == o.id && other.name == o.name &&
          (other.kind == Operation::Kind::kSetName || other.kind == Operation::Kind::kPublish)) {
        o.kind = Operation::Kind::kFindObject;
        return catalog::FindObject{.id = o.id};
      }
    o.rule = static_cast<catalog::SetName::Rule>(below(3));
    if (o.rule == catalog::SetName::Rule::kIfEquals) {
      o.expected = one.catalog->view().name(o.name);
      if (!o.expected) o.expected = known_.back();
    }
    return catalog::SetName{.name = o.name,
                            .id = o.id,
                            .rule = o.rule,
                            .expected = o.expected.value_or(ObjectId::invalid())};
  }
  if (kind < 70) {
    o.kind = Operation::Kind::kDropName;
    if (chance(0.3)) o.expected = o.id;
    return catalog::DropName{.name = o.name, .expected = o.expected};
  }
  if (kind < 85) {
    o.kind = Operation::Kind::kFindName;
    o.fresh = chance(0.5);
    return catalog::FindName{.name = o.name, .fresh = o.fresh};
  }
  if (kind < 97) {
    o.kind = Operation::Kind::kFindObject;
    return catalog::FindObject{.id = o.id};
  }
  o.kind = Operation::Kind::kTakeBlock;
  return catalog::TakeBlock{.chance = static_cast<std::uint32_t>(random_())};
}

void Cluster::break_something() {
  if (healed_) return;
  Instance* one = any_instance();
  ++history_.faults;
  const std::uint64_t what = below(100);
  if (one == nullptr) {
  } else if (what < 25) {
    one->frozen_until = now_ + 50 + below(chance(0.3) ? 25'000 : 3'000);
    trace("instance {} is frozen until {}", one->number, one->frozen_until);
    at(one->frozen_until, [one] {
      for (const auto& run : std::exchange(one->thawed, {})) run();
    });
  } else if (what < 45) {
    one->cut_until = now_ + 50 + below(chance(0.3) ? 25'000 : 3'000);
    trace("instance {} is cut off until {}", one->number, one->cut_until);
  } else if (what < 60) {
    // The process is killed, and its successor begins; the session of the old one ends some time.
    trace("instance {} is killed, session {}", one->number, one->session);
    const MemoryStore::Session old = one->session;
    one->catalog.reset();
    one->thawed.clear();
    at(now_ + below(kLease), [this, old] { store_.end(old); });
    start(*one);
  } else if (what < 65 && instances_.size() > 1 &&
             std::ranges::count(instances_, false, [](const auto& i) { return i->dead; }) > 1) {
    trace("instance {} dies for good, session {}", one->number, one->session);
    one->dead = true;
    one->held.clear();
    at(now_ + below(kLease), [this, session = one->session] { store_.end(session); });
  } else if (what < 80) {
    trace("the log is cut");
    store_.trim(store_.range("", "", 1)->revision -
                std::min<catalog::Revision>(store_.range("", "", 1)->revision, below(4)));
  } else {
    trace("the store is away");
    store_down_ = true;
    if (options_.loses_data && chance(0.3)) {
      trace("the store loses its data");
      store_.lose();
      ++store_life_;
      history_.all_gone(now_);
    }
    at(now_ + 20 + below(4'000), [this] { store_down_ = false; });
  }
  at(now_ + 50 + below(3'000), [this] { break_something(); });
}

void Cluster::heal() {
  healed_ = true;
  store_down_ = false;
  for (auto& one : instances_) {
    one->cut_until = 0;
    one->frozen_until = std::min(one->frozen_until, now_);
    for (const auto& run : std::exchange(one->thawed, {})) run();
    // Whoever did not reach the store for long has lost its session by now.
    if (one->dead) continue;
    end_session_if_out_of_reach(*one);
  }
}

void Cluster::check_quiet() {
  if (options_.trace) {
    const auto all = store_.range("", "", 1'000'000);
    trace("the store is at {}:", all->revision);
    for (const catalog::Item& item : all->items) trace("  {} ({})", item.key, item.changed);
    for (const auto& one : instances_)
      if (!one->dead)
        trace("instance {} is at {}, {}settled, {} wishes", one->number,
              one->catalog->view().cursor(), one->catalog->is_settled() ? "" : "not ",
              one->catalog->unanswered());
  }
  for (const auto& [request, o] : history_.operations) {
    const bool lived = !instances_[static_cast<std::size_t>(o.instance)]->dead &&
                       instances_[static_cast<std::size_t>(o.instance)]->life == o.life;
    if (lived && !o.ended) violation(fmt::format("request {} has no answer", request));
    // What was given up and came back has its names again, by another transaction.
    const bool once = !options_.loses_data && !forgotten_.contains(o.id);
    if (const std::string wrong = History::judge_at_last(o); !wrong.empty() && once)
      violation(fmt::format("request {} of kind {} ('{}', {}), begun at {}: {}", request,
                            static_cast<int>(o.kind), o.name, o.id.to_string(), o.begun, wrong));
  }
  for (const auto& one : instances_)
    if (!one->dead) check_views(*one);
  check_objects();
}

// Everybody knows what the store holds, no more and no less.
void Cluster::check_views(const Instance& one) {
  if (!one.catalog->is_settled())
    return violation(fmt::format("instance {} is not back", one.number));
  if (one.catalog->unanswered() != 0)
    violation(
        fmt::format("instance {} still has {} wishes", one.number, one.catalog->unanswered()));
  const catalog::View& view = one.catalog->view();
  std::size_t counted = 0;
  const auto all = store_.range("", "", 1'000'000);
  for (const catalog::Item& item : all->items) {
    ++counted;
    if (view.changed(item.key) != item.changed)
      violation(fmt::format("instance {} knows {} of revision {}, the store has {}", one.number,
                            item.key, view.changed(item.key), item.changed));
  }
  if (counted != view.objects().size() + view.facts().size())
    violation(fmt::format("instance {} knows {} keys, the store has {}", one.number,
                          view.objects().size() + view.facts().size(), counted));
}

void Cluster::check_objects() {
  std::map<InstanceId, const Instance*> alive;
  for (const auto& one : instances_)
    if (!one->dead) alive[one->id] = one.get();
  for (const auto& [id, one] : alive)
    for (const auto& [object, value] : one->held)
      if (const catalog::Item* item = store_.find(catalog::object_key(object));
          item == nullptr || item->value != value)
        violation(fmt::format("{} of instance {} is lost", object.to_string(), one->number));
  const auto all = store_.range("", "", 1'000'000);
  for (const catalog::Item& item : all->items) {
    if (item.key.starts_with(catalog::kObjects)) {
      const auto owner = catalog::parse_object_value(item.value)->owner;
      const auto id = ObjectId(catalog::parse_key(item.key)->number);
      if (!alive.contains(owner) || !alive[owner]->held.contains(id))
        violation(fmt::format("{} of {} is published, and nobody holds it", item.key, owner.value));
    }
    if (item.key.starts_with(catalog::kNames)) {
      const auto id = catalog::parse_name_value(item.value);
      if (!id || store_.find(catalog::object_key(*id)) == nullptr)
        violation(fmt::format("{} stands for {}, which is not there", item.key, item.value));
    }
  }
  for (const auto& [request, o] : history_.operations) {
    const bool told = o.ended && !o.refusal;
    const bool there = store_.find(catalog::object_key(o.id)) != nullptr;
    if (o.kind == Operation::Kind::kWithdraw && told && there)
      violation(fmt::format("{} was taken back and is there", o.id.to_string()));
    if (o.kind == Operation::Kind::kPublish && told && !there &&
        !instances_[static_cast<std::size_t>(o.instance)]->dead) {
      const bool taken_back = std::ranges::any_of(history_.operations, [&](const auto& other) {
        return other.second.kind == Operation::Kind::kWithdraw && other.second.id == o.id &&
               (!other.second.refusal || other.second.refusal == ErrorCode::kDeadline ||
                !other.second.ended);
      });
      if (!taken_back) violation(fmt::format("{} was published and is lost", o.id.to_string()));
    }
  }
}

}  // namespace vineyard::simulation
