// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/client/builder.h"
#include "vineyard/client/object.h"
#include "vineyard/client/options.h"
#include "vineyard/client/view.h"
#include "vineyard/meta/document_builder.h"

namespace vineyard {

/// A handle on this process's connection with one instance on this host.
///
/// Owner:   whoever holds it; copies share one context per process and instance. Views, objects and
///          payloads keep what they need without it.
/// Threads: any number at once, also on copies. After `fork`, a child's first call makes a
///          connection of its own.
/// Always:  each call has one outcome, by its deadline. Errors common to all calls that need the
///          daemon: unavailable (gone, or not reachable), deadline (stopped or busy: the outcome is
///          unknown).
class Client {
 public:
  /// Errors: unavailable (nobody serves the socket; says where it looked and what to do), denied,
  /// unsupported (the daemon speaks another version), full (its clients).
  [[nodiscard]] static Result<Client> connect(const ConnectOptions& options = {});

  Client(const Client& other) noexcept;
  Client(Client&& other) noexcept;
  Client& operator=(const Client& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  ~Client();

  [[nodiscard]] ConnectionInfo connection() const;
  /// How long a call waits for the daemon: of all clients of this process that share the connection.
  [[nodiscard]] std::chrono::milliseconds deadline() const;
  /// From 1 ms to 49 days.
  void set_deadline(std::chrono::milliseconds deadline) const;

  // ---- put

  /// Copies `bytes` into the pool and publishes them. No message while grants and room last.
  /// Errors: full (says who holds what), invalid (too large).
  [[nodiscard]] Result<ObjectId> put_blob(std::span<const std::byte> bytes) const;
  /// Room for `size` bytes, to be written in place. Errors: as put_blob.
  [[nodiscard]] Result<Payload> reserve(ByteCount size) const;
  /// Publishes a payload as a blob. On failure the payload is given up.
  [[nodiscard]] Result<ObjectId> publish_blob(Payload&& payload) const;
  /// Publishes payloads and the object that consists of them, by one store: everybody sees all or
  /// nothing. `payloads` are the blobs that `builder.add_payload()` declared without a known id, in
  /// that order. The members that the document names are pinned meanwhile. Errors: not_found (names
  /// the member that is not there), invalid (the document; or another number of payloads), full. On
  /// failure the payloads are given up.
  [[nodiscard]] Result<ObjectId> publish(meta::DocumentBuilder& builder,
                                         std::span<Payload> payloads = {}) const;

  /// An id that is known before its bytes, used by `publish_as`. One message.
  [[nodiscard]] Result<ObjectId> reserve_id(IdKind kind) const;
  /// Publishes a blob under an id of `reserve_id`. One message.
  [[nodiscard]] Result<ObjectId> publish_as(ObjectId id, Payload&& payload) const;
  /// Publishes an object under an id of `reserve_id`. One message.
  [[nodiscard]] Result<ObjectId> publish_as(ObjectId id, meta::DocumentBuilder& builder,
                                            std::span<Payload> payloads = {}) const;
  [[nodiscard]] Result<BlobBuilder> create_blob(ByteCount size) const;

  // ---- get

  /// Pins an object and shows its bytes: of a blob its payload, else the validated document. No
  /// message for what is live on this host. Errors: not_found, full (pins: names the quota),
  /// corrupt (its writer published nonsense).
  [[nodiscard]] Result<View> get_view(ObjectId id, const GetOptions& options = {}) const;
  [[nodiscard]] Result<Object> get(ObjectId id, const GetOptions& options = {}) const;
  /// By `o` and 16 hexadecimal digits, or else by name.
  [[nodiscard]] Result<Object> get(std::string_view id_or_name,
                                   const GetOptions& options = {}) const;
  /// Many at once, in the order of `ids`: faster than one by one. Errors: as get, for the first
  /// that fails.
  [[nodiscard]] Result<std::vector<Object>> get_many(std::span<const ObjectId> ids,
                                                     const GetOptions& options = {}) const;
  /// A private, writable copy of all bytes of a blob.
  [[nodiscard]] Result<WritableCopy> get_writable(ObjectId blob,
                                                  const GetOptions& options = {}) const;

  // ---- names

  [[nodiscard]] Result<void> put_name(std::string_view name, ObjectId id,
                                      NameMode mode = NameMode::kReplace) const;
  /// Errors: not_found (no such name, within the time to wait).
  [[nodiscard]] Result<ObjectId> get_name(std::string_view name,
                                          const GetNameOptions& options = {}) const;
  /// Whether the name existed. The object stays.
  [[nodiscard]] Result<bool> drop_name(std::string_view name) const;
  [[nodiscard]] Result<std::vector<NamedObject>> list_names(const ListOptions& options = {}) const;

  // ---- objects of the instance

  [[nodiscard]] Result<bool> exists(ObjectId id) const;
  [[nodiscard]] Result<std::vector<bool>> exists(std::span<const ObjectId> ids) const;
  [[nodiscard]] Result<DeleteReport> remove(std::span<const ObjectId> ids,
                                            const DeleteOptions& options = {}) const;
  /// When an object became part of the index, a moment after it was published; by the clock of this host. A message
  /// only if it is not part of it yet. Errors: not_found.
  [[nodiscard]] Result<std::chrono::sys_time<std::chrono::milliseconds>> created_at(
      ObjectId id) const;
  /// The blob whose bytes begin at an address of a view of this process; nothing if none does. Looks
  /// at every entry of the instance.
  [[nodiscard]] Result<std::optional<ObjectId>> find_blob(const void* address) const;
  /// Objects whose type name matches, oldest entry first.
  [[nodiscard]] Result<std::vector<ObjectId>> list(const ListOptions& options = {}) const;
  /// Has everything that this client published taken into the index. (Nobody needs it to read or be
  /// read.)
  [[nodiscard]] Result<void> sync() const;
  /// Deletes every object and name of the instance. Returns how many objects.
  [[nodiscard]] Result<std::uint32_t> clear() const;
  [[nodiscard]] Result<std::string> status_json() const;
  [[nodiscard]] Result<CheckReport> check_json() const;
  /// Ends another client by its serial.
  [[nodiscard]] Result<void> kick(std::uint64_t serial) const;

 private:
  friend class client::Context;
  friend class BlobBuilder;
  explicit Client(client::Context* context) noexcept;
  client::Context* context_ =
      nullptr;  // counted by the context's own counter; null only when moved from
};

}  // namespace vineyard
