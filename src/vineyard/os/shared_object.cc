// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/shared_object.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "vineyard/os/syscall.h"

namespace vineyard::os {

Result<UniqueFd> open_shared_object(const std::string& path) {
  UniqueFd fd(retry_on_eintr([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd.valid()) return os_error("open", errno, path);
  return fd;
}

Result<void*> load_symbol(BorrowedFd file, const char* symbol) {
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return Error(ErrorCode::kUnavailable, std::string("dlopen: ") + ::dlerror());
  void* address = ::dlsym(library, symbol);
  if (address == nullptr)
    return Error(ErrorCode::kUnavailable, std::string("dlsym: ") + ::dlerror());
  return address;
}

}  // namespace vineyard::os
