// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/client.h"

#include <algorithm>
#include <utility>

#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"
#include "vineyard/client/context.h"

namespace vineyard {
namespace {

using client::Context;
using client::Writer;

std::uint32_t page_limit(std::uint32_t wanted) {
  return std::min(wanted, limits::kIdsPerMessage);
}

// As the daemon checks it: a longer one would not even fit into a message.
Result<void> check_name(std::string_view name) {
  if (!name.empty() && name.size() <= limits::kMaxName) return {};
  return Error(ErrorCode::kInvalid, "a name has 1 to " + std::to_string(limits::kMaxName) +
                                        " bytes, this one has " + std::to_string(name.size()));
}

Result<std::vector<Writer::Part>> take_all(Context& context, std::span<Payload> payloads) {
  std::vector<Writer::Part> parts;
  for (Payload& p : payloads) {
    auto part = context.take(p);
    if (!part) {
      for (const Writer::Part& taken : parts) context.writer().give_up(taken.where);
      return std::move(part).error();
    }
    parts.push_back(*part);
  }
  return parts;
}

}  // namespace

Client::Client(Context* context) noexcept : context_(context) {}
Client::Client(const Client& other) noexcept : context_(other.context_) {
  if (context_ != nullptr) context_->add_handle();
}
Client::Client(Client&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
Client& Client::operator=(const Client& other) noexcept {
  Client copy(other);
  std::swap(context_, copy.context_);
  return *this;
}
Client& Client::operator=(Client&& other) noexcept {
  Client moved(std::move(other));
  std::swap(context_, moved.context_);
  return *this;
}
Client::~Client() {
  if (context_ != nullptr) context_->drop_handle();
}

Result<Client> Client::connect(const ConnectOptions& options) {
  VY_TRY(Context * context, Context::connect(options));
  return Client(context);
}

ConnectionInfo Client::connection() const {
  const auto here = context_->here();
  return here ? (*here)->info() : context_->info();
}

std::chrono::milliseconds Client::deadline() const {
  const auto here = context_->here();
  return here ? (*here)->deadline() : context_->deadline();
}

void Client::set_deadline(std::chrono::milliseconds deadline) const {
  // Both: the one to come takes it from the last that was.
  context_->set_deadline(deadline);
  if (const auto here = context_->here()) (*here)->set_deadline(deadline);
}

// ---- put

Result<ObjectId> Client::put_blob(std::span<const std::byte> bytes) const {
  if (context_->is_here()) [[likely]]
    return context_->writer().put_blob(bytes);
  VY_TRY(Context * context, context_->here());
  return context->writer().put_blob(bytes);
}

Result<Payload> Client::reserve(ByteCount size) const {
  VY_TRY(Context * context, context_->here());
  return context->reserve(size.value);
}

Result<ObjectId> Client::publish_blob(Payload&& payload) const {
  Payload mine = std::move(payload);
  VY_TRY(Context * context, context_->here());
  if (mine.is_open() && mine.size() == 0) return ObjectId::empty_blob();
  VY_TRY(const auto part, context->take(mine));
  return context->writer().publish_blob(part.where, part.size);
}

Result<ObjectId> Client::publish(meta::DocumentBuilder& builder,
                                 std::span<Payload> payloads) const {
  return publish_as(ObjectId(0), builder, payloads);
}

Result<ObjectId> Client::reserve_id(IdKind kind) const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(const auto reply,
         context->call(protocol::ReserveRequest{static_cast<std::uint32_t>(kind)}));
  const ObjectId id(reply.id);
  return kind == IdKind::kBlob ? id.with_blob_bit() : id;
}

Result<ObjectId> Client::publish_as(ObjectId id, Payload&& payload) const {
  Payload mine = std::move(payload);
  VY_TRY(Context * context, context_->here());
  VY_TRY(const auto part, context->take(mine));
  return context->writer().publish_blob_as(id.without_blob_bit(), part.where, part.size);
}

Result<ObjectId> Client::publish_as(ObjectId id, meta::DocumentBuilder& builder,
                                    std::span<Payload> payloads) const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(const auto parts, take_all(*context, payloads));
  auto document = builder.finish();
  if (!document) {
    for (const Writer::Part& p : parts) context->writer().give_up(p.where);
    return std::move(document).error();
  }
  return context->writer().publish_as(id, *document, parts);
}

Result<BlobBuilder> Client::create_blob(ByteCount size) const {
  VY_TRY(Payload payload, reserve(size));
  return BlobBuilder(std::make_unique<Client>(*this), std::move(payload));
}

// ---- get

Result<View> Client::get_view(ObjectId id, const GetOptions& options) const {
  if (context_->is_here()) [[likely]]
    return context_->reader().view(id, options.wait_ms);
  VY_TRY(Context * context, context_->here());
  return context->reader().view(id, options.wait_ms);
}

Result<Object> Client::get(ObjectId id, const GetOptions& options) const {
  VY_TRY(Context * context, context_->here());
  return context->object(id, options.wait_ms);
}

Result<Object> Client::get(std::string_view id_or_name, const GetOptions& options) const {
  if (const auto id = ObjectId::parse(id_or_name)) return get(*id, options);
  VY_TRY(const ObjectId id, get_name(id_or_name, {.wait_ms = options.wait_ms}));
  auto object = get(id, options);
  if (!object && object.error().code() == ErrorCode::kNotFound) {
    return std::move(object).error().with_context("the name '" + std::string(id_or_name) + "'");
  }
  return object;
}

Result<std::vector<Object>> Client::get_many(std::span<const ObjectId> ids,
                                             const GetOptions& options) const {
  constexpr std::size_t kAhead = 16;
  VY_TRY(Context * context, context_->here());
  std::vector<Object> objects;
  objects.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % kAhead == 0) context->reader().prefetch(ids.subspan(i));
    VY_TRY(auto object, context->object(ids[i], options.wait_ms));
    objects.push_back(std::move(object));
  }
  return objects;
}

Result<WritableCopy> Client::get_writable(ObjectId blob, const GetOptions& options) const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(View view, context->reader().view(blob, options.wait_ms));
  const std::size_t size = view.size();
  return context->reader().writable(std::move(view), 0, size);
}

// ---- names

Result<void> Client::put_name(std::string_view name, ObjectId id, NameMode mode) const {
  VY_TRY(check_name(name));
  VY_TRY(Context * context, context_->here());
  VY_TRY(context->call(
      protocol::PutNameRequest{std::string(name), id.value, static_cast<std::uint32_t>(mode)}));
  return {};
}

Result<ObjectId> Client::get_name(std::string_view name, const GetNameOptions& options) const {
  VY_TRY(check_name(name));
  VY_TRY(Context * context, context_->here());
  if (options.freshness == Freshness::kSeen) {
    if (const auto id = context->reader().find_name(name)) return *id;
  }
  const std::uint64_t wait_ms = std::min(options.wait_ms, limits::kLongestWaitMs);
  VY_TRY(const auto reply,
         context->call(protocol::GetNameRequest{std::string(name), wait_ms}, wait_ms));
  return ObjectId(reply.id);
}

Result<bool> Client::drop_name(std::string_view name) const {
  VY_TRY(check_name(name));
  VY_TRY(Context * context, context_->here());
  VY_TRY(const auto reply, context->call(protocol::DropNameRequest{std::string(name)}));
  return reply.existed != 0;
}

Result<std::vector<NamedObject>> Client::list_names(const ListOptions& options) const {
  VY_TRY(Context * context, context_->here());
  std::vector<NamedObject> found;
  std::string after;
  while (found.size() < options.limit) {
    const auto left = static_cast<std::uint32_t>(options.limit - found.size());
    VY_TRY(auto page, context->call(protocol::ListNamesRequest{
                          options.pattern, static_cast<std::uint32_t>(options.syntax),
                          page_limit(left), after}));
    if (page.names.size() != page.ids.size()) {
      return Error(ErrorCode::kCorrupt,
                   "the daemon's list of names has other numbers of names and ids");
    }
    for (std::size_t i = 0; i < page.names.size(); ++i) {
      found.push_back({std::move(page.names[i]), ObjectId(page.ids[i])});
    }
    if (page.more == 0 || page.names.empty()) break;
    after = found.back().name;
  }
  return found;
}

// ---- objects of the instance

Result<bool> Client::exists(ObjectId id) const {
  VY_TRY(const auto there, exists(std::span(&id, 1)));
  return bool{there.front()};
}

Result<std::vector<bool>> Client::exists(std::span<const ObjectId> ids) const {
  VY_TRY(Context * context, context_->here());
  std::vector<bool> there;
  for (std::size_t begin = 0; begin < ids.size(); begin += limits::kIdsPerMessage) {
    protocol::ExistsRequest request;
    const auto batch =
        ids.subspan(begin, std::min<std::size_t>(limits::kIdsPerMessage, ids.size() - begin));
    for (const ObjectId id : batch) request.ids.push_back(id.value);
    VY_TRY(const auto reply, context->call(request));
    if (reply.there.size() != batch.size())
      return Error(ErrorCode::kCorrupt, "the daemon answered for other ids");
    for (const std::uint64_t yes : reply.there) there.push_back(yes != 0);
  }
  return there;
}

Result<DeleteReport> Client::remove(std::span<const ObjectId> ids,
                                    const DeleteOptions& options) const {
  VY_TRY(Context * context, context_->here());
  DeleteReport report;
  for (std::size_t begin = 0; begin < ids.size(); begin += limits::kIdsPerMessage) {
    protocol::DeleteRequest request;
    const auto batch =
        ids.subspan(begin, std::min<std::size_t>(limits::kIdsPerMessage, ids.size() - begin));
    for (const ObjectId id : batch) request.ids.push_back(id.value);
    request.deep = options.deep ? 1 : 0;
    request.force = options.force ? 1 : 0;
    VY_TRY(const auto reply, context->call(request));
    report.deleted += reply.deleted;
    report.absent += reply.absent;
    for (const std::uint64_t id : reply.kept) report.kept.emplace_back(id);
    for (const std::uint64_t id : reply.holders) report.holders.emplace_back(id);
  }
  return report;
}

Result<std::vector<ObjectId>> Client::list(const ListOptions& options) const {
  VY_TRY(Context * context, context_->here());
  std::vector<ObjectId> found;
  std::uint64_t cursor = 0;
  while (found.size() < options.limit) {
    const auto left = static_cast<std::uint32_t>(options.limit - found.size());
    VY_TRY(const auto page, context->call(protocol::ListRequest{
                                options.pattern, static_cast<std::uint32_t>(options.syntax),
                                page_limit(left), cursor}));
    for (const std::uint64_t id : page.ids) found.emplace_back(id);
    cursor = page.cursor;
    if (cursor == 0) break;
  }
  return found;
}

Result<std::chrono::sys_time<std::chrono::milliseconds>> Client::created_at(ObjectId id) const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(const std::uint64_t since, context->reader().since(id));
  return std::chrono::sys_time<std::chrono::milliseconds>(
      std::chrono::milliseconds(static_cast<std::int64_t>(since)));
}

Result<std::optional<ObjectId>> Client::find_blob(const void* address) const {
  VY_TRY(sync());  // what was just put has no entry with a place yet
  VY_TRY(Context * context, context_->here());
  return context->reader().find_blob(address);
}

Result<void> Client::sync() const {
  VY_TRY(Context * context, context_->here());
  return context->writer().sync();
}

Result<std::uint32_t> Client::clear() const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(const auto reply, context->call(protocol::ClearRequest{}));
  return reply.deleted;
}

Result<std::string> Client::status_json() const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(auto reply, context->call(protocol::StatusRequest{}));
  return std::move(reply.json);
}

Result<CheckReport> Client::check_json() const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(auto reply, context->call(protocol::CheckRequest{}));
  return CheckReport{reply.findings, std::move(reply.json)};
}

Result<void> Client::kick(std::uint64_t serial) const {
  VY_TRY(Context * context, context_->here());
  VY_TRY(context->call(protocol::KickRequest{serial}));
  return {};
}

}  // namespace vineyard
