// SPDX-License-Identifier: Apache-2.0
#pragma once

// Arrow arrays, record batches and tables: the only public header with Arrow's C structs.
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/put_arrow.h"
#include "vineyard/types/arrow/table.h"
