# base/version.hpp, from the description that git gives the tree: written anew by each build, touched
# only when it changes. Also run as a script (cmake -P) with SOURCE, OUTPUT and FALLBACK.
if(CMAKE_SCRIPT_MODE_FILE)
  set(version "${FALLBACK}")
  find_program(git git)
  if(git AND EXISTS "${SOURCE}/.git")
    execute_process(COMMAND "${git}" -C "${SOURCE}" describe --tags --match "v[0-9]*" --dirty
      OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(NOT described)
      execute_process(COMMAND "${git}" -C "${SOURCE}" describe --always --dirty
        OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(commit)
        set(described "${FALLBACK}-g${commit}")
      endif()
    endif()
    if(described)
      string(REGEX REPLACE "^v" "" version "${described}")
    endif()
  endif()
  file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
#pragma once

#include <string_view>

namespace diglett::base {

/// What this was built from: the git description, or the project's version outside a repository.
inline constexpr std::string_view kVersion = "@version@";

}  // namespace diglett::base
]])
  return()
endif()

include_guard(GLOBAL)

set(DIGLETT_GENERATED_DIR "${PROJECT_BINARY_DIR}/generated")
add_custom_target(diglett_version
  COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}"
    -D "OUTPUT=${DIGLETT_GENERATED_DIR}/base/version.hpp" -D "FALLBACK=${PROJECT_VERSION}"
    -P "${CMAKE_CURRENT_LIST_FILE}"
  BYPRODUCTS "${DIGLETT_GENERATED_DIR}/base/version.hpp"
  COMMENT "Looking at the version")
