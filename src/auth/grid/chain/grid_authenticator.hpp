#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/grid/chain/chain_reader.hpp"
#include "auth/grid/chain/clocks.hpp"
#include "auth/grid/chain/grid_options.hpp"
#include "auth/grid/chain/twin_cache.hpp"
#include "base/log.hpp"

namespace diglett::auth::grid {

/// How long after a login the names that it brings along may be decided at its block, should the
/// agent never say that it has brought them all.
inline constexpr Duration kFlight = std::chrono::seconds(10);

/// Agents of ThreeFold's grid: a token signed by a twin's key, and name contracts on the chain. The
/// identity is "grid:TWIN". Nothing touches the network before the token is right in itself, and
/// nothing is a no but what the chain says.
///
/// Login and the Registers that come along with it are decided at one block; an account read
/// less than a minute ago may stand in for the twin. Later questions take a new block, read
/// the twin as well, and ask no cache: the account that signed must still be the twin's.
class GridAuthenticator final : public Authenticator {
  public:
    /// @param options valid. @param chain outlives this; on the same worker.
    GridAuthenticator(GridOptions options, ChainReader& chain, Clocks clocks, Logger logger);

    [[nodiscard]] std::string_view name() const override { return "grid"; }

    /// A contract is sold on the chain, whatever the gateway has reserved.
    [[nodiscard]] bool outranks_leases() const override { return true; }

    [[nodiscard]] net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) override;

    /// With an empty grant, asks only whether the twin of `identity.key` owns `name` now.
    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override;

  private:
    struct Grant;  ///< What a login proved, and at which block.

    /// Who signed, and the block at which the names that come along are decided.
    struct Proof {
        Account signer;
        Block block;
    };

    using Names = std::expected<Allowed, Refusal>;
    using Login = std::expected<Identity, Refusal>;

    [[nodiscard]] net::Awaitable<std::expected<Proof, Refusal>> verify(const GridToken& token,
                                                                       std::string source,
                                                                       TimePoint deadline);
    [[nodiscard]] net::Awaitable<std::expected<Account, Refusal>> read_signer(
        Block block, const GridToken& token, std::string source, TimePoint deadline);
    [[nodiscard]] net::Awaitable<Names> decide_at(Block block, std::uint32_t twin,
                                                  const Account* signer, std::string name,
                                                  std::string source, TimePoint deadline);
    [[nodiscard]] std::optional<std::expected<Account, Refusal>> known(const GridToken& token);
    [[nodiscard]] Names allow();
    void warn_once(const std::vector<Warning>& warnings);

    GridOptions options_;
    ChainReader& chain_;
    Clocks clocks_;
    Logger logger_;
    TwinCache twins_;
    std::set<std::pair<Warning::Of, std::optional<std::uint32_t>>> warned_;
};

}  // namespace diglett::auth::grid
