// SPDX-License-Identifier: Apache-2.0
#pragma once

// The front door: everything a C++ program needs to put and get objects.
#include "vineyard/base/error.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/client/builder.h"
#include "vineyard/client/client.h"
#include "vineyard/client/object.h"
#include "vineyard/client/options.h"
#include "vineyard/client/registry.h"
#include "vineyard/client/view.h"
