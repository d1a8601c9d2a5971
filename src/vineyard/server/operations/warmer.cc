// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/warmer.h"

#include <algorithm>

#include "vineyard/os/memfd.h"

namespace vineyard::server {
namespace {
constexpr std::uint64_t kStep = 4U << 20;  // between two looks whether to stop
}  // namespace

Warmer::~Warmer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Warmer::touch(os::UniqueFd fd, std::uint64_t bytes, Priority priority, Done done) {
  const MutexLock lock(mutex_);
  Job job{std::move(fd), bytes, std::move(done)};
  if (priority == Priority::kSomebodyWaits) {
    jobs_.push_front(std::move(job));
  } else {
    jobs_.push_back(std::move(job));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

std::size_t Warmer::queued() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

void Warmer::run() {
  MutexLock lock(mutex_);
  while (true) {
    while (!stopping_ && jobs_.empty()) changed_.wait(mutex_);
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    bool good = true;
    for (std::uint64_t at = 0; good && at < job.bytes; at += kStep) {
      good = os::touch_pages(job.fd, at, std::min(kStep, job.bytes - at)).has_value();
      const MutexLock stop(mutex_);
      if (stopping_) return;
    }
    job.done(good ? Outcome::kTouched : Outcome::kNoMemory);
    lock.lock();
  }
}

}  // namespace vineyard::server
