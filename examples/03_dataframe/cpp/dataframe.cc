// SPDX-License-Identifier: Apache-2.0
// Reads a table that Python put (python/dataframe.py put), in place: dataframe [SOCKET]
#include <cstdio>
#include <map>
#include <string_view>

#include "vineyard/arrow.h"
#include "vineyard/client.h"

vineyard::Result<void> read_table(const char* socket) {
  vineyard::ConnectOptions options;
  options.socket = socket;
  auto client = vineyard::Client::connect(options);
  if (!client) return client.error();
  auto table = vineyard::get<vineyard::Table>(*client, "weather", {.wait_ms = 60'000});
  if (!table) return table.error();

  std::printf("%lld rows of", static_cast<long long>(table->row_count()));
  for (const auto& column : table->schema().children) std::printf(" %s", column.name.c_str());
  std::printf("\n");

  // The columns are Arrow arrays in shared memory. (table->export_stream() gives them to any
  // library that knows Arrow's C stream interface.)
  struct Mean {
    double sum = 0;
    int count = 0;
  };
  std::map<std::string_view, Mean> means;
  const auto city = table->column_index("city");
  const auto degrees = table->column_index("degrees");
  if (!city || !degrees) return vineyard::Error(vineyard::ErrorCode::kInvalid, "another table");
  for (const auto& batch : table->batches()) {
    const auto& cities = batch.children[*city];
    const auto numbers = vineyard::arrow::numbers<double>(table->schema().children[*degrees],
                                                          batch.children[*degrees]);
    if (!numbers) return vineyard::Error(vineyard::ErrorCode::kInvalid, "degrees are no doubles");
    for (std::int64_t i = 0; i < batch.length; ++i) {
      const auto name = vineyard::arrow::bytes_at(cities, i);
      if (!name || !vineyard::arrow::is_valid(cities, i)) continue;
      Mean& mean = means[*name];
      mean.sum += (*numbers)[static_cast<std::size_t>(i)];
      ++mean.count;
    }
  }
  for (const auto& [name, mean] : means) {
    std::printf("%.*s: %g\n", static_cast<int>(name.size()), name.data(), mean.sum / mean.count);
  }
  return {};
}

int main(int argc, char** argv) {
  const auto done = read_table(argc > 1 ? argv[1] : "");
  if (done) return 0;
  std::fprintf(stderr, "dataframe: %s\n", done.error().message().c_str());
  return 1;
}
