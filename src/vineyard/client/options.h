// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/ids.h"

// What callers may choose, and what calls report, as plain values.
namespace vineyard {

/// What `Client::connect` does when nobody serves the socket.
enum class Autostart : std::uint8_t {
  kNever,          ///< fails and says what to do
  kPrivateDaemon,  ///< starts a `vineyardd --until-idle` of this user, which ends after its last
                   ///< client
};

/// The daemon that `Client::connect` started, so that the caller can say so.
struct StartedDaemon {
  std::string program{};  ///< empty: none was started
  std::string socket{};
  std::int64_t pid = 0;  ///< of the process that was started
};

/// Where to connect, and what to do when nobody is there.
struct ConnectOptions {
  /// Path of the native socket. Empty: $VINEYARD_IPC_SOCKET, else the first that is served of
  /// $XDG_RUNTIME_DIR/vineyard.sock and /run/vineyard/vineyard.sock.
  std::string socket{};
  /// How long each call, and connecting, waits for the daemon before it fails with a deadline error. Nothing: 30 s to connect,
  /// and for each call 300 s, or what the connection that this process already has there waits.
  std::optional<std::uint32_t> deadline_ms{};
  Autostart autostart = Autostart::kNever;
  /// The daemon to start. Empty: $VINEYARD_DAEMON, else `vineyardd` beside this library or program,
  /// else in $PATH.
  std::string daemon_program{};
  /// Further arguments of a daemon that is started, for example {"--size", "4GiB"}.
  std::vector<std::string> daemon_arguments{};
  /// Who asks, as `vineyard status` shows it. Empty: the name of the executable.
  std::string program{};
  /// Filled when a daemon was started.
  StartedDaemon* started = nullptr;

  [[nodiscard]] std::uint32_t connects_within_ms() const { return deadline_ms.value_or(30'000); }
  [[nodiscard]] std::uint32_t waits_ms() const { return deadline_ms.value_or(300'000); }
};

/// What this client is connected to.
struct ConnectionInfo {
  std::string socket{};
  std::string version;         ///< of the daemon
  std::uint64_t instance = 0;  ///< names the daemon's index region
  std::uint64_t serial = 0;    ///< of this client, as `vineyard status` shows it
  std::uint64_t pool_bytes = 0;
};

/// How long a get waits.
struct GetOptions {
  /// How long to wait for something that is not there yet; 0: not at all.
  std::uint64_t wait_ms = 0;
};

/// How a pattern is written. A regular expression matches the whole text.
enum class PatternSyntax : std::uint32_t { kGlob = 0, kRegularExpression = 1 };

/// What a list is to hold, and how much of it.
struct ListOptions {
  std::string pattern = "*";
  PatternSyntax syntax = PatternSyntax::kGlob;
  std::uint32_t limit = 1000;
};

/// A name and the object it stands for.
struct NamedObject {
  std::string name;
  ObjectId id;
};

/// What happens to a name that is taken.
enum class NameMode : std::uint32_t { kReplace = 0, kIfFree = 1 };

/// How fresh the answer to a name must be.
enum class Freshness : std::uint8_t {
  kSeen,          ///< never older than what this client has seen; usually no message
  kLinearizable,  ///< asks the daemon
};

/// How long to wait for a name, and how fresh the answer must be.
struct GetNameOptions {
  std::uint64_t wait_ms = 0;  ///< how long to wait for the name to appear; 0: not at all
  Freshness freshness = Freshness::kSeen;
};

/// How far a deletion goes.
struct DeleteOptions {
  bool deep = false;   ///< also members that nothing else refers to
  bool force = false;  ///< also objects that others refer to, with all that refer to them
};

/// What became of the objects of one `remove`.
struct DeleteReport {
  std::uint32_t deleted = 0;
  std::uint32_t absent = 0;       ///< were not there
  std::vector<ObjectId> kept;     ///< not deleted, because a live object refers to them ...
  std::vector<ObjectId> holders;  ///< ... one such object for each
};

/// The invariants of a running instance.
struct CheckReport {
  std::uint32_t findings = 0;  ///< broken invariants
  std::string json;
};

/// What a detached id is for.
enum class IdKind : std::uint32_t { kObject = 0, kBlob = 1 };

}  // namespace vineyard
