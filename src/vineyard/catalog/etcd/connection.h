// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/mutex.h"
#include "vineyard/base/result.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace vineyard::catalog::etcd {

/// Shared: calls and streams on the way keep theirs.
using ChannelPtr = std::shared_ptr<grpc::Channel>;

/// How etcd is reached, and who asks.
struct Settings {
  std::vector<std::string> endpoints;  // host:port, of one cluster; http:// and https:// are taken
  std::string prefix = "vineyard";     // of all keys of this catalog
  std::chrono::milliseconds deadline{5'000};  // of each call
  std::chrono::seconds session{
      10};           // how long a process may be out of reach before its session ends
  std::string user;  // empty: no password is asked for
  std::string password;
  // PEM texts. Without `ca`, and without https://, what goes over the wire is not encrypted.
  std::string ca;
  std::string certificate;
  std::string key;
};

/// The way to etcd: one of its members at a time, the next one when that is out of reach; and the token of who asks.
///
/// Owner:   the store and its session.
/// Threads: any number at once.
/// Always:  a call is sent once, unless etcd refused it for an old token before it looked at it.
class Connection {
  struct OfMake {};

 public:
  /// Errors: invalid (no endpoint, one that cannot be read).
  static Result<std::unique_ptr<Connection>> make(Settings settings);
  Connection(OfMake, Settings settings, std::vector<ChannelPtr> channels);
  ~Connection();

  [[nodiscard]] const Settings& settings() const { return settings_; }

  /// `send(channel, context)` makes one call; it is waited for as long as `Settings::deadline` says.
  /// Errors: unavailable, denied, invalid.
  using Send = std::function<grpc::Status(const ChannelPtr&, grpc::ClientContext&)>;
  Result<void> call(std::string_view what, const Send& send);

  /// For streams, which have no deadline: the member in use, and a context with the token.
  [[nodiscard]] ChannelPtr channel();
  Result<void> prepare(grpc::ClientContext& context);
  /// A stream broke: the member may be gone.
  void failed(const ChannelPtr& channel);

 private:
  enum class Token : std::uint8_t { kKnown, kFresh };
  Result<std::string> token(Token which);
  [[nodiscard]] Error error_of(std::string_view what, const grpc::Status& status) const;

  const Settings settings_;
  Mutex mutex_;
  std::vector<ChannelPtr> channels_ VY_GUARDED_BY(mutex_);
  std::size_t current_ VY_GUARDED_BY(mutex_) = 0;
  std::string token_ VY_GUARDED_BY(mutex_);
};

}  // namespace vineyard::catalog::etcd
