#pragma once

#include <cstddef>

#include "base/result.hpp"

namespace diglett::net {

/// Raises the soft limit of open descriptors to the hard one. @return the limit in force; IoFailed.
[[nodiscard]] Result<std::size_t> raise_descriptor_limit();

}  // namespace diglett::net
