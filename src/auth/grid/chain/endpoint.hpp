#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/grid/chain/chain_reader.hpp"
#include "auth/grid/chain/clocks.hpp"
#include "auth/grid/chain/fair_queue.hpp"
#include "auth/grid/chain/node_link.hpp"
#include "auth/grid/chain/rpc_message.hpp"
#include "base/log.hpp"

namespace diglett::auth::grid {

/// In whose line questions wait that all sources share: the gateway's own, which no crowd is in.
inline constexpr const char* kSharedLine = "";

/// How far a block's time may be from ours, either way: finality lags some blocks of 6 s, clocks
/// differ, and a node that is a minute behind is ill.
inline constexpr std::chrono::seconds kBlockAllowance{60};

/// The pauses before a node that failed is tried again: doubled each time, and at most this.
inline constexpr Duration kFirstPause = std::chrono::milliseconds(250);
inline constexpr Duration kLongestPause = std::chrono::seconds(10);

/// One node: what it says, and whether it is worth asking. Every question has an end of its own.
class Endpoint {
  public:
    enum class Health { Unknown, Good, Bad };

    struct Options {
        std::string label;  ///< label_of() its URL.
        bool read_best = false;
        std::string spec_name;                             ///< The chain that it must be of.
        Duration patience = std::chrono::seconds(4);       ///< For one answer.
        Duration runtime_every = std::chrono::minutes(5);  ///< Between looks at its program.
    };

    /// `queue` and `next_id` are shared by all endpoints and outlive them. What the link can carry
    /// at once is a bound of its own, with a queue as long as that one.
    Endpoint(Options options, std::shared_ptr<NodeLink> link, FairQueue& queue,
             std::uint64_t& next_id, const Clocks& clocks, Logger logger);

    /// Its newest block, if that is of now and of the right chain.
    [[nodiscard]] net::Awaitable<ChainResult<Block>> head();

    /// What it has stored at the block `hash`.
    [[nodiscard]] net::Awaitable<ChainResult<StorageValue>> storage(std::string hash,
                                                                    ByteVector key,
                                                                    std::string source);

    [[nodiscard]] Health health() const { return health_; }

    /// Whether it may be asked now: not while it pauses after a failure.
    [[nodiscard]] bool may_be_tried() const;

    /// What it said last of its chain's program.
    [[nodiscard]] const std::optional<RuntimeVersion>& runtime() const { return runtime_; }

    [[nodiscard]] const std::string& label() const { return options_.label; }

    /// Its last failure, for people; empty when there was none.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    void close() { link_->close(); }

    /// A probe is under way, so that there is one at a time.
    bool is_probed = false;

  private:
    [[nodiscard]] net::Awaitable<ChainResult<Block>> ask_head();
    [[nodiscard]] net::Awaitable<ChainResult<void>> look_at_runtime();
    [[nodiscard]] net::Awaitable<ChainResult<boost::json::value>> call(
        std::string method, std::vector<std::string> params, std::string source);
    [[nodiscard]] std::unexpected<ChainError> failed_meanwhile() const;
    void note(const std::optional<ChainError>& error);
    void note_runtime(RuntimeVersion found);

    Options options_;
    std::shared_ptr<NodeLink> link_;
    FairQueue link_queue_;  ///< For a place on the link.
    FairQueue& queue_;
    std::uint64_t& next_id_;
    const Clocks& clocks_;
    Logger logger_;
    Health health_ = Health::Unknown;
    Duration pause_{};
    TimePoint try_again_at_{};
    std::string problem_;
    std::optional<RuntimeVersion> runtime_;
    TimePoint runtime_due_{};
};

}  // namespace diglett::auth::grid
