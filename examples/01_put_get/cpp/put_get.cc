// SPDX-License-Identifier: Apache-2.0
// Puts bytes under a name, and gets them back without a copy: put_get [SOCKET]
#include <cstdio>
#include <span>
#include <string_view>

#include "vineyard/client.h"

vineyard::Result<void> put_and_get(const char* socket) {
  vineyard::ConnectOptions options;
  options.socket = socket;  // "": where the daemon usually listens
  auto client = vineyard::Client::connect(options);
  if (!client) return client.error();

  const std::string_view text = "Hello, World!";
  auto id = client->put_blob(std::as_bytes(std::span(text)));
  if (!id) return id.error();
  if (auto named = client->put_name("greeting", *id); !named) return named.error();

  // Any process of this machine may do this. The view is memory of the pool, read-only, and stays
  // as it is until it is released: even if the object is deleted or the daemon is gone.
  auto object = client->get("greeting");
  if (!object) return object.error();
  const auto bytes = object->view().bytes();
  std::printf("%.*s\n", static_cast<int>(bytes.size()),
              reinterpret_cast<const char*>(bytes.data()));
  return {};
}

int main(int argc, char** argv) {
  const auto done = put_and_get(argc > 1 ? argv[1] : "");
  if (done) return 0;
  std::fprintf(stderr, "put_get: %s\n", done.error().message().c_str());
  return 1;
}
