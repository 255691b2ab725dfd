#pragma once

#include <string>

#include "net/endpoint.hpp"

namespace diglett::agent {

/// One name to register and the workload behind it.
struct Service {
    std::string name;
    net::Endpoint backend;
    std::string kind = "http";
};

}  // namespace diglett::agent
