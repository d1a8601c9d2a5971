// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"

namespace vineyard::catalog {
namespace {

constexpr std::size_t kForgottenAtOnce = 40;  // objects; each brings its names
constexpr std::size_t kNamesAtOnce = 40;      // of one withdrawn object
constexpr std::uint64_t kBlocksOfIds = std::uint64_t{1} << ObjectId::kBlockBits;

Condition unchanged(std::string key, const View& view) {
  const Revision at = view.changed(key);
  return {.key = std::move(key), .of = Condition::Of::kChanged, .revision = at};
}

Error not_published(ObjectId id) {
  return {ErrorCode::kNotFound,
          fmt::format("{} is not in the catalog: persist it first", id.to_string())};
}

/// What is to be done for one kind of wish.
///
/// Owner:   `plan`.
/// Threads: one.
/// Always:  changes nothing by itself.
class Planner {
 public:
  Planner(const View& view, InstanceId self) : view_(view), self_(self) {}

  Result<Step> operator()(const Publish& wish) const {
    const View::Object* known = view_.object(wish.id);
    if (known != nullptr && known->owner != self_)
      return Error(ErrorCode::kDenied, fmt::format("{} belongs to another instance, {:016x}",
                                                   wish.id.to_string(), known->owner.value));
    if (wish.name.size() > limits::kMaxName) return bad_name(wish.name);
    Step step{.conditions = {},
              .changes = {{.key = object_key(wish.id), .value = wish.value}},
              .answer = {.id = wish.id, .owner = self_, .there = true}};
    if (!wish.name.empty())
      step.changes.push_back({.key = name_key(wish.name), .value = wish.id.to_string()});
    return step;
  }

  Result<Step> operator()(const Withdraw& wish) const {
    const View::Object* known = view_.object(wish.id);
    if (known == nullptr) return not_published(wish.id);
    if (known->owner != self_)
      return Error(ErrorCode::kDenied, fmt::format("{} belongs to another instance, {:016x}",
                                                   wish.id.to_string(), known->owner.value));
    Step step{.conditions = {}, .changes = {}, .answer = {.id = wish.id, .owner = self_}};
    // Names beyond what fits into one transaction dangle for a moment and are repaired.
    end_object(step, wish.id, kNamesAtOnce);
    return step;
  }

  Result<Step> operator()(const SetName& wish) const {
    if (wish.name.empty() || wish.name.size() > limits::kMaxName) return bad_name(wish.name);
    const View::Object* known = view_.object(wish.id);
    if (known == nullptr) return not_published(wish.id);
    Step step{.conditions = {unchanged(object_key(wish.id), view_)},
              .changes = {{.key = name_key(wish.name), .value = wish.id.to_string()}},
              .answer = {.id = wish.id, .owner = known->owner}};
    const auto now = view_.name(wish.name);
    const std::string key = name_key(wish.name);
    if (wish.rule == SetName::Rule::kIfAbsent && view_.changed(key) != 0)
      return Error(ErrorCode::kExists, fmt::format("the name '{}' is taken, by {}", wish.name,
                                                   now.value_or(ObjectId()).to_string()));
    if (wish.rule == SetName::Rule::kIfEquals && now != wish.expected) return other(wish.name, now);
    if (wish.rule != SetName::Rule::kReplace) step.conditions.push_back(unchanged(key, view_));
    return step;
  }

  Result<Step> operator()(const DropName& wish) const {
    const std::string key = name_key(wish.name);
    if (view_.changed(key) == 0) return no_name(wish.name);
    const auto now = view_.name(wish.name);
    if (wish.expected && now != wish.expected) return other(wish.name, now);
    return Step{.conditions = {unchanged(key, view_)},
                .changes = {{.key = key, .value = std::nullopt}},
                .answer = {.id = now.value_or(ObjectId())}};
  }

  Result<Step> operator()(const FindName& wish) const {
    const auto id = view_.name(wish.name);
    if (!id) return no_name(wish.name);
    const View::Object* object = view_.object(*id);
    if (object == nullptr) return no_name(wish.name);
    return Step{
        .conditions = {},
        .changes = {},
        .answer = {.id = *id, .owner = object->owner, .there = view_.is_there(object->owner)}};
  }

  Result<Step> operator()(const FindObject& wish) const {
    const View::Object* known = view_.object(wish.id);
    if (known == nullptr) return not_published(wish.id);
    return Step{
        .conditions = {},
        .changes = {},
        .answer = {.id = wish.id, .owner = known->owner, .there = view_.is_there(known->owner)}};
  }

  Result<Step> operator()(const TakeBlock& wish) const {
    const View::Fact* last = view_.fact(kBlocks);
    std::uint64_t before = 0;
    if (last != nullptr) {
      VY_TRY(before, parse_number_value(last->value));
    }
    std::uint64_t next = before + 1;
    if (last == nullptr || before < wish.highest) {
      // A new store, or one that lost its data. Others may have got higher ones than is known here: not right behind.
      next = wish.highest + 1ULL;
      if (next < kBlocksOfIds) next += wish.chance % ((kBlocksOfIds - next + 1) / 2);
    }
    if (next >= kBlocksOfIds)
      return Error(ErrorCode::kFull, "all blocks of ids of this catalog are used up");
    return Step{.conditions = {unchanged(std::string(kBlocks), view_)},
                .changes = {{.key = std::string(kBlocks), .value = std::to_string(next)}},
                .answer = {.block = {static_cast<std::uint32_t>(next)}}};
  }

  Result<Step> operator()(const Forget& wish) const {
    if (view_.is_there(wish.instance))
      return Error(ErrorCode::kExists,
                   fmt::format("instance {:016x} is back", wish.instance.value));
    Step step{.conditions = {unchanged(instance_key(wish.instance), view_)},
              .changes = {},
              .answer = {.owner = wish.instance}};
    std::size_t left = kForgottenAtOnce;
    if (const auto owned = view_.owners().find(wish.instance); owned != view_.owners().end())
      for (const ObjectId id : owned->second) {
        if (left == 0) return step;
        left -= 1 + end_object(step, id, left - 1);
      }
    // That was all of it.
    step.changes.push_back({.key = turn_key(wish.instance), .value = std::nullopt});
    return step;
  }

  Result<Step> operator()(const Repair& wish) const {
    const auto id = view_.name(wish.name);
    if (!id || view_.object(*id) != nullptr) return no_name(wish.name);
    const std::string key = name_key(wish.name);
    return Step{.conditions = {unchanged(key, view_), unchanged(object_key(*id), view_)},
                .changes = {{.key = key, .value = std::nullopt}},
                .answer = {.id = *id}};
  }

 private:
  static Error no_name(std::string_view name) {
    return {ErrorCode::kNotFound, fmt::format("no object is called '{}'", name)};
  }
  static Error bad_name(std::string_view name) {
    return {ErrorCode::kInvalid,
            fmt::format("a name of {} bytes: 1 to {} are possible", name.size(), limits::kMaxName)};
  }
  static Error other(std::string_view name, std::optional<ObjectId> now) {
    return {ErrorCode::kExists,
            fmt::format("the name '{}' stands for {}, not for what was expected", name,
                        now ? now->to_string() : "no object")};
  }
  // How many names went with it.
  std::size_t end_object(Step& step, ObjectId id, std::size_t most_names) const {
    step.changes.push_back({.key = object_key(id), .value = std::nullopt});
    std::size_t count = 0;
    for (const std::string& name : view_.names_of(id)) {
      if (count == most_names) break;
      step.conditions.push_back(unchanged(name_key(name), view_));
      step.changes.push_back({.key = name_key(name), .value = std::nullopt});
      ++count;
    }
    return count;
  }

  const View& view_;
  InstanceId self_;
};

}  // namespace

std::vector<std::string> keys_of(const Wish& wish, const View& view) {
  struct Keys {
    using List = std::vector<std::string>;
    const View& view;
    List operator()(const Publish& w) const { return {object_key(w.id)}; }
    List operator()(const Withdraw& w) const { return {object_key(w.id)}; }
    List operator()(const SetName& w) const { return {object_key(w.id), name_key(w.name)}; }
    List operator()(const DropName& w) const { return {name_key(w.name)}; }
    List operator()(const FindName& w) const {
      const auto id = view.name(w.name);
      if (!id || view.object(*id) != nullptr) return {name_key(w.name)};
      return {name_key(w.name), object_key(*id)};
    }
    List operator()(const FindObject& w) const { return {object_key(w.id)}; }
    List operator()(const TakeBlock& /*w*/) const { return {std::string(kBlocks)}; }
    List operator()(const Forget& w) const { return {instance_key(w.instance)}; }
    List operator()(const Repair& w) const { return {name_key(w.name)}; }
  };
  return std::visit(Keys{view}, wish);
}

Result<Step> plan(const Wish& wish, const View& view, InstanceId self) {
  return std::visit(Planner(view, self), wish);
}

Batch::Batch(Transaction frame) {
  for (Condition& c : frame.conditions) {
    bytes_ += c.key.size();
    conditions_.emplace(c.key, std::move(c));
  }
  for (Change& c : frame.changes) {
    bytes_ += c.key.size() + (c.value ? c.value->size() : 0);
    changes_.emplace(c.key, std::move(c));
  }
}

Batch::Fit Batch::add(const Step& step) {
  std::size_t operations = conditions_.size() + changes_.size() + step.changes.size();
  std::size_t bytes = bytes_;
  for (const Condition& c : step.conditions) {
    // What an earlier wish changes in the same transaction cannot be a condition of this one.
    if (changes_.contains(c.key)) return Fit::kFull;
    operations += conditions_.contains(c.key) ? 0 : 1;
    bytes += c.key.size();
  }
  for (const Change& c : step.changes) {
    if (changes_.contains(c.key) || conditions_.contains(c.key)) return Fit::kFull;
    bytes += c.key.size() + (c.value ? c.value->size() : 0);
  }
  if (operations > kMostOperations || bytes > kMostBytes) return Fit::kFull;
  bytes_ = bytes;
  for (const Condition& c : step.conditions) conditions_.emplace(c.key, c);
  for (const Change& c : step.changes) changes_.emplace(c.key, c);
  return Fit::kYes;
}

Transaction Batch::take() {
  Transaction whole;
  for (auto& [key, condition] : conditions_) whole.conditions.push_back(std::move(condition));
  for (auto& [key, change] : changes_) whole.changes.push_back(std::move(change));
  return whole;
}

}  // namespace vineyard::catalog
