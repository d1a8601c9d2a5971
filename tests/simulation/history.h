// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/catalog/requests.h"

namespace vineyard::simulation {

/// One request from its beginning to its end, and how often the store saw it done.
struct Operation {
  enum class Kind : std::uint8_t {
    kPublish,
    kWithdraw,
    kSetName,
    kDropName,
    kFindName,
    kFindObject,
    kTakeBlock
  };
  Kind kind = Kind::kPublish;
  int instance = 0;
  std::uint64_t life = 0;  // of the instance's process
  catalog::Time begun = 0;
  catalog::Time deadline = 0;
  std::optional<catalog::Time> ended;
  std::optional<ErrorCode> refusal;  // of one that ended
  std::string name;
  ObjectId id = ObjectId::invalid();
  catalog::SetName::Rule rule = catalog::SetName::Rule::kReplace;
  std::optional<ObjectId> expected;
  bool fresh = false;
  int done = 0;  // transactions that did it
};

/// What the store held at which time, and what was asked: the order of the store's transactions decides who is right.
///
/// Owner:   a simulated cluster.
/// Threads: one.
/// Always:  appended in the order of time.
class History {
 public:
  /// A key has another value from now on; nothing: it is gone.
  void changed(const std::string& key, std::optional<std::string> value, catalog::Time now);
  void all_gone(catalog::Time now);

  /// Whether a key had `value` (nothing: was not there) at some time of [from, to].
  [[nodiscard]] bool had(const std::string& key, const std::optional<std::string>& value,
                         catalog::Time from, catalog::Time to) const;
  /// Whether it had another one at some time.
  [[nodiscard]] bool had_other(const std::string& key, const std::optional<std::string>& value,
                               catalog::Time from, catalog::Time to) const;

  /// What is wrong with the outcome of an operation that has just ended; empty: nothing.
  [[nodiscard]] std::string judge(const Operation& operation, const catalog::Answer* answer) const;
  /// What is wrong with how often it was done, once nothing can happen to it any more.
  [[nodiscard]] static std::string judge_at_last(const Operation& operation);

  std::map<catalog::RequestId, Operation> operations;
  std::uint64_t transactions = 0;
  std::uint64_t faults = 0;

 private:
  struct Moment {
    catalog::Time at;
    std::optional<std::string> value;
  };
  template <class Test>
  [[nodiscard]] bool ever(const std::string& key, catalog::Time from, catalog::Time to,
                          Test test) const;
  [[nodiscard]] std::string judge_refusal(const Operation& operation) const;

  std::map<std::string, std::vector<Moment>> keys_;
};

}  // namespace vineyard::simulation
