// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/registry.h"

#include <typeinfo>

namespace vineyard {

Result<ObjectId> Registry::put_erased(const Client& client, std::type_index type,
                                      const void* value) const {
  const auto builder = builders_.find(type);
  if (builder == builders_.end()) {
    return Error(ErrorCode::kInvalid,
                 std::string("no builder is registered for the C++ type ") + type.name() +
                     "; see register_builtin_types and Registry::register_builder");
  }
  return builder->second(client, value);
}

// Among the prefixes of the object's type name the longest wins. In byte order every prefix of a
// text stands before it, a longer one behind a shorter one: so from the text downwards the first
// that is a prefix is the longest.
Result<void> Registry::resolve_erased(const Object& object, std::type_index type, void* out) const {
  const std::string_view name = object.type_name();
  const auto resolvers = resolvers_.find(type);
  if (resolvers != resolvers_.end()) {
    for (auto it = resolvers->second.upper_bound(name); it != resolvers->second.begin();) {
      --it;
      if (name.starts_with(it->first)) return it->second(object, out);
    }
  }
  return Error(ErrorCode::kInvalid,
               "no resolver makes the C++ type " + std::string(type.name()) +
                   " from an object of type '" + std::string(name) +
                   "'; see register_builtin_types and Registry::register_resolver");
}

}  // namespace vineyard
