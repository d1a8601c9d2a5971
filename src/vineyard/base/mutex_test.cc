// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vineyard {
namespace {

class Counter {
 public:
  void add() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_until(int count) {
    const MutexLock lock(mutex_);
    while (count_ < count) changed_.wait(mutex_);
  }
  int add_between_two_locks() {
    MutexLock lock(mutex_);
    const int before = count_;
    lock.unlock();
    add();
    lock.lock();
    return count_ - before;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ VY_GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, keeps_threads_from_losing_each_others_changes) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < 1000; ++n) counter.add();
    });
  }
  counter.wait_until(4000);
  for (auto& thread : threads) thread.join();
}

TEST(MutexLock, lets_go_and_takes_again) {
  Counter counter;
  EXPECT_EQ(counter.add_between_two_locks(), 1);
  EXPECT_EQ(counter.add_between_two_locks(), 1);
}

TEST(CondVar, returns_when_nobody_notifies) {
  Mutex mutex;
  CondVar never;
  const MutexLock lock(mutex);
  never.wait_for(mutex, std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace vineyard
