// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/follower.h"

#include <algorithm>
#include <utility>

#include "vineyard/catalog/backoff.h"

namespace vineyard::catalog {
namespace {

constexpr std::size_t kPage = 1'000;  // items, or changes, of one call

}  // namespace

std::optional<StoreCall> Follower::next(Time now) {
  if (in_flight_ || now < not_before_) return std::nullopt;
  if (stage_ == Stage::kFollow && now < poll_at_ && !nudged_) return std::nullopt;
  if (stage_ == Stage::kFollow && now >= list_at_) stage_ = Stage::kIdentify, listed_ = false;
  in_flight_ = true;
  if (stage_ == Stage::kIdentify) return IdentityCall{};
  if (stage_ == Stage::kList) return RangeCall{.prefix = {}, .after = list_after_, .limit = kPage};
  nudged_ = false;
  return ChangesCall{.after = cursor_, .limit = kPage};
}

Follower::News Follower::failed(Time now) {
  backoff_ = longer(backoff_);
  not_before_ = now + backoff_;
  stage_ = Stage::kIdentify;  // whoever comes back may be another one
  return News::kNothing;
}

Follower::News Follower::answered(StoreAnswer answer, Time now, View& view) {
  if (!in_flight_) return News::kNothing;
  in_flight_ = false;
  if (const auto* identity = std::get_if<Result<std::string>>(&answer)) {
    if (!*identity) return failed(now);
    backoff_ = 0;
    return identified(**identity, view);
  }
  if (const auto* page = std::get_if<Result<Page>>(&answer)) {
    if (!*page) return failed(now);
    backoff_ = 0;
    return got_page(**page, now, view);
  }
  const auto* changes = std::get_if<Result<Changes>>(&answer);
  if (changes == nullptr || !*changes) return failed(now);
  backoff_ = 0;
  return got_changes(**changes, now, view);
}

Follower::News Follower::identified(const std::string& identity, View& view) {
  const bool other = !identity_.empty() && identity != identity_;
  identity_ = identity;
  if (other) {
    listed_ = listing_ = false;
    return News::kOtherStore;  // and asks once more, after what is known was forgotten
  }
  if (listed_) {
    stage_ = Stage::kFollow;
    return News::kNothing;
  }
  stage_ = Stage::kList;
  if (std::exchange(listing_, true)) return News::kNothing;  // goes on where it was
  list_after_.clear();
  view.begin_list();
  return News::kListing;
}

Follower::News Follower::got_page(const Page& page, Time now, View& view) {
  view.page(page);
  if (page.more && !page.items.empty()) {
    list_after_ = page.items.back().key;
    return News::kNothing;
  }
  view.end_list();
  cursor_ = view.cursor();
  listed_ = true;
  listing_ = false;
  stage_ = Stage::kFollow;
  poll_at_ = 0;
  list_at_ = now + std::max<Time>(relist_after_, view.objects().size() + view.facts().size());
  return News::kListed;
}

Follower::News Follower::got_changes(const Changes& changes, Time now, View& view) {
  if (changes.trimmed) {
    stage_ = Stage::kIdentify;
    listed_ = false;
    return News::kNothing;
  }
  const bool all = changes.changes.empty();
  view.follow(changes);
  cursor_ = view.cursor();
  poll_at_ = all ? now + poll_after_ : 0;
  return News::kFollowed;
}

}  // namespace vineyard::catalog
