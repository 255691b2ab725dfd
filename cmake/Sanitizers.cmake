# DIGLETT_SANITIZE: empty, "address;undefined" or "thread"; DIGLETT_FUZZ adds libFuzzer's coverage
# to everything; DIGLETT_COVERAGE adds llvm-cov's. A finding ends the process: no recovery.
include_guard(GLOBAL)

set(DIGLETT_SANITIZE "" CACHE STRING "Sanitizers, a list: address;undefined or thread")
option(DIGLETT_FUZZ "Instrument for libFuzzer and build the fuzz targets" OFF)
option(DIGLETT_COVERAGE "Instrument for llvm-cov" OFF)

set(diglett_sanitizers ${DIGLETT_SANITIZE})
if(DIGLETT_FUZZ)
  list(APPEND diglett_sanitizers fuzzer-no-link)
endif()
if(diglett_sanitizers)
  list(JOIN diglett_sanitizers "," diglett_sanitizers)
  add_compile_options("-fsanitize=${diglett_sanitizers}" -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${diglett_sanitizers}")
endif()

if(DIGLETT_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
