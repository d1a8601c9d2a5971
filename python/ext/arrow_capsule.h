// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "binding.h"
#include "vineyard/types/arrow/abi.h"

// The capsules in which the Arrow PyCapsule interface wraps the structs of the C data interface.
namespace vineyard::python {

/// The struct inside a capsule, still the capsule's: whoever takes it over sets its `release` to null.
/// Raises ValueError for another capsule.
[[nodiscard]] ArrowSchema* schema_in(nb::handle capsule);
[[nodiscard]] ArrowArray* array_in(nb::handle capsule);
[[nodiscard]] ArrowArrayStream* stream_in(nb::handle capsule);

/// A capsule around a struct that is filled; what nobody takes over is released with the capsule.
[[nodiscard]] nb::object capsule_of(std::unique_ptr<ArrowSchema> schema);
[[nodiscard]] nb::object capsule_of(std::unique_ptr<ArrowArray> array);
[[nodiscard]] nb::object capsule_of(std::unique_ptr<ArrowArrayStream> stream);

}  // namespace vineyard::python
