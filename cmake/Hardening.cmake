# DIGLETT_HARDEN: what a program on the open internet is built with. Every flag that a compiler or
# an architecture may not know is probed, so the same preset builds on aarch64.
include_guard(GLOBAL)

option(DIGLETT_HARDEN "Hardening flags (needs optimisation for _FORTIFY_SOURCE)" OFF)
if(NOT DIGLETT_HARDEN)
  return()
endif()

include(CheckCXXCompilerFlag)

add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS)
set(CMAKE_REQUIRED_FLAGS -Werror)
foreach(flag IN ITEMS
    -fstack-protector-strong
    -fstack-clash-protection
    -fcf-protection=full
    -mbranch-protection=standard
    -ftrivial-auto-var-init=zero
    -fstrict-flex-arrays=3)
  string(MAKE_C_IDENTIFIER "DIGLETT_HAS${flag}" known)
  check_cxx_compiler_flag("${flag}" ${known})
  if(${known})
    add_compile_options("${flag}")
  endif()
endforeach()
unset(CMAKE_REQUIRED_FLAGS)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed)
