// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>

#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/table.h"
#include "vineyard/client/host.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

constexpr const char* kAbout =
    "Looks into a running vineyard daemon, puts files in and gets objects out.";
constexpr const char* kFooter =
    "Exit status: 0 done, 1 answered but not all is as asked (rm, fsck, doctor), 2 failed.\n"
    "Each command has its own --help.";

// All that a command line can say, and the command it names.
struct Words {
  Common common;
  GetTarget get;
  LsOptions ls;
  PutOptions put;
  RmOptions rm;
  std::function<Result<ExitStatus>()> command;
};

void declare_looking(CLI::App& app, Words& w) {
  app.add_subcommand("status",
                     "Processes, memory and who holds it, objects, clients and their pins")
      ->callback([&w] { w.command = [&w] { return status(w.common); }; });
  app.add_subcommand("doctor",
                     "What this machine and the daemon offer, what is missing, why it matters and "
                     "what to do")
      ->callback([&w] { w.command = [&w] { return doctor(w.common); }; });
  app.add_subcommand("fsck",
                     "Checks the invariants of the running daemon; exit status 1 if one is broken")
      ->callback([&w] { w.command = [&w] { return fsck(w.common); }; });
}

void declare_ls(CLI::App& app, Words& w) {
  CLI::App* ls_command = app.add_subcommand("ls", "Lists objects by type, or names");
  ls_command->add_option("pattern", w.ls.list.pattern,
                         "What the whole type name (with --names: the name) matches, with *, ?, "
                         "[...] (default: everything)");
  ls_command->add_flag("--names", w.ls.names, "List names and what they stand for");
  ls_command->add_flag_callback(
      "--regex", [&w] { w.ls.list.syntax = PatternSyntax::kRegularExpression; },
      "The pattern is a regular expression");
  ls_command->add_option("--limit", w.ls.list.limit, "List at most so many")
      ->check(CLI::Range(1U, std::numeric_limits<std::uint32_t>::max()).description(""))
      ->type_name("N")
      ->capture_default_str();
  ls_command->add_flag("-l,--long", w.ls.is_long,
                       "Whole type names; also numbers of payload blobs and members");
  ls_command->callback([&w] { w.command = [&w] { return ls(w.common, w.ls); }; });
}

void declare_get(CLI::App& app, Words& w) {
  CLI::App* get_command =
      app.add_subcommand("get", "The bytes of a blob, or the metadata of any other object as JSON");
  get_command
      ->add_option("object", w.get.target, "Its id (o and 16 hexadecimal digits) or its name")
      ->required();
  get_command->add_option("-o,--output", w.get.output,
                          "Write to this file instead of the standard output");
  get_command
      ->add_option("--wait", w.get.wait_seconds,
                   "Seconds to wait for an object or name that is not there yet")
      ->check(CLI::Range(0.0, 1e9).description(""))
      ->type_name("SECONDS");
  get_command->footer("With --json also a blob's metadata instead of its bytes.");
  get_command->callback([&w] { w.command = [&w] { return get(w.common, w.get); }; });
}

void declare_put(CLI::App& app, Words& w) {
  CLI::App* put_command =
      app.add_subcommand("put", "Puts a file, or the standard input, as a blob and prints its id");
  put_command->add_option("file", w.put.file, "What to put (default: -, the standard input)");
  put_command
      ->add_option("--name", w.put.name,
                   "Give the blob this name, which may have stood for another object")
      ->check([](const std::string& name) {
        return std::string(name.empty() ? "an empty name stands for nothing" : "");
      });
  put_command->callback([&w] { w.command = [&w] { return put(w.common, w.put); }; });
}

void declare_rm(CLI::App& app, Words& w) {
  CLI::App* rm_command = app.add_subcommand(
      "rm", "Deletes objects; exit status 1 if one was not there or is a member of another");
  rm_command->add_option("object", w.rm.targets, "Ids or names; a name goes with its object")
      ->required();
  rm_command->add_flag("--deep", w.rm.remove.deep, "Also members that nothing else refers to");
  rm_command->add_flag("--force", w.rm.remove.force,
                       "Also objects that refer to them, and so on upwards");
  rm_command->footer(
      "Views that programs have stay good; the memory comes back with the last one.");
  rm_command->callback([&w] { w.command = [&w] { return rm(w.common, w.rm); }; });
}

void declare(CLI::App& app, Words& w) {
  app.set_version_flag("--version", std::string("vineyard ") + VINEYARD_VERSION);
  app.add_option("--socket", w.common.socket,
                 "Path of the daemon's socket (default: $VINEYARD_IPC_SOCKET, else where a daemon "
                 "of this user or of the machine listens)");
  app.add_flag_callback(
      "--json", [&w] { w.common.form = Form::kJson; }, "Answer with JSON, in one line");
  app.require_subcommand(0, 1);  // we say what is missing, or which word is no command
  app.fallthrough();             // --socket and --json may also stand behind the command
  app.footer(kFooter);
  declare_looking(app, w);
  declare_ls(app, w);
  declare_get(app, w);
  declare_put(app, w);
  declare_rm(app, w);
}

void print_error(const Error& error, Form form) {
  std::string line = "vineyard: " + printable(error.message());
  if (form == Form::kJson) {
    meta::JsonWriter w;
    w.begin_object().key("error").begin_object();
    w.field("code", name_of(error.code())).field("message", error.message());
    w.end_object().end_object();
    line = w.take();
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

// CLI11 explains over several lines; we say it in one.
Error explain(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Error(ErrorCode::kInvalid, text + "; `vineyard --help` lists all commands");
}

// What follows a first word that is no command, CLI11 calls unexpected, in whatever order.
Error explain(const CLI::App& app, const CLI::ParseError& e) {
  const bool extras = dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr;
  if (!extras || !app.get_subcommands().empty()) return explain(std::string(e.what()));
  return explain("there is no command '" + app.remaining().front() + "'");
}

Result<ExitStatus> carry_out(const Words& words) {
  try {
    return words.command();
  } catch (const std::exception& e) {  // of the standard library: no memory, a folder vanished
    return Error(ErrorCode::kUnavailable, e.what());
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  occupy_standard_streams();
  CLI::App app(kAbout, "vineyard");
  Words words;
  declare(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    const int status = app.exit(e);
    return std::cout.flush() ? status : static_cast<int>(ExitStatus::kFailed);
  } catch (const CLI::ParseError& e) {
    const bool json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    print_error(explain(app, e), json ? Form::kJson : Form::kText);
    return static_cast<int>(ExitStatus::kFailed);
  }
  if (!words.command) {
    print_error(explain("a command is missing"), words.common.form);
    return static_cast<int>(ExitStatus::kFailed);
  }
  const Result<ExitStatus> done = carry_out(words);
  if (done) return static_cast<int>(*done);
  print_error(done.error(), words.common.form);
  return static_cast<int>(ExitStatus::kFailed);
}

}  // namespace vineyard::cli
