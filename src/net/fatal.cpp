#include "net/fatal.hpp"

#include <cstdio>
#include <cstdlib>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

namespace diglett::net {

void die_of_bug(std::string_view what) {
    std::fprintf(stderr, "diglett: bug: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

void die_unless_cancelled(const std::exception_ptr& exception) {
    if (!exception) {
        return;
    }
    try {
        std::rethrow_exception(exception);
    } catch (const boost::system::system_error& error) {
        if (error.code() != boost::asio::error::operation_aborted) {
            die_of_bug(fmt::format("a task ended with '{}'", error.what()));
        }
    } catch (const std::exception& error) {
        die_of_bug(fmt::format("a task ended with '{}'", error.what()));
    }
}

}  // namespace diglett::net
