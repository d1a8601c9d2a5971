// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "vineyard/base/failpoint.h"

namespace vineyard::catalog {
namespace {

constexpr Time kChoresEvery = 250;
constexpr Time kNever = std::numeric_limits<Time>::max();
constexpr std::size_t kReadsAtOnce = 64;
constexpr std::size_t kSuppliedAtOnce = 1'000;
constexpr std::size_t kRepairsAtOnce = 32;

// The largest value of an object: what a transaction holds, less room for its keys.
constexpr std::size_t kMostValue = kMostBytes - (16U << 10);

template <class T>
const T* of(const Wish& wish) {
  return std::get_if<T>(&wish);
}

bool changes_nothing(const Wish& wish) {
  return of<FindName>(wish) != nullptr || of<FindObject>(wish) != nullptr;
}

// Whether it has to ask the store in any case.
bool asks_always(const Wish& wish) {
  const auto* name = of<FindName>(wish);
  return of<FindObject>(wish) != nullptr || (name != nullptr && name->fresh);
}

}  // namespace

Catalog::Catalog(Settings settings, Time now)
    : settings_(std::move(settings)),
      now_(now),
      follower_(settings_.poll_after, settings_.relist_after),
      lane_(settings_.self, settings_.incarnation, settings_.announcement) {
  advance();
}

void Catalog::hold(const std::vector<ObjectId>& ids) {
  held_.insert(ids.begin(), ids.end());
}

CallId Catalog::call(StoreCall call) {
  // Which one it is, is asked of whichever is there.
  const bool asks_which = std::holds_alternative<IdentityCall>(call);
  effects_.emplace_back(Call{.id = ++calls_,
                             .call = std::move(call),
                             .identity = asks_which ? std::string() : follower_.identity()});
  return calls_;
}

void Catalog::request(RequestId request, Wish wish, Time deadline) {
  const WishNumber number = ++numbers_;
  Pending& pending = wishes_[number];
  pending.request = request;
  pending.deadline = deadline;
  pending.wish = std::move(wish);
  if (const auto* publish = of<Publish>(pending.wish)) {
    if (publish->value.size() > kMostValue)
      return finish(number,
                    Error(ErrorCode::kInvalid,
                          fmt::format("the metadata of {} takes {} bytes, {} at most: split "
                                      "it into objects of fewer members",
                                      publish->id.to_string(), publish->value.size(), kMostValue)));
    if (const auto value = parse_object_value(publish->value); !value)
      return finish(number, value.error());
  }
  if (changes_nothing(pending.wish))
    look(number);
  else
    queue_.push_back(number);
  advance();
}

void Catalog::ask_itself(Wish wish) {
  const WishNumber number = ++numbers_;
  Pending& pending = wishes_[number];
  pending.wish = std::move(wish);
  pending.deadline = kNever;
  queue_.push_back(number);
  if (of<Forget>(pending.wish) != nullptr || of<Repair>(pending.wish) != nullptr)
    chores_.insert(number);
}

void Catalog::nudge() {
  follower_.nudge();
  advance();
}

void Catalog::tick(Time now) {
  now_ = std::max(now_, now);
  expire();
  if (is_settled() && now_ >= chores_at_) {
    chores_at_ = now_ + kChoresEvery;
    end_what_is_gone();
    repair_names();
  }
  advance();
}

// Gives out what is due.
void Catalog::advance() {
  if (follower_call_ == 0)
    if (auto next = follower_.next(now_)) follower_call_ = call(*std::move(next));
  if (follower_.identity().empty()) return;  // nothing can be asked of a store that may be any
  for (const WishNumber number : std::exchange(early_, {}))
    if (wishes_.contains(number)) look(number);
  if (lane_.is_free()) commit();
  if (lane_call_ == 0)
    if (auto next = lane_.next(now_)) lane_call_ = call(*std::move(next));
}

void Catalog::answer(CallId call, StoreAnswer answer) {
  if (call == follower_call_) {
    follower_call_ = 0;
    followed(std::move(answer));
  } else if (call == lane_call_) {
    lane_call_ = 0;
    decided(lane_.answered(std::move(answer), now_, view_));
  } else if (const auto at = reads_.find(call); at != reads_.end()) {
    const Read read = std::move(at->second);
    reads_.erase(at);
    if (const auto* page = std::get_if<Result<Page>>(&answer)) was_read(read, *page);
  }
  advance();
}

// ---- Wishes

// Whether keys have to be read before this one may be refused.
bool Catalog::read_first(WishNumber number, Pending& pending) {
  std::vector<std::string> missing;
  for (std::string& key : keys_of(pending.wish, view_))
    if (!pending.read.contains(key)) missing.push_back(std::move(key));
  if (missing.empty()) return false;
  for (std::string& key : missing) {
    ++pending.reading;
    const CallId id = call(RangeCall{.prefix = key, .after = {}, .limit = 1});
    reads_[id] = {.wish = number, .key = std::move(key)};
  }
  return true;
}

void Catalog::was_read(const Read& read, const Result<Page>& page) {
  const auto at = wishes_.find(read.wish);
  if (page) {
    const bool there = !page->items.empty() && page->items.front().key == read.key;
    if (there)
      view_.apply(page->items.front(), page->revision);
    else
      view_.drop(read.key, page->revision);
    if (at != wishes_.end() && there)
      if (const auto* wish = of<FindObject>(at->second.wish);
          wish != nullptr && read.key == object_key(wish->id))
        at->second.answer.value = page->items.front().value;
  } else {
    failure_ = page.error().message();
  }
  if (at == wishes_.end()) return;
  Pending& pending = at->second;
  --pending.reading;
  if (page) {
    pending.read.insert(read.key);
    pending.answer.revision = std::max(pending.answer.revision, page->revision);
  } else if (page.error().code() != ErrorCode::kUnavailable &&
             page.error().code() != ErrorCode::kDeadline) {
    return finish(read.wish, page.error());
  }
  if (pending.reading != 0) return;
  if (changes_nothing(pending.wish)) return look(read.wish);
  queue_.push_front(read.wish);
}

// Answers what changes nothing, from what is known if that will do.
void Catalog::look(WishNumber number) {
  if (follower_.identity().empty()) return early_.push_back(number);
  Pending& pending = wishes_.at(number);
  if (asks_always(pending.wish) && !pending.read.contains(keys_of(pending.wish, view_).front())) {
    read_first(number, pending);
    return;
  }
  auto step = plan(pending.wish, view_, settings_.self);
  if (!step) {
    if (!read_first(number, pending)) finish(number, step.error());
    return;
  }
  if (of<FindObject>(pending.wish) != nullptr && pending.answer.value.empty()) {
    pending.read.clear();  // it was published after it was read as absent
    read_first(number, pending);
    return;
  }
  step->answer.value = std::move(pending.answer.value);
  step->answer.revision = std::max(pending.answer.revision, view_.cursor());
  finish(number, std::move(step->answer));
}

void Catalog::commit() {
  if (queue_.empty()) return;
  Batch batch(lane_.frame());
  std::vector<WishNumber> taken;
  while (!queue_.empty() && reads_.size() < kReadsAtOnce) {
    const WishNumber number = queue_.front();
    const auto at = wishes_.find(number);
    if (at == wishes_.end()) {  // its deadline has passed
      queue_.pop_front();
      continue;
    }
    Pending& pending = at->second;
    if (auto* block = std::get_if<TakeBlock>(&pending.wish)) block->highest = highest_block_;
    auto step = plan(pending.wish, view_, settings_.self);
    if (!step) {
      queue_.pop_front();
      if (!read_first(number, pending)) finish(number, step.error());
      continue;
    }
    if (batch.add(*step) == Batch::Fit::kFull) {
      if (!taken.empty()) break;
      queue_.pop_front();
      finish(number, Error(ErrorCode::kInvalid, "larger than a transaction of the catalog can be"));
      continue;
    }
    queue_.pop_front();
    step->answer.revision = 0;
    pending.answer = std::move(step->answer);
    pending.committing = true;
    taken.push_back(number);
  }
  if (!taken.empty()) lane_.send(batch.take(), std::move(taken));
}

void Catalog::decided(CommitLane::Outcome outcome) {
  if (outcome.failure) failure_ = outcome.failure->message();
  for (const WishNumber number : outcome.done) done(number, outcome.revision);
  put_back(outcome.again, outcome.fresh);
  give_up(outcome.unknown);
  if (outcome.failure)
    for (const WishNumber number : outcome.failed) finish(number, *outcome.failure);
  if (outcome.announced) settled_ = false;
}

void Catalog::done(WishNumber number, Revision revision) {
  const auto at = wishes_.find(number);
  if (at == wishes_.end()) return;
  Pending& pending = at->second;
  pending.answer.revision = revision;
  if (const auto* publish = of<Publish>(pending.wish)) {
    held_.insert(publish->id);
    effects_.emplace_back(Owned{.id = publish->id, .published = true});
    if (const auto names = lost_names_.extract(publish->id))
      for (const std::string& name : names.mapped())
        ask_itself(SetName{.name = name, .id = publish->id, .rule = SetName::Rule::kIfAbsent});
  }
  if (const auto* withdraw = of<Withdraw>(pending.wish)) {
    held_.erase(withdraw->id);
    lost_names_.erase(withdraw->id);
    effects_.emplace_back(Owned{.id = withdraw->id, .published = false});
  }
  if (of<TakeBlock>(pending.wish) != nullptr)
    highest_block_ = std::max(highest_block_, pending.answer.block.value);
  finish(number, pending.answer);
}

void Catalog::put_back(const std::vector<WishNumber>& wishes, bool fresh) {
  for (auto number = wishes.rbegin(); number != wishes.rend(); ++number) {
    const auto at = wishes_.find(*number);
    if (at == wishes_.end()) continue;
    Pending& pending = at->second;
    pending.committing = false;
    if (pending.answered) {  // nobody waits for it, and it was not done
      wishes_.erase(at);
      continue;
    }
    // What the transaction rested on was told by its refusal.
    if (fresh)
      for (std::string& key : keys_of(pending.wish, view_)) pending.read.insert(std::move(key));
    queue_.push_front(*number);
  }
}

// Of these nobody can say whether they were done. To publish twice does no harm.
void Catalog::give_up(const std::vector<WishNumber>& wishes) {
  std::vector<WishNumber> again;
  for (const WishNumber number : wishes) {
    const auto at = wishes_.find(number);
    if (at == wishes_.end()) continue;
    if (of<Publish>(at->second.wish) != nullptr)
      again.push_back(number);
    else
      finish(number, Error(ErrorCode::kDeadline,
                           "the catalog's store was lost meanwhile: it may or may not be done"));
  }
  put_back(again, false);
}

void Catalog::reply(const Pending& pending, Result<Answer> answer) {
  if (pending.request != 0 && !pending.answered)
    effects_.emplace_back(Reply{.request = pending.request, .answer = std::move(answer)});
}

void Catalog::finish(WishNumber number, Result<Answer> answer) {
  const auto at = wishes_.find(number);
  if (at == wishes_.end()) return;
  reply(at->second, std::move(answer));
  chores_.erase(number);
  wishes_.erase(at);
}

void Catalog::expire() {
  std::vector<WishNumber> late;
  for (const auto& [number, pending] : wishes_)
    if (!pending.answered && pending.deadline < now_) late.push_back(number);
  for (const WishNumber number : late) {
    Pending& pending = wishes_.at(number);
    std::string text = "no answer from the catalog's store in time";
    if (!failure_.empty()) text += ": " + failure_;
    if (!pending.committing) {
      finish(number, Error(ErrorCode::kUnavailable, text + "; nothing was changed"));
      continue;
    }
    reply(pending, Error(ErrorCode::kDeadline, text + "; it may or may not be done"));
    pending.answered = true;
  }
}

// ---- The view

void Catalog::followed(StoreAnswer answer) {
  if (const auto* changes = std::get_if<Result<Changes>>(&answer); changes != nullptr && *changes)
    for (const LoggedChange& c : (*changes)->changes) {
      const auto key = parse_key(c.change.key);
      if (key && key->kind == KeyKind::kObject && !c.change.value)
        remember_names(ObjectId(key->number));
    }
  switch (follower_.answered(std::move(answer), now_, view_)) {
    case Follower::News::kOtherStore: return store_lost();
    case Follower::News::kListing:
      for (const ObjectId id : held_) remember_names(id);
      return;
    case Follower::News::kNothing: return;
    case Follower::News::kListed: settled_ = false; break;  // compares what it holds with it
    case Follower::News::kFollowed: break;
  }
  if (view_.cursor() >= lane_.session() && !view_.is_there(settings_.self)) lane_.session_ended();
  if (const View::Fact* block = view_.fact(kBlocks))
    if (const auto number = parse_number_value(block->value))
      highest_block_ = std::max(highest_block_, static_cast<std::uint32_t>(*number));
  if (!settled_) settle();
}

// An object of this instance may be lost: with it would be the names that stand for it.
void Catalog::remember_names(ObjectId id) {
  if (!held_.contains(id)) return;
  for (std::string& name : view_.names_of(id)) lost_names_[id].insert(std::move(name));
}

void Catalog::store_lost() {
  for (const ObjectId id : held_) remember_names(id);
  view_.clear();
  lane_call_ = 0;
  settled_ = false;
  away_.clear(), dangling_.clear();
  // What was read of the old one, or is on its way from there, says nothing of this one.
  std::set<WishNumber> readers;
  for (const auto& [call, read] : std::exchange(reads_, {})) readers.insert(read.wish);
  for (auto& [number, pending] : wishes_) {
    pending.read.clear();
    pending.reading = 0;
    pending.answer = {};
  }
  for (const WishNumber number : readers) {
    const auto at = wishes_.find(number);
    if (at == wishes_.end()) continue;
    if (changes_nothing(at->second.wish))
      look(number);
    else
      queue_.push_front(number);
  }
  give_up(lane_.store_lost());
}

// Once it knows all that was there when it was announced: what of its own is missing, and what is too much?
void Catalog::settle() {
  if (lane_.session() == 0 || view_.cursor() < lane_.session() || !follower_.has_listed()) return;
  settled_ = true;
  std::set<ObjectId> asked;  // published or taken back just now
  for (const auto& [number, pending] : wishes_) {
    if (const auto* publish = of<Publish>(pending.wish)) asked.insert(publish->id);
    if (const auto* withdraw = of<Withdraw>(pending.wish)) asked.insert(withdraw->id);
  }
  std::vector<ObjectId> missing;
  for (const ObjectId id : held_)
    if (view_.object(id) == nullptr && !asked.contains(id)) missing.push_back(id);
  for (std::size_t from = 0; from < missing.size(); from += kSuppliedAtOnce) {
    const auto first = missing.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count = std::min(kSuppliedAtOnce, missing.size() - from);
    effects_.emplace_back(Supply{.ids = {first, first + static_cast<std::ptrdiff_t>(count)}});
  }
  std::erase_if(lost_names_, [&](const auto& lost) { return view_.object(lost.first) != nullptr; });
  if (const auto own = view_.owners().find(settings_.self); own != view_.owners().end())
    for (const ObjectId id : own->second)
      if (!held_.contains(id) && !asked.contains(id)) ask_itself(Withdraw{.id = id});
}

// One instance does what any could: the first of those that are there.
bool Catalog::is_first() const {
  const auto there = view_.instances();
  return !there.empty() && there.front() == settings_.self;
}

void Catalog::end_what_is_gone() {
  const auto away = view_.away();
  std::erase_if(away_,
                [&](const auto& one) { return !std::ranges::binary_search(away, one.first); });
  for (const InstanceId one : away) away_.try_emplace(one, now_);
  if (!chores_.empty() || !is_first()) return;
  for (const auto& [one, since] : away_)
    if (now_ - since >= settings_.forget_after) return ask_itself(Forget{.instance = one});
}

void Catalog::repair_names() {
  std::erase_if(dangling_, [&](const auto& one) { return !view_.dangling().contains(one.first); });
  for (const std::string& name : view_.dangling()) dangling_.try_emplace(name, now_);
  if (!chores_.empty() || !is_first()) return;
  for (const auto& [name, since] : dangling_) {
    if (now_ - since < settings_.repair_after) continue;
    if (chores_.size() == kRepairsAtOnce) return;
    ask_itself(Repair{.name = name});
  }
}

}  // namespace vineyard::catalog
