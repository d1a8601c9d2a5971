// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "vineyard/catalog/keys.h"
#include "vineyard/catalog/store.h"

// What an instance asks of the catalog, and what it is answered.
namespace vineyard::catalog {

/// Milliseconds of a clock that never goes back; only differences mean something.
using Time = std::uint64_t;

/// Makes an object of this instance visible to all, under its id, with `object_value`'s text, and, at the same moment,
/// lets `name` stand for it, unless that is empty. Errors: invalid (too large), denied (another's).
struct Publish {
  ObjectId id;
  std::string value;
  std::string name = {};
};
/// Takes an object of this instance back, and with it the names that stand for it. Errors: not_found, denied (another's).
struct Withdraw {
  ObjectId id;
};
/// Lets a name stand for a published object. Errors: not_found (the object), exists (the name, or another id than `expected`).
struct SetName {
  enum class Rule : std::uint8_t { kReplace, kIfAbsent, kIfEquals };
  std::string name;
  ObjectId id;
  Rule rule = Rule::kReplace;
  ObjectId expected = ObjectId::invalid();  // of kIfEquals
};
/// Ends a name. Errors: not_found, exists (it stands for another id than `expected`).
struct DropName {
  std::string name;
  std::optional<ObjectId> expected = {};
};
/// What a name stands for. Errors: not_found, which is asked of the store and never of what was seen.
struct FindName {
  std::string name;
  bool fresh = false;  // ask the store even if the name is known
};
/// An object with its document, from the store. Errors: not_found.
struct FindObject {
  ObjectId id;
};
/// A block of ids that nobody else gets. Errors: full.
struct TakeBlock {
  std::uint32_t chance = 0;   // any number: where to begin in a store that has never given one out
  std::uint32_t highest = 0;  // that was given out before; the catalog knows
};

/// Ends the objects of an instance that is gone, and their names, some at a time. Asked by the catalog of itself.
struct Forget {
  InstanceId instance;
};
/// Ends a name whose object is not there. Asked by the catalog of itself.
struct Repair {
  std::string name;
};

using Wish = std::variant<Publish, Withdraw, SetName, DropName, FindName, FindObject, TakeBlock,
                          Forget, Repair>;

struct Answer {
  Revision revision = 0;  // of the store, at which it was so
  ObjectId id = ObjectId::invalid();
  InstanceId owner = {};
  bool there = false;      // whether the owner is
  std::string value = {};  // an object's
  BlockId block = {};
};

/// Who asked; 0: the catalog itself.
using RequestId = std::uint64_t;
using CallId = std::uint64_t;

// Calls of the store, to be made by somebody else.
struct IdentityCall {};
struct RangeCall {
  std::string prefix;
  std::string after;
  std::size_t limit = 1;
};
struct ChangesCall {
  Revision after = 0;
  std::size_t limit = 1;
};
using StoreCall = std::variant<IdentityCall, RangeCall, ChangesCall, Transaction>;
using StoreAnswer =
    std::variant<Result<std::string>, Result<Page>, Result<Changes>, Result<Committed>>;

/// A call to make; its answer goes to `Catalog::answer`. Those of one catalog may be made in any order, at once.
struct Call {
  CallId id = 0;
  StoreCall call;
  std::string identity;  // of the store that is meant, as in store.h
};
/// The one outcome of a request.
struct Reply {
  RequestId request = 0;
  Result<Answer> answer;
};
/// From now on this object is published, or no longer; also when its request was given up before.
struct Owned {
  ObjectId id;
  bool published = false;
};
/// Objects of this instance that the store has lost: to be published again with request 0, if they are still held.
struct Supply {
  std::vector<ObjectId> ids;
};
using Effect = std::variant<Call, Reply, Owned, Supply>;

}  // namespace vineyard::catalog
