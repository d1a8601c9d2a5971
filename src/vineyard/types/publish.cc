// SPDX-License-Identifier: Apache-2.0
// The one place of this folder that puts: everything else makes drafts.
#include <span>
#include <utility>

#include "vineyard/base/try.h"
#include "vineyard/base/units.h"
#include "vineyard/client/client.h"
#include "vineyard/types/draft.h"

namespace vineyard {

Result<ObjectId> ObjectDraft::publish(const Client& client) {
  if (fault_) return *fault_;
  document_.set_nbytes(root(), size_);
  if (!has_payload()) return client.publish(document_);
  VY_TRY(Payload payload, client.reserve(ByteCount(size_)));
  write_payload(payload.bytes());
  return client.publish(document_, std::span(&payload, 1));
}

}  // namespace vineyard
