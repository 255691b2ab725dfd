# Everything outside the tree, all Debian packages (scripts/bootstrap installs them).
include_guard(GLOBAL)

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(libsecp256k1 REQUIRED IMPORTED_TARGET libsecp256k1)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()

# Asio without its deprecated names; Boost.System and Boost.Asio are headers only.
add_library(diglett_asio INTERFACE)
target_link_libraries(diglett_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(diglett_asio INTERFACE BOOST_ASIO_NO_DEPRECATED)
