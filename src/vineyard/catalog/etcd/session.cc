// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/session.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <etcd.grpc.pb.h>
#include "vineyard/base/try.h"

namespace vineyard::catalog::etcd {
namespace {

constexpr int kRenewalsPerSession = 4;

}  // namespace

Session::~Session() {
  {
    const MutexLock lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
}

Result<std::int64_t> Session::lease() {
  {
    const MutexLock lock(mutex_);
    if (lease_ != 0) return lease_;
  }
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(connection_.settings().session.count());
  etcdserverpb::LeaseGrantResponse response;
  VY_TRY(connection_.call("grant a lease", [&](const auto& channel, grpc::ClientContext& context) {
    return etcdserverpb::Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
  }));
  if (!response.error().empty() || response.id() == 0)
    return Error(ErrorCode::kUnavailable,
                 fmt::format("etcd grants no lease: {}", response.error()));
  const MutexLock lock(mutex_);
  lease_ = response.id();
  if (!keeper_.joinable()) keeper_ = std::jthread([this] { keep_alive(); });
  return lease_;
}

void Session::lost(std::int64_t lease) {
  const MutexLock lock(mutex_);
  if (lease_ == lease) lease_ = 0;
}

Result<void> Session::end() {
  etcdserverpb::LeaseRevokeRequest request;
  {
    const MutexLock lock(mutex_);
    if (lease_ == 0) return {};
    request.set_id(std::exchange(lease_, 0));
  }
  etcdserverpb::LeaseRevokeResponse response;
  return connection_.call("end a lease", [&](const auto& channel, grpc::ClientContext& context) {
    return etcdserverpb::Lease::NewStub(channel)->LeaseRevoke(&context, request, &response);
  });
}

void Session::keep_alive() {
  const auto every =
      std::chrono::milliseconds(connection_.settings().session) / kRenewalsPerSession;
  for (;;) {
    std::int64_t mine = 0;
    {
      const MutexLock lock(mutex_);
      if (!is_over_) changed_.wait_for(mutex_, every);
      if (is_over_) return;
      mine = lease_;
    }
    if (mine != 0 && !renew(mine)) lost(mine);
  }
}

// A stream for one message: it needs no reader of its own, and the next one finds another member by itself.
bool Session::renew(std::int64_t lease) {
  std::int64_t left = -1;  // -1: no answer, so nothing is known
  (void)connection_.call("renew a lease", [&](const auto& channel, grpc::ClientContext& context) {
    const auto stream = etcdserverpb::Lease::NewStub(channel)->LeaseKeepAlive(&context);
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(lease);
    etcdserverpb::LeaseKeepAliveResponse response;
    if (stream->Write(request) && stream->Read(&response)) left = response.ttl();
    context.TryCancel();
    grpc::Status status = stream->Finish();
    return left >= 0 ? grpc::Status::OK : status;
  });
  return left != 0;
}

}  // namespace vineyard::catalog::etcd
