// SPDX-License-Identifier: Apache-2.0
// The consumer in C++: opens the table by name, answers the demo's questions about it, and says
// what that took. It talks JSON lines with demo.py:
// vineyard_demo_consumer SOCKET NAME NUMBER MISSING ANOTHER TEXT
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "vineyard/arrow.h"
#include "vineyard/client.h"

namespace {

using vineyard::Result;
using vineyard::Table;
using vineyard::arrow::ArrayData;

struct Answer {
  std::int64_t rows = 0;
  std::int64_t total = 0;          // of the first column of numbers
  std::int64_t missing = 0;        // values of the second column that are not there
  std::int64_t another_total = 0;  // of the third column
  std::string_view most_frequent;  // text of the fourth column
  std::int64_t how_often = 0;
};

// The columns that the questions are about.
struct Columns {
  std::size_t number, missing, another, text;
};

Result<std::size_t> find_column(const Table& table, const char* name) {
  if (const auto index = table.column_index(name)) return *index;
  return vineyard::Error(vineyard::ErrorCode::kInvalid,
                         std::string("the table has no column ") + name);
}

Result<Columns> find_columns(const Table& table, char** names) {
  Columns c{};
  std::size_t* const places[] = {&c.number, &c.missing, &c.another, &c.text};
  for (std::size_t n = 0; n < 4; ++n) {
    const auto index = find_column(table, names[n]);
    if (!index) return index.error();
    *places[n] = *index;
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
Result<Answer> answer(const Table& table, char** names) {
  const auto columns = find_columns(table, names);
  if (!columns) return columns.error();
  Answer a;
  std::unordered_map<std::string_view, std::int64_t> texts;
  const auto& fields = table.schema().children;
  for (const ArrayData& batch : table.batches()) {
    a.rows += batch.length;
    const auto total = sum(fields[columns->number], batch.children[columns->number]);
    const auto another = sum(fields[columns->another], batch.children[columns->another]);
    if (!total) return total.error();
    if (!another) return another.error();
    a.total += *total;
    a.another_total += *another;
    for (std::int64_t i = 0; i < batch.length; ++i) {
      a.missing += !vineyard::arrow::is_valid(batch.children[columns->missing], i);
      if (const auto text = vineyard::arrow::bytes_at(batch.children[columns->text], i)) {
        ++texts[*text];
      }
    }
  }
  for (const auto& [text, count] : texts) {
    if (count > a.how_often) a.most_frequent = text, a.how_often = count;
  }
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

Result<void> serve(const vineyard::ConnectOptions& options, const char* name, char** columns) {
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
    if (!table)
      return vineyard::Error(vineyard::ErrorCode::kInvalid,
                             "nothing was opened yet: send {\"open\"} first");
    const auto a = answer(*table, columns);
    if (!a) return a.error();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf(
        "{\"answer\": [%lld, %lld, %lld, %lld, \"%.*s\", %lld], \"seconds\": %f, "
        "\"private\": %lld, \"copied\": 0}\n",
        static_cast<long long>(a->rows), static_cast<long long>(a->total),
        static_cast<long long>(a->missing), static_cast<long long>(a->another_total),
        static_cast<int>(a->most_frequent.size()), a->most_frequent.data(),
        static_cast<long long>(a->how_often), seconds.count(), private_bytes() - before);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fputs("usage: vineyard_demo_consumer SOCKET NAME NUMBER MISSING ANOTHER TEXT\n", stderr);
    return 2;
  }
  vineyard::ConnectOptions options;
  options.socket = argv[1];
  const auto done = serve(options, argv[2], argv + 3);
  if (done) return 0;
  std::fprintf(stderr, "vineyard_demo_consumer: %s\n", done.error().message().c_str());
  return 1;
}
