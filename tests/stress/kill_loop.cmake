# SPDX-License-Identifier: Apache-2.0
add_executable(kill_loop kill_loop.cc kill_actor.cc)
target_compile_features(kill_loop PRIVATE cxx_std_23)
target_link_libraries(kill_loop PRIVATE vineyard_test_support vineyard_client vineyard_meta)
