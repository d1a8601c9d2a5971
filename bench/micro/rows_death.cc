// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "rows.h"
#include "vineyard/client.h"

namespace vineyard::bench {
namespace {

pid_t busy_client(const std::string& socket) {
  const pid_t child = fork();
  if (child != 0) return child;
  const auto client = Client::connect({.socket = socket});
  if (!client) _exit(1);
  const std::vector<char> source(4096, 'k');
  while (true) {
    const auto id = client->put_blob(std::as_bytes(std::span(source)));
    if (!id) _exit(1);
    (void)client->get_view(*id);
    (void)client->remove(std::span(&*id, 1));
  }
}

}  // namespace

// Others go on putting and getting while clients are killed at random points; each delay over its usual is theirs.
void run_death_rows(Table& table, const std::string& scale) {
  const int kills = scale == "short" ? 100 : 1000;
  Daemon daemon({"--size", "1G", "--prefault", "none"});
  const auto client = Client::connect({.socket = daemon.socket()});
  if (!client) std::exit(2);
  table.run({.number = "29",
             .work = fmt::format("{} clients killed: worst delay of others' put + get", kills),
             .unit = "ms",
             .ours =
                 [&] {
                   std::mt19937_64 random(11);
                   const std::vector<char> source(1024, 'o');
                   double worst = 0;
                   for (int n = 0; n < kills; ++n) {
                     const pid_t victim = busy_client(daemon.socket());
                     const double until =
                         now() + 0.002 + 0.006 * static_cast<double>(random() % 1000) / 1000;
                     while (now() < until) (void)client->exists(ObjectId(1));
                     kill(victim, SIGKILL);
                     const double begin = now();
                     double last = begin;
                     while (last - begin < 0.003) {
                       const auto id = client->put_blob(std::as_bytes(std::span(source)));
                       if (!id || !client->get_view(*id)) std::abort();
                       const double t = now();
                       worst = std::max(worst, t - last);
                       last = t;
                     }
                     waitpid(victim, nullptr, 0);
                   }
                   const auto check = client->check_json();
                   if (!check || check->findings != 0) {
                     fmt::print(stderr, "bench: row 29: {}\n",
                                check ? check->json : check.error().message());
                     std::exit(1);
                   }
                   return worst * 1e3;
                 },
             .limit = [] { return 1.0; },
             .limit_name = "1 ms",
             .factor = 1,
             .rounds = 1});
}

}  // namespace vineyard::bench
