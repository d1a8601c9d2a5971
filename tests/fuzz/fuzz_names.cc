// SPDX-License-Identifier: Apache-2.0
// A script of what a worker does to the name table: at each step its readers and a map agree. Then
// slots are forged: lookups end, and believe nothing but the bytes of the name they look for.
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "script.h"
#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/shm/name_hash.h"
#include "vineyard/shm/name_table.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

using namespace vineyard;
using namespace vineyard::shm;

namespace {

using Model = std::map<std::string, std::uint64_t>;

class Table {
 public:
  explicit Table(fuzz::Script& script) : script_(script) {}

  void run() {
    // A successor looks at all of the million slots, so one script of sixteen may have one.
    bool may_restart = script_.below(16) == 0;
    while (!script_.is_over()) {
      switch (script_.below(8)) {
        case 0:
        case 1:
        case 2: put(); break;
        case 3:
        case 4: drop(); break;
        case 5: check(some_name()); break;
        case 6:
          if (std::exchange(may_restart, false)) restart();
          break;
        default:
          if (script_.below(4) == 0) return forge();
          clear();
      }
    }
    check_all();
  }

 private:
  Names& names() { return host_.worker().names; }

  // Few names, so that they meet again; now and then one of any bytes.
  std::string some_name() {
    const std::uint8_t which = script_.byte();
    if (which < 200) return std::string(1 + which % 3, static_cast<char>('a' + which % 7));
    if (which < 210) return std::string(limits::kMaxName - 1 + which % 3, 'x');
    return std::string(script_.text(which % 40));
  }

  void put() {
    const std::string name = some_name();
    const std::uint64_t id = 1 + script_.below(100);
    const bool keep = script_.below(2) == 1;
    const auto mode = keep ? Names::Mode::kIfAbsent : Names::Mode::kReplace;
    const auto done = names().put(name, ObjectId(id), mode);
    if (name.empty() || name.size() > limits::kMaxName) {
      VY_CHECK(done.error().code() == ErrorCode::kInvalid);
    } else if (keep && model_.contains(name)) {
      VY_CHECK(done.error().code() == ErrorCode::kExists);
    } else {
      VY_CHECK(done.has_value());
      model_[name] = id;
    }
    check(name);
  }
  void drop() {
    const std::string name = some_name();
    VY_CHECK(names().drop(name) == (model_.erase(name) > 0));
    check(name);
  }
  void clear() {
    names().clear();
    model_.clear();
  }
  void restart() {
    VY_CHECK(host_.restart().broken_extents == 0);
    check_all();
  }

  // As a client looks a name up.
  std::optional<ObjectId> look_up(std::string_view name) {
    NameLookup lookup(host_.region(), name);
    while (const auto candidate = lookup.next()) {
      VY_CHECK(candidate->slot < limits::kNames && candidate->bytes.size == name.size());
      const std::byte* bytes = host_.worker().arenas.bytes(candidate->bytes);
      if (bytes == nullptr) continue;
      if (!lookup.is_it(*candidate, std::span(bytes, candidate->bytes.size))) continue;
      VY_CHECK(std::memcmp(bytes, name.data(), name.size()) == 0);
      return candidate->id;
    }
    return std::nullopt;
  }
  void check(const std::string& name) {
    const auto expected = model_.find(name);
    const auto found = look_up(name);
    VY_CHECK(found == names().get(name));
    VY_CHECK(found.has_value() == (expected != model_.end()));
    if (found) VY_CHECK(found->value == expected->second);
  }
  void check_all() {
    VY_CHECK(names().size() == model_.size());
    for (const auto& [name, id] : model_) check(name);
    VY_CHECK(host_.worker().arenas.check_consistency() == std::nullopt);
  }

  void forge() {
    while (!script_.is_over()) {
      const std::string name = some_name();
      const std::uint64_t hash = name_hash(name);
      NameSlot& slot = host_.region().names[(hash + script_.below(4)) % limits::kNames];
      slot.id.store(script_.edgy(kNameTombstone));
      slot.hash.store(script_.below(4) == 0 ? script_.number<std::uint64_t>() : hash);
      slot.place.store(script_.edgy(std::uint64_t{1} << 32));
      slot.length.store(script_.below(2) == 0 ? name.size() : script_.edgy(limits::kMaxName));
      host_.region().header.names_used.store(script_.edgy(limits::kNames));
      (void)look_up(name);
    }
  }

  fuzz::Script& script_;
  FakeHost host_;
  Model model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  fuzz::Script script(data, size);
  Table(script).run();
  return 0;
}
