// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/object.h"

#include <string>

#include "vineyard/base/extent.h"
#include "vineyard/base/try.h"
#include "vineyard/client/context.h"

namespace vineyard {
namespace {

constexpr std::string_view kBlobType = "vineyard::Blob";

Error no_such(std::string_view what, const Object& object, std::string_view key) {
  return Error(ErrorCode::kNotFound, object.id().to_string() + " has no " + std::string(what) +
                                         " '" + std::string(key) + "'");
}

// Reads of an object go to where its pin is, also when its Client is gone; in a child, to the
// child's own connection.
Result<client::Context*> context_of(const View& view) {
  if (view.pin().context == nullptr) {
    return Error(ErrorCode::kInvalid, "the object is empty, or was moved from");
  }
  return view.pin().context->here();
}

}  // namespace

std::string_view Object::type_name() const {
  return is_blob() ? kBlobType : root().type_name();
}

std::uint64_t Object::nbytes() const {
  return is_blob() ? view_.size() : root().nbytes();
}

Result<Buffer> Object::buffer(const meta::Buffer& range) const {
  if (is_blob() || range.reference >= document_.payload_count()) {
    return Error(ErrorCode::kCorrupt, id().to_string() + " has no payload blob number " +
                                          std::to_string(range.reference));
  }
  VY_TRY(client::Context * context, context_of(view_));
  VY_TRY(View blob, context->reader().view(document_.reference(range.reference), 0));
  if (!lies_within(range.offset, range.length, blob.size())) {
    return Error(ErrorCode::kCorrupt,
                 "a buffer of " + id().to_string() + " lies outside its payload blob");
  }
  return Buffer(std::move(blob), range.offset, range.length);
}

Result<Buffer> Object::buffer(const meta::NodeView& node, std::string_view key) const {
  const auto member = node.member(key);
  const auto range = member ? member->as_buffer() : std::nullopt;
  if (!range) return no_such("buffer", *this, key);
  return buffer(*range);
}

Result<WritableCopy> Object::writable(const meta::Buffer& range) const {
  VY_TRY(const Buffer pinned, buffer(range));
  VY_TRY(client::Context * context, context_of(view_));
  VY_TRY(View blob, context->reader().view(pinned.blob(), 0));
  return context->reader().writable(std::move(blob), range.offset, range.length);
}

Result<WritableCopy> Object::writable() const {
  if (!is_blob())
    return Error(ErrorCode::kInvalid, id().to_string() + " is no blob: ask for one of its buffers");
  if (view_.pin().context == nullptr) return WritableCopy();
  VY_TRY(client::Context * context, context_of(view_));
  VY_TRY(View blob, context->reader().view(id(), 0));
  const std::size_t size = blob.size();
  return context->reader().writable(std::move(blob), 0, size);
}

Result<Object> Object::member(const meta::NodeView& node, std::string_view key) const {
  const auto member = node.member(key);
  const auto id = member ? member->as_object() : std::nullopt;
  if (!id) return no_such("member by id", *this, key);
  return get(*id);
}

Result<Object> Object::get(ObjectId id) const {
  VY_TRY(client::Context * context, context_of(view_));
  return context->object(id, 0);
}

}  // namespace vineyard
