// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/commit_lane.h"

#include <algorithm>

#include "vineyard/base/failpoint.h"
#include "vineyard/catalog/backoff.h"

namespace vineyard::catalog {
namespace {

const Item* find(const std::vector<Item>& items, std::string_view key) {
  const auto at = std::ranges::find(items, key, &Item::key);
  return at == items.end() ? nullptr : &*at;
}

bool may_have_happened(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kDeadline;
}

void append(std::vector<WishNumber>& to, const std::vector<WishNumber>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Transaction CommitLane::frame() {
  ++numbers_;
  Transaction frame;
  frame.conditions = {{.key = instance_key(self_), .revision = session_},
                      {.key = turn_key(self_), .revision = turn_}};
  if (VY_LEFT_OUT("session")) frame.conditions.erase(frame.conditions.begin());
  if (VY_LEFT_OUT("turn")) frame.conditions.pop_back();
  frame.changes = {
      {.key = turn_key(self_), .value = incarnation_ + "." + std::to_string(numbers_)}};
  return frame;
}

void CommitLane::send(Transaction transaction, std::vector<WishNumber> wishes) {
  sent_.emplace();
  sent_->transaction = std::move(transaction);
  sent_->number = incarnation_ + "." + std::to_string(numbers_);
  sent_->wishes = std::move(wishes);
}

std::optional<StoreCall> CommitLane::next(Time now) {
  if (in_flight_ || now < not_before_) return std::nullopt;
  if (!turn_known_) {
    in_flight_ = true;
    return RangeCall{.prefix = turn_key(self_), .after = {}, .limit = 1};
  }
  if (!sent_ && session_ == 0) {
    ++numbers_;
    sent_.emplace();
    sent_->number = incarnation_ + "." + std::to_string(numbers_);
    sent_->announces = true;
    sent_->transaction.conditions = {{.key = turn_key(self_), .revision = turn_}};
    sent_->transaction.changes = {
        {.key = instance_key(self_), .value = announcement_, .session = true},
        {.key = turn_key(self_), .value = sent_->number}};
  }
  if (!sent_) return std::nullopt;
  in_flight_ = true;
  return sent_->transaction;
}

void CommitLane::wait(Time now) {
  backoff_ = longer(backoff_);
  not_before_ = now + backoff_;
}

CommitLane::Outcome CommitLane::answered(StoreAnswer answer, Time now, View& view) {
  if (!in_flight_) return {};
  in_flight_ = false;
  if (auto* committed_answer = std::get_if<Result<Committed>>(&answer))
    return committed(std::move(*committed_answer), now, view);
  auto* page = std::get_if<Result<Page>>(&answer);
  if (page == nullptr) return {};
  if (!*page) {
    wait(now);
    Outcome outcome;
    outcome.failure = page->error();
    return outcome;
  }
  const Item* turn = find((*page)->items, turn_key(self_));
  turn_ = turn == nullptr ? 0 : turn->changed;
  turn_known_ = true;
  return {};
}

CommitLane::Outcome CommitLane::committed(Result<Committed> result, Time now, View& view) {
  if (!sent_) return {};
  if (result) {
    backoff_ = 0;
    return result->done ? succeeded(result->revision, view) : refused(*result, view);
  }
  Outcome outcome;
  outcome.failure = result.error();
  wait(now);
  if (may_have_happened(result.error())) {
    sent_->in_doubt = true;
  } else if (!sent_->announces) {
    // The store will not do it; an attempt before this one may have been taken all the same.
    if (sent_->in_doubt) {
      doubted_ = std::exchange(sent_, std::nullopt);
      session_ = 0;
    } else {
      outcome.failed = std::move(sent_->wishes);
      sent_.reset();
    }
  }
  return outcome;
}

CommitLane::Outcome CommitLane::succeeded(Revision revision, View& view) {
  if (!sent_) return {};
  for (const Change& c : sent_->transaction.changes) {
    if (c.value)
      view.apply({.key = c.key, .value = *c.value, .created = 0, .changed = revision}, revision);
    else
      view.drop(c.key, revision);
  }
  turn_ = revision;
  Outcome outcome;
  outcome.done = std::move(sent_->wishes);
  outcome.revision = revision;
  if (sent_->announces) {
    session_ = revision;
    outcome.announced = true;
    if (doubted_) outcome.again = std::move(doubted_->wishes);
    doubted_.reset();
  }
  sent_.reset();
  return outcome;
}

CommitLane::Outcome CommitLane::refused(const Committed& result, View& view) {
  if (!sent_) return {};
  bool session_holds = true;
  for (const Condition& c : sent_->transaction.conditions) {
    const Item* item = find(result.present, c.key);
    if (item != nullptr)
      view.apply(*item, result.revision);
    else
      view.drop(c.key, result.revision);
    const bool own = c.key == instance_key(self_) || c.key == turn_key(self_);
    if (own && (item == nullptr ? 0 : item->changed) != c.revision) session_holds = false;
  }
  std::optional<Item> turn;
  if (const Item* item = find(result.present, turn_key(self_))) turn = *item;
  if (turn && turn->value == sent_->number && !VY_LEFT_OUT("repeat"))
    return succeeded(turn->changed, view);
  Outcome outcome;
  if (sent_->announces)
    announcement_refused(turn, outcome);
  else
    wishes_refused(turn, session_holds, outcome);
  return outcome;
}

// Something else had the turn before it: the transaction in doubt, or one of the process before this one.
void CommitLane::announcement_refused(const std::optional<Item>& turn, Outcome& outcome) {
  if (doubted_ && !turn) {
    outcome.unknown = std::move(doubted_->wishes);  // this instance was given up meanwhile
    doubted_.reset();
  } else if (doubted_ && turn && turn->value == doubted_->number) {
    outcome.done = std::move(doubted_->wishes);
    outcome.revision = turn->changed;
    doubted_.reset();
  }
  turn_ = turn ? turn->changed : 0;
  sent_.reset();
}

void CommitLane::wishes_refused(const std::optional<Item>& turn, bool session_holds,
                                Outcome& outcome) {
  if (!sent_) return;
  Sent sent = *std::move(sent_);
  sent_.reset();
  if (sent.in_doubt && !VY_LEFT_OUT("doubt")) {
    // It was refused now, which says nothing of the attempt that got no answer.
    session_ = 0;
    turn_ = turn ? turn->changed : 0;
    if (turn)
      doubted_ = std::move(sent);
    else
      outcome.unknown = std::move(sent.wishes);
    return;
  }
  outcome.again = std::move(sent.wishes);
  outcome.fresh = session_holds;
  if (session_holds) return;
  session_ = 0;
  turn_ = turn ? turn->changed : 0;
}

std::vector<WishNumber> CommitLane::store_lost() {
  std::vector<WishNumber> unknown;
  if (sent_) append(unknown, sent_->wishes);
  if (doubted_) append(unknown, doubted_->wishes);
  sent_.reset(), doubted_.reset();
  in_flight_ = false, turn_known_ = false;
  session_ = 0;
  return unknown;
}

}  // namespace vineyard::catalog
