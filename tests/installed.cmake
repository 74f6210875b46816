# SPDX-License-Identifier: Apache-2.0
# An install puts each completion where the shells that are here look for it, and the program and its pages where they belong.
# Run as: cmake -DBUILD=… -P installed.cmake
cmake_minimum_required(VERSION 3.22)

set(root ${BUILD}/installed-test)
set(ENV{HOME} ${root}/home)

# Installs to `prefix` below a root of its own.
function(install_to prefix)
  file(REMOVE_RECURSE ${root})
  file(MAKE_DIRECTORY ${root}/home)
  set(ENV{DESTDIR} ${root})
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}
    RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(ENV{DESTDIR})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cannot install to ${prefix}: ${said}")
  endif()
  foreach(file ${prefix}/bin/cedana ${prefix}/share/man/man1/cedana.1 ${prefix}/share/man/man5/cedana_config.json.5)
    if(NOT EXISTS ${root}${file})
      message(FATAL_ERROR "an install to ${prefix} lacks ${file}")
    endif()
  endforeach()
endfunction()

# `name` is in one of the folders.
function(require_found shell name)
  foreach(folder ${ARGN})
    if(EXISTS ${root}${folder}/${name})
      message(STATUS "${shell}: ${folder}/${name}")
      return()
    endif()
  endforeach()
  file(GLOB_RECURSE there RELATIVE ${root} ${root}/*cedana ${root}/*cedana.fish)
  message(FATAL_ERROR "${shell} does not find ${name}: it looks in ${ARGN}; installed are ${there}")
endfunction()

# The folders that `shell` itself names, one a line.
function(require_found_by shell name)
  find_program(${shell}_program ${shell})
  if(NOT ${shell}_program)
    message(STATUS "${shell} is not installed")
    return()
  endif()
  execute_process(COMMAND ${${shell}_program} ${ARGN} OUTPUT_VARIABLE folders OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" folders "${folders}")
  require_found(${shell} ${name} ${folders})
endfunction()

foreach(prefix /usr /usr/local)
  install_to(${prefix})
  # bash-completion, _comp_load() and __load_completion(): "completions" in the folders of XDG_DATA_DIRS, which are these.
  require_found(bash cedana /usr/local/share/bash-completion/completions /usr/share/bash-completion/completions)
  require_found_by(zsh _cedana -fc "print -l $fpath")
  require_found_by(fish cedana.fish -c "printf '%s\\n' $fish_complete_path")
endforeach()

# Nothing outside of any other prefix.
install_to(/opt/cedana)
file(GLOB outside RELATIVE ${root} ${root}/* ${root}/opt/*)
list(REMOVE_ITEM outside home opt opt/cedana)
if(outside)
  message(FATAL_ERROR "an install to /opt/cedana writes elsewhere: ${outside}")
endif()
file(REMOVE_RECURSE ${root})
