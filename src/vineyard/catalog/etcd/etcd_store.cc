// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/etcd_store.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <set>
#include <utility>

#include <etcd.grpc.pb.h>
#include "vineyard/base/try.h"
#include "vineyard/os/random.h"

namespace vineyard::catalog::etcd {
namespace {

using etcdserverpb::Compare;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

Result<TxnResponse> send(Connection& connection, std::string_view what, const TxnRequest& request) {
  TxnResponse response;
  VY_TRY(connection.call(what, [&](const auto& channel, grpc::ClientContext& context) {
    return etcdserverpb::KV::NewStub(channel)->Txn(&context, request, &response);
  }));
  return response;
}

void expect_value(TxnRequest& request, const std::string& key, std::string_view value) {
  Compare& compare = *request.add_compare();
  compare.set_target(Compare::VALUE);
  compare.set_key(key);
  compare.set_value(std::string(value));
}

Item item_of(const etcdserverpb::KeyValue& kv, std::size_t prefix) {
  return {.key = kv.key().substr(prefix),
          .value = kv.value(),
          .created = static_cast<Revision>(kv.create_revision()),
          .changed = static_cast<Revision>(kv.mod_revision())};
}

}  // namespace

EtcdStore::EtcdStore(OfOpen, std::unique_ptr<Connection> connection, std::function<void()> news)
    : connection_(std::move(connection)),
      session_(*connection_),
      log_(*connection_, std::move(news)) {}

Result<std::unique_ptr<EtcdStore>> EtcdStore::open(Settings settings, std::function<void()> news) {
  VY_TRY(auto connection, Connection::make(std::move(settings)));
  return std::make_unique<EtcdStore>(OfOpen{}, std::move(connection), std::move(news));
}

std::string EtcdStore::key_of(std::string_view key) const {
  return connection_->settings().prefix + "/" + std::string(key);
}

// It stands under the prefix itself, which is no key of the catalog: those are not empty.
Result<std::string> EtcdStore::identity() {
  TxnRequest request;
  Compare& compare = *request.add_compare();
  compare.set_target(Compare::CREATE);
  compare.set_key(key_of(""));
  compare.set_create_revision(0);
  const std::string fresh = fmt::format("etcd-{:016x}", os::random_bits());
  auto& put = *request.add_success()->mutable_request_put();
  put.set_key(key_of(""));
  put.set_value(fresh);
  request.add_failure()->mutable_request_range()->set_key(key_of(""));
  VY_TRY(const TxnResponse response, send(*connection_, "say which store it is", request));
  if (response.succeeded()) return fresh;
  const auto& found = response.responses(0).response_range();
  if (found.kvs_size() != 1)
    return Error(ErrorCode::kUnavailable, "etcd has lost the identity of the store just now");
  return found.kvs(0).value();
}

Result<Committed> EtcdStore::commit(const Transaction& transaction) {
  VY_TRY(check(transaction));
  TxnRequest request;
  std::int64_t lease = 0;
  if (std::ranges::any_of(transaction.changes, &Change::session)) {
    VY_TRY(lease, session_.lease());
  }
  std::set<std::string_view> asked;
  for (const Condition& c : transaction.conditions) {
    Compare& compare = *request.add_compare();
    compare.set_key(key_of(c.key));
    const auto revision = static_cast<std::int64_t>(c.revision);
    if (c.of == Condition::Of::kCreated) {
      compare.set_target(Compare::CREATE);
      compare.set_create_revision(revision);
    } else {
      compare.set_target(Compare::MOD);
      compare.set_mod_revision(revision);
    }
    if (asked.insert(c.key).second)
      request.add_failure()->mutable_request_range()->set_key(key_of(c.key));
  }
  if (!transaction.identity.empty()) {
    expect_value(request, key_of(""), transaction.identity);
    request.add_failure()->mutable_request_range()->set_key(key_of(""));
  }
  for (const Change& change : transaction.changes) {
    etcdserverpb::RequestOp& op = *request.add_success();
    if (!change.value) {
      op.mutable_request_delete_range()->set_key(key_of(change.key));
      continue;
    }
    auto& put = *op.mutable_request_put();
    put.set_key(key_of(change.key));
    put.set_value(*change.value);
    if (change.session) put.set_lease(lease);
  }
  auto sent = send(*connection_, "commit", request);
  if (!sent) {
    if (lease != 0 && sent.error().message().find("lease not found") != std::string::npos)
      session_.lost(lease);
    return std::move(sent).error();
  }
  Committed result{.done = sent->succeeded(),
                   .revision = static_cast<Revision>(sent->header().revision()),
                   .present = {}};
  if (result.done) return result;
  if (!transaction.identity.empty()) {
    const auto& found = sent->responses(sent->responses_size() - 1).response_range();
    VY_TRY(check_identity(transaction.identity, found.kvs_size() == 0 ? "" : found.kvs(0).value()));
    sent->mutable_responses()->RemoveLast();
  }
  for (const etcdserverpb::ResponseOp& op : sent->responses())
    for (const etcdserverpb::KeyValue& kv : op.response_range().kvs())
      result.present.push_back(item_of(kv, key_of("").size()));
  return result;
}

Result<Page> EtcdStore::range(std::string_view prefix, std::string_view after, std::size_t limit,
                              std::string_view meant) {
  TxnRequest request;
  if (!meant.empty()) {
    expect_value(request, key_of(""), meant);
    request.add_failure()->mutable_request_range()->set_key(key_of(""));
  }
  auto& range = *request.add_success()->mutable_request_range();
  // Behind `after`, and behind the store's identity, which is the first of all.
  std::string begin = key_of(std::max(prefix, after));
  if (after >= prefix || prefix.empty()) begin.push_back('\0');
  range.set_key(begin);
  range.set_range_end(key_behind(key_of(prefix)));
  range.set_limit(static_cast<std::int64_t>(limit));
  VY_TRY(const TxnResponse response, send(*connection_, "list", request));
  const auto& found = response.responses(0).response_range();
  if (!response.succeeded()) {
    VY_TRY(check_identity(meant, found.kvs_size() == 0 ? "" : found.kvs(0).value()));
  }
  Page page{.items = {},
            .revision = static_cast<Revision>(response.header().revision()),
            .more = found.more()};
  for (const etcdserverpb::KeyValue& kv : found.kvs())
    page.items.push_back(item_of(kv, key_of("").size()));
  return page;
}

Result<Changes> EtcdStore::changes(Revision after, std::size_t limit, std::string_view meant) {
  const bool is_other = !meant.empty() && meant != log_identity_;
  return is_other || !log_.is_at(after) ? begin_log(after, limit, meant) : log_.take(limit);
}

// etcd would wait for a revision from the future, and another store would tell of its own: so it is asked first.
Result<Changes> EtcdStore::begin_log(Revision after, std::size_t limit, std::string_view meant) {
  log_.stop();
  VY_TRY(log_identity_, identity());
  VY_TRY(check_identity(meant, log_identity_));
  VY_TRY(const Page now, range({}, {}, 1, log_identity_));
  if (after > now.revision)
    return Changes{.changes = {}, .revision = now.revision, .trimmed = true};
  VY_TRY(log_.follow(after));
  return log_.take(limit);
}

Result<void> EtcdStore::trim(Revision up_to) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(static_cast<std::int64_t>(up_to) + 1);
  etcdserverpb::CompactionResponse response;
  return connection_->call("forget", [&](const auto& channel, grpc::ClientContext& context) {
    return etcdserverpb::KV::NewStub(channel)->Compact(&context, request, &response);
  });
}

}  // namespace vineyard::catalog::etcd
