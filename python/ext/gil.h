// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cxxabi.h>
#include <nanobind/nanobind.h>

#include <atomic>

#include "vineyard/client/no_waiting.h"

// Giving the GIL up and taking it again, and calling into Python.
//
// Once the interpreter ends, Python ends every other thread that asks for the GIL, by pthread_exit (until 3.13; then they
// wait for ever). That unwinds through C++ frames without the GIL, past destructors that may not throw, and would abort
// the process. So such a thread is caught here and waits for the end of the process.
namespace vineyard::python {

/// Only for a thread that is being unwound: the process ends without it.
[[noreturn]] inline void wait_for_the_end() noexcept {
  static const std::atomic<bool> ended = false;
  for (;;) ended.wait(false);
}

/// `call` runs Python code, or asks for the GIL.
template <class Call>
auto in_python(Call call) {
  try {
    return call();
  } catch (abi::__forced_unwind&) {
    wait_for_the_end();
  }
}

/// Other threads run Python meanwhile.
///
/// Owner:   a scope that holds the GIL.
/// Threads: the one that made it.
/// Always:  the GIL is held again after it.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() {
    in_python([this] { PyEval_RestoreThread(state_); });
  }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_;
};

/// Holds the GIL, whether the thread held it before or not.
///
/// Owner:   a scope.
/// Threads: the one that made it.
/// Always:  the GIL is as it was before, after it.
class GilHeld {
 public:
  GilHeld() : state_(in_python([] { return PyGILState_Ensure(); })) {}
  ~GilHeld() { PyGILState_Release(state_); }
  GilHeld(const GilHeld&) = delete;
  GilHeld& operator=(const GilHeld&) = delete;

 private:
  PyGILState_STATE state_;
};

/// Calls that wait for the daemon, or copy a lot, let other Python threads run meanwhile.
template <class Call>
auto without_gil(Call call) {
  const GilReleased released;
  return call();
}

/// A call of the client that seldom waits: the GIL is given up only if it has to. (Giving it up is cheap; getting it
/// back from a busy thread takes milliseconds.) The call is made again then, so nothing of it may have happened.
template <class Call>
auto patiently(Call call) {
  {
    const NoWaiting now;
    auto result = call();
    if (result || !now.refused()) return result;
  }
  return without_gil(call);
}

}  // namespace vineyard::python
