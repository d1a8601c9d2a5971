// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/field.h"

#include <cstring>
#include <limits>
#include <memory>
#include <span>

#include "vineyard/base/try.h"
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/layout.h"

namespace vineyard::arrow {
namespace {

// A document has 64 levels; a table takes some of them for itself.
constexpr int kMaxNesting = 60;
constexpr std::int64_t kMaxChildren = 65535;

Error too_deep() {
  return Error(ErrorCode::kInvalid, "an Arrow type deeper than 60 levels");
}

Result<void> check_shape(const Field& field) {
  VY_TRY(const Layout layout, parse_format(field.format));
  constexpr std::string_view kIndices = "cCsSiIlL";
  if (field.is_dictionary() && (field.format.size() != 1 || !kIndices.contains(field.format)))
    return Error(ErrorCode::kInvalid, "dictionary indices of type '" + field.format + "'");
  if (layout.child_count() >= 0 && layout.child_count() != static_cast<int>(field.children.size()))
    return Error(ErrorCode::kInvalid, "an Arrow type '" + field.format + "' with " +
                                          std::to_string(field.children.size()) + " children");
  return {};
}

Result<Field> import_at(const ArrowSchema& schema, int depth) {
  if (schema.release == nullptr || schema.format == nullptr)
    return Error(ErrorCode::kInvalid, "an Arrow schema that was released");
  if (depth > kMaxNesting) return too_deep();
  if (schema.n_children < 0 || schema.n_children > kMaxChildren)
    return Error(ErrorCode::kInvalid, "an Arrow type with more than 65,535 children");
  Field field{.name = schema.name == nullptr ? "" : schema.name,
              .format = schema.format,
              .flags = schema.flags,
              .metadata = {},
              .children = {},
              .dictionary = {}};
  if (schema.metadata != nullptr) {
    const auto size = metadata_size(schema.metadata, std::numeric_limits<std::int64_t>::max());
    if (size < 0) return Error(ErrorCode::kInvalid, "Arrow metadata with negative lengths");
    field.metadata.assign(schema.metadata, static_cast<std::size_t>(size));
  }
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    VY_TRY(Field child, import_at(*schema.children[i], depth + 1));
    field.children.push_back(std::move(child));
  }
  if (schema.dictionary != nullptr) {
    VY_TRY(Field dictionary, import_at(*schema.dictionary, depth + 1));
    field.dictionary.push_back(std::move(dictionary));
  }
  VY_TRY(check_shape(field));
  return field;
}

// What an exported schema owns.
struct OwnedSchema {
  std::string name;
  std::string format;
  std::string metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema dictionary{};
};

void release_schema(ArrowSchema* schema) noexcept {
  const std::unique_ptr<OwnedSchema> owned(static_cast<OwnedSchema*>(schema->private_data));
  // A receiver may have moved children away; then they have no release callback any more.
  for (ArrowSchema& child : owned->children)
    if (child.release != nullptr) child.release(&child);
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  schema->release = nullptr;
}

// The lists of a SchemaProxy.
struct Lists {
  std::vector<std::string_view> names;
  std::vector<std::string_view> formats;
  std::vector<std::int64_t> flags;
  std::vector<std::int64_t> child_counts;
  std::vector<std::uint8_t> dictionaries;
  std::vector<std::int64_t> metadata_ends;
  std::string metadata;

  void add(const Field& field) {
    names.push_back(field.name);
    formats.push_back(field.format);
    flags.push_back(field.flags);
    child_counts.push_back(static_cast<std::int64_t>(field.children.size()));
    dictionaries.push_back(field.is_dictionary() ? 1 : 0);
    metadata += field.metadata;
    metadata_ends.push_back(static_cast<std::int64_t>(metadata.size()));
    for (const Field& child : field.children) add(child);
    for (const Field& values : field.dictionary) add(values);
  }
};

// Rebuilds fields from their lists.
class ListReader {
 public:
  explicit ListReader(const ObjectSource& source) : source_(source) {}

  Result<Field> read() {
    const auto names = source_.in_field(&meta::Value::as_text_list, "names_");
    const auto formats = source_.in_field(&meta::Value::as_text_list, "formats_");
    const auto dictionaries = source_.in_field(&meta::Value::as_bool_list, "dictionaries_");
    if (!source_.has("formats_"))
      return Error(ErrorCode::kUnsupported,
                   "a schema without formats: written by another program, as Arrow IPC");
    if (!names || !formats || !dictionaries) return source_.corrupt("lists that are missing");
    names_ = *names;
    formats_ = *formats;
    dictionaries_ = *dictionaries;
    VY_TRY(flags_, source_.integers("flags_"));
    VY_TRY(child_counts_, source_.integers("child_counts_"));
    const std::size_t size = names_.size();
    if (formats_.size() != size || dictionaries_.size() != size || flags_.size() != size ||
        child_counts_.size() != size)
      return source_.corrupt("lists of different lengths");
    VY_TRY(read_metadata(size));
    VY_TRY(Field field, next(1));
    if (at_ != size) return source_.corrupt("more fields than belong together");
    return field;
  }

 private:
  Result<void> read_metadata(std::size_t size) {
    if (!source_.has("metadata_")) return {};
    const auto bytes = source_.in_field(&meta::Value::as_bytes, "metadata_");
    if (!bytes) return source_.corrupt("metadata that are no bytes");
    metadata_ = *bytes;
    VY_TRY(metadata_ends_, source_.integers("metadata_ends_"));
    if (metadata_ends_.size() != size) return source_.corrupt("lists of different lengths");
    return {};
  }

  Result<std::string> metadata_of(std::size_t index) const {
    if (metadata_ends_.empty()) return std::string();
    const std::int64_t begin = index == 0 ? 0 : metadata_ends_[index - 1];
    const std::int64_t end = metadata_ends_[index];
    if (begin < 0 || end < begin || end > static_cast<std::int64_t>(metadata_.size()))
      return source_.corrupt("metadata outside");
    std::string text(reinterpret_cast<const char*>(metadata_.data()) + begin,
                     static_cast<std::size_t>(end - begin));
    // Receivers walk it by its own lengths.
    if (!text.empty() && metadata_size(text.data(), end - begin) != end - begin)
      return source_.corrupt("metadata whose lengths do not add up");
    return text;
  }

  Result<Field> next(int depth) {
    if (at_ >= names_.size()) return source_.corrupt("fewer fields than belong together");
    if (depth > kMaxNesting) return source_.corrupt("an Arrow type deeper than 60 levels");
    const auto index = static_cast<std::uint32_t>(at_++);
    Field field{.name = std::string(names_[index]),
                .format = std::string(formats_[index]),
                .flags = flags_[index],
                .metadata = {},
                .children = {},
                .dictionary = {}};
    VY_TRY(field.metadata, metadata_of(index));
    if (child_counts_[index] < 0) return source_.corrupt("a negative number of children");
    for (std::int64_t i = 0; i < child_counts_[index]; ++i) {
      VY_TRY(Field child, next(depth + 1));
      field.children.push_back(std::move(child));
    }
    if (dictionaries_[index] != 0) {
      VY_TRY(Field values, next(depth + 1));
      field.dictionary.push_back(std::move(values));
    }
    VY_TRY(check_shape(field));
    return field;
  }

  const ObjectSource& source_;
  meta::TextList names_;
  meta::TextList formats_;
  std::span<const std::uint8_t> dictionaries_;
  std::vector<std::int64_t> flags_;
  std::vector<std::int64_t> child_counts_;
  std::vector<std::int64_t> metadata_ends_;
  std::span<const std::byte> metadata_;
  std::size_t at_ = 0;
};

}  // namespace

std::int64_t metadata_size(const char* metadata, std::int64_t limit) {
  std::int64_t at = 0;
  const auto read = [&](std::int32_t& value) {
    if (limit - at < 4) return false;
    std::memcpy(&value, metadata + at, sizeof value);
    at += 4;
    return value >= 0;
  };
  std::int32_t count = 0;
  if (!read(count)) return -1;
  for (std::int64_t i = 0; i < 2 * std::int64_t{count}; ++i) {
    std::int32_t length = 0;
    if (!read(length) || limit - at < length) return -1;
    at += length;
  }
  return at;
}

Result<Field> import_field(const ArrowSchema& schema) {
  return import_at(schema, 1);
}

void export_field(const Field& field, ArrowSchema* out) {
  auto owned = std::make_unique<OwnedSchema>();
  owned->name = field.name;
  owned->format = field.format;
  owned->metadata = field.metadata;
  owned->children.resize(field.children.size());
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    export_field(field.children[i], &owned->children[i]);
    owned->pointers.push_back(&owned->children[i]);
  }
  if (field.is_dictionary()) export_field(field.dictionary[0], &owned->dictionary);
  *out = ArrowSchema{
      .format = owned->format.c_str(),
      .name = owned->name.c_str(),
      .metadata = owned->metadata.empty() ? nullptr : owned->metadata.data(),
      .flags = field.flags,
      .n_children = static_cast<std::int64_t>(owned->children.size()),
      .children = owned->pointers.empty() ? nullptr : owned->pointers.data(),
      .dictionary = field.is_dictionary() ? &owned->dictionary : nullptr,
      .release = release_schema,
      .private_data = owned.get(),
  };
  (void)owned.release();  // `release_schema` takes it back
}

void describe_schema(ObjectDraft& draft, meta::NodeRef parent, const Field& field) {
  Lists lists;
  lists.add(field);
  meta::DocumentBuilder& document = draft.document();
  const meta::NodeRef node = document.add_node(parent, "schema_", "vineyard::SchemaProxy");
  document.set(node, "child_counts_", std::span<const std::int64_t>(lists.child_counts));
  document.set_bool_list(node, "dictionaries_", lists.dictionaries);
  document.set(node, "flags_", std::span<const std::int64_t>(lists.flags));
  document.set(node, "formats_", std::span<const std::string_view>(lists.formats));
  if (!lists.metadata.empty()) {
    document.set_bytes(node, "metadata_", std::as_bytes(std::span(lists.metadata)));
    document.set(node, "metadata_ends_", std::span<const std::int64_t>(lists.metadata_ends));
  }
  document.set(node, "names_", std::span<const std::string_view>(lists.names));
}

Result<Field> resolve_schema(const ObjectSource& parent) {
  VY_TRY(const ObjectSource source, parent.member("schema_"));
  return ListReader(source).read();
}

}  // namespace vineyard::arrow
