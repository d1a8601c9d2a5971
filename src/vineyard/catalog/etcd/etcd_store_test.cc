// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/etcd_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <thread>

#include "vineyard/catalog/etcd/fakes/etcd_process.h"
#include "vineyard/catalog/fakes/store_suite.h"

namespace vineyard::catalog {
namespace {

using etcd::EtcdProcess;
using etcd::EtcdStore;

class EtcdStores {
 public:
  explicit EtcdStores(EtcdProcess::Access access = EtcdProcess::Access::kOpen)
      : server(access), access_(access) {}
  EtcdStore& open(std::function<void()> news = {}) {
    auto store = EtcdStore::open(settings(), std::move(news));
    EXPECT_TRUE((*store)->identity().has_value());
    return *stores_.emplace_back(*std::move(store));
  }
  [[nodiscard]] etcd::Settings settings() const {
    etcd::Settings settings;
    settings.endpoints = {server.endpoint()};
    settings.session = std::chrono::seconds(2);
    settings.deadline = std::chrono::seconds(30);
    if (access_ == EtcdProcess::Access::kOpen) return settings;
    settings.user = "vineyard";
    settings.password = "secret";
    settings.ca = server.text_of("ca.pem");
    settings.certificate = server.text_of("client.pem");
    settings.key = server.text_of("client.key");
    return settings;
  }
  void kill(EtcdStore& store) {
    std::erase_if(stores_, [&](const auto& one) { return one.get() == &store; });
  }
  void trim(Revision up_to) { ASSERT_TRUE(open().trim(up_to).has_value()); }

  EtcdProcess server;

 private:
  EtcdProcess::Access access_;
  std::list<std::unique_ptr<EtcdStore>> stores_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, StoreSuite, EtcdStores);

class GuardedEtcdStores : public EtcdStores {
 public:
  GuardedEtcdStores() : EtcdStores(EtcdProcess::Access::kGuarded) {}
};
INSTANTIATE_TYPED_TEST_SUITE_P(GuardedEtcd, StoreSuite, GuardedEtcdStores);

// Asks until etcd answers again; what it answers is in `found`.
template <class Ask>
auto until_it_answers(Ask ask) {
  for (;;) {
    auto found = ask();
    if (found) return found;
    EXPECT_EQ(found.error().code(), ErrorCode::kUnavailable) << found.error().message();
  }
}

TEST(EtcdStore, goes_on_after_etcd_was_killed_and_misses_nothing_of_its_log) {
  EtcdStores stores;
  EtcdStore& store = stores.open();
  EtcdStore& other = stores.open();
  const std::string identity = *store.identity();
  const Revision start = store.commit({{}, {{"a", "1"}}})->revision;
  ASSERT_TRUE(other.changes(start, 10).has_value());
  stores.server.kill();
  const auto refused = store.commit({{}, {{"a", "2"}}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message().find(stores.server.endpoint()), std::string::npos)
      << refused.error().message();
  stores.server.start(EtcdProcess::Data::kKept);
  const auto again = until_it_answers([&] { return store.commit({{}, {{"a", "3"}}, identity}); });
  EXPECT_TRUE(again->done);
  std::vector<LoggedChange> log;
  while (log.empty())
    log = until_it_answers([&] { return other.changes(start, 10, identity); })->changes;
  EXPECT_EQ(log.at(0).change.value, "3");
}

TEST(EtcdStore, is_another_store_when_its_data_were_lost) {
  EtcdStores stores;
  EtcdStore& store = stores.open();
  const std::string identity = *store.identity();
  const Revision last = store.commit({{}, {{"a", "1"}}})->revision;
  stores.server.start(EtcdProcess::Data::kLost);
  const std::string now = *until_it_answers([&] { return store.identity(); });
  EXPECT_NE(now, identity);
  EXPECT_EQ(store.commit({{}, {{"a", "2"}}, identity}).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store.range("", "", 10, identity).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store.changes(last, 10, identity).error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(store.range("", "", 10, now)->items.empty());
}

TEST(EtcdStore, a_frozen_etcd_costs_no_more_than_the_deadline_and_the_session_outlives_it) {
  EtcdStores stores;
  auto settings = stores.settings();
  settings.deadline = std::chrono::milliseconds(200);
  settings.session = std::chrono::seconds(60);
  auto store = *EtcdStore::open(settings);
  ASSERT_TRUE(store->commit({{}, {{.key = "mine", .value = "1", .session = true}}})->done);
  stores.server.freeze();
  const auto late = store->commit({{}, {{"a", "1"}}});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  stores.server.thaw();
  const auto page = until_it_answers([&] { return store->range("mine", "", 10); });
  EXPECT_EQ(page->items.size(), 1U);
}

TEST(EtcdStore, a_session_that_etcd_has_ended_is_followed_by_a_new_one) {
  EtcdStores stores;
  EtcdStore& store = stores.open();
  const Change mine{.key = "mine", .value = "1", .session = true};
  ASSERT_TRUE(store.commit({{}, {mine}})->done);
  ASSERT_TRUE(store.end_session().has_value());
  EXPECT_TRUE(store.range("mine", "", 10)->items.empty()) << "its keys went with it";
  ASSERT_TRUE(store.commit({{}, {mine}})->done);
  EXPECT_EQ(store.range("mine", "", 10)->items.size(), 1U);
  // One that was lost without its own doing: the next attempt finds out, the one after that succeeds.
  stores.server.start(EtcdProcess::Data::kLost);
  EXPECT_TRUE(until_it_answers([&] { return store.commit({{}, {mine}}); })->done);
}

TEST(EtcdStore, a_session_is_kept_while_its_process_lives) {
  EtcdStores stores;
  EtcdStore& store = stores.open();
  ASSERT_TRUE(store.commit({{}, {{.key = "mine", .value = "1", .session = true}}})->done);
  EtcdStore& other = stores.open();
  ASSERT_TRUE(other.commit({{}, {{.key = "other", .value = "1", .session = true}}})->done);
  const Revision before = store.commit({})->revision;
  stores.kill(other);
  std::vector<LoggedChange> log;
  while (log.empty()) log = store.changes(before, 10)->changes;
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].change.key, "other");
  EXPECT_EQ(store.range("mine", "", 10)->items.size(), 1U) << "a session's time has passed";
}

TEST(EtcdStore, calls_when_there_is_news) {
  EtcdStores stores;
  std::atomic<int> calls = 0;
  EtcdStore& store = stores.open([&] { ++calls, calls.notify_all(); });
  const Revision start = store.commit({})->revision;
  ASSERT_TRUE(store.changes(start, 10)->changes.empty());
  ASSERT_TRUE(stores.open().commit({{}, {{"a", "1"}}})->done);
  calls.wait(0);
  EXPECT_EQ(store.changes(start, 10)->changes.size(), 1U);
}

TEST(EtcdStore, two_prefixes_do_not_see_each_other) {
  EtcdStores stores;
  auto settings = stores.settings();
  settings.prefix = "vineyard2";
  auto other = *EtcdStore::open(settings);
  EtcdStore& store = stores.open();
  EXPECT_NE(*store.identity(), *other->identity());
  const Revision start = store.commit({})->revision;
  ASSERT_TRUE(other->commit({{}, {{"a", "1"}}})->done);
  ASSERT_TRUE(store.changes(start, 10)->changes.empty());
  ASSERT_TRUE(store.commit({{}, {{"b", "1"}}})->done);
  std::vector<LoggedChange> log;
  while (log.empty()) log = store.changes(start, 10)->changes;
  EXPECT_EQ(log.size(), 1U);
  EXPECT_EQ(store.range("", "", 10)->items.size(), 1U);
}

TEST(EtcdStore, is_refused_without_the_password_the_certificate_or_the_role) {
  GuardedEtcdStores stores;
  const auto code = [](const etcd::Settings& settings) {
    const auto identity = (*EtcdStore::open(settings))->identity();
    return identity ? ErrorCode::kNotFound : identity.error().code();
  };
  auto settings = stores.settings();
  EXPECT_EQ(code(settings), ErrorCode::kNotFound) << "no error";
  settings.prefix = "others";
  EXPECT_EQ(code(settings), ErrorCode::kDenied);
  settings = stores.settings();
  settings.password = "wrong";
  EXPECT_EQ(code(settings), ErrorCode::kDenied);
  settings = stores.settings();
  settings.deadline = std::chrono::seconds(1);
  settings.certificate.clear(), settings.key.clear();
  EXPECT_EQ(code(settings), ErrorCode::kUnavailable);
  settings = stores.settings();
  settings.ca.clear();
  settings.deadline = std::chrono::seconds(1);
  EXPECT_EQ(code(settings), ErrorCode::kUnavailable)
      << "of a server that nobody we know vouches for";
}

TEST(EtcdStore, says_which_endpoint_cannot_be_read_or_reached) {
  etcd::Settings settings;
  EXPECT_EQ(EtcdStore::open(settings).error().code(), ErrorCode::kInvalid);
  settings.endpoints = {"not an endpoint"};
  const auto bad = EtcdStore::open(settings);
  EXPECT_EQ(bad.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(bad.error().message().find("'not an endpoint'"), std::string::npos);
  settings.endpoints = {"http://127.0.0.1:1"};
  const auto nobody = (*EtcdStore::open(settings))->identity();
  EXPECT_EQ(nobody.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(nobody.error().message().find("127.0.0.1:1"), std::string::npos);
}

TEST(EtcdStore, finds_the_member_that_serves) {
  EtcdStores stores;
  auto settings = stores.settings();
  settings.endpoints = {"127.0.0.1:1", "http://" + stores.server.endpoint() + "/"};
  auto store = *EtcdStore::open(settings);
  const std::string identity = *until_it_answers([&] { return store->identity(); });
  EXPECT_EQ(identity, *stores.open().identity());
}

}  // namespace
}  // namespace vineyard::catalog
