# One precompiled header for each kind of file: with Asio, with GoogleTest, with both. They halve the
# time of a file with a coroutine in it and bring a test file from 1.4 s to 0.4 s before its own
# code. Nothing may depend on them: scripts/lint compiles every header and source without.
include_guard(GLOBAL)

option(DIGLETT_PCH "Use precompiled headers" ON)

set(diglett_pch_std <algorithm> <chrono> <cstdint> <expected> <functional> <memory> <optional> <span>
  <string> <string_view> <utility> <vector> <fmt/format.h>)
set(diglett_pch_asio <boost/asio.hpp> <boost/asio/experimental/awaitable_operators.hpp>)
set(diglett_pch_gtest <gmock/gmock.h> <gtest/gtest.h>)

# diglett_pch(TARGET [ASIO] [GTEST]): TARGET compiles with the header of its kind.
function(diglett_pch target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ASIO;GTEST" "" "")
  if(NOT DIGLETT_PCH)
    return()
  endif()
  set(pch diglett_pch)
  set(headers ${diglett_pch_std})
  set(libs fmt::fmt spdlog::spdlog)
  if(arg_ASIO)
    string(APPEND pch _asio)
    list(APPEND headers ${diglett_pch_asio})
    list(APPEND libs diglett_asio)
  endif()
  if(arg_GTEST)
    string(APPEND pch _gtest)
    list(APPEND headers ${diglett_pch_gtest})
    list(APPEND libs GTest::gmock)
  endif()
  if(NOT TARGET ${pch})
    add_library(${pch} OBJECT "${PROJECT_SOURCE_DIR}/cmake/pch.cpp")
    target_link_libraries(${pch} PRIVATE ${libs})
    target_precompile_headers(${pch} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()
