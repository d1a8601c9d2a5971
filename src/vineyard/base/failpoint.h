// SPDX-License-Identifier: Apache-2.0
#pragma once

// Named places where a test build can be made to wait, fail, or die: VY_FAILPOINT("harvest.record_copied").
// Configured by VINEYARD_FAILPOINTS="name=action[:probability],..." with the actions `jitter` (sleep up to 600 us),
// `long` (up to 20 ms), `stall` (up to 200 ms), `kill`, `abort`; compiled out unless VINEYARD_FAILPOINTS is defined.
namespace vineyard {

/// What a test does at failpoints, before what the environment asks for; null: nothing. It may throw: then the step
/// ends there, as if the process had died, and the test goes on with a successor. Set it before threads begin.
using FailpointHook = void (*)(const char* name);
void set_failpoint_hook(FailpointHook hook);

/// Leaves one rule out from here on, as VINEYARD_LEAVE_OUT does; null: none.
void leave_rule_out(const char* rule);

/// Does what the environment asks for at this place. Called only in test builds.
void failpoint_hit(const char* name);

/// Whether the rule of this name (R1..R16) was left out on purpose, so that a test can see that it is needed.
[[nodiscard]] bool rule_left_out(const char* rule);

}  // namespace vineyard

#ifdef VINEYARD_FAILPOINTS
#define VY_FAILPOINT(name) ::vineyard::failpoint_hit(name)
#define VY_LEFT_OUT(rule) ::vineyard::rule_left_out(rule)
#else
#define VY_FAILPOINT(name) static_cast<void>(0)
#define VY_LEFT_OUT(rule) false
#endif
