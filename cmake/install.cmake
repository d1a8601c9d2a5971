# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` lays down, in two components:
#   runtime      vineyardd, vineyard, lib/vineyard/libvineyard_worker.so
#   development  libvineyard_client.a with every header that a user may include, and the CMake package `vineyard`
# One archive holds all that a client needs, so users link `vineyard::client` and find no library of ours or of others behind it.
include(CMakePackageConfigHelpers)
set(vineyard_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vineyard)

# Of the modules that make up the client, those that exist; `client` brings the front door, src/vineyard/client.h.
set(vineyard_client_modules)
foreach(module base os meta protocol shm net client types)
  if(TARGET vineyard_${module})
    list(APPEND vineyard_client_modules ${module})
  endif()
endforeach()

set(objects)
set(headers)
foreach(module ${vineyard_client_modules})
  get_target_property(type vineyard_${module} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND objects $<TARGET_OBJECTS:vineyard_${module}>)
  endif()
  get_target_property(module_headers vineyard_${module} HEADER_SET)
  if(module_headers)
    list(APPEND headers ${module_headers})
  endif()
endforeach()

add_library(vineyard_sdk STATIC ${objects})
set_target_properties(vineyard_sdk PROPERTIES OUTPUT_NAME vineyard_client EXPORT_NAME client LINKER_LANGUAGE CXX
                      VERIFY_INTERFACE_HEADER_SETS OFF)
target_compile_features(vineyard_sdk INTERFACE cxx_std_20)
target_link_libraries(vineyard_sdk INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
target_sources(vineyard_sdk INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${headers})
add_library(vineyard::client ALIAS vineyard_sdk)

install(TARGETS vineyard_sdk EXPORT vineyardTargets COMPONENT development ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vineyardTargets NAMESPACE vineyard:: DESTINATION ${vineyard_cmake_dir} COMPONENT development)
file(WRITE ${PROJECT_BINARY_DIR}/vineyardConfig.cmake
     "include(CMakeFindDependencyMacro)\n"
     "set(THREADS_PREFER_PTHREAD_FLAG ON)\n"
     "find_dependency(Threads)\n"
     "include(\${CMAKE_CURRENT_LIST_DIR}/vineyardTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vineyardConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vineyardConfig.cmake ${PROJECT_BINARY_DIR}/vineyardConfigVersion.cmake
        DESTINATION ${vineyard_cmake_dir} COMPONENT development)

foreach(program vineyardd vineyard_cli)
  if(TARGET ${program})
    install(TARGETS ${program} COMPONENT runtime RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET vineyard_worker)
  install(TARGETS vineyard_worker COMPONENT runtime LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/vineyard)
endif()
