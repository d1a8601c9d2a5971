// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace vineyard::cli {
namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kDenied;
    case EISDIR: return ErrorCode::kInvalid;
    default: return ErrorCode::kUnavailable;
  }
}

Error file_error(std::string_view what, const std::string& name, int error_number) {
  return Error(code_of(error_number), fmt::format("cannot {} {}: {}", what, name,
                                                  std::generic_category().message(error_number)));
}

}  // namespace

Result<void> write_file(const std::string& path, std::string_view bytes) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"),
                                                       &std::fclose);
  if (!file) return file_error("write", path, errno);
  int failure = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) failure = errno;
  if (std::fclose(file.release()) != 0 && failure == 0) failure = errno;
  if (failure == 0) return {};
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) std::filesystem::remove(path, ignored);
  return file_error("write", path, failure);
}

Result<Input> Input::open(const std::string& path) {
  Input input;
  const bool is_standard = path == "-";
  const std::string where = is_standard ? "/dev/stdin" : path;
  std::error_code none;
  if (std::filesystem::is_directory(where, none)) {
    return Error(ErrorCode::kInvalid, path + " is a folder; give a file, or - to read a pipe");
  }
  input.name_ = is_standard ? "the standard input" : path;
  input.file_.reset(is_standard ? stdin : std::fopen(path.c_str(), "rb"));
  if (!input.file_) return file_error("read", path, errno);
  // Bytes go straight to where they are wanted, not through a buffer.
  std::setvbuf(input.file_.get(), nullptr, _IONBF, 0);
  if (std::filesystem::is_regular_file(where, none)) {
    const auto size = std::filesystem::file_size(where, none);
    // Files of /proc say 0 and hold more.
    if (!none && size > 0) input.size_ = size;
  }
  return input;
}

Result<std::size_t> Input::read(std::span<std::byte> into) {
  const std::size_t size = std::fread(into.data(), 1, into.size(), file_.get());
  if (size < into.size() && std::ferror(file_.get()) != 0) {
    return file_error("read", name_, errno);
  }
  return size;
}

}  // namespace vineyard::cli
