# diglett_module(NAME [DEPENDS module...] [LIBS target...])
#
# One folder of src/: every *.cpp that is not a test and not a main becomes the static library
# diglett_NAME (an INTERFACE library while there are only headers), every *_test.cpp goes into the
# GoogleTest program NAME_test, which ctest runs under the label "unit".
# DEPENDS names other modules, LIBS anything else that the library links to.
include_guard(GLOBAL)

function(diglett_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LIBS")
  list(TRANSFORM arg_DEPENDS PREPEND diglett_ OUTPUT_VARIABLE depends)
  diglett_uses_asio(asio ${name} DEPENDS ${arg_DEPENDS} LIBS ${arg_LIBS})

  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  if(sources)
    add_library(diglett_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(diglett_${name} PRIVATE diglett_warnings)
    diglett_pch(diglett_${name} ${asio})
  else()
    add_library(diglett_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(diglett_${name} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(diglett_${name} ${scope} ${depends} ${arg_LIBS})

  if(BUILD_TESTING AND tests)
    diglett_test(${name}_test ${asio} SOURCES ${tests} LIBS diglett_${name})
  endif()
endfunction()

# A GoogleTest program that may also include from the repository root ("test/support/...") and knows
# where the recorded conversations are (DIGLETT_VECTORS).
function(diglett_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ASIO" "LABEL;TIMEOUT" "SOURCES;LIBS")
  set(asio)
  if(arg_ASIO)
    set(asio ASIO)
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(${name} PRIVATE DIGLETT_VECTORS="${PROJECT_SOURCE_DIR}/test/vectors")
  target_link_libraries(${name} PRIVATE ${arg_LIBS} diglett_warnings GTest::gmock GTest::gmock_main)
  diglett_pch(${name} ${asio} GTEST)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# A program of src/app, called OUTPUT where it is installed. Absent while MAIN does not exist.
function(diglett_program output)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MAIN" "DEPENDS")
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_MAIN}")
    return()
  endif()
  list(TRANSFORM arg_DEPENDS PREPEND diglett_ OUTPUT_VARIABLE depends)
  add_executable(${output} ${arg_MAIN})
  target_link_libraries(${output} PRIVATE ${depends} diglett_warnings)
  set_target_properties(${output} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  install(TARGETS ${output} RUNTIME)
endfunction()

# Sets RESULT to ASIO when module NAME sees Asio, itself or through a module it depends on.
function(diglett_uses_asio result name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEPENDS;LIBS")
  get_property(known GLOBAL PROPERTY DIGLETT_ASIO_MODULES)
  set(${result} "" PARENT_SCOPE)
  foreach(dependency IN LISTS arg_DEPENDS arg_LIBS)
    if(dependency STREQUAL "diglett_asio" OR dependency IN_LIST known)
      set(${result} ASIO PARENT_SCOPE)
      set_property(GLOBAL APPEND PROPERTY DIGLETT_ASIO_MODULES ${name})
      return()
    endif()
  endforeach()
endfunction()
