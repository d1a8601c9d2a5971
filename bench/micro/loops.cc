// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>
#include <thread>

#include "rows.h"

namespace vineyard::bench {
namespace {

// A call that fails, for whoever counts calls: the loop's are those between two of these.
void mark() {
  static_cast<void>(write(-1, "loop", 4) + 1);
}

}  // namespace

int run_loop(const std::string& name, std::size_t count) {
  constexpr std::size_t kObjects = 64;
  const Daemon daemon({"--size", "1G", "--prefault", "none"});
  const Client client = daemon.connect();
  const std::vector<char> source(1024, 'x');
  std::vector<ObjectId> ids;
  for (std::size_t n = 0; n < kObjects; ++n)
    ids.push_back(must(client.put_blob(bytes_of(source)), "put"));
  must(client.sync(), "sync");

  const std::map<std::string, std::function<void(std::size_t)>> loops = {
      {"get",
       [&](std::size_t times) {
         for (std::size_t n = 0; n < times; ++n)
           (void)must(client.get_view(ids[n % kObjects]), "get");
       }},
      {"put", [&](std::size_t times) {
         for (std::size_t n = 0; n < times; ++n)
           (void)must(client.put_blob(bytes_of(source)), "put");
       }}};
  const auto loop = loops.find(name);
  if (loop == loops.end()) {
    fmt::print(stderr, "--loop get or put, not '{}'\n", name);
    return 2;
  }
  // Locks cost nothing in a process that never had a second thread: count what they cost in others.
  std::thread([] {}).join();
  loop->second(20000);  // mappings and arenas are there
  mark();
  loop->second(count);
  mark();
  return 0;
}

}  // namespace vineyard::bench
