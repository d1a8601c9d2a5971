// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vineyard/catalog/commit_lane.h"
#include "vineyard/catalog/follower.h"
#include "vineyard/catalog/plan.h"
#include "vineyard/catalog/requests.h"
#include "vineyard/catalog/view.h"

namespace vineyard::catalog {

struct Settings {
  InstanceId self;
  std::string incarnation;        // of this process: no other one of this instance has the same
  std::string announcement = {};  // what others are to know of this instance
  Time forget_after = 600'000;    // an instance that is away so long is given up, with its objects
  Time repair_after = 1'000;      // a name without its object is ended
  Time relist_after = 60'000;     // all is listed again; a millisecond a key if that is longer
  Time poll_after = 100;          // the log is read again although nobody said that it went on
};

/// The metadata service as one instance sees it, without socket, clock and thread (docs/adr/0016).
///
/// Owner:   the worker, or a simulation: makes the calls that come out of it, and brings it answers and the time.
/// Threads: one.
/// Always:  each request has one reply, by its deadline or at the tick after it; what was not refused is done once.
class Catalog {
 public:
  Catalog(Settings settings, Time now);

  /// Objects that this instance has published already, before its process was started anew.
  void hold(const std::vector<ObjectId>& ids);
  /// Asks for something; request 0 is not answered.
  void request(RequestId request, Wish wish, Time deadline);
  /// What a call came to; of one that nobody waits for any more: nothing.
  void answer(CallId call, StoreAnswer answer);
  /// The log may have gone on.
  void nudge();
  /// Lets time pass: deadlines, repetitions, what is done now and then.
  void tick(Time now);

  /// What is to be done, in order.
  [[nodiscard]] std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  /// Which names, instances and objects are others than when it was asked last.
  [[nodiscard]] View::Touched take_touched() { return view_.take_touched(); }
  [[nodiscard]] const View& view() const { return view_; }
  /// Whether this instance is announced, and knows all that was there when it was.
  [[nodiscard]] bool is_settled() const { return lane_.session() != 0 && settled_; }
  [[nodiscard]] std::size_t unanswered() const { return wishes_.size(); }

 private:
  struct Pending {
    RequestId request = 0;
    Wish wish;
    Time deadline = 0;
    std::set<std::string> read;  // keys that were read after it was asked
    std::size_t reading = 0;     // calls on their way
    Answer answer;
    bool committing = false;
    bool answered = false;
  };
  struct Read {
    WishNumber wish = 0;
    std::string key;
  };

  void advance();
  CallId call(StoreCall call);
  void ask_itself(Wish wish);

  void look(WishNumber number);
  bool read_first(WishNumber number, Pending& pending);
  void was_read(const Read& read, const Result<Page>& page);
  void commit();
  void decided(CommitLane::Outcome outcome);
  void done(WishNumber number, Revision revision);
  void put_back(const std::vector<WishNumber>& wishes, bool fresh);
  void give_up(const std::vector<WishNumber>& wishes);
  void reply(const Pending& pending, Result<Answer> answer);
  void finish(WishNumber number, Result<Answer> answer);
  void expire();

  void followed(StoreAnswer answer);
  void remember_names(ObjectId id);
  void store_lost();
  void settle();
  void end_what_is_gone();
  void repair_names();
  [[nodiscard]] bool is_first() const;

  Settings settings_;
  Time now_;
  View view_;
  Follower follower_;
  CommitLane lane_;
  std::vector<Effect> effects_;
  std::string failure_;  // the store's last one, for those who waited in vain

  CallId calls_ = 0;
  CallId follower_call_ = 0;
  CallId lane_call_ = 0;
  std::map<CallId, Read> reads_;

  WishNumber numbers_ = 0;
  std::map<WishNumber, Pending> wishes_;
  std::deque<WishNumber> queue_;   // to be planned, in order
  std::vector<WishNumber> early_;  // to be looked at once it is known which store it is

  std::set<ObjectId> held_;  // published by this instance, as far as it knows
  std::map<ObjectId, std::set<std::string>> lost_names_;  // of objects that will be published again
  bool settled_ = false;
  std::map<InstanceId, Time> away_;       // since when
  std::map<std::string, Time> dangling_;  // since when
  Time chores_at_ = 0;
  std::set<WishNumber> chores_;      // wishes of its own to end what is gone
  std::uint32_t highest_block_ = 0;  // that was given out, as far as it knows
};

}  // namespace vineyard::catalog
