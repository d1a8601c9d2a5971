// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/tensor/tensor.h"

#include <bit>

#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"

namespace vineyard::tensor {
namespace {

std::string to_json(std::span<const std::int64_t> numbers) {
  std::string text = "[";
  for (const std::int64_t number : numbers) {
    if (text.size() > 1) text += ',';
    text += std::to_string(number);
  }
  return text + ']';
}

// numpy's `dtype.str`.
std::string numpy_code(meta::ElementType type) {
  const std::string_view name = numpy_name(type);
  const std::uint32_t size = size_of(type);
  const char kind = name[0] == 'b' ? 'b' : name[0] == 'f' ? 'f' : name[0] == 'u' ? 'u' : 'i';
  return std::string(size == 1 ? "|" : "<") + kind + std::to_string(size);
}

// By `value_type_`, else by the argument of the type name.
Result<meta::ElementType> element_type_of(const ObjectSource& source) {
  if (source.has("value_type_")) {
    VY_TRY(const std::string_view name, source.text("value_type_"));
    if (const auto type = meta::parse_element_type(name)) return *type;
  } else if (const auto name = meta::parse_type_name(source.type_name());
             name && name->arguments.size() == 1) {
    if (const auto type = meta::parse_element_type(name->arguments[0])) return *type;
  }
  return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no tensor of numbers");
}

}  // namespace

std::string type_name(meta::ElementType type) {
  return "vineyard::Tensor<" + std::string(name_in_type(type)) + ">";
}

std::vector<std::int64_t> strides_of(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i] == 0 ? 1 : shape[i];
  }
  return strides;
}

std::int64_t count_of(std::span<const std::int64_t> shape) {
  // The product without the zeros is bounded as well, so that strides cannot overflow.
  std::int64_t count = 1;
  bool is_empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return -1;
    is_empty |= extent == 0;
    if (extent == 0) continue;
    if (count > static_cast<std::int64_t>(limits::kMaxObject) / extent) return -1;
    count *= extent;
  }
  return is_empty ? 0 : count;
}

void describe(ObjectDraft& draft, meta::NodeRef node, const Raw& raw) {
  const std::int64_t count = count_of(raw.shape);
  if (count < 0 || static_cast<std::uint64_t>(count) * size_of(raw.type) != raw.bytes.size()) {
    draft.fail(Error(ErrorCode::kInvalid, "a tensor of shape " + to_json(raw.shape) +
                                              " does not have " + std::to_string(raw.bytes.size()) +
                                              " bytes"));
    return;
  }
  meta::DocumentBuilder& document = draft.document();  // in the order of the keys
  draft.add_bytes(node, "buffer_", raw.bytes);
  document.set(node, "order_", "\"C\"");
  document.set(node, "partition_index_", to_json(raw.partition_index));
  document.set(node, "shape_", to_json(raw.shape));
  document.set(node, "value_type_", numpy_name(raw.type));
  document.set(node, "value_type_meta_", numpy_code(raw.type));
  document.set_nbytes(node, raw.bytes.size());
}

Result<Raw> resolve(const ObjectSource& source) {
  if (!source.type_name().starts_with("vineyard::Tensor"))
    return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no tensor");
  Raw raw;
  VY_TRY(raw.type, element_type_of(source));
  VY_TRY(raw.shape, source.integers("shape_"));
  if (source.has("partition_index_")) {
    VY_TRY(raw.partition_index, source.integers("partition_index_"));
  }
  const std::int64_t count = count_of(raw.shape);
  if (count < 0) return source.corrupt("a shape that no memory can hold");
  const std::uint64_t size = static_cast<std::uint64_t>(count) * size_of(raw.type);
  VY_TRY(raw.bytes, source.bytes("buffer_"));
  if (raw.bytes.size() < size)
    return source.corrupt("a shape of more elements than there are bytes");
  raw.bytes = raw.bytes.first(size);
  if (reinterpret_cast<std::uintptr_t>(raw.bytes.data()) % size_of(raw.type) != 0)
    return source.corrupt("elements that are not aligned");
  return raw;
}

Error wrong_type(const ObjectSource& source, meta::ElementType wanted) {
  return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " does not hold " +
                                        std::string(numpy_name(wanted)));
}

}  // namespace vineyard::tensor
