// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "vineyard/base/result.h"
#include "vineyard/meta/document.h"

namespace vineyard::meta {

/// Checks every byte of a document that another process, host or file gave us, so that it can be
/// read in place from then on: one pass over nodes, items, lists and texts, no allocation, time in
/// proportion to the size. The bytes must be a private copy, or memory that nobody else can write.
///
/// Not checked: whether the references exist, and whether buffers lie inside their blobs.
/// Errors: corrupt (says what is wrong), unsupported (a document of another version), invalid (not
/// 8-byte aligned).
[[nodiscard]] Result<DocumentView> validate(std::span<const std::byte> bytes);

}  // namespace vineyard::meta
