// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/put_arrow.h"

#include "vineyard/base/try.h"
#include "vineyard/types/arrow/table.h"

namespace vineyard {

Result<ObjectId> put_table(const Client& client, ArrowArrayStream* stream) {
  VY_TRY(const IncomingTable table, IncomingTable::from_stream(stream));
  return put(client, table);
}

Result<ObjectId> put_record_batch(const Client& client, ArrowSchema* schema, ArrowArray* batch) {
  VY_TRY(const IncomingTable table, IncomingTable::from_batch(schema, batch));
  return put(client, table);
}

Result<ObjectId> put_array(const Client& client, ArrowSchema* schema, ArrowArray* array) {
  VY_TRY(const IncomingArray incoming, IncomingArray::from_array(schema, array));
  return put(client, incoming);
}

}  // namespace vineyard
