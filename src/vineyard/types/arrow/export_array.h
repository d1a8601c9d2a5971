// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vineyard/types/arrow/array_data.h"

struct ArrowArray;

namespace vineyard::arrow {

/// What exported arrays keep. Shared, because any of them, or a child that was moved away, may be
/// the last to be released.
using ArrayOwner = std::shared_ptr<const void>;  // shared: see above

/// Fills `out` with a C array over the buffers of `array`, which `owner` keeps until this array and
/// each child that the receiver moved away are released, on any thread.
void export_array(const ArrayData& array, const ArrayOwner& owner, ArrowArray* out);

}  // namespace vineyard::arrow
