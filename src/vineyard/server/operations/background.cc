// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/background.h"

#include <algorithm>
#include <cstring>

#include "vineyard/os/memfd.h"

namespace vineyard::server {
namespace {
constexpr std::uint64_t kStep = 4U << 20;  // between two looks whether to stop
}  // namespace

Background::~Background() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Background::add(Job job) {
  const MutexLock lock(mutex_);
  if (job.priority == Priority::kSomebodyWaits) {
    jobs_.push_front(std::move(job));
  } else {
    jobs_.push_back(std::move(job));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void Background::touch(os::UniqueFd fd, std::uint64_t bytes, Priority priority, Done done) {
  auto step = [fd = std::move(fd), bytes, at = std::uint64_t{0}]() mutable {
    const std::uint64_t size = std::min(kStep, bytes - at);
    if (!os::touch_pages(fd, at, size)) return Step::kNoMemory;
    at += size;
    return at < bytes ? Step::kMore : Step::kDone;
  };
  add({std::move(step), priority, std::move(done)});
}

void Background::copy(std::vector<Copy> copies, Done done) {
  auto step = [copies = std::move(copies), next = std::size_t{0}]() mutable {
    for (std::uint64_t bytes = 0; next < copies.size() && bytes < kStep; ++next) {
      std::memcpy(copies[next].to, copies[next].from, copies[next].size);
      bytes += copies[next].size;
    }
    return next < copies.size() ? Step::kMore : Step::kDone;
  };
  add({std::move(step), Priority::kSomebodyWaits, std::move(done)});
}

std::size_t Background::queued() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

// Not when the worker ends, nor while somebody waits for another job than this one.
bool Background::goes_on(Priority priority) const {
  const MutexLock lock(mutex_);
  return !stopping_ && (priority == Priority::kSomebodyWaits || jobs_.empty() ||
                        jobs_.front().priority == Priority::kSpare);
}

void Background::run() {
  MutexLock lock(mutex_);
  while (true) {
    while (!stopping_ && jobs_.empty()) changed_.wait(mutex_);
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Step step = job.step();
    while (step == Step::kMore && goes_on(job.priority)) step = job.step();
    if (step != Step::kMore) job.done(step == Step::kDone ? Outcome::kDone : Outcome::kNoMemory);
    lock.lock();
    if (step == Step::kMore && !stopping_) jobs_.insert(jobs_.begin() + 1, std::move(job));
  }
}

}  // namespace vineyard::server
