// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/view.h"

#include "vineyard/os/mapped_region.h"

namespace vineyard {

WritableCopy::~WritableCopy() {
  if (!mapping_.empty()) os::MappedRegion(mapping_.data(), mapping_.size()).reset();
}

}  // namespace vineyard
