#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "auth/grid/decide.hpp"

/// What is said to a node of the chain, and what it says: JSON-RPC 2.0. A text is not understood
/// unless it is exactly what was asked for.
namespace diglett::auth::grid {

/// Longest answer that is read, in bytes: a twin with many entities in hexadecimal takes a few
/// thousand.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{256} * 1024;

/// A request whose parameters are strings, as all of ours are.
[[nodiscard]] std::string write_request(std::uint64_t id, std::string_view method,
                                        std::span<const std::string> params);

/// What a node answered to request `id`: its result, or its own word that it failed.
struct RpcReply {
    std::uint64_t id = 0;
    std::expected<boost::json::value, std::string> result;
};

/// @return nothing when `text` is no answer to a numbered request.
[[nodiscard]] std::optional<RpcReply> parse_reply(std::string_view text);

/// A block's hash: "0x" and 64 digits. The genesis block's parent, all zero, is none.
[[nodiscard]] std::optional<std::string> parse_hash(const boost::json::value& result);

/// What state_getStorage said: null, or "0x" and two digits a byte.
/// @return nothing when it is neither.
[[nodiscard]] std::optional<StorageValue> parse_storage(const boost::json::value& result);

/// What state_getRuntimeVersion says of the chain's program.
struct RuntimeVersion {
    std::string spec_name;
    std::uint32_t spec_version = 0;
    friend bool operator==(const RuntimeVersion&, const RuntimeVersion&) = default;
};

[[nodiscard]] std::optional<RuntimeVersion> parse_runtime(const boost::json::value& result);

}  // namespace diglett::auth::grid
