// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/etcd/fakes/etcd_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "vineyard/base/check.h"
#include "vineyard/os/process.h"

namespace vineyard::catalog::etcd {
namespace {

constexpr std::int64_t kPatienceMs = 60'000;
constexpr int kNotInstalled = 127;
constexpr const char* kLoopback = "127.0.0.1:";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that nobody listens on; somebody else may take it before etcd does, and then etcd ends and another one is tried.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  VY_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  VY_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool answers(const std::string& endpoint) {
  const int port = std::stoi(endpoint.substr(endpoint.find(':') + 1));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string question = "GET /health HTTP/1.0\r\n\r\n";
    if (::send(fd, question.data(), question.size(), MSG_NOSIGNAL) > 0) {
      std::vector<char> part(4096);
      for (ssize_t got = 0; (got = ::recv(fd, part.data(), part.size(), 0)) > 0;)
        answer.append(part.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer.find("\"health\":\"true\"") != std::string::npos;
}

// A program that ends with the test, also when that is killed.
pid_t start_child(std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t test = ::getpid();
  const pid_t pid = ::fork();
  VY_CHECK(pid >= 0);
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != test) ::_exit(1);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(kNotInstalled);
}

}  // namespace

EtcdProcess::EtcdProcess(Access access) : access_(access) {
  if (access == Access::kGuarded) make_certificates();
  do {
    endpoint_ = kLoopback + std::to_string(free_port());
    peer_ = kLoopback + std::to_string(free_port());
    health_ = kLoopback + std::to_string(free_port());
    start(Data::kLost);
  } while (pid_ < 0);
  if (access == Access::kGuarded) guard();
}

std::string EtcdProcess::text_of(const std::string& file) const {
  std::ifstream in(folder_ / file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void EtcdProcess::run(std::vector<std::string> words) const {
  const pid_t pid = start_child(words, folder_ / "log");
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0)
    std::fprintf(stderr, "%s %s failed:\n%s\n", words[0].c_str(), words[1].c_str(),
                 text_of("log").c_str());
  VY_CHECK(status == 0);
}

void EtcdProcess::make_certificates() const {
  const std::vector<std::string> request{
      "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"};
  const auto with = [](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string ca = folder_ / "ca.pem", ca_key = folder_ / "ca.key";
  run(with(request, {"-x509", "-days", "2", "-subj", "/CN=tests", "-keyout", ca_key, "-out", ca}));
  for (const std::string name : {"server", "client"}) {
    const std::string asked = folder_ / (name + ".csr");
    run(with(request, {"-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                       folder_ / (name + ".key"), "-out", asked}));
    run({"openssl", "x509", "-req", "-days", "2", "-in", asked, "-CA", ca, "-CAkey", ca_key,
         "-CAcreateserial", "-copy_extensions", "copy", "-out", folder_ / (name + ".pem")});
  }
}

void EtcdProcess::guard() const {
  const std::vector<std::vector<std::string>> steps{
      {"user", "add", "root:root"},
      {"role", "add", "root"},
      {"user", "grant-role", "root", "root"},
      {"user", "add", "vineyard:secret"},
      {"role", "add", "vineyard"},
      {"role", "grant-permission", "vineyard", "--prefix=true", "readwrite", "vineyard/"},
      {"user", "grant-role", "vineyard", "vineyard"},
      {"auth", "enable"}};
  for (const auto& step : steps) {
    std::vector<std::string> words{
        "etcdctl", "--endpoints=https://" + endpoint_, "--cacert=" + (folder_ / "ca.pem"),
        "--cert=" + (folder_ / "client.pem"), "--key=" + (folder_ / "client.key")};
    words.insert(words.end(), step.begin(), step.end());
    run(words);
  }
}

EtcdProcess::~EtcdProcess() {
  kill();
}

void EtcdProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void EtcdProcess::freeze() const {
  ::kill(pid_, SIGSTOP);
}
void EtcdProcess::thaw() const {
  ::kill(pid_, SIGCONT);
}

void EtcdProcess::start(Data data) {
  kill();
  if (data == Data::kLost) std::filesystem::remove_all(folder_ / "data");
  const bool guarded = access_ == Access::kGuarded;
  const std::string client = (guarded ? "https://" : "http://") + endpoint_,
                    peer = "http://" + peer_;
  std::vector<std::string> words{"etcd",
                                 "--data-dir",
                                 folder_ / "data",
                                 "--listen-client-urls",
                                 client,
                                 "--advertise-client-urls",
                                 client,
                                 "--listen-peer-urls",
                                 peer,
                                 "--initial-advertise-peer-urls",
                                 peer,
                                 "--initial-cluster",
                                 "default=" + peer,
                                 "--listen-metrics-urls",
                                 "http://" + health_,
                                 "--log-level",
                                 "error"};
  if (guarded) {
    for (const auto& [flag, file] : {std::pair("--trusted-ca-file", "ca.pem"),
                                     {"--cert-file", "server.pem"},
                                     {"--key-file", "server.key"}}) {
      words.emplace_back(flag);
      words.push_back(folder_ / file);
    }
    words.emplace_back("--client-cert-auth");
  }
  pid_ = start_child(words, folder_ / "log");
  const std::int64_t until = os::monotonic_ms() + kPatienceMs;
  while (!answers(health_)) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      VY_CHECK(!WIFEXITED(status) ||
               WEXITSTATUS(status) != kNotInstalled);  // etcd is installed (package etcd-server)
      return;
    }
    VY_CHECK(os::monotonic_ms() < until);
    ::poll(nullptr, 0, 5);
  }
}

}  // namespace vineyard::catalog::etcd
