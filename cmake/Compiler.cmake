# The language level, the compilers that are refused and why, the linker, and ccache when it is there.
include_guard(GLOBAL)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} is refused: before version 14 it destroys temporaries of a "
    "statement with co_await twice (double frees in correct programs). Use clang 19 "
    "(-DCMAKE_CXX_COMPILER=clang++-19, or one of the presets) or g++ 14 and newer.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Programs and static libraries only: one code model for all, so that both share precompiled headers.
add_compile_options(-fPIE)
add_link_options(-pie)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

# Paths in debug information and in messages are relative: the same source in another folder gives
# the same object, which also lets ccache serve a second clone.
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.")

# ccache finds objects built with a precompiled header only with these settings (its manual,
# "Precompiled headers"); the header itself must not carry its time stamp.
find_program(DIGLETT_CCACHE ccache)
if(DIGLETT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
    "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    "${DIGLETT_CCACHE}")
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-fcolor-diagnostics "SHELL:-Xclang -fno-pch-timestamp")
  find_program(DIGLETT_LLD NAMES ld.lld-19 ld.lld)
  if(DIGLETT_LLD)
    add_link_options("--ld-path=${DIGLETT_LLD}")
  endif()
endif()
