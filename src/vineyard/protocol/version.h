// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vineyard::protocol {

/// The layout of a frame's header. A peer that reads another number in the header understands
/// nothing that follows.
inline constexpr std::uint16_t kFrameVersion = 1;

/// The meaning of the messages; a client says in Join which one it speaks. Raised when a message
/// changes in a way that an older reader would take for something else; new opcodes do not raise
/// it.
inline constexpr std::uint32_t kProtocolVersion = 1;

}  // namespace vineyard::protocol
