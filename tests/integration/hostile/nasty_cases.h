// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nasty.h"

// The cases that were written by hand, by what they are about.
namespace vineyard::hostile {

void add_frame_cases(std::vector<NastyCase>& cases);
void add_descriptor_cases(std::vector<NastyCase>& cases);
void add_request_cases(std::vector<NastyCase>& cases);
void add_conversation_cases(std::vector<NastyCase>& cases);

}  // namespace vineyard::hostile
