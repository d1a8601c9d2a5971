# SPDX-License-Identifier: Apache-2.0
# vineyard_module(NAME name SRCS ... HDRS ... [PUBLIC_HDRS ...] TESTS ... DEPS ... [LIBS ...])
#
# One folder of src/vineyard as the static library vineyard_<name>, with its unit tests as <name>_test.
# DEPS are other modules (by name); layers.toml says which are allowed. LIBS are third-party targets.
# PUBLIC_HDRS are headers that users include: they compile alone as C++20 and are installed.
function(vineyard_module)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;HDRS;PUBLIC_HDRS;TESTS;DEPS;LIBS" ${ARGN})
  set(target vineyard_${ARG_NAME})
  list(TRANSFORM ARG_DEPS PREPEND vineyard_ OUTPUT_VARIABLE deps)
  set(scope PUBLIC)
  if(ARG_SRCS)
    add_library(${target} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_compile_features(${target} PRIVATE cxx_std_23)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} ${scope} ${deps} ${ARG_LIBS})
  target_compile_features(${target} INTERFACE cxx_std_20)
  if(ARG_PUBLIC_HDRS)
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${ARG_PUBLIC_HDRS})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  if(VINEYARD_TESTS AND ARG_TESTS)
    add_executable(${ARG_NAME}_test ${ARG_TESTS})
    target_compile_features(${ARG_NAME}_test PRIVATE cxx_std_23)
    target_link_libraries(${ARG_NAME}_test PRIVATE ${target} GTest::gtest_main GTest::gmock)
    gtest_discover_tests(${ARG_NAME}_test DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
