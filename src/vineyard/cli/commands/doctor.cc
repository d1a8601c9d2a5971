// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/doctor_text.h"
#include "vineyard/client/host.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

HostCheck reachable(const Result<Client>& client) {
  HostCheck c{"daemon", HostState::kOk, "", "it lends memory and ids, and says who holds what", ""};
  if (client) {
    const ConnectionInfo info = client->connection();
    c.found =
        fmt::format("{} with a pool of {}", info.socket, to_string(ByteCount(info.pool_bytes)));
    return c;
  }
  c.state = HostState::kMissing;
  c.found = client.error().message();
  c.advice =
      "start one (vineyardd --size 4G), or say where it is (--socket PATH, "
      "$VINEYARD_IPC_SOCKET)";
  return c;
}

HostCheck version(const ConnectionInfo& info) {
  HostCheck c{"versions", HostState::kOk, std::string("command and daemon are ") + VINEYARD_VERSION,
              "command, clients and daemon come from one release", ""};
  if (info.version == VINEYARD_VERSION) return c;
  c.state = HostState::kLimited;
  c.found = fmt::format("this command is {}, the daemon {}", VINEYARD_VERSION, info.version);
  c.advice = "install both from the same package";
  return c;
}

HostCheck permissions(const ConnectionInfo& info) {
  using std::filesystem::perms;
  HostCheck c{"socket rights", HostState::kOk, "only its own user may connect",
              "who may connect may read every object and fill the pool", ""};
  std::error_code failure;
  const auto status = std::filesystem::status(info.socket, failure);
  if (failure) {
    c.state = HostState::kLimited;
    c.found = fmt::format("{} cannot be looked at: {}", info.socket, failure.message());
    return c;
  }
  const bool others = (status.permissions() & perms::others_write) != perms::none;
  const bool group = (status.permissions() & perms::group_write) != perms::none;
  if (!others && !group) return c;
  c.state = HostState::kLimited;
  c.found = others ? "every user of this machine may connect" : "its group may connect";
  c.advice = "if that is not meant: chmod 600 " + info.socket;
  return c;
}

HostCheck processes(const Client& client) {
  HostCheck c{"processes", HostState::kOk, "",
              "a dead worker is replaced by the supervisor, a dead supervisor by the standby", ""};
  const auto json = client.status_json();
  const auto status = json ? meta::JsonValue::parse(*json) : Result<meta::JsonValue>(json.error());
  if (!status) {
    c.state = HostState::kMissing;
    c.found = status.error().message();
    c.advice = "see what vineyardd wrote to its log";
    return c;
  }
  const auto pid = [&status](std::string_view which) -> std::uint64_t {
    const meta::JsonValue* pids = status->find("pids");
    const meta::JsonValue* found = pids == nullptr ? nullptr : pids->find(which);
    return found == nullptr ? 0 : found->as_uint64().value_or(0);
  };
  c.found = fmt::format("supervisor {}, standby {}, worker {}", pid("supervisor"), pid("standby"),
                        pid("worker"));
  if (pid("standby") != 0) return c;
  c.state = HostState::kLimited;
  c.found += "; no standby at the moment";
  c.advice = "look again in a second; see what vineyardd wrote to its log";
  return c;
}

Result<void> try_an_object(const Client& client) {
  constexpr std::string_view kText = "vineyard doctor was here";
  std::array<std::byte, kText.size()> bytes{};
  std::transform(kText.begin(), kText.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  VY_TRY(const ObjectId id, client.put_blob(bytes));
  bool same = false;
  {
    VY_TRY(const View view, client.get_view(id));
    same = std::equal(bytes.begin(), bytes.end(), view.bytes().begin(), view.bytes().end());
  }
  VY_TRY(const DeleteReport removed, client.remove(std::array{id}));
  if (!same) return Error(ErrorCode::kCorrupt, id.to_string() + " came back with other bytes");
  if (removed.deleted == 1) return {};
  return Error(ErrorCode::kCorrupt, id.to_string() + " could not be deleted again");
}

HostCheck put_and_get(const Client& client) {
  HostCheck c{"put and get", HostState::kOk, "a small object went there and back, and is deleted",
              "this is what all of it is for", ""};
  const auto done = try_an_object(client);
  if (done) return c;
  c.state = HostState::kMissing;
  c.found = done.error().message();
  c.advice = done.error().code() == ErrorCode::kFull
                 ? "vineyard status says who holds the memory; end or delete something"
                 : "vineyard fsck says whether the daemon's bookkeeping is whole";
  return c;
}

}  // namespace

Result<ExitStatus> doctor(const Common& common) {
  std::vector<HostCheck> checks = examine_host();
  const auto client = connect(common);
  checks.push_back(reachable(client));
  if (client) {
    checks.push_back(version(client->connection()));
    checks.push_back(permissions(client->connection()));
    checks.push_back(processes(*client));
    checks.push_back(put_and_get(*client));
  }
  VY_TRY(print(common.form == Form::kJson ? doctor_json(checks) : doctor_text(checks)));
  return anything_missing(checks) ? ExitStatus::kNotAll : ExitStatus::kDone;
}

}  // namespace vineyard::cli
