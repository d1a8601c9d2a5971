// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "vineyard/catalog/fakes/memory_store.h"
#include "vineyard/catalog/store.h"

// The conformance suite of stores. A back end's test makes it its own:
//   struct MyStores {
//     MyStore& open();         // another handle on the same, empty store
//     void kill(MyStore&);     // as if its process had been killed
//     void trim(Revision);
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(My, StoreSuite, MyStores);
namespace vineyard::catalog {

template <class Stores>
class StoreSuite : public testing::Test {
 protected:
  Stores stores;
  using Handle = decltype(stores.open());

  static Change set(std::string key, std::string value) {
    return {std::move(key), std::move(value)};
  }
  static Change drop(std::string key) { return {std::move(key), std::nullopt}; }
  static Change mine(std::string key, std::string value) {
    return {.key = std::move(key), .value = std::move(value), .session = true};
  }
  static Condition absent(std::string key) { return {.key = std::move(key), .revision = 0}; }
  static Committed commit(auto& store, const std::vector<Change>& changes,
                          const std::vector<Condition>& conditions = {}) {
    auto done = store.commit({.conditions = conditions, .changes = changes});
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
    return done ? *std::move(done) : Committed{};
  }
  static std::vector<Item> all(auto& store, std::string_view prefix, std::size_t page = 1000) {
    std::vector<Item> items;
    for (std::string after;;) {
      auto read = store.range(prefix, after, page);
      EXPECT_TRUE(read.has_value());
      if (!read) return items;
      EXPECT_LE(read->items.size(), page);
      for (Item& item : read->items) items.push_back(std::move(item));
      if (!read->more) return items;
      after = items.back().key;
    }
  }
  /// What comes behind a revision, as soon as something does: a log may be a moment late.
  static Changes next(auto& store, Revision after, std::size_t limit) {
    for (;;) {
      auto found = store.changes(after, limit);
      EXPECT_TRUE(found.has_value()) << (found ? "" : found.error().message());
      if (!found || found->trimmed || !found->changes.empty())
        return found ? *std::move(found) : Changes{};
    }
  }
  /// All changes behind `after` up to `last`, the revision of one.
  static std::vector<LoggedChange> log_of(auto& store, Revision after, Revision last) {
    std::vector<LoggedChange> all;
    while (after < last) {
      Changes more = next(store, after, 1000);
      EXPECT_FALSE(more.trimmed);
      if (more.changes.empty()) return all;
      after = more.revision;
      for (LoggedChange& change : more.changes) all.push_back(std::move(change));
    }
    return all;
  }
};

TYPED_TEST_SUITE_P(StoreSuite);
// GoogleTest makes classes of the names of typed tests.  NOLINTBEGIN(readability-identifier-naming)

TYPED_TEST_P(StoreSuite, keeps_what_was_committed_with_its_revisions) {
  auto& store = this->stores.open();
  const Revision before = this->commit(store, {}).revision;
  const Committed first = this->commit(store, {this->set("a", "1"), this->set("b", "2")});
  ASSERT_TRUE(first.done);
  EXPECT_EQ(first.revision, before + 1) << "a transaction is one revision";
  const Committed second = this->commit(store, {this->set("a", "3")});
  const std::vector<Item> expected{{"a", "3", first.revision, second.revision},
                                   {"b", "2", first.revision, first.revision}};
  EXPECT_EQ(this->all(store, ""), expected);
  EXPECT_EQ(this->all(this->stores.open(), ""), expected) << "another handle";
  EXPECT_EQ(this->commit(store, {}).revision, second.revision) << "nothing changed";
  EXPECT_EQ(this->commit(store, {this->drop("never")}).revision, second.revision);
}

TYPED_TEST_P(StoreSuite, changes_all_or_nothing) {
  auto& store = this->stores.open();
  const Committed made = this->commit(store, {this->set("k", "1")}, {this->absent("k")});
  ASSERT_TRUE(made.done);
  const Committed refused =
      this->commit(store, {this->set("k", "2"), this->set("other", "x")}, {this->absent("k")});
  EXPECT_FALSE(refused.done);
  EXPECT_EQ(refused.revision, made.revision);
  const std::vector<Item> kept{{"k", "1", made.revision, made.revision}};
  EXPECT_EQ(refused.present, kept);
  EXPECT_EQ(this->all(store, ""), kept);
  // Another key under the old name is told by the revision of its creation.
  const Condition same{.key = "k", .of = Condition::Of::kCreated, .revision = made.revision};
  const Committed again = this->commit(store, {this->set("k", "3")}, {same});
  EXPECT_TRUE(again.done);
  EXPECT_FALSE(
      this->commit(store, {this->set("k", "4")}, {{.key = "k", .revision = made.revision}}).done);
  EXPECT_TRUE(
      this->commit(store, {this->set("k", "4")}, {{.key = "k", .revision = again.revision}}).done);
  this->commit(store, {this->drop("k")});
  this->commit(store, {this->set("k", "new")});
  EXPECT_FALSE(this->commit(store, {this->set("k", "5")}, {same}).done);
}

TYPED_TEST_P(StoreSuite, lists_a_prefix_in_pages_by_bytes) {
  auto& store = this->stores.open();
  const std::vector<std::string> keys{
      std::string("p\0", 2), "p", "p/1", "p/2", "p/\xc3\xa4", "p/\xff", "p0", "q", "o"};
  for (const std::string& key : keys) this->commit(store, {this->set(key, "v" + key)});
  for (const std::size_t page : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
    std::vector<std::string> found;
    for (const Item& item : this->all(store, "p/", page)) found.push_back(item.key);
    EXPECT_EQ(found, (std::vector<std::string>{"p/1", "p/2", "p/\xc3\xa4", "p/\xff"})) << page;
    EXPECT_EQ(this->all(store, "", page).size(), keys.size());
    EXPECT_EQ(this->all(store, "p", page).size(), keys.size() - 2);
  }
  EXPECT_TRUE(this->all(store, "p/1/").empty());
  EXPECT_TRUE(this->all(store, "\xff\xff").empty());
}

TYPED_TEST_P(StoreSuite, tells_what_changed_in_whole_transactions) {
  auto& store = this->stores.open();
  const Revision start = this->commit(store, {}).revision;
  const Revision one =
      this->commit(store, {this->set("a", "1"), this->set("b", "2"), this->drop("none")}).revision;
  const Revision two = this->commit(store, {this->drop("a"), this->set("b", "3")}).revision;
  auto& other = this->stores.open();
  const Changes first = this->next(other, start, 1);
  EXPECT_EQ(first.revision, one) << "no transaction is cut";
  EXPECT_EQ(first.changes, (std::vector<LoggedChange>{{one, this->set("a", "1"), one},
                                                      {one, this->set("b", "2"), one}}));
  const Changes rest = this->next(other, one, 100);
  EXPECT_EQ(rest.revision, two);
  EXPECT_EQ(rest.changes, (std::vector<LoggedChange>{{two, this->drop("a"), 0},
                                                     {two, this->set("b", "3"), one}}));
  EXPECT_TRUE(other.changes(two, 100)->changes.empty());
  EXPECT_FALSE(other.changes(two, 100)->trimmed);
  EXPECT_TRUE(other.changes(two + 1, 100)->trimmed) << "a revision from the future: other data";
}

TYPED_TEST_P(StoreSuite, says_that_the_log_was_cut) {
  auto& store = this->stores.open();
  Revision last = 0;
  for (int n = 0; n < 10; ++n)
    last = this->commit(store, {this->set("k", std::to_string(n))}).revision;
  this->stores.trim(last - 3);
  EXPECT_TRUE(this->next(store, last - 4, 10).trimmed);
  EXPECT_TRUE(this->next(store, last - 4, 10).trimmed) << "asked again";
  EXPECT_EQ(this->log_of(store, last - 3, last).size(), 3U);
  EXPECT_EQ(this->all(store, "").size(), 1U);
}

TYPED_TEST_P(StoreSuite, refuses_what_is_too_large_or_told_twice) {
  auto& store = this->stores.open();
  const auto code = [&](const Transaction& t) { return store.commit(t).error().code(); };
  EXPECT_EQ(code({{}, {this->set("a", "1"), this->drop("a")}}), ErrorCode::kInvalid);
  EXPECT_EQ(code({{}, {this->set("", "1")}}), ErrorCode::kInvalid);
  EXPECT_EQ(code({{}, {this->set("a", std::string(kMostBytes, 'x'))}}), ErrorCode::kInvalid);
  EXPECT_EQ(code({{}, std::vector<Change>(kMostOperations + 1, this->drop("a"))}),
            ErrorCode::kInvalid);
  EXPECT_TRUE(this->all(store, "").empty());
  const std::string large(kMostBytes - 1, 'x');
  EXPECT_TRUE(this->commit(store, {this->set("a", large)}).done);
  EXPECT_EQ(this->all(store, "").at(0).value, large);
}

TYPED_TEST_P(StoreSuite, does_what_the_reference_does) {
  auto& store = this->stores.open();
  MemoryStore reference;
  const Revision start = this->commit(store, {}).revision;
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random()) % n; };
  for (int n = 0; n < 300; ++n) {
    Transaction t;
    const unsigned first = below(8);
    for (unsigned k = 0; k < below(4); ++k) {
      const std::string key = std::to_string((first + k) % 8);
      t.changes.push_back(below(3) == 0 ? this->drop(key) : this->set(key, std::to_string(n)));
    }
    if (below(2) == 0) {
      const std::string key = std::to_string(below(8));
      const auto there = reference.range(key, "", 1);
      const auto of = below(2) == 0 ? Condition::Of::kCreated : Condition::Of::kChanged;
      Revision at = 0;
      if (!there->items.empty() && below(4) != 0)
        at = of == Condition::Of::kCreated ? there->items[0].created : there->items[0].changed;
      t.conditions.push_back({key, of, at});
    }
    const auto expected = reference.commit(t);
    for (Condition& c : t.conditions) c.revision += c.revision == 0 ? 0 : start;
    const auto found = store.commit(t);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->done, expected->done) << n;
    ASSERT_EQ(found->revision, expected->revision + start) << n;
  }
  auto items = reference.range("", "", 100)->items;
  for (Item& item : items) item.created += start, item.changed += start;
  EXPECT_EQ(this->all(store, ""), items);
  auto changes = reference.changes(0, 10'000)->changes;
  for (LoggedChange& c : changes) c.revision += start, c.created += c.created == 0 ? 0 : start;
  EXPECT_EQ(this->log_of(store, start, changes.back().revision), changes);
}

// Who lists page by page while others write, and then applies the log from the first page's revision, has the truth.
TYPED_TEST_P(StoreSuite, a_list_and_the_log_behind_it_are_the_truth) {
  auto& store = this->stores.open();
  auto& writer = this->stores.open();
  for (int n = 0; n < 50; ++n)
    this->commit(writer, {this->set("k" + std::to_string(n % 20), std::to_string(n))});
  std::map<std::string, std::pair<Revision, std::string>> seen;
  std::optional<Revision> first;
  Revision last = 0;
  int written = 0;
  for (std::string after;;) {
    const auto page = store.range("k", after, 3);
    first = first.value_or(page->revision);
    for (const Item& item : page->items) seen[item.key] = {item.changed, item.value};
    if (!page->more) break;
    after = page->items.back().key;
    this->commit(writer, {this->drop("k" + std::to_string(written * 7 % 20))});
    last = this->commit(writer, {this->set("k" + std::to_string(written * 5 % 20),
                                           "late" + std::to_string(written))})
               .revision;
    ++written;
  }
  for (const LoggedChange& c : this->log_of(store, first.value_or(0), last)) {
    auto& entry = seen[c.change.key];
    if (c.revision < entry.first) continue;
    entry.first = c.revision;
    if (c.change.value)
      entry.second = *c.change.value;
    else
      seen.erase(c.change.key);
  }
  std::map<std::string, std::string> truth, found;
  for (const Item& item : this->all(store, "k")) truth[item.key] = item.value;
  for (const auto& [key, entry] : seen) found[key] = entry.second;
  EXPECT_GT(written, 3);
  EXPECT_EQ(found, truth);
}

TYPED_TEST_P(StoreSuite, has_one_identity) {
  const auto one = this->stores.open().identity();
  EXPECT_FALSE(one->empty());
  this->commit(this->stores.open(), {this->set("a", "1")});
  EXPECT_EQ(*this->stores.open().identity(), *one);
}

TYPED_TEST_P(StoreSuite, session_keys_go_with_the_process_that_set_them) {
  auto& one = this->stores.open();
  auto& two = this->stores.open();
  this->commit(one, {this->mine("a", "1"), this->mine("b", "1"), this->mine("c", "1"),
                     this->mine("d", "1"), this->set("lasting", "1")});
  this->commit(two, {this->mine("b", "2"), this->set("c", "2"), this->mine("e", "2")});
  const Revision before = this->commit(one, {this->drop("d"), this->mine("f", "1")}).revision;
  ASSERT_EQ(this->all(two, "").size(), 6U);
  this->stores.kill(one);
  const auto keys = [&] {
    std::string found;
    for (const Item& item : this->all(two, "")) found += item.key;
    return found;
  };
  // Whoever follows the log learns of it; how soon, is the back end's affair.
  std::vector<LoggedChange> log;
  while (log.size() < 2) {
    const auto more = two.changes(before, 100);
    ASSERT_TRUE(more.has_value()) << more.error().message();
    log = more->changes;
  }
  EXPECT_EQ(keys(), "bcelasting") << "also what another one has set meanwhile stays";
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].change, this->drop("a"));
  EXPECT_EQ(log[1].change, this->drop("f"));
  this->commit(two, {this->mine("a", "3")});
  EXPECT_EQ(keys(), "abcelasting");
}

TYPED_TEST_P(StoreSuite, answers_only_as_the_store_that_is_meant) {
  auto& store = this->stores.open();
  const std::string own = *store.identity();
  EXPECT_TRUE(store.commit({{}, {this->set("a", "1")}, own})->done);
  EXPECT_EQ(store.range("", "", 1, own)->items.size(), 1U);
  EXPECT_TRUE(store.changes(0, 1, own).has_value());
  const auto refused = [](const auto& result) {
    return !result && result.error().code() == ErrorCode::kUnavailable;
  };
  EXPECT_TRUE(refused(store.commit({{}, {this->set("a", "2")}, "another"})));
  EXPECT_TRUE(refused(store.range("", "", 1, "another")));
  EXPECT_TRUE(refused(store.changes(0, 1, "another")));
  EXPECT_EQ(this->all(store, "").at(0).value, "1");
}

// NOLINTEND(readability-identifier-naming)
REGISTER_TYPED_TEST_SUITE_P(StoreSuite, keeps_what_was_committed_with_its_revisions,
                            changes_all_or_nothing, lists_a_prefix_in_pages_by_bytes,
                            tells_what_changed_in_whole_transactions, says_that_the_log_was_cut,
                            refuses_what_is_too_large_or_told_twice, does_what_the_reference_does,
                            a_list_and_the_log_behind_it_are_the_truth, has_one_identity,
                            session_keys_go_with_the_process_that_set_them,
                            answers_only_as_the_store_that_is_meant);

}  // namespace vineyard::catalog
