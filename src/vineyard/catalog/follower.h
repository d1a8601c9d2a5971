// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "vineyard/catalog/requests.h"
#include "vineyard/catalog/view.h"

namespace vineyard::catalog {

/// Keeps a view true: tells which store it is, lists it, follows its log, and lists again on any doubt.
///
/// Owner:   the catalog.
/// Threads: one.
/// Always:  one call at a time; never follows the log of another store than the one that was listed.
class Follower {
 public:
  enum class News : std::uint8_t {
    kNothing,
    kOtherStore,  ///< its identity is not the one it was: what is known is of no use
    kListing,     ///< a list begins now
    kListed,
    kFollowed,
  };
  Follower(Time poll_after, Time relist_after)
      : poll_after_(poll_after), relist_after_(relist_after) {}

  /// The call to make now, if one is due.
  [[nodiscard]] std::optional<StoreCall> next(Time now);
  /// Its answer.
  News answered(StoreAnswer answer, Time now, View& view);
  /// The log may have gone on.
  void nudge() { nudged_ = true; }
  /// Of the store that is followed; empty: not known yet.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  /// Whether a list has ended since the store was told to be another one.
  [[nodiscard]] bool has_listed() const { return listed_; }

 private:
  enum class Stage : std::uint8_t { kIdentify, kList, kFollow };
  News failed(Time now);
  News identified(const std::string& identity, View& view);
  News got_page(const Page& page, Time now, View& view);
  News got_changes(const Changes& changes, Time now, View& view);

  Time poll_after_;
  Time relist_after_;
  Stage stage_ = Stage::kIdentify;
  bool in_flight_ = false;
  bool listed_ = false;
  bool listing_ = false;  // a list has begun and not ended
  bool nudged_ = false;
  std::string identity_;
  std::string list_after_;
  Revision cursor_ = 0;
  Time not_before_ = 0;
  Time backoff_ = 0;
  Time poll_at_ = 0;
  Time list_at_ = 0;
};

}  // namespace vineyard::catalog
