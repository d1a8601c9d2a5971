// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/builder.h"

#include <utility>

#include "vineyard/base/try.h"
#include "vineyard/client/client.h"
#include "vineyard/client/context.h"

namespace vineyard {

Payload::~Payload() {
  if (context_ == nullptr || generation_ != client::process_generation())
    return;  // a child: not its own
  context_->writer().give_up(reservation_);
  context_->drop_handle();
}

void Payload::swap(Payload& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(bytes_, other.bytes_);
  std::swap(reservation_, other.reservation_);
  std::swap(generation_, other.generation_);
}

BlobBuilder::BlobBuilder(std::unique_ptr<Client> client, Payload payload)
    : client_(std::move(client)), payload_(std::move(payload)) {}
BlobBuilder::BlobBuilder(BlobBuilder&&) noexcept = default;
BlobBuilder& BlobBuilder::operator=(BlobBuilder&&) noexcept = default;
BlobBuilder::~BlobBuilder() = default;

Result<ObjectId> BlobBuilder::id() {
  if (!id_.is_valid()) {
    VY_TRY(id_, client_->reserve_id(IdKind::kBlob));
  }
  return id_;
}

Result<ObjectId> BlobBuilder::seal() {
  if (!id_.is_valid()) return client_->publish_blob(std::move(payload_));
  return client_->publish_as(id_, std::move(payload_));
}

}  // namespace vineyard
