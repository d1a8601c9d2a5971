// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vineyard/catalog/requests.h"
#include "vineyard/catalog/view.h"

namespace vineyard::catalog {

/// A wish on its way, by the catalog's own count.
using WishNumber = std::uint64_t;

/// A transaction that was given out, until its outcome is known.
struct Sent {
  Transaction transaction;
  std::string number;  // what it writes into the turn
  std::vector<WishNumber> wishes;
  bool announces = false;
  bool in_doubt = false;  // an attempt got no answer, and may still arrive
};

/// One transaction at a time, each done once or not at all, whatever becomes of calls and answers (docs/adr/0016).
///
/// Owner:   the catalog.
/// Threads: one.
/// Always:  each transaction of wishes rests on the announcement of this instance and on its turn, and changes the turn;
///          so of two that were given out in the same turn, one at most is done. Before a transaction in doubt is
///          given up, an announcement has taken its turn, or has found that the transaction had.
class CommitLane {
 public:
  /// What an answer decided.
  struct Outcome {
    std::vector<WishNumber> done;
    Revision revision = 0;          // of `done`
    std::vector<WishNumber> again;  // not done, and never will be: plan them anew
    bool fresh = false;             // `again` because of what the view was told just now
    std::vector<WishNumber> unknown;
    std::vector<WishNumber> failed;
    std::optional<Error> failure;  // of `failed`; alone: of a call that will be repeated
    bool announced = false;
  };

  CommitLane(InstanceId self, std::string incarnation, std::string announcement)
      : self_(self), incarnation_(std::move(incarnation)), announcement_(std::move(announcement)) {}

  /// Whether a transaction of wishes may be given to `send`.
  [[nodiscard]] bool is_free() const { return session_ != 0 && !sent_; }
  /// What each transaction of wishes begins with.
  [[nodiscard]] Transaction frame();
  void send(Transaction transaction, std::vector<WishNumber> wishes);

  /// The call to make now, if one is due.
  [[nodiscard]] std::optional<StoreCall> next(Time now);
  /// Its answer; the view learns what it tells.
  Outcome answered(StoreAnswer answer, Time now, View& view);

  /// At which this instance was announced; 0: it is not.
  [[nodiscard]] Revision session() const { return session_; }
  /// The announcement is gone, as others see it.
  void session_ended() { session_ = 0; }
  /// The store is another one. What becomes of the wishes that were given to the old one is unknown.
  std::vector<WishNumber> store_lost();

 private:
  Outcome committed(Result<Committed> result, Time now, View& view);
  Outcome succeeded(Revision revision, View& view);
  Outcome refused(const Committed& result, View& view);
  void announcement_refused(const std::optional<Item>& turn, Outcome& outcome);
  void wishes_refused(const std::optional<Item>& turn, bool session_holds, Outcome& outcome);
  void wait(Time now);

  InstanceId self_;
  std::string incarnation_;
  std::string announcement_;
  std::optional<Sent> sent_;     // the last one, until its outcome is known
  std::optional<Sent> doubted_;  // the one before an announcement that decides about it
  bool in_flight_ = false;
  bool turn_known_ = false;
  Revision turn_ = 0;  // at which the turn changed last; 0: it is not there
  Revision session_ = 0;
  std::uint64_t numbers_ = 0;
  Time not_before_ = 0;
  Time backoff_ = 0;
};

}  // namespace vineyard::catalog
