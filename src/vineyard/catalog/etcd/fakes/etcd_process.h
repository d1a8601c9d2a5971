// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "vineyard/os/test_folder.h"

namespace vineyard::catalog::etcd {

/// A real etcd of one member with data of its own, for one test.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  ends with the test, also when that is killed.
class EtcdProcess {
 public:
  /// Guarded: TLS with certificates of both sides, and user "vineyard", password "secret", who may use what is below
  /// "vineyard/" and nothing else.
  enum class Access { kOpen, kGuarded };
  explicit EtcdProcess(Access access = Access::kOpen);
  ~EtcdProcess();
  EtcdProcess(const EtcdProcess&) = delete;
  EtcdProcess& operator=(const EtcdProcess&) = delete;

  /// host:port.
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  /// Of a guarded one: "ca.pem", and "client.pem" and "client.key" for who asks.
  [[nodiscard]] std::string text_of(const std::string& file) const;
  /// Ends it at once, by SIGKILL.
  void kill();
  /// Begins again at the same address, with the data that are there, or with none.
  enum class Data { kKept, kLost };
  void start(Data data);
  /// SIGSTOP and SIGCONT.
  void freeze() const;
  void thaw() const;

 private:
  void make_certificates() const;
  void guard() const;
  void run(std::vector<std::string> words) const;

  os::TestFolder folder_;
  const Access access_;
  std::string endpoint_;
  std::string peer_;
  std::string health_;
  pid_t pid_ = -1;
};

}  // namespace vineyard::catalog::etcd
