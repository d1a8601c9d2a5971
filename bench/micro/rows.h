// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "harness.h"

namespace vineyard::bench {

/// Put and get of bytes: rows 1 to 9.
void run_data_rows(Table& table, const std::string& scale);
/// Metadata objects, lists, memory, allocator: rows 10, 11, 12, 17, 25.
void run_meta_rows(Table& table, const std::string& scale);
/// Clients killed: row 29.
void run_death_rows(Table& table, const std::string& scale);

/// One operation again and again, with nothing else around it, for row 30 (bench/instructions.py
/// counts what it executes): get, put, view of a metadata object. Returns the exit status.
[[nodiscard]] int run_loop(const std::string& name, std::size_t count);

}  // namespace vineyard::bench
