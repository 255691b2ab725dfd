#include "auth/grid/chain/chain_client.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "auth/grid/chain/limits.hpp"
#include "auth/grid/storage_key.hpp"
#include "base/escape.hpp"
#include "net/sleep.hpp"

namespace diglett::auth::grid {

namespace {

/// Whether every decision asks it.
bool is_shared(const ByteVector& key) {
    return key == twin_pallet_version_key() || key == contract_pallet_version_key();
}

ChainError out_of_time() {
    return {.trouble = Trouble::Unreachable, .text = "the chain did not answer in time"};
}

/// What an operator can do about it.
std::string_view mend_of(Trouble trouble) {
    switch (trouble) {
        case Trouble::Unreachable:
            return "see that the node runs and can be reached from here";
        case Trouble::Untrusted:
            return "use the name that is in its certificate; the authority of a private one goes "
                   "into --grid-ca-file";
        case Trouble::NodeFailed:
            return "take another node: this one does not have what it is asked for";
        case Trouble::Stale:
            return "set this machine's clock, or take a node that is up to date";
        case Trouble::OtherChain:
        case Trouble::NotUnderstood:
            return "take the address of a node of the chain, with its scheme and path";
        case Trouble::Busy:
            return "try again";
    }
    std::unreachable();
}

}  // namespace

Result<std::unique_ptr<ChainClient>> ChainClient::open(net::Executor executor, ChainOptions options,
                                                       Clocks clocks, Logger logger) {
    if (options.endpoints.empty()) {
        return fail(Errc::InvalidConfig, "grid needs an endpoint of the chain: --grid-endpoints");
    }
    auto trust = NodeTrust::load(options.ca_file);
    if (!trust) {
        return forward_error(trust);
    }
    for (const auto& url : options.endpoints) {
        if (is_open_to_others(url)) {
            logger.warn(
                "the chain's endpoint {} has no TLS: whoever is on the way decides who owns "
                "a name",
                label_of(url));
        }
    }
    auto client = std::make_unique<ChainClient>(executor, std::move(options), LinkFactory(),
                                                std::move(clocks), std::move(logger));
    client->connect_by([&tasks = client->tasks_, trust = *trust](const NodeUrl& url) {
        return make_node_link(url, trust, tasks);
    });
    return client;
}

ChainClient::ChainClient(net::Executor executor, ChainOptions options, const LinkFactory& make,
                         Clocks clocks, Logger logger)
    : tasks_(executor),
      options_(std::move(options)),
      clocks_(std::move(clocks)),
      logger_(std::move(logger)),
      queue_(executor, options_.queue) {
    if (make) {
        connect_by(make);
    }
}

ChainClient::~ChainClient() = default;

void ChainClient::connect_by(const LinkFactory& make) {
    for (const auto& url : options_.endpoints) {
        endpoints_.push_back(
            std::make_unique<Endpoint>(Endpoint::Options{.label = label_of(url),
                                                         .read_best = options_.read_best,
                                                         .spec_name = options_.spec_name,
                                                         .patience = options_.patience},
                                       make(url), queue_, next_id_, clocks_, logger_));
    }
}

net::Awaitable<ChainResult<Block>> ChainClient::head(TimePoint deadline) {
    if (is_stopped_) {
        co_return std::unexpected(out_of_time());
    }
    if (!next_head_) {
        next_head_ = std::make_shared<HeadAnswer>(tasks_.executor());
        if (!asked_head_) {
            tasks_.spawn(find_heads());
        }
    }
    const auto answer = next_head_;
    auto waiting = answer->wait_until(deadline);
    const auto* found = co_await std::move(waiting);
    co_return found != nullptr ? *found : std::unexpected(out_of_time());
}

/// Whoever comes while a question is under way waits for the next one: the answer to this one may
/// have been given before they came. They share its failure, though; asking again at once would
/// not mend it.
net::Awaitable<void> ChainClient::find_heads() {
    while (next_head_) {
        asked_head_ = std::exchange(next_head_, nullptr);
        auto asking = newest_of_endpoints();
        const auto found = co_await std::move(asking);
        std::exchange(asked_head_, nullptr)->set(found);
        if (!found && next_head_) {
            std::exchange(next_head_, nullptr)->set(found);
        }
    }
}

net::Awaitable<ChainResult<Block>> ChainClient::newest_of_endpoints() {
    ChainResult<Block> found = std::unexpected(nobody_to_ask());
    for (Endpoint* endpoint : worth_trying()) {
        auto asking = endpoint->head();
        found = co_await std::move(asking);
        if (found || found.error().trouble == Trouble::Busy) {
            break;
        }
    }
    if (found) {
        found = never_back(std::move(*found));
    }
    co_return found;
}

net::Awaitable<ChainResult<std::vector<StorageValue>>> ChainClient::read(
    Block block, std::vector<ByteVector> keys, std::string source, TimePoint deadline) {
    if (is_stopped_) {
        co_return std::unexpected(out_of_time());
    }
    std::vector<std::shared_ptr<ValueAnswer>> answers;
    for (auto& key : keys) {
        answers.push_back(ask({block.hash, std::move(key)}, source));
    }
    std::vector<StorageValue> values;
    for (const auto& answer : answers) {
        auto waiting = answer->wait_until(deadline);
        const auto* value = co_await std::move(waiting);
        if (value == nullptr) {
            co_return std::unexpected(out_of_time());
        }
        if (!*value) {
            co_return std::unexpected(value->error());
        }
        values.push_back(**value);
    }
    co_return values;
}

std::shared_ptr<ChainClient::ValueAnswer> ChainClient::ask(Question question,
                                                           const std::string& source) {
    auto& asked = asked_values_[question];
    if (!asked) {
        asked = std::make_shared<ValueAnswer>(tasks_.executor());
        std::string line = is_shared(question.second) ? kSharedLine : source;
        tasks_.spawn(find_value(asked, std::move(question), std::move(line)));
    }
    return asked;
}

net::Awaitable<void> ChainClient::find_value(std::shared_ptr<ValueAnswer> answer, Question question,
                                             std::string source) {
    ChainResult<StorageValue> found = std::unexpected(nobody_to_ask());
    for (int round = 1; true; ++round) {
        for (Endpoint* endpoint : worth_trying()) {
            auto asking = endpoint->storage(question.first, question.second, source);
            found = co_await std::move(asking);
            if (found || found.error().trouble == Trouble::Busy) {
                break;
            }
        }
        if (found || found.error().trouble != Trouble::NodeFailed || round == kRounds) {
            break;
        }
        auto pausing = net::sleep_until(Clock::now() + options_.retry_pause);
        (void)co_await std::move(pausing);
    }
    asked_values_.erase(question);
    answer->set(std::move(found));
}

/// Those that are well, in their order; when none is, those whose pause is over. A failed one that
/// comes before one that is well is tried aside, so that nobody waits for it.
std::vector<Endpoint*> ChainClient::worth_trying() {
    std::vector<Endpoint*> well;
    std::vector<Endpoint*> ill;
    for (const auto& endpoint : endpoints_) {
        if (endpoint->health() != Endpoint::Health::Bad) {
            well.push_back(endpoint.get());
        } else if (endpoint->may_be_tried()) {
            ill.push_back(endpoint.get());
        }
    }
    if (well.empty()) {
        return ill;
    }
    for (Endpoint* endpoint : ill) {
        if (!std::exchange(endpoint->is_probed, true)) {
            tasks_.spawn(probe(*endpoint));
        }
    }
    return well;
}

net::Awaitable<void> ChainClient::probe(Endpoint& endpoint) {
    auto asking = endpoint.head();
    const auto found = co_await std::move(asking);
    endpoint.is_probed = false;
    if (found) {
        (void)never_back(*found);
    }
}

ChainError ChainClient::nobody_to_ask() const {
    const auto& first = *endpoints_.front();
    return {.trouble = Trouble::Unreachable,
            .text = fmt::format("no endpoint of the chain can be used now; {}: {}", first.label(),
                                first.problem())};
}

Block ChainClient::never_back(Block found) {
    if (!newest_ || found.time >= newest_->time ||
        newest_->time + kBlockAllowance < clocks_.wall()) {
        newest_ = std::move(found);
    }
    return *newest_;
}

net::Awaitable<std::vector<EndpointReport>> ChainClient::check() {
    std::vector<EndpointReport> reports;
    for (const auto& endpoint : endpoints_) {
        auto asking = endpoint->head();
        const auto found = co_await std::move(asking);
        EndpointReport report{.url = endpoint->label(),
                              .usable = found.has_value(),
                              .runtime = endpoint->runtime(),
                              .head_age = {},
                              .problem = {},
                              .mend = {}};
        if (found) {
            report.head_age = clocks_.wall() - found->time;
        } else {
            report.problem = found.error().text;
            report.mend = mend_of(found.error().trouble);
        }
        reports.push_back(std::move(report));
    }
    co_return reports;
}

net::Awaitable<void> ChainClient::stop() {
    is_stopped_ = true;
    for (const auto& answer : {asked_head_, next_head_}) {
        if (answer) {
            answer->set(std::unexpected(out_of_time()));
        }
    }
    for (const auto& [question, answer] : asked_values_) {
        answer->set(std::unexpected(out_of_time()));
    }
    for (const auto& endpoint : endpoints_) {
        endpoint->close();
    }
    tasks_.cancel();
    co_await tasks_.join();
}

std::string to_string(const EndpointReport& report) {
    if (!report.usable) {
        return fmt::format("{}: {}; {}", report.url, escape(report.problem), report.mend);
    }
    const auto age =
        std::chrono::duration<double>(report.head_age.value_or(std::chrono::milliseconds(0)));
    return fmt::format("{}: {} version {}, newest block {:.1f} s old", report.url,
                       report.runtime ? escape(report.runtime->spec_name) : "?",
                       report.runtime ? report.runtime->spec_version : 0, age.count());
}

}  // namespace diglett::auth::grid
