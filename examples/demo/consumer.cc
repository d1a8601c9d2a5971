// SPDX-License-Identifier: Apache-2.0
// The consumer in C++: opens the table by name, answers the demo's questions about it, and says
// what that took. It talks JSON lines with demo.py: vineyard_demo_consumer SOCKET NAME
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "vineyard/arrow.h"
#include "vineyard/client.h"

namespace {

using vineyard::Result;
using vineyard::Table;
using vineyard::arrow::ArrayData;

struct Answer {
  std::int64_t flights = 0;
  std::int64_t miles = 0;
  std::int64_t never_departed = 0;
  std::int64_t delay_minutes = 0;
  std::string_view carrier;
  std::int64_t flights_of_carrier = 0;
  std::size_t aircraft = 0;
};

struct Columns {
  std::size_t distance, dep_time, dep_delay, carrier, tailnum;
};

Result<Columns> find_columns(const Table& table) {
  Columns c{};
  for (const auto& [name, place] :
       {std::pair{"distance", &c.distance}, std::pair{"dep_time", &c.dep_time},
        std::pair{"dep_delay", &c.dep_delay}, std::pair{"carrier", &c.carrier},
        std::pair{"tailnum", &c.tailnum}}) {
    const auto index = table.column_index(name);
    if (!index) {
      return vineyard::Error(vineyard::ErrorCode::kInvalid,
                             std::string("the table has no column ") + name);
    }
    *place = *index;
  }
  return c;
}

// The sum of the numbers that are there.
Result<std::int64_t> sum(const vineyard::arrow::Field& field, const ArrayData& column) {
  const auto numbers = vineyard::arrow::numbers<std::int64_t>(field, column);
  if (!numbers) {
    return vineyard::Error(vineyard::ErrorCode::kInvalid, field.name + " holds no 64-bit integers");
  }
  std::int64_t total = 0;
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if (vineyard::arrow::is_valid(column, static_cast<std::int64_t>(i))) total += (*numbers)[i];
  }
  return total;
}

// Reads the table's buffers where they are: every number and every text lies in shared memory.
Result<Answer> answer(const Table& table) {
  const auto columns = find_columns(table);
  if (!columns) return columns.error();
  Answer a;
  std::unordered_map<std::string_view, std::int64_t> carriers;
  std::unordered_set<std::string_view> aircraft;
  for (const ArrayData& batch : table.batches()) {
    a.flights += batch.length;
    const auto& fields = table.schema().children;
    const auto miles = sum(fields[columns->distance], batch.children[columns->distance]);
    const auto delay = sum(fields[columns->dep_delay], batch.children[columns->dep_delay]);
    if (!miles) return miles.error();
    if (!delay) return delay.error();
    a.miles += *miles;
    a.delay_minutes += *delay;
    for (std::int64_t i = 0; i < batch.length; ++i) {
      const ArrayData& tailnum = batch.children[columns->tailnum];
      a.never_departed += !vineyard::arrow::is_valid(batch.children[columns->dep_time], i);
      if (const auto text = vineyard::arrow::bytes_at(batch.children[columns->carrier], i)) {
        ++carriers[*text];
      }
      const auto text = vineyard::arrow::bytes_at(tailnum, i);
      if (text && vineyard::arrow::is_valid(tailnum, i)) aircraft.insert(*text);
    }
  }
  for (const auto& [carrier, count] : carriers) {
    if (count > a.flights_of_carrier) a.carrier = carrier, a.flights_of_carrier = count;
  }
  a.aircraft = aircraft.size();
  return a;
}

// Memory of this process that it shares with nobody, in bytes.
long long private_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
  }
  return 0;
}

Result<void> serve(const vineyard::ConnectOptions& options, const char* name) {
  std::puts("{\"ready\": true}");
  std::fflush(stdout);
  std::optional<Table> table;
  for (std::string line; std::getline(std::cin, line);) {
    const long long before = private_bytes();
    const auto start = std::chrono::steady_clock::now();
    if (line.find("\"open\"") != std::string::npos) {
      const auto client = vineyard::Client::connect(options);
      if (!client) return client.error();
      auto found = vineyard::get<Table>(*client, name);
      if (!found) return found.error();
      table = *std::move(found);  // needs the client no longer
    }
    const auto a = answer(*table);
    if (!a) return a.error();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf(
        "{\"answer\": [%lld, %lld, %lld, %lld, \"%.*s\", %lld, %zu], \"seconds\": %f, "
        "\"private\": %lld, \"copied\": 0}\n",
        static_cast<long long>(a->flights), static_cast<long long>(a->miles),
        static_cast<long long>(a->never_departed), static_cast<long long>(a->delay_minutes),
        static_cast<int>(a->carrier.size()), a->carrier.data(),
        static_cast<long long>(a->flights_of_carrier), a->aircraft, seconds.count(),
        private_bytes() - before);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: vineyard_demo_consumer SOCKET NAME\n", stderr);
    return 2;
  }
  vineyard::ConnectOptions options;
  options.socket = argv[1];
  const auto done = serve(options, argv[2]);
  if (done) return 0;
  std::fprintf(stderr, "vineyard_demo_consumer: %s\n", done.error().message().c_str());
  return 1;
}
