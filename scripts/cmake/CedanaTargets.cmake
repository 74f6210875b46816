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
if(CEDANA_FUZZ)
  target_compile_options(cedana_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(cedana_warnings INTERFACE)
target_compile_options(cedana_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<BOOL:${CEDANA_WERROR}>:-Werror>)
