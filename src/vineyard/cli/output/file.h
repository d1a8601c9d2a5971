// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vineyard/base/result.h"

// Files that are read into objects, and that objects are written to.
namespace vineyard::cli {

/// Writes `bytes` to a file, which is made or replaced.
/// Errors: denied, not_found (the folder), unavailable (the disk is full, for example): what was
/// written so far is removed if it was a file of ours.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view bytes);

/// A file, or the standard input, that is read once from the beginning.
///
/// Owner:   whoever reads; closes the file (never the standard input).
/// Threads: one at a time.
/// Always:  `read` fills what it is given unless the end has come.
class Input {
 public:
  /// `-` is the standard input. Errors: not_found, denied, invalid (a folder).
  [[nodiscard]] static Result<Input> open(const std::string& path);

  /// As messages call it.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// How many bytes there are, where that can be known before reading.
  [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; }
  /// How many bytes came: fewer than asked for only at the end. Errors: unavailable.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> into);

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;
  std::optional<std::uint64_t> size_;
};

}  // namespace vineyard::cli
