#pragma once

#include <string>

#include "base/ids.hpp"
#include "net/endpoint.hpp"

namespace diglett::agent {

/// The only registration that protocol 1 knows. (protocol A.3)
inline constexpr RegistrationId kOnlyRegistrationV1{0};

/// One name to register and the workload behind it.
struct Service {
    std::string name;
    net::Endpoint backend;
    std::string kind = "http";
};

}  // namespace diglett::agent
