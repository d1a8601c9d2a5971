// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/command_line.h"

int main(int argc, char** argv) {
  return vineyard::cli::run(argc, argv);
}
