// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/client/client.h"

namespace vineyard {

/// Knows how values of C++ types become objects (builders) and how objects become values
/// (resolvers).
///
/// Owner:   the program makes one and passes it on; copyable.
/// Threads: registering one at a time; `put`, `resolve` and `get` any number at once.
/// Always:  built-in types use nothing else (`register_builtin_types(registry)`). Of the resolvers
/// for a C++ type the
///          one with the longest prefix of the object's type name wins; registering again replaces.
class Registry {
 public:
  template <class T>
  using Builder = std::function<Result<ObjectId>(const Client&, const T&)>;
  template <class T>
  using Resolver = std::function<Result<T>(const Object&)>;

  template <class T>
  void register_builder(Builder<T> builder) {
    builders_[std::type_index(typeid(T))] = [f = std::move(builder)](const Client& client,
                                                                     const void* value) {
      return f(client, *static_cast<const T*>(value));
    };
  }
  /// For objects whose type name is `type_prefix`, or begins with it (`vineyard::Tensor` for
  /// `vineyard::Tensor<double>`).
  template <class T>
  void register_resolver(std::string type_prefix, Resolver<T> resolver) {
    resolvers_[std::type_index(typeid(T))][std::move(type_prefix)] =
        [f = std::move(resolver)](const Object& object, void* out) -> Result<void> {
      Result<T> value = f(object);
      if (!value) return std::move(value).error();
      static_cast<std::optional<T>*>(out)->emplace(*std::move(value));
      return {};
    };
  }

  /// Errors: invalid (no builder for this type), and what the builder says.
  template <class T>
  [[nodiscard]] Result<ObjectId> put(const Client& client, const T& value) const {
    return put_erased(client, std::type_index(typeid(T)), &value);
  }
  /// Errors: invalid (no resolver gives this type from such an object), and what the resolver says.
  template <class T>
  [[nodiscard]] Result<T> resolve(const Object& object) const {
    std::optional<T> value;
    Result<void> done = resolve_erased(object, std::type_index(typeid(T)), &value);
    if (!done) return std::move(done).error();
    return *std::move(value);
  }
  template <class T>
  [[nodiscard]] Result<T> get(const Client& client, ObjectId id,
                              const GetOptions& options = {}) const {
    Result<Object> object = client.get(id, options);
    if (!object) return std::move(object).error();
    return resolve<T>(*object);
  }

 private:
  using ErasedBuilder = std::function<Result<ObjectId>(const Client&, const void*)>;
  using ErasedResolver = std::function<Result<void>(const Object&, void*)>;
  [[nodiscard]] Result<ObjectId> put_erased(const Client& client, std::type_index type,
                                            const void* value) const;
  [[nodiscard]] Result<void> resolve_erased(const Object& object, std::type_index type,
                                            void* out) const;

  std::unordered_map<std::type_index, ErasedBuilder> builders_;
  std::unordered_map<std::type_index, std::map<std::string, ErasedResolver, std::less<>>>
      resolvers_;
};

}  // namespace vineyard
