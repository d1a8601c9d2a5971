// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/client/client.h"

// The commands, and what all of them share. Which words of the command line set which option, and
// what each means to a user, is in command_line.cc.
namespace vineyard::cli {

/// What the shell is told. A command that fails with an Error ends with kFailed, too.
enum class ExitStatus : std::uint8_t {
  kDone = 0,
  kNotAll = 1,  ///< asked and answered, but not all is as it was asked for
  kFailed = 2,  ///< could not be asked, or not at all
};

/// How answers are written: for people, or as JSON in one line.
enum class Form : std::uint8_t { kText, kJson };

/// What the words before and behind every command say.
struct Common {
  std::string socket;  // empty: where clients look
  Form form = Form::kText;
};

/// What `get` is asked for.
struct GetTarget {
  std::string target;  // id or name
  std::string output;  // a file; empty: the standard output
  double wait_seconds = 0;
};

/// What `ls` lists, and how.
struct LsOptions {
  ListOptions list;
  bool names = false;    // list names instead of objects
  bool is_long = false;  // more columns, nothing shortened
};

/// What `put` puts.
struct PutOptions {
  std::string file = "-";  // -: the standard input
  std::string name;        // empty: none
};

/// What `rm` removes.
struct RmOptions {
  std::vector<std::string> targets;  // ids and names
  DeleteOptions remove;
};

[[nodiscard]] Result<ExitStatus> doctor(const Common& common);
[[nodiscard]] Result<ExitStatus> fsck(const Common& common);
[[nodiscard]] Result<ExitStatus> get(const Common& common, const GetTarget& options);
[[nodiscard]] Result<ExitStatus> ls(const Common& common, const LsOptions& options);
[[nodiscard]] Result<ExitStatus> put(const Common& common, const PutOptions& options);
[[nodiscard]] Result<ExitStatus> rm(const Common& common, const RmOptions& options);
[[nodiscard]] Result<ExitStatus> status(const Common& common);

/// Connects with the daemon that is running; never starts one. Errors: as Client::connect.
[[nodiscard]] Result<Client> connect(const Common& common);

/// Writes an answer to the standard output. Errors: unavailable (nobody reads it, the disk is
/// full).
[[nodiscard]] Result<void> print(std::string_view text);

}  // namespace vineyard::cli
