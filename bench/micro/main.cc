// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "anchors.h"
#include "rows.h"

// vineyard_bench [--row N] [--short] [--json FILE]; vineyard_bench --loop get|put --count N
int main(int argc, char** argv) {
  std::string row, json, scale = "full", loop;
  std::size_t count = 0;
  for (int n = 1; n < argc; ++n) {
    const std::string word = argv[n];
    if (word == "--short")
      scale = "short";
    else if (word == "--row" && n + 1 < argc)
      row = argv[++n];
    else if (word == "--loop" && n + 1 < argc)
      loop = argv[++n];
    else if (word == "--count" && n + 1 < argc)
      count = std::strtoull(argv[++n], nullptr, 10);
    else if (word == "--json" && n + 1 < argc)
      json = argv[++n];
    else {
      fmt::print(stderr,
                 "usage: vineyard_bench [--short] [--row N] [--json FILE]\n"
                 "       vineyard_bench --loop get|put --count N\n");
      return 2;
    }
  }
  if (!loop.empty()) return vineyard::bench::run_loop(loop, count);
  utsname host{};
  uname(&host);
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  fmt::print("{} {} cores, load {:.2f}, pages of {} B\n", host.release,
             sysconf(_SC_NPROCESSORS_ONLN), load, sysconf(_SC_PAGESIZE));
  vineyard::bench::Table table(row);
  table.head();
  vineyard::bench::run_data_rows(table, scale);
  vineyard::bench::run_meta_rows(table, scale);
  vineyard::bench::run_death_rows(table, scale);
  if (!json.empty()) {
    std::ofstream out(json);
    for (const auto& line : table.json()) out << line << '\n';
  }
  return table.missed() == 0 ? 0 : 1;
}
