// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vineyard/types/arrow/array_data.h"

struct ArrowArray;

namespace vineyard::arrow {

/// Fills `out` with a C array over the buffers of `array`. Each array and each child that the
/// receiver moves away shares `owner` until it is released, on any thread: `owner` keeps `array`
/// and its buffers (it is shared because there is no telling which of them is the last).
void export_array(const ArrayData& array, const std::shared_ptr<const void>& owner,
                  ArrowArray* out);

}  // namespace vineyard::arrow
