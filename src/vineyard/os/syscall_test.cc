// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/syscall.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "vineyard/os/unique_fd.h"

namespace vineyard::os {
namespace {

TEST(Syscall, an_error_names_the_call_its_arguments_and_the_errno) {
  const Error error = os_error("open", ENOENT, "/no/such/file");
  EXPECT_EQ(error.message(), "open(/no/such/file): No such file or directory (ENOENT)");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
}
TEST(Syscall, an_unknown_errno_is_named_by_its_number) {
  EXPECT_EQ(os_error("x", 9999).message(), "x(): unknown error (9999)");
}
TEST(Syscall, codes_say_what_the_caller_should_do) {
  for (const int full : {ENOMEM, ENOSPC, EMFILE, ENFILE})
    EXPECT_EQ(code_of_errno(full), ErrorCode::kFull);
  for (const int denied : {EPERM, EACCES}) EXPECT_EQ(code_of_errno(denied), ErrorCode::kDenied);
  for (const int gone : {ECONNREFUSED, EPIPE, ECONNRESET}) {
    EXPECT_EQ(code_of_errno(gone), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(code_of_errno(ENOSYS), ErrorCode::kUnsupported);
}
TEST(Syscall, an_interrupted_call_is_repeated) {
  int calls = 0;
  const int result = retry_on_eintr([&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 5;
  });
  EXPECT_EQ(result, 5);
  EXPECT_EQ(calls, 3);
}
TEST(Syscall, another_failure_is_not_repeated) {
  int calls = 0;
  EXPECT_EQ(retry_on_eintr([&] {
              ++calls;
              errno = EBADF;
              return -1;
            }),
            -1);
  EXPECT_EQ(calls, 1);
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(UniqueFd, closes_what_it_holds) {
  int raw = -1;
  {
    const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = fd.get();
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}
TEST(UniqueFd, moving_and_releasing_leave_exactly_one_owner) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int raw = first.get();
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT: a moved-from UniqueFd holds nothing, that is its promise
  UniqueFd third;
  third = std::move(second);
  EXPECT_EQ(third.get(), raw);
  EXPECT_EQ(third.release(), raw);
  EXPECT_FALSE(third.valid());
  EXPECT_TRUE(is_open(raw));
  ::close(raw);
}
TEST(UniqueFd, closing_keeps_errno) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  errno = EDOM;
  fd.reset();
  EXPECT_EQ(errno, EDOM);
}

}  // namespace
}  // namespace vineyard::os
