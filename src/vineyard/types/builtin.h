// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every built-in type, and all of them in a registry.
#include "vineyard/client/registry.h"
#include "vineyard/types/arrow/table.h"
#include "vineyard/types/scalar/scalar.h"
#include "vineyard/types/sequence/sequence.h"
#include "vineyard/types/tensor/tensor.h"

namespace vineyard {

/// Registers numbers, truth values, texts, lists, tensors, Arrow arrays and tables: with the same
/// calls that a program uses for its own types. Registering again is harmless.
void register_builtin_types(Registry& registry);

}  // namespace vineyard
