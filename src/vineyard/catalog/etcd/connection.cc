// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/connection.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <utility>

#include <etcd.grpc.pb.h>
#include "vineyard/base/try.h"

namespace vineyard::catalog::etcd {
namespace {

constexpr int kKeepaliveMs = 10'000;  // etcd refuses clients that ask more often than every 5 s
constexpr int kKeepalivePatienceMs = 5'000;
constexpr int kLongestPauseMs = 1'000;  // between attempts to connect
constexpr const char* kToken = "token";

gpr_timespec from_now(std::chrono::milliseconds time) {
  return gpr_time_add(gpr_now(GPR_CLOCK_REALTIME),
                      gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

bool is_token_refused(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         status.error_message().find("invalid auth token") != std::string::npos;
}

}  // namespace

Connection::Connection(OfMake, Settings settings, std::vector<ChannelPtr> channels)
    : settings_(std::move(settings)), channels_(std::move(channels)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::make(Settings settings) {
  const Settings& s = settings;
  std::vector<ChannelPtr> channels;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepalivePatienceMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestPauseMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  for (std::string_view endpoint : s.endpoints) {
    bool is_secure = !s.ca.empty() || !s.certificate.empty();
    if (endpoint.starts_with("https://")) is_secure = true;
    if (const auto at = endpoint.find("://"); at != std::string_view::npos)
      endpoint.remove_prefix(at + 3);
    while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
    if (endpoint.find(':') == std::string_view::npos ||
        endpoint.find('/') != std::string_view::npos)
      return Error(
          ErrorCode::kInvalid,
          fmt::format(
              "'{}' is no endpoint of etcd: host:port is, with http:// or https:// or without",
              endpoint));
    const auto credentials = is_secure ? grpc::SslCredentials({.pem_root_certs = s.ca,
                                                               .pem_private_key = s.key,
                                                               .pem_cert_chain = s.certificate})
                                       : grpc::InsecureChannelCredentials();
    channels.push_back(grpc::CreateCustomChannel(std::string(endpoint), credentials, arguments));
  }
  if (channels.empty()) return Error(ErrorCode::kInvalid, "no endpoint of etcd is given");
  return std::make_unique<Connection>(OfMake{}, std::move(settings), std::move(channels));
}

ChannelPtr Connection::channel() {
  const MutexLock lock(mutex_);
  return channels_[current_];
}

void Connection::failed(const ChannelPtr& channel) {
  const MutexLock lock(mutex_);
  if (channels_[current_] == channel) current_ = (current_ + 1) % channels_.size();
}

Error Connection::error_of(std::string_view what, const grpc::Status& status) const {
  const auto code = [&] {
    switch (status.error_code()) {
      case grpc::StatusCode::PERMISSION_DENIED:
      case grpc::StatusCode::UNAUTHENTICATED: return ErrorCode::kDenied;
      case grpc::StatusCode::INVALID_ARGUMENT:
      case grpc::StatusCode::OUT_OF_RANGE: return ErrorCode::kInvalid;
      default: return ErrorCode::kUnavailable;
    }
  }();
  return {code, fmt::format("etcd ({}) does not {}: {}", fmt::join(settings_.endpoints, ", "), what,
                            status.error_message())};
}

Result<std::string> Connection::token(Token which) {
  if (settings_.user.empty()) return std::string();
  {
    const MutexLock lock(mutex_);
    if (which == Token::kKnown && !token_.empty()) return token_;
  }
  grpc::ClientContext context;
  context.set_deadline(from_now(settings_.deadline));
  etcdserverpb::AuthenticateRequest request;
  request.set_name(settings_.user);
  request.set_password(settings_.password);
  etcdserverpb::AuthenticateResponse response;
  const auto used = channel();
  const grpc::Status status =
      etcdserverpb::Auth::NewStub(used)->Authenticate(&context, request, &response);
  if (!status.ok()) {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) failed(used);
    Error error = error_of("let user '" + settings_.user + "' in", status);
    if (error.code() == ErrorCode::kInvalid) return Error(ErrorCode::kDenied, error.message());
    return error;
  }
  const MutexLock lock(mutex_);
  token_ = response.token();
  return token_;
}

Result<void> Connection::prepare(grpc::ClientContext& context) {
  VY_TRY(const std::string mine, token(Token::kKnown));
  if (!mine.empty()) context.AddMetadata(kToken, mine);
  return {};
}

Result<void> Connection::call(std::string_view what, const Send& send) {
  for (bool renewed = false;; renewed = true) {
    VY_TRY(const std::string mine, token(renewed ? Token::kFresh : Token::kKnown));
    grpc::ClientContext context;
    context.set_deadline(from_now(settings_.deadline));
    if (!mine.empty()) context.AddMetadata(kToken, mine);
    const auto used = channel();
    const grpc::Status status = send(used, context);
    if (status.ok()) return {};
    if (!mine.empty() && !renewed && is_token_refused(status)) continue;
    const auto code = status.error_code();
    if (code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED)
      failed(used);
    return error_of(what, status);
  }
}

}  // namespace vineyard::catalog::etcd
