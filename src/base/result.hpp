#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace diglett {

/// A value or an Error. libstdc++ 12 has no monadic members: test with `if (!result)`.
template <class T>
using Result = std::expected<T, Error>;

/// Success or an Error.
using Status = Result<void>;

/// `return fail(Errc::TimedOut, "...")` in any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string text) {
    return std::unexpected<Error>(Error{code, std::move(text)});
}

/// Hands the error of `result` upward unchanged.
template <class T>
[[nodiscard]] std::unexpected<Error> forward_error(const Result<T>& result) {
    return std::unexpected<Error>(result.error());
}

}  // namespace diglett
