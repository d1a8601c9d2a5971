// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/builtin.h"

namespace vineyard {
namespace {

template <class... T>
void register_scalars(Registry& registry) {
  (register_codec<T>(registry, "vineyard::Scalar"), ...);
}

template <class... T>
void register_tensors(Registry& registry) {
  (register_codec<Tensor<T>>(registry, "vineyard::Tensor"), ...);
  (register_codec<TensorValues<T>>(registry, "vineyard::Tensor"), ...);
  (register_codec<std::vector<T>>(registry, "vineyard::Tensor"), ...);
}

}  // namespace

void register_builtin_types(Registry& registry) {
  register_scalars<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                   std::uint16_t, std::uint32_t, std::uint64_t, float, double, std::string>(
      registry);
  register_tensors<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                   std::uint16_t, std::uint32_t, std::uint64_t, float, double>(registry);
  register_codec<Tensor<bool>>(registry, "vineyard::Tensor");
  register_codec<TensorValues<bool>>(registry, "vineyard::Tensor");
  register_codec<std::vector<std::string>>(registry, "vineyard::Sequence");
  register_codec<std::vector<ObjectId>>(registry, "vineyard::Sequence");
  register_codec<IncomingTable>(registry, "vineyard::Table");
  register_codec<IncomingArray>(registry, "vineyard::");
  register_codec<Table>(registry, "vineyard::Table");
  register_codec<Table>(registry, "vineyard::RecordBatch");
  // Arrays have a type name for each layout; what is no array refuses by itself.
  register_codec<Array>(registry, "vineyard::");
}

}  // namespace vineyard
