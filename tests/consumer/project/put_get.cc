// SPDX-License-Identifier: Apache-2.0
// Puts and gets through the installed library, with a private daemon of the same installation (found in the PATH).
#include <vineyard/client.h>
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

vineyard::Result<std::size_t> run() {
  vineyard::ConnectOptions options;
  options.autostart = vineyard::Autostart::kPrivateDaemon;
  options.daemon_arguments = {"--size", "64MiB"};
  auto client = vineyard::Client::connect(options);
  if (!client) return client.error();

  const std::vector<std::byte> bytes(100000, std::byte{42});
  auto id = client->put_blob(bytes);
  if (!id) return id.error();
  auto named = client->put_name("consumer", *id);
  if (!named) return named.error();
  auto found = client->get_name("consumer");
  if (!found) return found.error();
  auto view = client->get_view(*found);
  if (!view) return view.error();
  const bool equal =
      view->size() == bytes.size() && std::equal(bytes.begin(), bytes.end(), view->data());
  if (!equal) return vineyard::Error(vineyard::ErrorCode::kCorrupt, "other bytes came back");
  return view->size();
}

}  // namespace

int main() {
  const auto size = run();
  if (!size) {
    std::fputs(size.error().to_string().c_str(), stderr);
    return 1;
  }
  std::printf("%zu bytes, put and got\n", *size);
  return 0;
}
