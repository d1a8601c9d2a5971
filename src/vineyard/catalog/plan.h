// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vineyard/catalog/requests.h"
#include "vineyard/catalog/view.h"

// From a wish to a transaction. What is planned rests on what is known, so it is conditional on that; who is refused by
// what is known asks the store first, for it may be known no longer.
namespace vineyard::catalog {

struct Step {
  std::vector<Condition> conditions;
  std::vector<Change> changes;
  Answer answer;
};

/// The keys on which a wish rests, as far as they are known; what it is about comes first.
[[nodiscard]] std::vector<std::string> keys_of(const Wish& wish, const View& view);

/// What to commit for a wish of `self`, or why not.
[[nodiscard]] Result<Step> plan(const Wish& wish, const View& view, InstanceId self);

/// One transaction for many wishes.
///
/// Owner:   the catalog, while it builds it.
/// Threads: one.
/// Always:  what `check` (store.h) accepts.
class Batch {
 public:
  /// Begins with what must hold for all.
  explicit Batch(Transaction frame);
  enum class Fit : std::uint8_t {
    kYes,
    kFull,  ///< no room, or it touches what is touched already: the next one
  };
  Fit add(const Step& step);
  [[nodiscard]] Transaction take();

 private:
  std::map<std::string, Condition, std::less<>> conditions_;
  std::map<std::string, Change, std::less<>> changes_;
  std::size_t bytes_ = 0;
};

}  // namespace vineyard::catalog
