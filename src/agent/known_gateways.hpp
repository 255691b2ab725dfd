#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/state_dir.hpp"
#include "crypto/pin.hpp"

namespace diglett::agent {

/// The gateways met before and their keys: a text file of lines `HOST:PORT sha256/…`, with `#`
/// comments, that people may edit. Kept in the state directory, or in memory without one.
class KnownGateways {
  public:
    /// @param state null: memory only. @return CorruptState naming the line that cannot be read.
    [[nodiscard]] static Result<KnownGateways> load(const StateDir* state);

    /// The content of such a file. @return CorruptState naming `where` and the line.
    [[nodiscard]] static Result<std::map<std::string, crypto::Pin>> parse(std::string_view text,
                                                                          std::string_view where);

    [[nodiscard]] std::optional<crypto::Pin> find(const std::string& gateway) const;

    /// Remembers a gateway met for the first time. The file is read again under its lock, so that
    /// agents side by side lose nothing of each other.
    /// @return GatewayKeyChanged when another agent has met it meanwhile with another key, which is
    /// the one known then; what reading and writing return, and the gateway is known in this
    /// process all the same.
    [[nodiscard]] Status add(const std::string& gateway, const crypto::Pin& pin);

    /// Whether `gateway` is known in this process only, because the file could not be written:
    /// add() is to be tried again.
    [[nodiscard]] bool is_unwritten(const std::string& gateway) const {
        return unwritten_.contains(gateway);
    }

    /// For messages: the file, or "memory".
    [[nodiscard]] std::string where() const;

  private:
    explicit KnownGateways(const StateDir* state) : state_(state) {}

    [[nodiscard]] Status write(const std::string& gateway, const crypto::Pin& pin);

    const StateDir* state_;
    std::map<std::string, crypto::Pin> pins_;
    std::set<std::string> unwritten_;
};

}  // namespace diglett::agent
