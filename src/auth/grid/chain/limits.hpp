#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of talking with nodes of the chain: name, unit, reason.
namespace diglett::auth::grid {

/// How often a question is asked: a node may not have the block yet that another has, or a balancer
/// hands us round among several.
inline constexpr int kRounds = 3;

/// Connections to one HTTP node; public nodes bound them for each address.
inline constexpr std::size_t kMaxConnections = 8;

/// A web socket on which nothing came for this long is pinged half-way and then given up.
inline constexpr std::chrono::seconds kIdleLimit{30};

/// Shortest time that a web socket's handshake gets, as its library takes none for no limit.
inline constexpr std::chrono::milliseconds kMinHandshakeTime{1};

/// What is logged of the words in which a node refuses, in bytes.
inline constexpr std::size_t kMaxNodeWordBytes = 300;

/// Pause asked of an agent while the chain is asked by too many others: questions take less.
inline constexpr std::chrono::seconds kBusyFor{2};

}  // namespace diglett::auth::grid
