// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "anchors.h"
#include "rows.h"
#include "vineyard/client.h"
#include "vineyard/shm/worker/extents.h"

namespace vineyard::bench {
namespace {

constexpr std::string_view kObjectRows[] = {"10a", "10b"};
constexpr std::string_view kListRows[] = {"11a", "11b", "12", "17a"};
constexpr std::string_view kIdleRow[] = {"17b"};

volatile std::uint64_t sink;

std::vector<ObjectId> put_objects(const Client& client, std::size_t count,
                                  const std::vector<ObjectId>& members) {
  meta::DocumentBuilder b;
  std::vector<ObjectId> ids;
  ids.reserve(count);
  for (std::size_t n = 0; n < count; ++n) {
    b.clear("bench::Object");
    for (int k = 0; k < 8; ++k)
      b.set(b.root(),
            std::string_view("key_0\0key_1\0key_2\0key_3\0key_4\0key_5\0key_6\0key_7" + k * 6, 5),
            std::int64_t{k} + static_cast<std::int64_t>(n));
    for (std::size_t m = 0; m < members.size(); ++m) {
      b.add_member(b.root(), std::string_view("mem_0\0mem_1\0mem_2\0mem_3" + m * 6, 5), members[m]);
    }
    ids.push_back(must(client.publish(b), "publish"));
  }
  return ids;
}

std::vector<int> family(int supervisor) {
  std::vector<int> all = {supervisor};
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", supervisor));
  for (int pid; children >> pid;) all.push_back(pid);
  return all;
}

// Private memory of the daemon's processes plus the shared memory that they made, without counting a page twice.
double daemon_bytes(const Daemon& daemon) {
  double sum = 0;
  for (int pid : family(daemon.pid())) {
    std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string key; rollup >> key;) {
      double kib = 0;
      if (key == "Pss:" && rollup >> kib) sum += kib * 1024;
    }
  }
  return sum;
}

void run_objects(Table& table) {
  if (!table.wants(kObjectRows)) return;
  Daemon daemon({"--size", "2G", "--prefault", "none"});
  const Client client = daemon.connect();
  std::vector<ObjectId> members;
  for (int n = 0; n < 4; ++n) {
    const char text[] = "member";
    members.push_back(must(client.put_blob(std::as_bytes(std::span(text))), "put"));
  }
  must(client.sync(), "sync");
  constexpr std::size_t kObjects = 20000;
  std::vector<ObjectId> ids;
  table.run({.number = "10a",
             .work = "create an object, 8 keys, 4 members",
             .unit = "ns",
             .ours =
                 [&] {
                   ids.clear();
                   const auto create = [&](std::size_t begin, std::size_t end) {
                     const auto some = put_objects(client, end - begin, members);
                     ids.insert(ids.end(), some.begin(), some.end());
                   };
                   return time_pieces(kObjects, 4000, create) * 1e9;
                 },
             .limit = [] { return floor_get_ns(1000000); },
             .limit_name = "floor get",
             .factor = 15});
  table.run({.number = "10b",
             .work = "get such an object",
             .unit = "ns",
             .ours =
                 [&] {
                   if (ids.empty()) ids = put_objects(client, kObjects, members);
                   must(client.sync(), "sync");
                   std::uint64_t sum = 0;
                   const auto get = [&](std::size_t begin, std::size_t end) {
                     for (std::size_t i = begin; i < end; ++i)
                       sum += client.get(ids[i])->document().size();
                   };
                   const double t = time_pieces(ids.size(), 1000, get);
                   sink = sum;
                   return t * 1e9;
                 },
             .limit = [] { return floor_get_ns(1000000); },
             .limit_name = "floor get",
             .factor = 6});
}

void run_lists(Table& table, std::size_t objects) {
  if (!table.wants(kListRows)) return;
  Daemon daemon({"--size", "4G", "--prefault", "none"});
  const Client client = daemon.connect();
  const double before = daemon_bytes(daemon);
  (void)put_objects(client, objects, {});
  must(client.sync(), "sync");
  const double per_object = (daemon_bytes(daemon) - before) / static_cast<double>(objects);
  const auto list_us = [&](const char* pattern, std::uint32_t limit) {
    std::vector<double> times;
    for (int n = 0; n < 200; ++n) {
      const double begin = now();
      sink = must(client.list({.pattern = pattern, .limit = limit}), "list").size();
      times.push_back(now() - begin);
    }
    return median(times) * 1e6;
  };
  const auto round_trip = [] { return socket_round_trip_us(Placement::kTwoCores); };
  table.run({.number = "11a",
             .work = fmt::format("list by type, no match, {} objects", objects),
             .unit = "us",
             .ours = [&] { return list_us("no::Such*", 1000); },
             .limit = round_trip,
             .limit_name = "UDS RTT",
             .factor = 1,
             .allowance = 10});
  table.run({.number = "11b",
             .work = fmt::format("the same, free-form glob, {} objects", objects),
             .unit = "us",
             .ours = [&] { return list_us("*no*such*", 1000); },
             .limit = round_trip,
             .limit_name = "UDS RTT",
             .factor = 1,
             .allowance = 0.01 * static_cast<double>(objects)});
  table.run({.number = "12",
             .work = "list returning 1000",
             .unit = "us",
             .ours = [&] { return list_us("bench::*", 1000); },
             .limit = round_trip,
             .limit_name = "UDS RTT",
             .factor = 1,
             .allowance = 100});
  table.run({.number = "17a",
             .work = fmt::format("memory per metadata object ({} of 8 keys)", objects),
             .unit = "B",
             .ours = [&] { return per_object; },
             .limit = [] { return 200.0; },
             .limit_name = "200 B",
             .factor = 1,
             .measure = Row::Measure::kCounted});
}

void run_idle_memory(Table& table) {
  if (!table.wants(kIdleRow)) return;
  Daemon daemon({"--size", "1G", "--prefault", "none"});
  sleep(1);
  table.run({.number = "17b",
             .work = "daemon without pool, all three processes",
             .unit = "MB",
             .ours = [&] { return daemon_bytes(daemon) * 1e-6; },
             .limit = [] { return 8.0; },
             .limit_name = "8 MB",
             .factor = 1,
             .measure = Row::Measure::kCounted});
}

// Log-uniform sizes of 1 KiB to 8 MiB in 1 GiB: fill, then ten rounds of freeing half and filling again. What is random is
// drawn beforehand: it costs as much as the allocator.
void run_allocator(Table& table) {
  struct Held {
    shm::ExtentAllocator::Handle handle;
    std::uint32_t units;
  };
  constexpr std::uint32_t kUnits = (1U << 30) / 64;
  std::mt19937_64 random(7);
  std::vector<std::uint32_t> sizes(1U << 16);
  for (std::uint32_t& units : sizes) {
    const double log = std::uniform_real_distribution<double>(10, 23)(random);
    units = static_cast<std::uint32_t>(std::max(1.0, std::exp2(log) / 64));
  }
  double fill = 0;
  const auto churn = [&] {
    shm::ExtentAllocator allocator(kUnits);
    std::vector<Held> held;
    std::uint64_t operations = 0, drawn = 0;
    double spent = 0;
    const auto timed = [&](const auto& work) {
      const double begin = now();
      work();
      spent += now() - begin;
    };
    const auto fill_up = [&] {
      for (int failures = 0; failures < 20; ++operations) {
        const std::uint32_t units = sizes[drawn++ % sizes.size()];
        const auto run = allocator.allocate(units);
        run ? held.push_back({run->handle, units}) : static_cast<void>(++failures);
      }
    };
    const auto free_half = [&] {
      for (std::size_t n = held.size() / 2; n > 0; --n, ++operations) {
        allocator.free(held.back().handle);
        held.pop_back();
      }
    };
    timed(fill_up);
    for (int round = 0; round < 10; ++round) {
      std::shuffle(held.begin(), held.end(), random);
      timed(free_half);
      timed(fill_up);
    }
    fill = 100.0 * (kUnits - allocator.free_units()) / kUnits;
    return spent / static_cast<double>(operations) * 1e9;
  };
  table.run({.number = "25a",
             .work = "worker's allocator, large churn",
             .unit = "ns",
             .ours = churn,
             .limit = [] { return dependent_load_ns(); },
             .limit_name = "dependent load",
             .factor = 0.3});
  table.run({.number = "25b",
             .work = "its fill after churn",
             .unit = "%",
             .ours = [&] { return fill > 0 ? fill : (churn(), fill); },
             .limit = [] { return 100.0; },
             .limit_name = "all",
             .factor = 0.97,
             .better = Row::Better::kLarger,
             .measure = Row::Measure::kCounted});
}

// Fill the pool with objects of one size, delete all or every second, fill with another size; how much is usable?
void run_pool_churn(Table& table) {
  table.run({.number = "25c",
             .work = "pool usable after churn by clients",
             .unit = "%",
             .ours =
                 [] {
                   constexpr std::uint64_t kPool = 512U << 20;
                   Daemon daemon({"--size", "512M", "--prefault", "none"});
                   const Client client = daemon.connect();
                   std::vector<double> usable;
                   const std::vector<std::size_t> sizes = {4096,     65536, 1U << 20, 12000,
                                                           4U << 20, 700,   300000};
                   for (std::size_t a = 0; a + 1 < sizes.size(); ++a) {
                     for (int every = 1; every <= 2; ++every) {
                       (void)must(client.clear(), "clear");
                       std::vector<ObjectId> ids;
                       const std::vector<char> first(sizes[a], 'a'), second(sizes[a + 1], 'b');
                       while (true) {
                         auto id = client.put_blob(std::as_bytes(std::span(first)));
                         if (!id) break;
                         ids.push_back(*id);
                       }
                       std::vector<ObjectId> dead;
                       for (std::size_t n = 0; n < ids.size(); n += static_cast<std::size_t>(every))
                         dead.push_back(ids[n]);
                       for (std::size_t n = 0; n < dead.size(); n += 4000) {
                         (void)must(client.remove(std::span(dead).subspan(
                                        n, std::min<std::size_t>(4000, dead.size() - n))),
                                    "delete");
                       }
                       double bytes = every == 2 ? static_cast<double>(ids.size() - dead.size()) *
                                                       static_cast<double>(sizes[a])
                                                 : 0;
                       while (client.put_blob(std::as_bytes(std::span(second))))
                         bytes += static_cast<double>(second.size());
                       usable.push_back(100 * bytes / static_cast<double>(kPool));
                     }
                   }
                   return *std::min_element(usable.begin(), usable.end());
                 },
             .limit = [] { return 100.0; },
             .limit_name = "pool",
             .factor = 0.95,
             .better = Row::Better::kLarger,
             .measure = Row::Measure::kCounted});
}

}  // namespace

void run_meta_rows(Table& table, const std::string& scale) {
  run_objects(table);
  if (scale != "short") run_lists(table, 1000000);
  run_lists(table, 100000);
  run_idle_memory(table);
  run_allocator(table);
  run_pool_churn(table);
}

}  // namespace vineyard::bench
