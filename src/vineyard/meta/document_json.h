// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/meta/document.h"
#include "vineyard/meta/document_builder.h"
#include "vineyard/meta/json.h"

namespace vineyard::meta {

/// Writes an object as people and programs see it: `id` (if valid), `typename`, `nbytes`, `global`
/// (if so), then fields beside members. A member by id is `{"id": "o..."}`; a buffer is a
/// `vineyard::Blob` with the id of its payload blob, `offset` and `length`; an inline member has no
/// id. Lists are arrays, bytes are base64 text. Fields that are called as one of the first four are
/// left out. This form loses types (see `write_exact_json`).
void write_json(JsonWriter& writer, const DocumentView& document, ObjectId id);

/// The same as text.
[[nodiscard]] std::string to_json(const DocumentView& document, ObjectId id,
                                  JsonStyle style = JsonStyle::kCompact);

/// Writes everything that a document says, so that `read_exact_json` makes the same document from
/// it (document.md, "As JSON"). Golden vectors and metadata stores have this form.
void write_exact_json(JsonWriter& writer, const DocumentView& document);

/// Fills `builder` from what `write_exact_json` wrote.
/// Errors: invalid (not of that form: says where). What the builder refuses, `finish` says.
[[nodiscard]] Result<void> read_exact_json(const JsonValue& json, DocumentBuilder& builder);

/// RFC 4648, section 4, with padding.
[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);
/// Errors: invalid (not base64 with padding).
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace vineyard::meta
