// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "vineyard/types/codec.h"

// `vineyard::Sequence` (a tuple or list of anything) and `vineyard::Pair`. Elements are inline: the
// whole is one object. A vector of numbers is a Tensor, see types/tensor.
namespace vineyard {

namespace sequence {

/// Key of an element: `__elements_-3`.
[[nodiscard]] std::string key_of(std::size_t index);
void describe_size(ObjectDraft& draft, meta::NodeRef node, std::size_t size);
/// Number of elements. Errors: invalid (no Sequence), corrupt (more elements than members).
[[nodiscard]] Result<std::size_t> resolve_size(const ObjectSource& source);
[[nodiscard]] Error wrong_size(const ObjectSource& source, std::size_t wanted, std::size_t found);
[[nodiscard]] Result<ObjectSource> pair_member(const ObjectSource& source, const char* key);

}  // namespace sequence

/// An object of its own as an element: stored and found by its id.
template <>
struct Codec<std::vector<ObjectId>> {
  static std::string type_name(const std::vector<ObjectId>&) { return "vineyard::Sequence"; }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::vector<ObjectId>& ids);
  static Result<std::vector<ObjectId>> resolve(const ObjectSource& source);
};

/// Lists of what is neither a number nor an id: texts, pairs, other lists.
template <class T>
  requires(!std::is_arithmetic_v<T>)
struct Codec<std::vector<T>> {
  static std::string type_name(const std::vector<T>&) { return "vineyard::Sequence"; }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::vector<T>& list) {
    sequence::describe_size(draft, node, list.size());
    for (std::size_t i = 0; i < list.size(); ++i)
      describe_member(draft, node, sequence::key_of(i), list[i]);
  }
  static Result<std::vector<T>> resolve(const ObjectSource& source) {
    const Result<std::size_t> size = sequence::resolve_size(source);
    if (!size) return size.error();
    std::vector<T> list;
    list.reserve(*size);
    for (std::size_t i = 0; i < *size; ++i) {
      const Result<ObjectSource> element = source.member(sequence::key_of(i));
      if (!element) return element.error();
      Result<T> value = Codec<T>::resolve(*element);
      if (!value) return std::move(value).error();
      list.push_back(*std::move(value));
    }
    return list;
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  static std::string type_name(const std::tuple<T...>&) { return "vineyard::Sequence"; }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::tuple<T...>& values) {
    sequence::describe_size(draft, node, sizeof...(T));
    std::size_t index = 0;
    std::apply(
        [&](const T&... value) {
          (describe_member(draft, node, sequence::key_of(index++), value), ...);
        },
        values);
  }
  static Result<std::tuple<T...>> resolve(const ObjectSource& source) {
    const Result<std::size_t> size = sequence::resolve_size(source);
    if (!size) return size.error();
    if (*size != sizeof...(T)) return sequence::wrong_size(source, sizeof...(T), *size);
    return resolve_elements(source, std::index_sequence_for<T...>());
  }

 private:
  template <std::size_t... I>
  static Result<std::tuple<T...>> resolve_elements(const ObjectSource& source,
                                                   std::index_sequence<I...>) {
    std::tuple<Result<T>...> results{element<T>(source, I)...};
    const Error* error = nullptr;
    ((error == nullptr && !std::get<I>(results) ? void(error = &std::get<I>(results).error())
                                                : void()),
     ...);
    if (error != nullptr) return *error;
    return std::tuple<T...>(*std::move(std::get<I>(results))...);
  }
  template <class E>
  static Result<E> element(const ObjectSource& source, std::size_t index) {
    const Result<ObjectSource> member = source.member(sequence::key_of(index));
    if (!member) return member.error();
    return Codec<E>::resolve(*member);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static std::string type_name(const std::pair<A, B>&) { return "vineyard::Pair"; }
  static void describe(ObjectDraft& draft, meta::NodeRef node, const std::pair<A, B>& pair) {
    describe_member(draft, node, "first_", pair.first);
    describe_member(draft, node, "second_", pair.second);
  }
  static Result<std::pair<A, B>> resolve(const ObjectSource& source) {
    const Result<ObjectSource> first = sequence::pair_member(source, "first_");
    if (!first) return first.error();
    const Result<ObjectSource> second = sequence::pair_member(source, "second_");
    if (!second) return second.error();
    Result<A> a = Codec<A>::resolve(*first);
    if (!a) return std::move(a).error();
    Result<B> b = Codec<B>::resolve(*second);
    if (!b) return std::move(b).error();
    return std::pair<A, B>(*std::move(a), *std::move(b));
  }
};

}  // namespace vineyard
