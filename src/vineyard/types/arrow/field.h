// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/types/draft.h"
#include "vineyard/types/source.h"

struct ArrowSchema;

namespace vineyard::arrow {

/// A field of a schema, or a whole schema (a struct field without a name), as a plain value.
///
/// Owner:   whoever holds it.
/// Threads: as any value.
/// Always:  `dictionary` has at most one element: the type of the values that indices stand for.
struct Field {
  std::string name;
  std::string format;      ///< of the Arrow C data interface; of a dictionary, its indices'
  std::int64_t flags = 2;  ///< of the C data interface; 2: nullable
  std::string metadata;    ///< keys and values in the C data interface's form, or empty
  std::vector<Field> children;
  std::vector<Field> dictionary;

  bool operator==(const Field&) const = default;
  [[nodiscard]] bool is_dictionary() const { return !dictionary.empty(); }
};

/// Errors: invalid (released already; deeper than 60 levels), unsupported (an unknown format).
[[nodiscard]] Result<Field> import_field(const ArrowSchema& schema);
/// Fills `out`, which the receiver releases, on any thread.
void export_field(const Field& field, ArrowSchema* out);

/// Adds a `vineyard::SchemaProxy` as member `schema_`: the fields in preorder (a field, its
/// children, its dictionary), one list per attribute.
void describe_schema(ObjectDraft& draft, meta::NodeRef parent, const Field& field);
/// Reads the member `schema_`.
/// Errors: corrupt, unsupported (a schema that only existing clients can read, or an unknown
/// format).
[[nodiscard]] Result<Field> resolve_schema(const ObjectSource& parent);

/// Bytes of metadata in the form of the C data interface (32-bit counts and lengths), or -1 if
/// `limit` bytes do not hold them.
[[nodiscard]] std::int64_t metadata_size(const char* metadata, std::int64_t limit);

}  // namespace vineyard::arrow
