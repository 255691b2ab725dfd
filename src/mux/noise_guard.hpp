#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace diglett::mux {

/// Counts frames that a well-behaved peer has no cause to send. What visitors or backends can cause
/// never counts here: that is bounded in number. (protocol 8.4)
class NoiseGuard {
  public:
    enum class Kind : unsigned char {
        Ping,           ///< Also a Pong that nobody asked for.
        UselessWindow,  ///< Raises nothing.
        Stray,          ///< Data, End or Reset of a stream that is not there and cannot be.
    };

    explicit NoiseGuard(TimePoint now);

    /// One more of `kind`. @return TooMuchNoise when there were too many in the last second.
    [[nodiscard]] Status count(Kind kind, TimePoint now);

  private:
    struct Bucket {
        std::uint32_t per_second = 0;
        double tokens = 0;
        TimePoint filled_at{};
    };

    std::array<Bucket, 3> buckets_;
};

}  // namespace diglett::mux
