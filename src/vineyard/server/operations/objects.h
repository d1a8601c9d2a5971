// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/server/operations/instance.h"

// What is done with objects and names.
namespace vineyard::server {

/// How far a deletion goes.
struct DeleteOptions {
  enum class Depth : std::uint8_t { kObjects, kMembersToo } depth = Depth::kObjects;
  enum class Force : std::uint8_t { kNo, kHoldersToo } force = Force::kNo;
};
/// What became of the ids that were to be deleted.
struct DeleteReport {
  std::uint32_t deleted = 0;
  std::uint32_t absent = 0;
  std::vector<ObjectId> kept;
  std::vector<ObjectId> holders;
};
/// Takes objects out of sight; their bytes go when no pin is left.
DeleteReport remove(Instance& in, const std::vector<ObjectId>& ids, DeleteOptions options);

/// An object that the caller did not find live: pins it for `peer` until its next message. Waits up to `wait_ms` for
/// one that is leased but not published. Errors (to `answer`): not_found, corrupt (refused at harvest).
void fetch(Instance& in, Peer& peer, ObjectId id, std::uint64_t wait_ms, Waits::Answer answer);
[[nodiscard]] std::vector<std::uint64_t> exists(Instance& in,
                                                const std::vector<std::uint64_t>& ids);

/// A detached id for this client. Errors: full.
Result<ObjectId> reserve_id(Instance& in, Peer& peer);
/// What is published by message. `id`: of reserve_id, or 0.
struct Publication {
  ObjectId id;
  enum class Kind : std::uint8_t { kDocument, kBlob } kind = Kind::kDocument;
  std::uint64_t place = 0;
  std::uint64_t size = 0;
};
/// Publishes by message what lies in the client's own arena.
/// Errors: invalid, corrupt (document), not_found (a member, or an id that is not reserved by this client), full.
Result<ObjectId> publish(Instance& in, Peer& peer, const Publication& what);

enum class NameMode : std::uint8_t { kReplace = 0, kIfFree = 1 };
/// Errors: not_found (the object), exists, invalid, full.
Result<void> put_name(Instance& in, const std::string& name, ObjectId id, NameMode mode);
void get_name(Instance& in, Peer& peer, const std::string& name, std::uint64_t wait_ms,
              Waits::Answer answer);

/// One page of names.
struct NamePage {
  std::vector<std::string> names;
  std::vector<std::uint64_t> ids;
  bool more = false;
};
Result<NamePage> list_names(Instance& in, const std::string& pattern, std::uint32_t syntax,
                            std::uint32_t limit, const std::string& after);
/// One page of ids.
struct ObjectPage {
  std::vector<std::uint64_t> ids;
  std::uint64_t cursor = 0;
};
Result<ObjectPage> list_objects(Instance& in, const std::string& pattern, std::uint32_t syntax,
                                std::uint32_t limit, std::uint64_t cursor);

/// Deletes every object and name. Returns how many objects.
std::uint32_t clear(Instance& in);

}  // namespace vineyard::server
