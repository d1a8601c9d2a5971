// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/client.h"

struct ArrowArray;
struct ArrowArrayStream;
struct ArrowSchema;

namespace vineyard {

/// Puts a table: reads the stream to its end and releases it, also on failure. One object, whatever
/// its chunks.
/// Errors: invalid, unsupported (see IncomingTable), and those of `Client::publish`.
[[nodiscard]] Result<ObjectId> put_table(const Client& client, ArrowArrayStream* stream);
/// Puts a record batch. Both structs are released, also on failure.
[[nodiscard]] Result<ObjectId> put_record_batch(const Client& client, ArrowSchema* schema,
                                                ArrowArray* batch);
/// Puts one array. Both structs are released, also on failure.
[[nodiscard]] Result<ObjectId> put_array(const Client& client, ArrowSchema* schema,
                                         ArrowArray* array);

}  // namespace vineyard
