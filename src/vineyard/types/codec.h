// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/client.h"
#include "vineyard/client/registry.h"
#include "vineyard/types/draft.h"
#include "vineyard/types/source.h"

namespace vineyard {

/// How values of one C++ type become nodes of a document, and nodes become values. Specialised for
/// each type; a program may do so for its own:
///
///     template <>
///     struct vineyard::Codec<Point> {
///       static std::string type_name(const Point&) { return "my::Point"; }
///       static void describe(ObjectDraft& draft, meta::NodeRef node, const Point& p) {
///         draft.document().set(node, "x", p.x);
///       }
///       static Result<Point> resolve(const ObjectSource& source);
///     };
///
/// A view as a value (a Tensor) keeps `source.pins()`. Which half is missing cannot be used.
template <class T>
struct Codec;

template <class T>
concept Describable = requires(ObjectDraft& draft, meta::NodeRef node, const T& value) {
  { Codec<T>::type_name(value) } -> std::convertible_to<std::string>;
  Codec<T>::describe(draft, node, value);
};
template <class T>
concept Resolvable = requires(const ObjectSource& source) {
  { Codec<T>::resolve(source) } -> std::same_as<Result<T>>;
};

/// Adds a value as an inline member.
template <Describable T>
void describe_member(ObjectDraft& draft, meta::NodeRef parent, std::string_view key,
                     const T& value) {
  const meta::NodeRef node = draft.document().add_node(parent, key, Codec<T>::type_name(value));
  Codec<T>::describe(draft, node, value);
}

/// Makes one object of a value and publishes it; no message while grants and room last.
/// Errors: as `Client::reserve` and `Client::publish`.
template <Describable T>
[[nodiscard]] Result<ObjectId> put(const Client& client, const T& value) {
  ObjectDraft draft(Codec<T>::type_name(value));
  Codec<T>::describe(draft, draft.root(), value);
  return draft.publish(client);
}

/// The value that an object stands for. A view (a Tensor, a Table) needs neither the Object nor the
/// Client any longer.
/// Errors: invalid (an object of another type, or a number that T cannot hold), corrupt (its
/// metadata is not what its type name says), and those of `Client::get` for members by id.
template <Resolvable T>
[[nodiscard]] Result<T> resolve(const Object& object) {
  Result<ObjectSource> source = ObjectSource::of(object);
  if (!source) return std::move(source).error();
  return Codec<T>::resolve(*source);
}

/// Errors: as `Client::get` and `resolve`.
template <Resolvable T>
[[nodiscard]] Result<T> get(const Client& client, ObjectId id, const GetOptions& options = {}) {
  Result<Object> object = client.get(id, options);
  if (!object) return std::move(object).error();
  return resolve<T>(*object);
}

/// By `o` and 16 hexadecimal digits, or else by name.
template <Resolvable T>
[[nodiscard]] Result<T> get(const Client& client, std::string_view id_or_name,
                            const GetOptions& options = {}) {
  Result<Object> object = client.get(id_or_name, options);
  if (!object) return std::move(object).error();
  return resolve<T>(*object);
}

/// Registers a type's codec, so that `registry.put` and `registry.get` know it: a builder if it can
/// be described, and a resolver for objects whose type name begins with `type_prefix` if it can be
/// resolved.
template <class T>
void register_codec(Registry& registry, const std::string& type_prefix) {
  if constexpr (Describable<T>)
    registry.register_builder<T>(
        [](const Client& client, const T& value) { return put<T>(client, value); });
  if constexpr (Resolvable<T>)
    registry.register_resolver<T>(type_prefix,
                                  [](const Object& object) { return resolve<T>(object); });
}

}  // namespace vineyard
