// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "anchors.h"
#include "rows.h"
#include "vineyard/client.h"

namespace vineyard::bench {
namespace {

constexpr std::size_t kArena = 64U << 20;  // of the daemon, full-grown
constexpr std::string_view kGetRows[] = {"1", "2", "3"};
constexpr std::string_view kWarmPut[] = {"5"};
constexpr std::string_view kCreateRows[] = {"7a", "7b"};
constexpr std::string_view kFirstRead[] = {"8a", "8b"};
constexpr std::string_view kHandOver[] = {"9a", "9b"};

volatile std::uint64_t sink;

std::vector<ObjectId> put_many(const Client& client, std::size_t count, std::size_t size) {
  const std::vector<char> source(size, 'x');
  std::vector<ObjectId> ids;
  ids.reserve(count);
  for (std::size_t n = 0; n < count; ++n)
    ids.push_back(must(client.put_blob(bytes_of(source)), "put"));
  return ids;
}

double get_ns(const Client& client, const std::vector<ObjectId>& ids) {
  std::uint64_t sum = 0;
  const double t = time_pieces(ids.size(), 1000, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto view = client.get_view(ids[i]);
      if (!view) std::abort();
      sum += view->size();
    }
  });
  sink = sum;
  return t * 1e9;
}

void run_gets(Table& table, std::size_t objects) {
  if (!table.wants(kGetRows)) return;
  Daemon daemon({"--size", "4G", "--prefault", "none", "--no-reserve"});
  const Client writer = daemon.connect();
  std::vector<ObjectId> ids = put_many(writer, objects, 64);
  must(writer.sync(), "sync");
  std::shuffle(ids.begin(), ids.end(), std::mt19937_64(3));
  const Client reader = daemon.connect();
  (void)get_ns(reader, ids);
  table.run({.number = "1",
             .work = fmt::format("get + release, 64 B, {} objects, random", objects),
             .unit = "ns",
             .ours = [&] { return get_ns(reader, ids); },
             .limit = [&] { return floor_get_ns(objects); },
             .limit_name = "floor get",
             .factor = 2});
  table.run({.number = "2",
             .work = "the same, p99.9",
             .unit = "ns",
             .ours =
                 [&] {
                   std::vector<double> times;
                   times.reserve(ids.size());
                   for (ObjectId id : ids) {
                     const double begin = now();
                     const auto view = reader.get_view(id);
                     times.push_back(now() - begin);
                     if (!view) std::abort();
                   }
                   std::sort(times.begin(), times.end());
                   return times[times.size() * 999 / 1000] * 1e9;
                 },
             .limit = [] { return dependent_load_ns(); },
             .limit_name = "dependent load",
             .factor = 10});
  table.run({.number = "3",
             .work = "batch get of 1000, per object",
             .unit = "ns",
             .ours =
                 [&] {
                   std::uint64_t sum = 0;
                   const auto batch = [&](std::size_t begin, std::size_t end) {
                     const auto views = reader.get_many(std::span(ids).subspan(begin, end - begin));
                     if (!views) std::abort();
                     sum += views->size();
                   };
                   const double t = time_pieces(ids.size(), 1000, batch);
                   sink = sum;
                   return t * 1e9;
                 },
             .limit = [&] { return floor_get_ns(objects); },
             .limit_name = "floor get",
             .factor = 1.3});
}

// What a status says under a key, as a number.
double status_number(const Client& client, std::string_view key) {
  const std::string json = must(client.status_json(), "status");
  const std::size_t at = json.find(fmt::format("\"{}\":", key));
  if (at == std::string::npos) return 0;
  return std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

// Until the daemon has touched what it keeps ahead.
void wait_for_spares(const Client& client, double bytes) {
  for (int n = 0; n < 3000 && status_number(client, "spares") < bytes; ++n) usleep(10000);
}

void run_small_puts(Table& table) {
  table.run({.number = "4",
             .work = "put 1 KiB, first pass through the pool",
             .unit = "ns",
             .ours =
                 [] {
                   Daemon daemon({"--size", "2G", "--prefault", "full"});
                   const Client client = daemon.connect();
                   wait_for_spares(client, 1.7e9);
                   const std::vector<char> source(1024, 'x');
                   // A piece is a full-grown arena, so that each has its share of what a new arena costs.
                   const auto put = [&](std::size_t begin, std::size_t end) {
                     for (std::size_t n = begin; n < end; ++n) {
                       if (!client.put_blob(bytes_of(source))) std::abort();
                     }
                   };
                   return time_pieces(6 * kArena / 1024, kArena / 1024, put) * 1e9;
                 },
             .limit = [] { return floor_put_ns(1024); },
             .limit_name = "floor put 1 KiB",
             .factor = 1.5});
}

void run_large_puts(Table& table) {
  constexpr std::size_t kSize = 64U << 20;
  const std::vector<char> source(kSize, 'y');
  if (table.wants(kWarmPut)) {
    Daemon daemon({"--size", "2G", "--prefault", "none"});
    const Client client = daemon.connect();
    const auto put_and_delete = [&] {
      std::vector<double> times;
      for (int n = 0; n < 5; ++n) {
        const double begin = now();
        const ObjectId id = must(client.put_blob(bytes_of(source)), "put 64 MiB");
        times.push_back(now() - begin);
        (void)must(client.remove(std::span(&id, 1)), "delete");
      }
      return static_cast<double>(kSize) / median(times) * 1e-9;
    };
    (void)put_and_delete();
    table.run({.number = "5",
               .work = "put 64 MiB, warm",
               .unit = "GB/s",
               .ours = put_and_delete,
               .limit = [] { return nt_copy_gbs(kSize); },
               .limit_name = "NT copy",
               .factor = 0.95,
               .better = Row::Better::kLarger});
  }
  table.run({.number = "6",
             .work = "put into a never-used pool, 10 s after start",
             .unit = "GB/s",
             .ours =
                 [&] {
                   Daemon daemon({"--size", "4G", "--prefault", "background"});
                   sleep(10);
                   const Client client = daemon.connect();
                   constexpr int kPuts = 8;
                   const double begin = now();
                   for (int n = 0; n < kPuts; ++n)
                     (void)must(client.put_blob(bytes_of(source)), "put 64 MiB");
                   return static_cast<double>(kSize) * kPuts / (now() - begin) * 1e-9;
                 },
             .limit = [] { return populate_copy_gbs(std::size_t{512} << 20); },
             .limit_name = "POPULATE_READ + memcpy",
             .factor = 0.9,
             .better = Row::Better::kLarger,
             .most_rounds = 7});
}

// The user's own writes are left out: nobody writes here.
void run_creates(Table& table) {
  if (!table.wants(kCreateRows)) return;
  Daemon daemon({"--size", "3G"});
  const Client client = daemon.connect();
  (void)put_many(client, 1000, 1024);
  table.run({.number = "7a",
             .work = "create in place + seal, 4 KiB, fits the arena",
             .unit = "us",
             .ours =
                 [&] {
                   const auto create = [&](std::size_t begin, std::size_t end) {
                     for (std::size_t n = begin; n < end; ++n) {
                       auto payload = must(client.reserve(ByteCount(4096)), "reserve");
                       (void)must(client.publish_blob(std::move(payload)), "publish");
                     }
                   };
                   const double t = time_pieces(3 * kArena / 4096, kArena / 4096, create);
                   must(client.clear(), "clear");
                   return t * 1e6;
                 },
             .limit = [] { return 2.0; },
             .limit_name = "2 us",
             .factor = 1});
  table.run({.number = "7b",
             .work = "the same, 1 GiB in its own arena, used again",
             .unit = "us",
             .ours =
                 [&] {
                   std::vector<double> times;
                   for (int n = 0; n < 9; ++n) {
                     const double begin = now();
                     auto payload = must(client.reserve(ByteCount(1U << 30)), "reserve");
                     const ObjectId id = must(client.publish_blob(std::move(payload)), "publish");
                     times.push_back(now() - begin);
                     (void)must(client.remove(std::span(&id, 1)), "delete");
                   }
                   return median(times) * 1e6;
                 },
             .limit = [] { return socket_round_trip_us(Placement::kTwoCores); },
             .limit_name = "UDS RTT",
             .factor = 2.5});
}

void run_first_read(Table& table) {
  if (!table.wants(kFirstRead)) return;
  constexpr std::size_t kSize = std::size_t{1} << 30;
  Daemon daemon({"--size", "3G"});
  const Client client = daemon.connect();
  auto payload = must(client.reserve(ByteCount(kSize)), "reserve 1 GiB");
  std::memset(payload.data(), 3, kSize);
  const ObjectId id = must(client.publish_blob(std::move(payload)), "publish");
  const auto read = [&](int passes) {
    int pipe_fds[2];
    if (pipe(pipe_fds) != 0) std::abort();
    const pid_t child = fork();
    if (child == 0) {
      const double begin = now();
      const Client own = daemon.connect();
      const auto view = must(own.get_view(id), "get");
      double t = 0;
      for (int n = 0; n < passes; ++n) {
        const double from = n == 0 ? begin : now();
        sink = sum_words(view.data(), view.size());
        t = now() - from;
      }
      const double rate = static_cast<double>(kSize) / t * 1e-9;
      _exit(write(pipe_fds[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
    }
    double rate = 0;
    if (::read(pipe_fds[0], &rate, sizeof rate) != sizeof rate) rate = 0;
    waitpid(child, nullptr, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return rate;
  };
  const auto limit = [] { return read_sum_gbs(std::size_t{256} << 20); };
  table.run({.number = "8a",
             .work = "new process: connect, get 1 GiB, sum it",
             .unit = "GB/s",
             .ours = [&] { return read(1); },
             .limit = limit,
             .limit_name = "read-sum",
             .factor = 0.4,
             .better = Row::Better::kLarger});
  table.run({.number = "8b",
             .work = "the same, second pass",
             .unit = "GB/s",
             .ours = [&] { return read(2); },
             .limit = limit,
             .limit_name = "read-sum",
             .factor = 0.9,
             .better = Row::Better::kLarger});
}

// B waits for a name that A gives with its put: two wakes, A -> worker -> B.
void run_hand_over(Table& table) {
  if (!table.wants(kHandOver)) return;
  for (const Placement placement : {Placement::kTwoCores, Placement::kOneCore}) {
    const bool one = placement == Placement::kOneCore;
    if (one) run_on(0);
    Daemon daemon({"--size", "1G"});  // where we are
    run_on(-1);
    table.run({.number = one ? "9b" : "9a",
               .work = fmt::format("put in A wakes a get in B, {}", one ? "one core" : "two cores"),
               .unit = "us",
               .ours =
                   [&] {
                     int to_b[2], to_a[2];
                     if (pipe(to_b) != 0 || pipe(to_a) != 0) std::abort();
                     constexpr int kTimes = 300;
                     const pid_t child = fork();
                     if (child == 0) {
                       if (one) run_on(0);
                       const Client b = daemon.connect();
                       for (int n = 0; n < kTimes; ++n) {
                         std::uint64_t id = 0;
                         if (::read(to_b[0], &id, 8) != 8) _exit(1);
                         const auto view = b.get_view(ObjectId(id), {.wait_ms = 5000});
                         const double end = now();
                         if (!view) _exit(1);
                         if (write(to_a[1], &end, 8) != 8) _exit(1);
                       }
                       _exit(0);
                     }
                     if (one) run_on(0);
                     const Client a = daemon.connect();
                     std::vector<double> times;
                     for (int n = 0; n < kTimes; ++n) {
                       const ObjectId reserved = must(a.reserve_id(IdKind::kBlob), "reserve id");
                       const std::uint64_t id = reserved.value;
                       auto payload = must(a.reserve(ByteCount(64)), "reserve");
                       if (write(to_b[1], &id, 8) != 8) std::abort();
                       usleep(1500);
                       const double begin = now();
                       if (!a.publish_as(reserved, std::move(payload))) std::abort();
                       double end = 0;
                       if (::read(to_a[0], &end, 8) != 8) std::abort();
                       times.push_back(end - begin);
                     }
                     waitpid(child, nullptr, 0);
                     for (int fd : {to_a[0], to_a[1], to_b[0], to_b[1]}) close(fd);
                     run_on(-1);
                     return median(times) * 1e6;
                   },
               .limit = [placement] { return socket_round_trip_us(placement, Pause::kYes); },
               .limit_name = "UDS RTT after the same pause",
               .factor = 1.3});
  }
}

}  // namespace

void run_data_rows(Table& table, const std::string& scale) {
  run_gets(table, scale == "short" ? 200000 : 1000000);
  run_small_puts(table);
  run_large_puts(table);
  run_creates(table);
  run_first_read(table);
  run_hand_over(table);
}

}  // namespace vineyard::bench
