// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <fmt/format.h>

namespace vineyard::simulation {

using catalog::Answer;
using catalog::name_key;
using catalog::object_key;
using catalog::Time;

void History::changed(const std::string& key, std::optional<std::string> value, Time now) {
  keys_[key].push_back({.at = now, .value = std::move(value)});
}

void History::all_gone(Time now) {
  for (auto& [key, moments] : keys_) moments.push_back({.at = now, .value = std::nullopt});
}

template <class Test>
bool History::ever(const std::string& key, Time from, Time to, Test test) const {
  std::optional<std::string> value;
  bool counted = false;  // the value at `from`
  if (const auto at = keys_.find(key); at != keys_.end()) {
    for (const Moment& m : at->second) {
      if (m.at > to) break;
      if (m.at >= from && !counted) {
        if (test(value)) return true;
        counted = true;
      }
      value = m.value;
      if (m.at >= from && test(value)) return true;
    }
  }
  return test(value);
}

bool History::had(const std::string& key, const std::optional<std::string>& value, Time from,
                  Time to) const {
  return ever(key, from, to, [&](const auto& v) { return v == value; });
}

bool History::had_other(const std::string& key, const std::optional<std::string>& value, Time from,
                        Time to) const {
  return ever(key, from, to, [&](const auto& v) { return v != value; });
}

std::string History::judge(const Operation& o, const Answer* answer) const {
  const Time now = o.ended.value_or(0);
  if (answer == nullptr) return judge_refusal(o);
  switch (o.kind) {
    case Operation::Kind::kPublish:
    case Operation::Kind::kWithdraw:
    case Operation::Kind::kSetName:
    case Operation::Kind::kDropName:
      if (o.done == 0) return "was told as done, and was not";
      return {};
    case Operation::Kind::kFindName:
      // What is known may be old, but not older than everything.
      if (!had(name_key(o.name), answer->id.to_string(), o.fresh ? o.begun : 0, now))
        return fmt::format("'{}' was told to be {}, which it was not", o.name,
                           answer->id.to_string());
      return {};
    case Operation::Kind::kFindObject:
      if (!had(object_key(o.id), answer->value, o.begun, now))
        return o.id.to_string() + " was told to be what it was not";
      return {};
    case Operation::Kind::kTakeBlock: return {};
  }
  return {};
}

std::string History::judge_refusal(const Operation& o) const {
  const Time now = o.ended.value_or(0);
  if (o.refusal == ErrorCode::kUnavailable || o.refusal == ErrorCode::kDeadline) {
    const bool in_doubt = o.refusal == ErrorCode::kDeadline;  // the store may be lost
    return now < o.deadline && !in_doubt ? "was given up before its deadline" : "";
  }
  const bool about_name =
      o.kind == Operation::Kind::kDropName || o.kind == Operation::Kind::kFindName;
  if (o.refusal == ErrorCode::kNotFound) {
    if (!about_name)
      return had(object_key(o.id), std::nullopt, o.begun, now) ? "" : "was there all the time";
    const auto object = [&](const std::optional<std::string>& id) {
      if (!id) return true;
      const auto parsed = ObjectId::parse(*id);
      return o.kind == Operation::Kind::kFindName && parsed &&
             had(object_key(*parsed), std::nullopt, o.begun, now);
    };
    return ever(name_key(o.name), o.begun, now, object) ? "" : "the name was there all the time";
  }
  if (o.refusal == ErrorCode::kExists) {
    const bool other = o.expected
                           ? had_other(name_key(o.name), o.expected->to_string(), o.begun, now)
                           : had_other(name_key(o.name), std::nullopt, o.begun, now);
    return other ? "" : "was refused for a name that was as expected";
  }
  if (o.refusal == ErrorCode::kDenied && o.kind == Operation::Kind::kWithdraw) return {};
  return fmt::format("was refused with {}", name_of(o.refusal.value_or(ErrorCode::kInvalid)));
}

std::string History::judge_at_last(const Operation& o) {
  if (o.done > 1) return fmt::format("was done {} times", o.done);
  // Of two that end one name or object nobody can see which one did it.
  if (o.kind == Operation::Kind::kDropName || o.kind == Operation::Kind::kWithdraw) return {};
  const bool refused = o.refusal && *o.refusal != ErrorCode::kDeadline;
  if (refused && o.done != 0) return "was refused, and done";
  return {};
}

}  // namespace vineyard::simulation
