// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/builder.h"
#include "vineyard/client/connection.h"
#include "vineyard/client/mapping_cache.h"
#include "vineyard/client/object.h"
#include "vineyard/client/options.h"
#include "vineyard/client/pins.h"
#include "vineyard/client/process.h"
#include "vineyard/client/reader.h"
#include "vineyard/client/writer.h"
#include "vineyard/os/file_identity.h"

namespace vineyard::client {

/// What this process has of one instance: connection, pins, mappings, outbox and arenas. `Client`
/// objects are handles on it, views hold slots of it.
///
/// A context whose connection is lost, or that a child inherited, does no more calls: `here` gives
/// its successor. Views of it stay good.
///
/// Owner:   itself, counted by handles and payloads, and kept by slots in use: it goes when there
///          are neither. At the end of the process it is simply left; no static destructor knows
///          it.
/// Threads: any number at once.
/// Always:  one for each process and instance (known by its socket's identity).
class Context final : private TableSource {
 public:
  /// Connects, or finds the context that is connected already. Counted for the caller.
  [[nodiscard]] static Result<Context*> connect(const ConnectOptions& options);

  void add_handle() noexcept { handles_.fetch_add(1, std::memory_order_relaxed); }
  void drop_handle() noexcept;

  /// The context that does the calls of this one's handles.
  /// Errors: those of connect, when it has to connect anew.
  [[nodiscard]] Result<Context*> here() {
    if (is_here()) return this;
    return successor();
  }
  /// Whether that is this one, as it nearly always is.
  [[nodiscard]] bool is_here() const {
    return generation() == process_generation() && !connection_->lost();
  }

  [[nodiscard]] Reader& reader() { return *reader_; }
  [[nodiscard]] Writer& writer() { return *writer_; }
  [[nodiscard]] Pins& pins() { return *pins_; }
  [[nodiscard]] std::uint32_t generation() const { return process_.generation(); }
  [[nodiscard]] ConnectionInfo info() const;
  [[nodiscard]] std::chrono::milliseconds deadline() const;
  void set_deadline(std::chrono::milliseconds deadline) { reader_->set_deadline(deadline); }

  template <protocol::RequestMessage M>
  [[nodiscard]] Result<typename M::Reply> call(const M& message, std::uint64_t wait_ms = 0) {
    auto answer =
        connection_->call(message, reader_->deadline() + std::chrono::milliseconds(wait_ms));
    if (!answer) return std::move(answer).error();
    pins_->keep_spare(*this);
    return std::move(answer->reply);
  }

  /// An object under a pin: the document is validated.
  [[nodiscard]] Result<Object> object(ObjectId id, std::uint64_t wait_ms);
  [[nodiscard]] Result<Payload> reserve(std::uint64_t size);
  /// What a payload reserved, to be published; the payload is empty afterwards.
  /// Errors: invalid (nothing in it), unavailable (of a connection that was lost, or of the parent
  /// process).
  [[nodiscard]] Result<Writer::Part> take(Payload& payload);

 private:
  struct Joined;
  Context(Process& process, ConnectOptions options, os::FileIdentity identity);
  ~Context() override = default;

  [[nodiscard]] static Result<Context*> connect_locked(Process& process,
                                                       const ConnectOptions& options);
  [[nodiscard]] static Context* find(Process& process, const std::vector<std::string>& candidates);
  [[nodiscard]] static Result<Context*> join(Process& process, const ConnectOptions& options,
                                             os::UniqueFd socket, const std::string& path);
  [[nodiscard]] Result<void> join_as_client();
  [[nodiscard]] Result<void> map_joined(Answer<protocol::JoinReply>& answer);
  [[nodiscard]] Result<Context*> successor();
  [[nodiscard]] bool end_if_unused();
  Result<os::MappedRegion> new_table() override;
  [[nodiscard]] Result<void> say_mapped(std::uint32_t kind, std::uint64_t number);

  Process& process_;
  ConnectOptions options_;
  const os::FileIdentity identity_;  // of the socket
  std::atomic<std::uint64_t> handles_{0};
  std::atomic<Context*> successor_{nullptr};

  std::string version_;
  std::uint64_t instance_ = 0;
  std::uint64_t pool_bytes_ = 0;
  Membership me_;
  os::MappedRegion region_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Pins> pins_;
  std::unique_ptr<MappingCache> mappings_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace vineyard::client
