# DIGLETT_SANITIZE: empty, "address;undefined" or "thread". A finding ends the process: no recovery.
include_guard(GLOBAL)

set(DIGLETT_SANITIZE "" CACHE STRING "Sanitizers, a list: address;undefined or thread")
if(DIGLETT_SANITIZE)
  list(JOIN DIGLETT_SANITIZE "," diglett_sanitize_list)
  add_compile_options("-fsanitize=${diglett_sanitize_list}" -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${diglett_sanitize_list}")
endif()
