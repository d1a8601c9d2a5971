// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

// For tests only.
namespace vineyard::os {

/// A fresh private folder that goes with its test.
///
/// Owner:   the test.
/// Threads: any.
/// Always:  no two tests share one.
class TestFolder {
 public:
  TestFolder() {
    path_ = "/tmp/vineyard-test-" + std::string(6, 'X');  // mkdtemp puts its own letters there
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file below the folder, with the folders above it.
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

 private:
  std::string path_;
};

}  // namespace vineyard::os
