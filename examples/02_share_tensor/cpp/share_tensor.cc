// SPDX-License-Identifier: Apache-2.0
// One process puts a matrix, others read it in place: share_tensor put|get [SOCKET]
#include <cstdio>
#include <numeric>
#include <string_view>
#include <vector>

#include "vineyard/client.h"
#include "vineyard/types/tensor/tensor.h"

vineyard::Result<void> put_matrix(const vineyard::Client& client) {
  std::vector<double> values(3 * 4);
  std::iota(values.begin(), values.end(), 0.0);
  auto id = vineyard::put(client, vineyard::TensorValues<double>{values, {3, 4}});
  if (!id) return id.error();
  return client.put_name("matrix", *id);
}

vineyard::Result<void> get_matrix(const vineyard::Client& client) {
  // Waits until somebody has put it. The tensor's values are those in shared memory: no copy.
  auto matrix = vineyard::get<vineyard::Tensor<double>>(client, "matrix", {.wait_ms = 60'000});
  if (!matrix) return matrix.error();
  const auto values = matrix->values();
  std::printf("%lld x %lld, sum %g, last %g\n", static_cast<long long>(matrix->shape()[0]),
              static_cast<long long>(matrix->shape()[1]),
              std::accumulate(values.begin(), values.end(), 0.0), (*matrix)(2, 3));
  return {};
}

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role != "put" && role != "get") {
    std::fputs("usage: share_tensor put|get [SOCKET]\n", stderr);
    return 2;
  }
  vineyard::ConnectOptions options;
  options.socket = argc > 2 ? argv[2] : "";
  auto client = vineyard::Client::connect(options);
  const auto done = !client         ? vineyard::Result<void>(client.error())
                    : role == "put" ? put_matrix(*client)
                                    : get_matrix(*client);
  if (done) return 0;
  std::fprintf(stderr, "share_tensor: %s\n", done.error().message().c_str());
  return 1;
}
