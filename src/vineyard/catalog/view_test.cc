// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/view.h"

#include <gtest/gtest.h>

namespace vineyard::catalog {
namespace {

const ObjectId kOne(1);

Item object(ObjectId id, Revision changed, std::uint64_t owner = 1, const char* type = "t") {
  return {.key = object_key(id),
          .value = object_value({.owner = {owner}, .bytes = 8, .type = type, .document = "d"}),
          .created = changed,
          .changed = changed};
}
Item name(std::string_view text, ObjectId id, Revision changed) {
  return {.key = name_key(text), .value = id.to_string(), .created = changed, .changed = changed};
}
LoggedChange set(const Item& item) {
  return {.revision = item.changed, .change = {item.key, item.value}, .created = item.created};
}
LoggedChange dropped(std::string key, Revision at) {
  return {.revision = at, .change = {std::move(key), std::nullopt}, .created = 0};
}
void follow(View& view, std::vector<LoggedChange> changes) {
  const Revision last = changes.back().revision;
  view.follow({.changes = std::move(changes), .revision = last, .trimmed = false});
}

TEST(View, follows_the_log_and_keeps_its_indices) {
  View view;
  follow(view, {set(object(kOne, 1)), set(name("n", kOne, 2))});
  EXPECT_EQ(view.cursor(), 2U);
  EXPECT_EQ(view.name("n"), kOne);
  EXPECT_EQ(view.names_of(kOne), std::vector<std::string>{"n"});
  EXPECT_EQ(view.types().at("t").count(kOne), 1U);
  EXPECT_EQ(view.owners().at({1}).count(kOne), 1U);
  follow(view, {set(object(kOne, 3, 2, "u"))});
  EXPECT_FALSE(view.types().contains("t"));
  EXPECT_EQ(view.object(kOne)->owner, InstanceId{2});
  EXPECT_EQ(view.names_of(kOne).size(), 1U);
  follow(view, {dropped(object_key(kOne), 4)});
  EXPECT_TRUE(view.dangling().contains("n"));
  EXPECT_EQ(view.take_touched().gone, std::set<ObjectId>{kOne});
  follow(view, {set(object(kOne, 5)), dropped(name_key("n"), 6)});
  EXPECT_TRUE(view.dangling().empty());
  EXPECT_TRUE(view.names_of(kOne).empty());
}

TEST(View, what_is_told_twice_or_late_changes_nothing) {
  View view;
  const std::vector<LoggedChange> log{set(object(kOne, 1)), dropped(object_key(kOne), 2)};
  follow(view, log);
  follow(view, log);
  EXPECT_EQ(view.object(kOne), nullptr);
  view.apply(object(kOne, 1), 1);  // read before it was dropped, told after
  EXPECT_EQ(view.object(kOne), nullptr);
  view.apply(object(kOne, 7), 8);
  view.drop(object_key(kOne), 6);  // known to be there at 7
  ASSERT_NE(view.object(kOne), nullptr);
  follow(view, {set(object(kOne, 3)), dropped(object_key(kOne), 4)});
  EXPECT_EQ(view.object(kOne)->changed, 7U);
}

TEST(View, what_was_dropped_ahead_of_the_log_stays_away) {
  View view;
  follow(view, {set(name("n", kOne, 1))});
  view.drop(name_key("n"), 5);
  follow(view, {set(name("n", ObjectId(2), 3))});
  EXPECT_FALSE(view.name("n").has_value());
  follow(view, {dropped(name_key("n"), 5), set(name("n", ObjectId(3), 6))});
  EXPECT_EQ(view.name("n"), ObjectId(3));
}

TEST(View, a_list_ends_what_was_not_in_it) {
  View view;
  follow(view, {set(object(kOne, 1)), set(object(ObjectId(2), 2)), set(name("n", kOne, 3))});
  view.begin_list();
  view.page({.items = {name("m", kOne, 5)}, .revision = 6, .more = true});
  view.apply(object(ObjectId(4), 8), 8);  // newer than the list: of an own transaction
  view.page({.items = {object(kOne, 1)}, .revision = 9, .more = false});
  view.end_list();
  EXPECT_EQ(view.cursor(), 6U) << "the log goes on from the first page";
  EXPECT_FALSE(view.name("n").has_value());
  EXPECT_EQ(view.name("m"), kOne);
  EXPECT_NE(view.object(kOne), nullptr);
  EXPECT_EQ(view.object(ObjectId(2)), nullptr);
  EXPECT_NE(view.object(ObjectId(4)), nullptr);
}

TEST(View, values_that_are_none_hold_their_keys) {
  View view;
  Item broken = object(kOne, 1);
  broken.value = "nonsense";
  view.apply(broken, 1);
  EXPECT_EQ(view.object(kOne), nullptr);
  EXPECT_EQ(view.changed(broken.key), 1U);
  Item bad = name("n", kOne, 2);
  bad.value = "o1";
  view.apply(bad, 2);
  EXPECT_FALSE(view.name("n").has_value());
  EXPECT_EQ(view.changed(name_key("n")), 2U);
  view.apply(object(kOne, 3), 3);
  EXPECT_NE(view.object(kOne), nullptr);
  EXPECT_EQ(view.facts().size(), 1U);
}

TEST(View, knows_nothing_of_another_store) {
  View view;
  follow(view, {set(object(kOne, 1)), set(name("n", kOne, 2))});
  static_cast<void>(view.take_touched());
  view.clear();
  EXPECT_EQ(view.cursor(), 0U);
  EXPECT_TRUE(view.objects().empty() && view.facts().empty() && view.types().empty());
  const auto touched = view.take_touched();
  EXPECT_EQ(touched.names, std::set<std::string>{"n"});
  EXPECT_EQ(touched.gone, std::set<ObjectId>{kOne});
}

}  // namespace
}  // namespace vineyard::catalog
