// SPDX-License-Identifier: Apache-2.0
// Attacks a running daemon through its socket and prints what became of it: rows S1, S2 and S4 of the scorecard.
//
//   hostile_client SOCKET PID [--frames N] [--idle N] [--seed N] [--patience-ms N] [--only S1|S2|S4]
//
// PID is the supervisor's. Ends with status 1 when a row is not as promised.
#include <charconv>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "rows.h"

namespace vineyard::hostile {
namespace {

int run(const Options& options, const std::string& only) {
  Target target(options);
  if (!target.start()) {
    std::fprintf(stderr, "hostile_client: nobody answers at %s\n", options.socket.c_str());
    return 2;
  }
  std::printf("processes:");
  for (pid_t pid : target.watch().processes()) std::printf(" %d", static_cast<int>(pid));
  std::printf("\n");
  using Row = bool (*)(Target&);
  const std::pair<const char*, Row> rows[] = {
      {"S1", attack_with_frames}, {"S2", attack_with_cases}, {"S4", attack_with_silence}};
  bool good = true;
  for (const auto& [name, row] : rows) {
    if (!only.empty() && only != name) continue;
    good = row(target) && good;
    if (target.watch().deaths() != 0) break;
  }
  return good ? 0 : 1;
}

bool read_options(int argc, char** argv, Options& options, std::string& only) {
  if (argc < 3) return false;
  const auto number = [](std::string_view text, std::uint64_t& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  options.socket = argv[1];
  if (!number(argv[2], options.pid)) return false;
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    bool good = true;
    if (name == "--frames")
      good = number(value, options.frames);
    else if (name == "--idle")
      good = number(value, options.idle);
    else if (name == "--seed")
      good = number(value, options.seed);
    else if (name == "--patience-ms")
      good = number(value, options.patience_ms);
    else if (name == "--only")
      only = value;
    else
      good = false;
    if (!good) return false;
  }
  return argc % 2 == 1;
}

}  // namespace
}  // namespace vineyard::hostile

int main(int argc, char** argv) {
  vineyard::hostile::Options options;
  options.seed = std::random_device{}();
  std::string only;
  if (!vineyard::hostile::read_options(argc, argv, options, only)) {
    std::fprintf(stderr,
                 "usage: hostile_client SOCKET PID [--frames N] [--idle N] [--seed N] "
                 "[--patience-ms N] [--only S1|S2|S4]\n");
    return 2;
  }
  return vineyard::hostile::run(options, only);
}
