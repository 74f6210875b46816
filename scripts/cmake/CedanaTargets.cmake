# SPDX-License-Identifier: Apache-2.0
# What every target is built with: cedana_settings and cedana_warnings, linked PRIVATE.

add_library(cedana_settings INTERFACE)
target_compile_features(cedana_settings INTERFACE cxx_std_20)
target_compile_definitions(cedana_settings INTERFACE _GNU_SOURCE)
target_include_directories(cedana_settings INTERFACE ${PROJECT_SOURCE_DIR}/include)
if(CEDANA_SANITIZE)
  target_compile_options(cedana_settings INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(cedana_settings INTERFACE -fsanitize=address,undefined)
endif()
if(CEDANA_THREAD_SANITIZE)
  target_compile_options(cedana_settings INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(cedana_settings INTERFACE -fsanitize=thread)
endif()

# Many test programs are linked: where it is there, by the linker that takes a fraction of the time.
if(CEDANA_QUICK_LINKER)
  find_program(CEDANA_LLD ld.lld)
  if(CEDANA_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
endif()

add_library(cedana_warnings INTERFACE)
target_compile_options(cedana_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<BOOL:${CEDANA_WERROR}>:-Werror>
  # GCC takes the sources of a unit (CMAKE_UNITY_BUILD) for headers, whose types must not use an anonymous namespace.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
  # GCC 12 finds these where a std::string is made or replaced, wrongly (its bugs 105651 and 105562).
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-maybe-uninitialized>")

# cedana_precompile(TARGET GROUP <header>…): with CEDANA_PRECOMPILE what most of its sources include, and these, is parsed once
# for all targets of the group, which are compiled with the same options. Every source includes what it needs itself all the
# same: a build without it shows that, and scripts/lint.
function(cedana_precompile target group)
  if(NOT CEDANA_PRECOMPILE)
    return()
  endif()
  get_property(first GLOBAL PROPERTY cedana_precompiled_${group})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <chrono> <filesystem> <fstream> <functional> <map>
      <memory> <optional> <set> <span> <string> <string_view> <system_error> <thread> <utility> <variant> <vector>
      <nlohmann/json.hpp> <spdlog/spdlog.h> <spdlog/fmt/fmt.h> ${ARGN})
    set_property(GLOBAL PROPERTY cedana_precompiled_${group} ${target})
  endif()
endfunction()
