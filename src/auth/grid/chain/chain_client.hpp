#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/grid/chain/chain_reader.hpp"
#include "auth/grid/chain/clocks.hpp"
#include "auth/grid/chain/endpoint.hpp"
#include "auth/grid/chain/fair_queue.hpp"
#include "auth/grid/chain/node_link.hpp"
#include "auth/grid/chain/node_url.hpp"
#include "auth/grid/chain/shared_answer.hpp"
#include "base/log.hpp"
#include "net/task_group.hpp"

namespace diglett::auth::grid {

struct ChainOptions {
    std::vector<NodeUrl> endpoints;  ///< At least one; asked in this order.
    std::string ca_file{};           ///< PEM; empty: the system's authorities.
    bool read_best = false;          ///< The best block instead of the finalized one.
    std::string spec_name = "substrate-threefold";
    Duration patience = std::chrono::seconds(4);  ///< For one answer of one endpoint.
    /// A block that one node knows and another does not yet is asked for again after this.
    Duration retry_pause = std::chrono::milliseconds(700);
    FairQueue::Limits queue{};  ///< Requests under way, and waiting.
};

/// What was found at one endpoint, for `check`.
struct EndpointReport {
    std::string url;
    bool usable = false;
    std::optional<RuntimeVersion> runtime;
    std::optional<std::chrono::milliseconds> head_age;  ///< Below zero: its clock is ahead.
    std::string problem;                                ///< Empty when usable.
    std::string mend;                                   ///< What to do about it.
};

/// Reads the chain through several nodes, one worker's. The first that is well is asked; when it
/// fails, the next is, and the failed one is tried again in the background after a pause. Equal
/// questions under way are asked once, but for the newest block, which who comes later asks anew;
/// those that every decision asks (the newest block, the versions of pallets) wait in no source's
/// line.
///
/// The owner awaits stop() before it goes.
class ChainClient final : public ChainReader {
  public:
    /// Over real sockets. Warns of endpoints whose answers others could change.
    /// @return UnreadableFile, InvalidConfig for `ca_file`; InvalidConfig without an endpoint.
    [[nodiscard]] static Result<std::unique_ptr<ChainClient>> open(net::Executor executor,
                                                                   ChainOptions options,
                                                                   Clocks clocks, Logger logger);

    /// Over the links that `make` makes; for tests.
    ChainClient(net::Executor executor, ChainOptions options, const LinkFactory& make,
                Clocks clocks, Logger logger);
    ~ChainClient() override;

    ChainClient(const ChainClient&) = delete;
    ChainClient& operator=(const ChainClient&) = delete;

    [[nodiscard]] net::Awaitable<ChainResult<Block>> head(TimePoint deadline) override;
    [[nodiscard]] net::Awaitable<ChainResult<std::vector<StorageValue>>> read(
        Block block, std::vector<ByteVector> keys, std::string source, TimePoint deadline) override;

    /// Asks every endpoint for its newest block, whatever its health, one after the other.
    [[nodiscard]] net::Awaitable<std::vector<EndpointReport>> check();

    /// Ends all questions, as Unreachable, and all connections; later ones end at once.
    [[nodiscard]] net::Awaitable<void> stop();

  private:
    void connect_by(const LinkFactory& make);

    using HeadAnswer = SharedAnswer<ChainResult<Block>>;
    using ValueAnswer = SharedAnswer<ChainResult<StorageValue>>;
    using Question = std::pair<std::string, ByteVector>;  ///< Block and key.

    [[nodiscard]] net::Awaitable<void> find_heads();
    [[nodiscard]] net::Awaitable<ChainResult<Block>> newest_of_endpoints();
    [[nodiscard]] net::Awaitable<void> find_value(std::shared_ptr<ValueAnswer> answer,
                                                  Question question, std::string source);
    [[nodiscard]] net::Awaitable<void> probe(Endpoint& endpoint);
    [[nodiscard]] std::shared_ptr<ValueAnswer> ask(Question question, const std::string& source);
    [[nodiscard]] std::vector<Endpoint*> worth_trying();
    [[nodiscard]] ChainError nobody_to_ask() const;
    [[nodiscard]] Block never_back(Block found);

    net::TaskGroup tasks_;
    ChainOptions options_;
    Clocks clocks_;
    Logger logger_;
    FairQueue queue_;
    std::uint64_t next_id_ = 0;
    std::vector<std::unique_ptr<Endpoint>> endpoints_;
    std::shared_ptr<HeadAnswer> asked_head_;  ///< Under way.
    std::shared_ptr<HeadAnswer> next_head_;   ///< Not yet sent; who comes now waits for it.
    std::map<Question, std::shared_ptr<ValueAnswer>> asked_values_;
    std::optional<Block> newest_;
    bool is_stopped_ = false;
};

/// The report as lines for people.
[[nodiscard]] std::string to_string(const EndpointReport& report);

}  // namespace diglett::auth::grid
