# SPDX-License-Identifier: Apache-2.0
# vineyard_fuzz(NAME name SRCS ... DEPS ...)
#
# One libFuzzer target `fuzz_<name>` (preset `fuzz`, clang): SRCS define LLVMFuzzerTestOneInput; DEPS are modules. Its corpus is
# tests/fuzz/corpus/<name>. In every other preset the same sources become the test `fuzz_replay_<name>`, which runs the corpus once,
# so that a parser and its fuzz target cannot drift apart. `tools/fuzz.py` runs them all.
add_custom_target(fuzz_targets)

function(vineyard_fuzz)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND vineyard_ OUTPUT_VARIABLE deps)
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${ARG_NAME})
  if(VINEYARD_FUZZ)
    set(target fuzz_${ARG_NAME})
    add_executable(${target} ${ARG_SRCS})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_targets ${target})
  else()
    set(target fuzz_replay_${ARG_NAME})
    add_executable(${target} ${ARG_SRCS} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME ${target} COMMAND ${target} ${corpus})
    set_tests_properties(${target} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  target_compile_features(${target} PRIVATE cxx_std_23)
  target_link_libraries(${target} PRIVATE ${deps})
endfunction()
