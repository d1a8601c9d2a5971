// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/watch_log.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include <etcd.grpc.pb.h>
#include "vineyard/base/try.h"

namespace vineyard::catalog::etcd {

/// One call of Watch.
///
/// Owner:   the log; its reader uses it until it ends.
/// Threads: `read` of one, `cancel` of another.
/// Always:  a stream that was cancelled ends soon.
struct WatchLog::Stream {
  ChannelPtr channel;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>>
      calls;
};

WatchLog::WatchLog(Connection& connection, std::function<void()> news)
    : connection_(connection), news_(std::move(news)) {}

WatchLog::~WatchLog() {
  stop();
}

void WatchLog::stop() {
  if (stream_) stream_->context.TryCancel();
  {
    const MutexLock lock(mutex_);
    is_over_ = true;
  }
  room_.notify_all();
  if (reader_.joinable()) reader_.join();
  stream_.reset();
}

Result<void> WatchLog::follow(Revision after) {
  stop();
  auto stream = std::make_unique<Stream>();
  stream->channel = connection_.channel();
  VY_TRY(connection_.prepare(stream->context));
  stream->calls = etcdserverpb::Watch::NewStub(stream->channel)->Watch(&stream->context);
  const std::string begin = connection_.settings().prefix + "/";
  etcdserverpb::WatchRequest request;
  auto& create = *request.mutable_create_request();
  create.set_key(begin);
  create.set_range_end(key_behind(begin));
  create.set_start_revision(static_cast<std::int64_t>(after) + 1);
  if (!stream->calls->Write(request)) {
    const grpc::Status status = stream->calls->Finish();
    connection_.failed(stream->channel);
    return Error(ErrorCode::kUnavailable,
                 "etcd does not tell what changes: " + status.error_message());
  }
  {
    const MutexLock lock(mutex_);
    held_.clear();
    taken_ = after;
    is_over_ = is_trimmed_ = false;
  }
  stream_ = std::move(stream);
  reader_ = std::jthread([this, used = stream_.get()] { read(*used); });
  return {};
}

void WatchLog::read(Stream& stream) {
  etcdserverpb::WatchResponse response;
  while (stream.calls->Read(&response) && add(response)) {
  }
  stream.context.TryCancel();
  (void)stream.calls->Finish();
  {
    const MutexLock lock(mutex_);
    if (!is_over_ && !is_trimmed_) connection_.failed(stream.channel);
    is_over_ = true;
  }
  if (news_) news_();
}

bool WatchLog::add(const etcdserverpb::WatchResponse& response) {
  const std::size_t prefix = connection_.settings().prefix.size() + 1;
  MutexLock lock(mutex_);
  if (response.canceled() || response.compact_revision() != 0) {
    is_trimmed_ = response.compact_revision() != 0;
    return false;
  }
  if (response.events_size() == 0) return true;
  while (held_.size() >= kMostHeld && !is_over_) room_.wait(mutex_);
  for (const etcdserverpb::Event& event : response.events()) {
    const etcdserverpb::KeyValue& kv = event.kv();
    const bool is_set = event.type() == etcdserverpb::Event::PUT;
    LoggedChange change;
    change.revision = static_cast<Revision>(kv.mod_revision());
    change.change.key = kv.key().substr(prefix);
    if (change.change.key.empty()) continue;  // the store's identity
    if (is_set) change.change.value = kv.value();
    change.created = is_set ? static_cast<Revision>(kv.create_revision()) : 0;
    held_.push_back(std::move(change));
  }
  const bool goes_on = !is_over_;
  lock.unlock();
  if (news_) news_();
  return goes_on;
}

bool WatchLog::is_at(Revision after) const {
  const MutexLock lock(mutex_);
  return taken_ == after && (!is_over_ || is_trimmed_ || !held_.empty());
}

Changes WatchLog::take(std::size_t limit) {
  Changes changes;
  {
    const MutexLock lock(mutex_);
    while (!held_.empty()) {
      const bool begins =
          changes.changes.empty() || changes.changes.back().revision != held_.front().revision;
      if (begins && !changes.changes.empty() && changes.changes.size() >= limit) break;
      changes.changes.push_back(std::move(held_.front()));
      held_.pop_front();
    }
    if (!changes.changes.empty()) taken_ = changes.changes.back().revision;
    changes.revision = taken_;
    changes.trimmed = changes.changes.empty() && is_trimmed_;
  }
  room_.notify_all();
  return changes;
}

}  // namespace vineyard::catalog::etcd
