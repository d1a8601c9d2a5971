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

// Others go on putting and getting while clients are killed at random points; what their worst operation
// in the next milliseconds took over what it took in as many milliseconds without a death is the delay.
// What they put is deleted before each death, so that they write into arenas that they have: the first touch of a
// new one takes its time too (row 6), whoever dies.
void run_death_rows(Table& table, const std::string& scale) {
  static constexpr std::string_view kRow[] = {"29"};
  if (!table.wants(kRow)) return;
  const int kills = scale == "short" ? 100 : 1000;
  Daemon daemon({"--size", "1G"});
  const Client client = daemon.connect();
  const std::vector<char> source(1024, 'o');
  const auto worst_of_3_ms = [&] {
    double worst = 0, last = now();
    for (const double end = last + 0.003; last < end;) {
      const ObjectId id = must(client.put_blob(bytes_of(source)), "put");
      (void)must(client.get_view(id), "get");
      const double t = now();
      worst = std::max(worst, t - last);
      last = t;
    }
    return worst;
  };
  std::vector<double> delays;
  const auto kill_them = [&] {
    std::mt19937_64 random(11);
    for (int n = 0; n < kills; ++n) {
      const pid_t victim = busy_client(daemon.socket());
      const double until = now() + 0.002 + 0.006 * static_cast<double>(random() % 1000) / 1000;
      while (now() < until) (void)client.exists(ObjectId(1));
      (void)must(client.clear(), "clear");
      (void)worst_of_3_ms();  // takes its arenas again
      const double usual = worst_of_3_ms();
      kill(victim, SIGKILL);
      delays.push_back(worst_of_3_ms() - usual);
      waitpid(victim, nullptr, 0);
    }
    const auto check = must(client.check_json(), "check");
    if (check.findings != 0) fmt::print("{}\n", check.json);
    std::sort(delays.begin(), delays.end());
    return check.findings != 0 ? 1e9 : delays[delays.size() * 99 / 100] * 1e3;
  };
  table.run({.number = "29",
             .work = fmt::format("{} clients killed: delay of others, p99", kills),
             .unit = "ms",
             .ours = kill_them,
             .limit = [] { return 1.0; },
             .limit_name = "1 ms; nothing leaked",
             .measure = Row::Measure::kTimedOnce});
}

}  // namespace vineyard::bench
