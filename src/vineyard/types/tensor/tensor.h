// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vineyard/meta/type_name.h"
#include "vineyard/types/codec.h"

// `vineyard::Tensor<T>`: numbers in a dense row-major array (interop: tensors).
namespace vineyard {

template <class T>
concept TensorElement = requires { meta::ElementTypeOf<T>::kValue; };

namespace tensor {

/// What a tensor says about itself, and its bytes.
struct Raw {
  meta::ElementType type = meta::ElementType::kFloat64;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> partition_index;
  std::span<const std::byte> bytes;
};

[[nodiscard]] std::string type_name(meta::ElementType type);
/// `raw.bytes` must be as many as shape and type say, else the draft fails with invalid.
void describe(ObjectDraft& draft, meta::NodeRef node, const Raw& raw);
/// Errors: invalid (no tensor of numbers), corrupt (shape and bytes do not agree, bytes that are
/// not aligned for their type).
[[nodiscard]] Result<Raw> resolve(const ObjectSource& source);
[[nodiscard]] Error wrong_type(const ObjectSource& source, meta::ElementType wanted);
/// In elements, of a row-major array.
[[nodiscard]] std::vector<std::int64_t> strides_of(std::span<const std::int64_t> shape);
/// Number of elements, or -1 if `shape` has negative parts or too many elements for any memory.
[[nodiscard]] std::int64_t count_of(std::span<const std::int64_t> shape);

}  // namespace tensor

/// Values to be put as a tensor: borrowed, row-major, as many as the shape says.
template <TensorElement T>
struct TensorValues {
  std::span<const T> values;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> partition_index =
      {};  ///< place in a global tensor, if it is part of one
};

/// A tensor in the pool.
///
/// Owner:   whoever holds it; copies share the pin of its blob. It outlives Object and Client.
/// Threads: any number; immutable. Released on any thread.
/// Always:  `values()` are as many as the shape says, row-major, aligned.
template <TensorElement T>
class Tensor {
 public:
  Tensor(tensor::Raw raw, SharedPins pins)
      : raw_(std::move(raw)), strides_(tensor::strides_of(raw_.shape)), pins_(std::move(pins)) {}

  [[nodiscard]] std::span<const std::int64_t> shape() const { return raw_.shape; }
  /// In elements.
  [[nodiscard]] std::span<const std::int64_t> strides() const { return strides_; }
  [[nodiscard]] std::span<const std::int64_t> partition_index() const {
    return raw_.partition_index;
  }
  [[nodiscard]] std::size_t size() const { return raw_.bytes.size() / sizeof(T); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(raw_.bytes.data()); }
  [[nodiscard]] std::span<const T> values() const { return {data(), size()}; }
  /// The element at one index per dimension; they are not checked.
  template <std::integral... I>
  [[nodiscard]] const T& operator()(I... index) const {
    const std::array<std::int64_t, sizeof...(I)> at{static_cast<std::int64_t>(index)...};
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < at.size(); ++i) offset += at[i] * strides_[i];
    return data()[offset];
  }

 private:
  tensor::Raw raw_;
  std::vector<std::int64_t> strides_;
  SharedPins pins_;
};

template <TensorElement T>
struct Codec<TensorValues<T>> {
  static std::string type_name(const TensorValues<T>&) {
    return tensor::type_name(meta::kElementType<T>);
  }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const TensorValues<T>& values) {
    tensor::describe(draft, node,
                     {.type = meta::kElementType<T>,
                      .shape = values.shape,
                      .partition_index = values.partition_index,
                      .bytes = std::as_bytes(values.values)});
  }
};

/// A Tensor that was got can be put again (its bytes are copied).
template <TensorElement T>
struct Codec<Tensor<T>> {
  static std::string type_name(const Tensor<T>&) {
    return tensor::type_name(meta::kElementType<T>);
  }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const Tensor<T>& t) {
    tensor::describe(draft, node,
                     {.type = meta::kElementType<T>,
                      .shape = {t.shape().begin(), t.shape().end()},
                      .partition_index = {t.partition_index().begin(), t.partition_index().end()},
                      .bytes = std::as_bytes(t.values())});
  }
  static Result<Tensor<T>> resolve(const ObjectSource& source) {
    Result<tensor::Raw> raw = tensor::resolve(source);
    if (!raw) return std::move(raw).error();
    if (raw->type != meta::kElementType<T>)
      return tensor::wrong_type(source, meta::kElementType<T>);
    return Tensor<T>(*std::move(raw), source.pins());
  }
};

/// A vector of numbers is a tensor of one dimension. (`std::vector<bool>` has no bytes to show.)
template <TensorElement T>
  requires(!std::same_as<T, bool>)
struct Codec<std::vector<T>> {
  static std::string type_name(const std::vector<T>&) {
    return tensor::type_name(meta::kElementType<T>);
  }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::vector<T>& values) {
    tensor::describe(draft, node,
                     {.type = meta::kElementType<T>,
                      .shape = {static_cast<std::int64_t>(values.size())},
                      .partition_index = {},
                      .bytes = std::as_bytes(std::span(values))});
  }
  static Result<std::vector<T>> resolve(const ObjectSource& source) {
    Result<Tensor<T>> t = Codec<Tensor<T>>::resolve(source);
    if (!t) return std::move(t).error();
    if (t->shape().size() != 1)
      return Error(ErrorCode::kInvalid, "a tensor of several dimensions is no vector");
    return std::vector<T>(t->values().begin(), t->values().end());
  }
};

}  // namespace vineyard
