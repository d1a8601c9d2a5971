// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/view.h"

#include <algorithm>
#include <ranges>

#include "vineyard/base/failpoint.h"

namespace vineyard::catalog {

Revision View::changed(std::string_view key) const {
  const auto parsed = parse_key(key);
  if (parsed && parsed->kind == KeyKind::kObject)
    if (const Object* known = object(ObjectId(parsed->number))) return known->changed;
  const Fact* known = fact(key);
  return known == nullptr ? 0 : known->changed;
}

const View::Object* View::object(ObjectId id) const {
  const auto at = objects_.find(id);
  return at == objects_.end() ? nullptr : &at->second;
}

const View::Fact* View::fact(std::string_view key) const {
  const auto at = facts_.find(key);
  return at == facts_.end() ? nullptr : &at->second;
}

std::optional<ObjectId> View::name(std::string_view name) const {
  const Fact* known = fact(name_key(name));
  if (known == nullptr) return std::nullopt;
  const auto id = parse_name_value(known->value);
  if (!id) return std::nullopt;
  return *id;
}

bool View::is_there(InstanceId instance) const {
  return fact(instance_key(instance)) != nullptr;
}

std::vector<InstanceId> View::numbered(std::string_view prefix) const {
  std::vector<InstanceId> found;
  for (auto at = facts_.lower_bound(prefix); at != facts_.end() && at->first.starts_with(prefix);
       ++at)
    if (const auto key = parse_key(at->first)) found.push_back({key->number});
  return found;
}

std::vector<InstanceId> View::instances() const {
  return numbered(kInstances);
}

std::vector<InstanceId> View::away() const {
  std::vector<InstanceId> found;
  for (const InstanceId one : numbered(kTurns))
    if (!is_there(one)) found.push_back(one);
  return found;
}

std::vector<std::string> View::names_of(ObjectId id) const {
  const auto at = names_.find(id);
  if (at == names_.end()) return {};
  return {at->second.begin(), at->second.end()};
}

// What was read before the log went on is known better, or is no longer so.
void View::apply(const Item& item, Revision at) {
  if (at > cursor_ || VY_LEFT_OUT("late")) take(item);
}

void View::drop(std::string_view key, Revision at) {
  if (at > cursor_) take_drop(key, at);
}

void View::take(const Item& item) {
  const auto parsed = parse_key(item.key);
  if (!parsed) return;
  const auto gone = gone_.find(item.key);
  if (gone != gone_.end() && gone->second >= item.changed) return;
  if (changed(item.key) < item.changed) set(item.key, item.value, item.changed);
}

void View::take_drop(std::string_view key, Revision at) {
  if (changed(key) > at) return;
  forget(key);
  if (at <= cursor_ || VY_LEFT_OUT("drops")) return;
  Revision& gone = gone_[std::string(key)];
  gone = std::max(gone, at);
}

void View::set(std::string_view key, const std::string& value, Revision changed) {
  const auto parsed = parse_key(key);
  if (parsed && parsed->kind == KeyKind::kObject) {
    if (const auto object = parse_object_value(value)) {
      if (const auto at = facts_.find(key); at != facts_.end()) facts_.erase(at);
      return set_object(ObjectId(parsed->number), *object, changed);
    }
    forget_object(ObjectId(parsed->number));  // now it is none, but its key is there
  }
  const auto [at, fresh] = facts_.try_emplace(std::string(key));
  if (!fresh) unlink(key, at->second.value);
  const bool is_object = parsed && parsed->kind == KeyKind::kObject;
  at->second = {.value = is_object ? std::string() : value, .changed = changed};
  link(key, value);
  touch(key);
}

void View::set_object(ObjectId id, const ObjectValue& value, Revision changed) {
  forget_object(id);
  const auto type = types_.try_emplace(std::string(value.type)).first;
  type->second.insert(id);
  owners_[value.owner].insert(id);
  objects_[id] = {
      .owner = value.owner, .bytes = value.bytes, .changed = changed, .type = &type->first};
  touched_.gone.erase(id);
  for (const std::string& name : names_of(id)) dangling_.erase(name);
}

void View::forget_object(ObjectId id) {
  const auto at = objects_.find(id);
  if (at == objects_.end()) return;
  const auto owner = owners_.find(at->second.owner);
  owner->second.erase(id);
  if (owner->second.empty()) owners_.erase(owner);
  const auto type = types_.find(*at->second.type);
  type->second.erase(id);
  if (type->second.empty()) types_.erase(type);
  objects_.erase(at);
  touched_.gone.insert(id);
  for (const std::string& name : names_of(id)) dangling_.insert(name);
}

void View::touch(std::string_view key) {
  const auto parsed = parse_key(key);
  if (!parsed) return;
  if (parsed->kind == KeyKind::kName) touched_.names.emplace(parsed->name);
  if (parsed->kind == KeyKind::kInstance) touched_.instances.insert({parsed->number});
}

void View::link(std::string_view key, std::string_view value) {
  const auto parsed = parse_key(key);
  if (!parsed || parsed->kind != KeyKind::kName) return;
  const auto id = parse_name_value(value);
  if (!id) return;
  names_[*id].emplace(parsed->name);
  if (object(*id) == nullptr) dangling_.emplace(parsed->name);
}

void View::unlink(std::string_view key, std::string_view value) {
  const auto parsed = parse_key(key);
  if (!parsed || parsed->kind != KeyKind::kName) return;
  if (const auto at = dangling_.find(parsed->name); at != dangling_.end()) dangling_.erase(at);
  const auto id = parse_name_value(value);
  if (!id) return;
  const auto names = names_.find(*id);
  if (names == names_.end()) return;
  names->second.erase(std::string(parsed->name));
  if (names->second.empty()) names_.erase(names);
}

void View::forget(std::string_view key) {
  const auto parsed = parse_key(key);
  if (parsed && parsed->kind == KeyKind::kObject) forget_object(ObjectId(parsed->number));
  const auto at = facts_.find(key);
  if (at == facts_.end()) return;
  unlink(key, at->second.value);
  touch(key);
  facts_.erase(at);
}

void View::follow(const Changes& changes) {
  for (const LoggedChange& c : changes.changes) {
    if (c.revision <= cursor_) continue;
    if (c.change.value)
      take({.key = c.change.key,
            .value = *c.change.value,
            .created = c.created,
            .changed = c.revision});
    else
      take_drop(c.change.key, c.revision);
  }
  cursor_ = std::max(cursor_, changes.revision);
  std::erase_if(gone_, [&](const auto& gone) { return gone.second <= cursor_; });
}

void View::begin_list() {
  ++list_;
  first_page_ = true;
}

void View::page(const Page& page) {
  if (first_page_) list_cursor_ = page.revision;
  first_page_ = false;
  for (const Item& item : page.items) {
    take(item);
    mark(item);
  }
}

void View::mark(const Item& item) {
  if (const auto at = facts_.find(item.key); at != facts_.end()) at->second.list = list_;
  const auto parsed = parse_key(item.key);
  if (!parsed || parsed->kind != KeyKind::kObject) return;
  if (const auto at = objects_.find(ObjectId(parsed->number)); at != objects_.end())
    at->second.list = list_;
}

void View::end_list() {
  // What changed behind the first page was told by somebody else, and the log goes on from there.
  const auto stale = [&](const auto& entry) {
    return entry.list != list_ && entry.changed <= list_cursor_;
  };
  std::vector<std::string> keys;
  for (const auto& [id, known] : objects_)
    if (stale(known)) keys.push_back(object_key(id));
  for (const auto& [key, known] : facts_)
    if (stale(known)) keys.push_back(key);
  for (const std::string& key : keys) forget(key);
  cursor_ = list_cursor_;
  std::erase_if(gone_, [&](const auto& gone) { return gone.second <= cursor_; });
}

void View::clear() {
  for (const auto& known : objects_) touched_.gone.insert(known.first);
  for (const auto& known : facts_) touch(known.first);
  objects_.clear(), facts_.clear(), owners_.clear(), types_.clear(), names_.clear();
  dangling_.clear(), gone_.clear();
  cursor_ = 0;
}

}  // namespace vineyard::catalog
