// SPDX-License-Identifier: Apache-2.0
#include "anchors.h"

#include <emmintrin.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "harness.h"

namespace vineyard::bench {
namespace {

struct alignas(64) FloorEntry {
  std::atomic<std::uint64_t> id, generation;
  std::uint64_t offset, size;
};

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32);
}

struct Mapping {
  explicit Mapping(std::size_t n)
      : size(n),
        data(mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1,
                  0)) {
    if (data == MAP_FAILED) std::abort();
  }
  ~Mapping() { munmap(data, size); }
  Mapping(const Mapping&) = delete;
  std::size_t size;
  void* data;
};

struct FloorTable {
  explicit FloorTable(std::size_t objects) {
    std::size_t capacity = 1;
    while (capacity < objects * 2) capacity *= 2;
    memory = std::make_unique<Mapping>(capacity * sizeof(FloorEntry));
    entries = static_cast<FloorEntry*>(memory->data);
    mask = capacity - 1;
  }
  FloorEntry* find(std::uint64_t id) {
    for (std::uint64_t i = mix(id) & mask;; i = (i + 1) & mask) {
      const std::uint64_t k = entries[i].id.load(std::memory_order_acquire);
      if (k == id) return &entries[i];
      if (k == 0) std::abort();
    }
  }
  void insert(std::uint64_t id, std::uint64_t offset, std::uint64_t size) {
    for (std::uint64_t i = mix(id) & mask;; i = (i + 1) & mask) {
      if (entries[i].id.load(std::memory_order_relaxed) != 0) continue;
      std::uint64_t zero = 0;
      if (!entries[i].generation.compare_exchange_strong(zero, 1)) continue;
      entries[i].offset = offset;
      entries[i].size = size;
      entries[i].id.store(id, std::memory_order_release);
      entries[i].generation.store(2, std::memory_order_release);
      return;
    }
  }
  std::unique_ptr<Mapping> memory;
  FloorEntry* entries;
  std::uint64_t mask;
};

volatile std::uint64_t sink;

}  // namespace

double floor_get_ns(std::size_t objects) {
  static std::unique_ptr<FloorTable> table;
  static std::vector<std::uint64_t> ids;
  if (!table || ids.size() != objects) {
    table = std::make_unique<FloorTable>(objects);
    ids.resize(objects);
    std::uint64_t x = 88172645463325252ULL;
    for (auto& id : ids) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      id = x | 1;
    }
    for (std::size_t i = 0; i < objects; ++i) table->insert(ids[i], i * 64, 64);
    std::shuffle(ids.begin(), ids.end(), std::mt19937_64(1));
  }
  static Mapping slots(4096);
  auto* pins = static_cast<std::atomic<std::uint64_t>*>(slots.data);
  std::uint64_t sum = 0;
  int at = 0;
  const double t = time_pieces(objects, 1000, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint64_t id = ids[i];
      FloorEntry* e = table->find(id);
      const std::uint64_t g = e->generation.load(std::memory_order_acquire);
      auto& pin = pins[at++ & 7];
      pin.store(id, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (e->generation.load(std::memory_order_acquire) != g) std::abort();
      sum += e->offset;
      pin.store(0, std::memory_order_release);
    }
  });
  sink = sum;
  return t * 1e9;
}

double floor_put_ns(std::size_t size) {
  const std::size_t n = std::min<std::size_t>(400000, (std::size_t{1} << 29) / size);
  Mapping pool(n * size);
  FloorTable table(n);
  const std::vector<char> source(size, 1);
  const double t = time_pieces(n, 10000, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      std::memcpy(static_cast<char*>(pool.data) + i * size, source.data(), size);
      table.insert(i * 2654435761U + 1, i * size, size);
    }
  });
  return t * 1e9;
}

double dependent_load_ns() {
  static const std::vector<std::uint32_t> next = [] {
    std::vector<std::uint32_t> order((256U << 20) / 64);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(2));
    std::vector<std::uint32_t> chain(order.size() * 16);
    for (std::size_t i = 0; i < order.size(); ++i)
      chain[order[i] * 16UL] = order[(i + 1) % order.size()];
    return chain;
  }();
  std::uint32_t at = 0;
  const double t = time_pieces(1000000, 10000, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) at = next[at * 16UL];
  });
  sink = at;
  return t * 1e9;
}

double socket_round_trip_us(Placement placement, Pause pause) {
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) != 0) std::abort();
  const int trip_count = pause == Pause::kYes ? 300 : 4000;
  char block[64] = {};
  const pid_t child = fork();
  if (child == 0) {
    run_on(placement == Placement::kOneCore ? 0 : 1);
    close(s[0]);
    while (read(s[1], block, sizeof block) == sizeof block) {
      if (write(s[1], block, sizeof block) != sizeof block) break;
    }
    _exit(0);
  }
  close(s[1]);
  run_on(0);
  const auto trips = [&](int n) {
    for (int k = 0; k < n; ++k) {
      if (write(s[0], block, sizeof block) != sizeof block ||
          read(s[0], block, sizeof block) != sizeof block)
        std::abort();
    }
  };
  trips(200);
  std::vector<double> times;
  for (int k = 0; k < trip_count; ++k) {
    if (pause == Pause::kYes) usleep(1500);
    const double begin = now();
    trips(1);
    times.push_back(now() - begin);
  }
  close(s[0]);
  waitpid(child, nullptr, 0);
  run_on(-1);
  return median(times) * 1e6;
}

double nt_copy_gbs(std::size_t bytes) {
  static std::vector<char> from, to;
  from.resize(bytes + 64, 1);
  to.resize(bytes + 64, 2);
  char* d = to.data() + (64 - reinterpret_cast<std::uintptr_t>(to.data()) % 64);
  const char* s = from.data();
  const double t = time_pieces(5 * bytes, bytes, [&](std::size_t, std::size_t) {
    for (std::size_t n = 0; n < bytes; n += 16) {
      _mm_stream_si128(reinterpret_cast<__m128i*>(d + n),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(s + n)));
    }
    _mm_sfence();
  });
  return 1e-9 / t;
}

double populate_copy_gbs(std::size_t bytes) {
  static std::vector<char> from;
  from.resize(bytes, 1);
  const int fd = memfd_create("bench", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) std::abort();
  if (fallocate(fd, 0, 0, static_cast<off_t>(bytes)) != 0) std::abort();
  auto* to = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  constexpr std::size_t kStep = 4U << 20;
  const double t = time_pieces(bytes, bytes, [&](std::size_t, std::size_t) {
    for (std::size_t n = 0; n < bytes; n += kStep) {
      const std::size_t step = std::min(kStep, bytes - n);
      madvise(to + n, step, 22 /* MADV_POPULATE_READ */);
      std::memcpy(to + n, from.data() + n, step);
    }
  });
  munmap(to, bytes);
  close(fd);
  return 1e-9 / t;
}

std::uint64_t sum_words(const void* data, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(data);
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
  const std::size_t n = bytes / 8;
  for (std::size_t i = 0; i + 4 <= n; i += 4)
    a += words[i], b += words[i + 1], c += words[i + 2], d += words[i + 3];
  return a + b + c + d;
}

double read_sum_gbs(std::size_t bytes) {
  static std::vector<char> from;
  from.resize(bytes, 1);
  const double t = time_pieces(
      3 * bytes, bytes, [&](std::size_t, std::size_t) { sink = sum_words(from.data(), bytes); });
  return 1e-9 / t;
}

}  // namespace vineyard::bench
