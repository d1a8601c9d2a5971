// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vineyard/catalog/keys.h"
#include "vineyard/catalog/store.h"

namespace vineyard::catalog {

/// What this instance knows of the store: all instances, names and objects (without their documents), never going back.
///
/// Owner:   the catalog; others read it.
/// Threads: the catalog's.
/// Always:  each key is as it was at the latest revision at which it was told, whoever told it, in whatever order;
///          up to `cursor` nothing is missing, once a list has ended.
class View {
 public:
  struct Object {
    InstanceId owner;
    std::uint64_t bytes = 0;
    Revision changed = 0;
    const std::string* type = nullptr;  // of `types`
    std::uint32_t list = 0;             // the last one it was in
  };
  struct Fact {
    std::string value;
    Revision changed = 0;
    std::uint32_t list = 0;
  };
  /// Which keys are others than they were.
  struct Touched {
    std::set<std::string> names;
    std::set<InstanceId> instances;
    std::set<ObjectId> gone;
  };

  /// A key as it was when the store was at `at`.
  void apply(const Item& item, Revision at);
  /// A key that was not there then.
  void drop(std::string_view key, Revision at);
  /// The log behind `cursor`.
  void follow(const Changes& changes);
  /// A list of all keys, page by page; after `end_list` what was not in it is gone, and `cursor` is that of its first page.
  void begin_list();
  void page(const Page& page);
  void end_list();
  /// Another store: nothing is known.
  void clear();

  [[nodiscard]] Revision cursor() const { return cursor_; }
  /// At which a key changed last; 0: it is not there.
  [[nodiscard]] Revision changed(std::string_view key) const;
  [[nodiscard]] const Object* object(ObjectId id) const;
  [[nodiscard]] const Fact* fact(std::string_view key) const;
  /// Nothing: no such name, or its value is none.
  [[nodiscard]] std::optional<ObjectId> name(std::string_view name) const;
  [[nodiscard]] bool is_there(InstanceId instance) const;
  /// Those that are there.
  [[nodiscard]] std::vector<InstanceId> instances() const;
  /// Those that were, and were not given up yet.
  [[nodiscard]] std::vector<InstanceId> away() const;
  /// The names that stand for an object, there or not.
  [[nodiscard]] std::vector<std::string> names_of(ObjectId id) const;
  /// Names of objects that are not there.
  [[nodiscard]] const std::set<std::string, std::less<>>& dangling() const { return dangling_; }
  [[nodiscard]] const std::map<InstanceId, std::set<ObjectId>>& owners() const { return owners_; }
  [[nodiscard]] const std::map<std::string, std::set<ObjectId>, std::less<>>& types() const {
    return types_;
  }
  [[nodiscard]] const std::unordered_map<ObjectId, Object>& objects() const { return objects_; }
  [[nodiscard]] const std::map<std::string, Fact, std::less<>>& facts() const { return facts_; }
  /// What changed since it was asked last.
  [[nodiscard]] Touched take_touched() { return std::exchange(touched_, {}); }

 private:
  void take(const Item& item);
  void take_drop(std::string_view key, Revision at);
  void mark(const Item& item);
  void set(std::string_view key, const std::string& value, Revision changed);
  void forget(std::string_view key);
  void set_object(ObjectId id, const ObjectValue& value, Revision changed);
  void forget_object(ObjectId id);
  void touch(std::string_view key);
  [[nodiscard]] std::vector<InstanceId> numbered(std::string_view prefix) const;
  void link(std::string_view key, std::string_view value);
  void unlink(std::string_view key, std::string_view value);

  std::unordered_map<ObjectId, Object> objects_;
  std::map<std::string, Fact, std::less<>> facts_;  // all other keys, and objects that are none
  std::map<InstanceId, std::set<ObjectId>> owners_;
  std::map<std::string, std::set<ObjectId>, std::less<>> types_;
  std::map<ObjectId, std::set<std::string>> names_;
  std::set<std::string, std::less<>> dangling_;
  std::unordered_map<std::string, Revision> gone_;  // dropped at a revision behind the cursor
  Touched touched_;
  Revision cursor_ = 0;
  Revision list_cursor_ = 0;
  std::uint32_t list_ = 0;
  bool first_page_ = false;
};

}  // namespace vineyard::catalog
