// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "anchors.h"
#include "rows.h"

// vineyard_bench [--row N] [--short] [--json FILE]
int main(int argc, char** argv) {
  std::string row, json, scale = "full", group;
  for (int n = 1; n < argc; ++n) {
    const std::string word = argv[n];
    if (word == "--short")
      scale = "short";
    else if (word == "--row" && n + 1 < argc)
      row = argv[++n];
    else if (word == "--group" && n + 1 < argc)
      group = argv[++n];
    else if (word == "--json" && n + 1 < argc)
      json = argv[++n];
    else {
      fmt::print(
          stderr,
          "usage: vineyard_bench [--short] [--row N] [--group data|meta|death] [--json FILE]\n");
      return 2;
    }
  }
  utsname host{};
  uname(&host);
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  fmt::print("{} {} cores, load {:.2f}, pages of {} B\n", host.release,
             sysconf(_SC_NPROCESSORS_ONLN), load, sysconf(_SC_PAGESIZE));
  vineyard::bench::Table table(row);
  table.head();
  if (group.empty() || group == "data") vineyard::bench::run_data_rows(table, scale);
  if (group.empty() || group == "meta") vineyard::bench::run_meta_rows(table, scale);
  if (group.empty() || group == "death") vineyard::bench::run_death_rows(table, scale);
  if (!json.empty()) {
    std::ofstream out(json);
    for (const auto& line : table.json()) out << line << '\n';
  }
  fmt::print("{} missed\n", table.missed());
  return table.missed() == 0 ? 0 : 1;
}
