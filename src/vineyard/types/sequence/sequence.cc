// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/sequence/sequence.h"

#include "vineyard/base/try.h"

namespace vineyard {
namespace sequence {

std::string key_of(std::size_t index) {
  return "__elements_-" + std::to_string(index);
}

void describe_size(ObjectDraft& draft, meta::NodeRef node, std::size_t size) {
  draft.document().set(node, "size_", size);
  draft.document().set(node, "__elements_-size", size);
}

Result<std::size_t> resolve_size(const ObjectSource& source) {
  if (source.type_name() != "vineyard::Sequence")
    return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no sequence");
  VY_TRY(const std::int64_t size, source.integer("__elements_-size"));
  if (size < 0 || size > source.node().size())
    return source.corrupt(std::to_string(size) + " elements, which it does not have");
  return static_cast<std::size_t>(size);
}

Error wrong_size(const ObjectSource& source, std::size_t wanted, std::size_t found) {
  return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " has " +
                                        std::to_string(found) + " elements, not " +
                                        std::to_string(wanted));
}

Result<ObjectSource> pair_member(const ObjectSource& source, const char* key) {
  if (source.type_name() != "vineyard::Pair")
    return Error(ErrorCode::kInvalid, std::string(source.type_name()) + " is no pair");
  return source.member(key);
}

}  // namespace sequence

void Codec<std::vector<ObjectId>>::describe(ObjectDraft& draft, meta::NodeRef node,
                                            const std::vector<ObjectId>& ids) {
  sequence::describe_size(draft, node, ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    draft.document().add_member(node, sequence::key_of(i), ids[i]);
}

Result<std::vector<ObjectId>> Codec<std::vector<ObjectId>>::resolve(const ObjectSource& source) {
  VY_TRY(const std::size_t size, sequence::resolve_size(source));
  std::vector<ObjectId> ids;
  ids.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto member = source.node().member(sequence::key_of(i));
    const auto id = member ? member->as_object() : std::nullopt;
    if (!id) return source.corrupt("element " + std::to_string(i) + " has no id of its own");
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace vineyard
