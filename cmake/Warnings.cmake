# Warnings are errors in our own code (-DDIGLETT_WERROR=OFF for a compiler nobody has tried yet).
include_guard(GLOBAL)

option(DIGLETT_WERROR "Treat warnings as errors" ON)

add_library(diglett_warnings INTERFACE)
target_compile_options(diglett_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2
  -Werror=format-security -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wcast-align -Wunused -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(diglett_warnings INTERFACE
    -Wextra-semi -Wunreachable-code -Wrange-loop-analysis -Wthread-safety)
endif()
if(DIGLETT_WERROR)
  target_compile_options(diglett_warnings INTERFACE -Werror)
endif()
