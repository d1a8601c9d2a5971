// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/cgroup.h"

#include <gtest/gtest.h>

#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

// Files as they were read on machines of each kind.
struct Machine : TestFolder {
  Machine() {
    write("proc/meminfo",
          "MemTotal:       16318480 kB\nMemFree:          512 kB\nMemAvailable:   12000000 "
          "kB\nSwapTotal: 0 kB\n");
  }
};

TEST(MemoryLimits, a_machine_without_groups_is_unlimited) {
  const Machine machine;
  const auto limits = memory_limits(machine.path()).value();
  EXPECT_EQ(limits.machine.value, 16318480ULL * 1024);
  EXPECT_EQ(limits.available.value, 12000000ULL * 1024);
  EXPECT_FALSE(limits.limit.has_value());
}
TEST(MemoryLimits, version_2_reads_the_own_group) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/user.slice/vineyard.service\n");
  machine.write("sys/fs/cgroup/user.slice/vineyard.service/memory.max", "268435456\n");
  machine.write("sys/fs/cgroup/user.slice/vineyard.service/memory.current", "1048576\n");
  machine.write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  machine.write("sys/fs/cgroup/user.slice/memory.current", "900000000\n");
  const auto limits = memory_limits(machine.path()).value();
  EXPECT_EQ(limits.limit, 256_MiB);
  EXPECT_EQ(limits.usage, 1_MiB);
  EXPECT_EQ(limits.group, machine / "sys/fs/cgroup/user.slice/vineyard.service");
}
TEST(MemoryLimits, a_group_above_with_less_room_decides) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/a/b\n");
  machine.write("sys/fs/cgroup/a/b/memory.max", "1073741824\n");
  machine.write("sys/fs/cgroup/a/b/memory.current", "4096\n");
  machine.write("sys/fs/cgroup/a/memory.max", "536870912\n");
  machine.write("sys/fs/cgroup/a/memory.current", "400000000\n");
  const auto limits = memory_limits(machine.path()).value();
  EXPECT_EQ(limits.limit, 512_MiB);
  EXPECT_EQ(limits.usage.value, 400000000U);
}
TEST(MemoryLimits, cached_files_do_not_count_as_used) {
  const Machine machine;
  machine.write("proc/self/cgroup", "4:memory:/v1\n0::/v2\n");
  machine.write("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "10000\n");
  machine.write("sys/fs/cgroup/memory/v1/memory.usage_in_bytes", "9000\n");
  machine.write("sys/fs/cgroup/memory/v1/memory.stat",
                "inactive_file 1\ntotal_inactive_file 3000\ntotal_active_file 2000\n");
  EXPECT_EQ(memory_limits(machine.path())->usage.value, 4000U);
  const Machine newer;
  newer.write("proc/self/cgroup", "0::/v2\n");
  newer.write("sys/fs/cgroup/v2/memory.max", "10000\n");
  newer.write("sys/fs/cgroup/v2/memory.current", "9000\n");
  newer.write("sys/fs/cgroup/v2/memory.stat", "anon 1000\ninactive_file 7000\nactive_file 500\n");
  EXPECT_EQ(memory_limits(newer.path())->usage.value, 1500U);
}
TEST(MemoryLimits, a_container_sees_its_group_as_the_root) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/\n");
  machine.write("sys/fs/cgroup/memory.max", "67108864\n");
  machine.write("sys/fs/cgroup/memory.current", "1000\n");
  EXPECT_EQ(memory_limits(machine.path())->limit, 64_MiB);
}
TEST(MemoryLimits, a_path_that_is_not_visible_in_the_container_falls_back_to_what_is_mounted) {
  const Machine machine;
  machine.write("proc/self/cgroup", "5:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n0::/\n");
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
  machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
  const auto limits = memory_limits(machine.path()).value();
  EXPECT_EQ(limits.limit, 128_MiB);
  EXPECT_EQ(limits.usage.value, 5000U);
}
TEST(MemoryLimits, version_1_writes_unlimited_as_a_huge_number) {
  const Machine machine;
  machine.write("proc/self/cgroup", "9:memory:/\n1:name=systemd:/x\n");
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
  const auto limits = memory_limits(machine.path()).value();
  EXPECT_FALSE(limits.limit.has_value());
  EXPECT_EQ(limits.usage.value, 5000U);
}
TEST(MemoryLimits, a_host_with_both_versions_uses_the_one_that_has_the_memory_controller) {
  const Machine machine;
  machine.write("proc/self/cgroup", "2:cpu:/\n0::/s\n");
  machine.write("sys/fs/cgroup/s/memory.max", "67108864\n");
  machine.write("sys/fs/cgroup/s/memory.current", "1\n");
  EXPECT_EQ(memory_limits(machine.path())->limit, 64_MiB);
}
TEST(MemoryLimits, rubbish_counts_as_unlimited) {
  const Machine machine;
  machine.write("proc/self/cgroup", "nonsense\n::\n0:\n0::/x\n");
  machine.write("sys/fs/cgroup/x/memory.max", "-5\n");
  machine.write("sys/fs/cgroup/x/memory.current", "\n");
  EXPECT_FALSE(memory_limits(machine.path())->limit.has_value());
}
TEST(MemoryLimits, a_root_without_proc_is_an_error) {
  const TestFolder folder;
  const auto limits = memory_limits(folder.path());
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().code(), ErrorCode::kNotFound);
}
TEST(MemoryLimits, this_machine_has_memory) {
  EXPECT_GT(memory_limits()->machine, 16_MiB);
}

}  // namespace
}  // namespace vineyard::os
