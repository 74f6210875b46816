# SPDX-License-Identifier: Apache-2.0
# Finds what cedana is built from; a missing one is one line that names the package to install.

find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
  message(FATAL_ERROR "missing: pkg-config; install it with: apt-get install pkg-config")
endif()

macro(cedana_need_package name debian)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "missing: ${name}; install it with: apt-get install ${debian}")
  endif()
endmacro()

# libzip's CMake package fails when its tools are absent, so pkg-config finds the plain C libraries.
macro(cedana_need_module name module debian)
  pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "missing: ${module}; install it with: apt-get install ${debian}")
  endif()
endmacro()

cedana_need_package(CLI11 libcli11-dev)
cedana_need_package(nlohmann_json nlohmann-json3-dev)
cedana_need_package(spdlog libspdlog-dev)
set(CEDANA_SPDLOG spdlog::spdlog)
# Their libraries have another soname in each release of a distribution, and loading them costs each start of cedana as much
# as what it does itself. spdlog's own target of headers links fmt's library.
if(CEDANA_FEW_LIBRARIES)
  set(CEDANA_SPDLOG spdlog::spdlog_header_only)
  get_target_property(links ${CEDANA_SPDLOG} INTERFACE_LINK_LIBRARIES)
  list(TRANSFORM links REPLACE "^fmt::fmt$" "fmt::fmt-header-only")
  set_property(TARGET ${CEDANA_SPDLOG} PROPERTY INTERFACE_LINK_LIBRARIES ${links})
endif()
cedana_need_package(Threads g++)
cedana_need_module(LIBZIP libzip libzip-dev)
cedana_need_module(ZSTD libzstd libzstd-dev)
cedana_need_module(ZLIB zlib zlib1g-dev)
cedana_need_module(CRYPTO libcrypto libssl-dev)
cedana_need_module(SODIUM libsodium libsodium-dev)
cedana_need_module(MNL libmnl libmnl-dev)
cedana_need_module(ARCHIVE libarchive libarchive-dev)
# Of headers alone, without a package file of its own.
find_path(CEDANA_PROTOZERO protozero/pbf_message.hpp)
if(NOT CEDANA_PROTOZERO)
  message(FATAL_ERROR "missing: protozero; install it with: apt-get install libprotozero-dev")
endif()
cedana_need_module(XXHASH libxxhash libxxhash-dev)
cedana_need_module(UTF8PROC libutf8proc libutf8proc-dev)
if(CEDANA_TESTS)
  cedana_need_package(GTest libgtest-dev)
endif()
