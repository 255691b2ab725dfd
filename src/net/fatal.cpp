#include "net/fatal.hpp"

#include <cstdio>
#include <cstdlib>

namespace diglett::net {

void die_of_bug(std::string_view what) {
    std::fprintf(stderr, "diglett: bug: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

}  // namespace diglett::net
