// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/host.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "vineyard/base/units.h"
#include "vineyard/os/cgroup.h"
#include "vineyard/os/confinement.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/huge_pages.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/mapping_lease.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/peer_identity.h"

namespace vineyard {
namespace {

constexpr std::uint64_t kFewDescriptors = 4096;  // one a client and one an arena, thrice held
constexpr std::uint64_t kUsualMaps = 65530;
constexpr ByteCount kProbe{1U << 16};

// The text of a file of /proc or /sys without the newline at its end; nothing if it cannot be read.
std::optional<std::string> kernel_text(const std::string& path) {
  auto text = os::read_small_file(path);
  if (!text) return std::nullopt;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *std::move(text);
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc()) return std::nullopt;
  return value;
}

// `6.1.0-28-amd64` as {6, 1}.
std::pair<std::uint64_t, std::uint64_t> kernel_version(std::string_view release) {
  const auto major = number_in(release).value_or(0);
  const std::size_t dot = release.find('.');
  if (dot == std::string_view::npos) return {major, 0};
  return {major, number_in(release.substr(dot + 1)).value_or(0)};
}

HostCheck limited(HostCheck c, std::string found, std::string why, std::string advice) {
  c.state = HostState::kLimited;
  c.found = std::move(found);
  c.why = std::move(why);
  c.advice = std::move(advice);
  return c;
}

HostCheck kernel() {
  HostCheck c{"kernel", HostState::kOk, kernel_text("/proc/sys/kernel/osrelease").value_or(""),
              "seals on shared memory came with Linux 5.1, quick page-in with 5.14", ""};
  const auto version = kernel_version(c.found);
  if (version >= std::pair<std::uint64_t, std::uint64_t>{5, 14}) return c;
  c.state = version < std::pair<std::uint64_t, std::uint64_t>{5, 1} ? HostState::kMissing
                                                                    : HostState::kLimited;
  if (c.found.empty()) c.found = "unknown: /proc/sys/kernel/osrelease cannot be read";
  c.advice = "use Linux 5.14 or later";
  return c;
}

// Memory that nobody but its writer can ever write: the promise that everything rests on.
HostCheck sealed_memory() {
  HostCheck c{
      "memfd and seals", HostState::kMissing, "",
      "nobody but its writer can change an object, and nobody can shrink memory that is read",
      "use Linux 5.1 or later; in a container, allow memfd_create and fcntl"};
  const auto memory = os::create_memfd("vineyard-doctor", kProbe);
  if (!memory) {
    c.found = memory.error().message();
    return c;
  }
  const auto writer = os::MappedRegion::map(*memory, kProbe, os::Access::kReadWrite);
  if (!writer) {
    c.found = writer.error().message();
    return c;
  }
  if (const auto sealed = os::seal_against_new_writers(*memory); !sealed) {
    c.found = sealed.error().message();
    return c;
  }
  if (os::MappedRegion::map(*memory, kProbe, os::Access::kReadWrite)) {
    c.found = "sealed memory could be mapped writable again";
    return c;
  }
  if (!os::MappedRegion::map(*memory, kProbe, os::Access::kReadOnly)) {
    c.found = "sealed memory cannot be read";
    return c;
  }
  c.state = HostState::kOk;
  c.found = "sealed memory refuses new writers";
  c.advice.clear();
  return c;
}

HostCheck leases() {
  HostCheck c{"file leases", HostState::kOk, "the kernel says who still maps memory",
              "memory of an ended program comes back at once (F_SETLEASE on memfds)", ""};
  if (os::leases_available()) return c;
  return limited(std::move(c), "F_SETLEASE is refused",
                 "memory of a program comes back only when all its processes have ended",
                 "in a container, allow fcntl(F_SETLEASE); see /proc/sys/fs/leases-enable");
}

HostCheck membarrier() {
  HostCheck c{"membarrier", HostState::kOk, "expedited, global and private",
              "readers pin objects without a fence of their own", ""};
  if (os::membarrier_available()) return c;
  return limited(std::move(c), "not available", "each get costs a full fence, some 10 ns more",
                 "in a container, allow membarrier");
}

HostCheck peer_pidfd() {
  HostCheck c{"peer pidfd", HostState::kOk, "SO_PEERPIDFD",
              "the daemon knows the very process at the other end of a connection", ""};
  if (os::peer_pidfd_available()) return c;
  return limited(
      std::move(c), "SO_PEERPIDFD is unknown",
      "the daemon opens the process by its number, which for a moment could be another's",
      "use Linux 6.5 or later");
}

HostCheck confinement() {
  HostCheck c{"confinement", HostState::kOk, "Landlock",
              "the daemon can write to its own folders only, whatever it is made to do", ""};
  if (os::confinement_available()) return c;
  return limited(std::move(c), "this kernel has no Landlock",
                 "the daemon runs with all the rights of its user",
                 "use Linux 5.13 or later with landlock among the security modules");
}

HostCheck populate() {
  HostCheck c{"page-in ahead", HostState::kOk, "MADV_POPULATE_READ",
              "first writes into new memory do not fault page by page", ""};
  const auto memory = os::create_memfd("vineyard-doctor", kProbe);
  if (memory) {
    const auto region = os::MappedRegion::map(*memory, kProbe, os::Access::kReadWrite);
    if (region && os::populate_for_write(region->data(), region->size())) return c;
  }
  c.state = HostState::kLimited;
  c.found = "MADV_POPULATE_READ is unknown";
  c.why = "first writes into new memory are about three times slower";
  c.advice = "use Linux 5.14 or later";
  return c;
}

HostCheck pages() {
  HostCheck c{"page size", HostState::kOk, to_string(ByteCount(os::page_size())),
              "objects lie side by side at 64 bytes, arenas in whole pages", ""};
  return c;
}

HostCheck huge_pages() {
  HostCheck c{"huge pages", HostState::kOk, "given for shared memory when asked for",
              "large objects are written and read with fewer faults and TLB misses", ""};
  if (os::huge_pages_available()) return c;
  c.state = HostState::kLimited;
  c.found = "none for shared memory";
  c.why = "everything works; large objects cost more faults and TLB misses";
  c.advice =
      "use Linux 6.1 or later; as root: echo never > "
      "/sys/kernel/mm/transparent_hugepage/shmem_enabled, if that file says deny";
  return c;
}

HostCheck memory_limit() {
  HostCheck c{"memory limit", HostState::kOk, "",
              "the pool is kept below the limit of the control group: past it the kernel kills",
              ""};
  const auto memory = os::memory_limits();
  if (!memory) {
    c.state = HostState::kLimited;
    c.found = memory.error().message();
    c.advice = "mount /proc; give the daemon a size that fits (--size)";
    return c;
  }
  c.found = fmt::format("machine {}, {} available; ", to_string(memory->machine),
                        to_string(memory->available));
  const auto& limit = memory->limit;
  c.found += limit ? fmt::format("{} of {} used in {}", to_string(memory->usage), to_string(*limit),
                                 memory->group)
                   : std::string("no limit by a control group");
  return c;
}

HostCheck descriptors() {
  HostCheck c{
      "descriptors", HostState::kOk, "",
      "the daemon holds one a client and one an arena, and raises its limit to the hard one", ""};
  const auto limits = kernel_text("/proc/self/limits");
  constexpr std::string_view kLine = "Max open files";
  const std::size_t at = limits ? limits->find(kLine) : std::string::npos;
  if (!limits || at == std::string::npos) {
    c.state = HostState::kLimited;
    c.found = "unknown: /proc/self/limits cannot be read";
    return c;
  }
  std::string_view rest = std::string_view(*limits).substr(at + kLine.size());
  const auto soft = number_in(rest);
  rest.remove_prefix(rest.find_first_not_of(' '));
  const std::size_t end_of_soft = rest.find(' ');
  const auto hard =
      end_of_soft == std::string_view::npos ? soft : number_in(rest.substr(end_of_soft));
  const auto shown = [](std::optional<std::uint64_t> n) {
    return n ? std::to_string(*n) : std::string("unlimited");
  };
  c.found = fmt::format("{} now, {} at most", shown(soft), shown(hard));
  if (!hard || *hard >= kFewDescriptors) return c;
  c.state = HostState::kLimited;
  c.advice =
      fmt::format("raise the hard limit to {} or more (ulimit -Hn, LimitNOFILE=)", kFewDescriptors);
  return c;
}

HostCheck mappings() {
  HostCheck c{"mappings", HostState::kOk, kernel_text("/proc/sys/vm/max_map_count").value_or("?"),
              "a reader maps each arena once", ""};
  const auto count = number_in(c.found);
  if (!count || *count >= kUsualMaps) return c;
  c.state = HostState::kLimited;
  c.advice = fmt::format("as root: sysctl vm.max_map_count={}", kUsualMaps);
  return c;
}

HostCheck dev_shm() {
  return {"/dev/shm", HostState::kOk, "not used",
          "memory is handed over as descriptors, so its size and its rights do not matter", ""};
}

}  // namespace

std::vector<HostCheck> examine_host() {
  os::ignore_lease_signal();  // or asking for leases could end this process
  std::vector<HostCheck> checks;
  checks.push_back(kernel());
  checks.push_back(sealed_memory());
  checks.push_back(leases());
  checks.push_back(membarrier());
  checks.push_back(peer_pidfd());
  checks.push_back(confinement());
  checks.push_back(populate());
  checks.push_back(pages());
  checks.push_back(huge_pages());
  checks.push_back(memory_limit());
  checks.push_back(descriptors());
  checks.push_back(mappings());
  checks.push_back(dev_shm());
  return checks;
}

void occupy_standard_streams() {
  os::occupy_standard_streams();
}

bool is_terminal(StandardStream stream) {
  switch (stream) {
    case StandardStream::kInput: return os::is_terminal(os::StandardStream::kInput);
    case StandardStream::kOutput: return os::is_terminal(os::StandardStream::kOutput);
    case StandardStream::kError: return os::is_terminal(os::StandardStream::kError);
  }
  return false;
}

}  // namespace vineyard
