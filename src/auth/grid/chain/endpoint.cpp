#include "auth/grid/chain/endpoint.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "auth/grid/scale.hpp"
#include "auth/grid/storage_key.hpp"
#include "base/escape.hpp"
#include "wire/hex.hpp"

namespace diglett::auth::grid {

namespace {

std::unexpected<ChainError> trouble(Trouble trouble, std::string text) {
    return std::unexpected(ChainError{.trouble = trouble, .text = std::move(text)});
}

Trouble trouble_of(const Error& error) {
    switch (error.code) {
        case Errc::ProtocolViolation:
            return Trouble::NotUnderstood;
        case Errc::TlsFailed:
            return Trouble::Untrusted;
        default:
            return Trouble::Unreachable;
    }
}

FairQueue::Limits limits_of(const NodeLink& link, FairQueue::Limits limits) {
    limits.at_once = std::min(limits.at_once, link.capacity());
    return limits;
}

std::unexpected<ChainError> too_many_wait() {
    return trouble(Trouble::Busy, "too many questions wait for the chain");
}

/// The time of a block that decide_block() allows.
WallTime time_of(const ByteVector& timestamp) {
    return WallTime(std::chrono::milliseconds(ScaleReader(timestamp).number<std::uint64_t>()));
}

}  // namespace

Endpoint::Endpoint(Options options, std::shared_ptr<NodeLink> link, FairQueue& queue,
                   std::uint64_t& next_id, const Clocks& clocks, Logger logger)
    : options_(std::move(options)),
      link_(std::move(link)),
      link_queue_(queue.executor(), limits_of(*link_, queue.limits())),
      queue_(queue),
      next_id_(next_id),
      clocks_(clocks),
      logger_(std::move(logger)) {}

bool Endpoint::may_be_tried() const {
    return health_ != Health::Bad || clocks_.steady() >= try_again_at_;
}

net::Awaitable<ChainResult<Block>> Endpoint::head() {
    auto asking = ask_head();
    auto block = co_await std::move(asking);
    note(block ? std::nullopt : std::optional(block.error()));
    co_return block;
}

net::Awaitable<ChainResult<Block>> Endpoint::ask_head() {
    auto looking = look_at_runtime();
    if (auto right = co_await std::move(looking); !right) {
        co_return std::unexpected(std::move(right.error()));
    }
    auto asking =
        call(options_.read_best ? "chain_getBlockHash" : "chain_getFinalizedHead", {}, kSharedLine);
    const auto named = co_await std::move(asking);
    if (!named) {
        co_return std::unexpected(named.error());
    }
    const auto hash = parse_hash(*named);
    if (!hash) {
        co_return trouble(Trouble::NotUnderstood, "the hash of its newest block is none");
    }
    std::vector<std::string> params{"0x" + wire::to_hex(timestamp_key()), *hash};
    auto reading = call("state_getStorage", std::move(params), kSharedLine);
    const auto stored = co_await std::move(reading);
    if (!stored) {
        co_return std::unexpected(stored.error());
    }
    const auto timestamp = parse_storage(*stored);
    if (!timestamp) {
        co_return trouble(Trouble::NotUnderstood, "the time of its newest block is none");
    }
    const auto decision = decide_block(*timestamp, clocks_.wall(), kBlockAllowance);
    if (decision.answer() != Answer::Allowed) {
        co_return trouble(
            decision.reason == Reason::BlockStale ? Trouble::Stale : Trouble::NotUnderstood,
            std::string(words(decision.reason)));
    }
    co_return Block{.hash = *hash, .time = time_of(**timestamp)};
}

net::Awaitable<ChainResult<void>> Endpoint::look_at_runtime() {
    if (runtime_ && clocks_.steady() < runtime_due_) {
        co_return ChainResult<void>();
    }
    auto asking = call("state_getRuntimeVersion", {}, kSharedLine);
    const auto said = co_await std::move(asking);
    if (!said) {
        co_return std::unexpected(said.error());
    }
    auto found = parse_runtime(*said);
    if (!found) {
        co_return trouble(Trouble::NotUnderstood, "the version of its program is none");
    }
    if (found->spec_name != options_.spec_name) {
        co_return trouble(Trouble::OtherChain,
                          fmt::format("it is a node of '{}', not of '{}'", escape(found->spec_name),
                                      options_.spec_name));
    }
    note_runtime(std::move(*found));
    co_return ChainResult<void>();
}

net::Awaitable<ChainResult<StorageValue>> Endpoint::storage(std::string hash, ByteVector key,
                                                            std::string source) {
    std::vector<std::string> params{"0x" + wire::to_hex(key), std::move(hash)};
    auto asking = call("state_getStorage", std::move(params), std::move(source));
    const auto said = co_await std::move(asking);
    ChainResult<StorageValue> value;
    if (!said) {
        value = std::unexpected(said.error());
    } else if (auto stored = parse_storage(*said)) {
        value = std::move(*stored);
    } else {
        value = trouble(Trouble::NotUnderstood, "what it has stored is no value");
    }
    if (value) {
        note(std::nullopt);
    } else if (value.error().trouble != Trouble::NodeFailed) {  // a lagging node is not ill
        note(value.error());
    }
    co_return value;
}

net::Awaitable<ChainResult<boost::json::value>> Endpoint::call(std::string method,
                                                               std::vector<std::string> params,
                                                               std::string source) {
    // Waiting here is no fault of the node's, whose time begins when it can be asked. The wait is
    // the longer one, so that who stands behind a node that hangs learns it and asks another.
    const auto in_line_until = Clock::now() + options_.patience * 5 / 4;
    auto entering_link = link_queue_.enter(source, in_line_until);
    const auto place = co_await std::move(entering_link);
    if (!may_be_tried()) {
        co_return failed_meanwhile();
    }
    if (!place) {
        co_return too_many_wait();
    }
    auto entering = queue_.enter(std::move(source), in_line_until);
    const auto slot = co_await std::move(entering);
    if (!may_be_tried()) {
        co_return failed_meanwhile();
    }
    if (!slot) {
        co_return too_many_wait();
    }
    const std::uint64_t id = ++next_id_;
    auto exchanging =
        link_->exchange(id, write_request(id, method, params), Clock::now() + options_.patience);
    const auto text = co_await std::move(exchanging);
    if (!text) {
        co_return trouble(trouble_of(text.error()), text.error().text);
    }
    auto reply = parse_reply(*text);
    if (!reply || reply->id != id) {
        link_->close();
        co_return trouble(Trouble::NotUnderstood,
                          fmt::format("its answer to {} is not understood", method));
    }
    if (!reply->result) {
        co_return trouble(Trouble::NodeFailed, fmt::format("it answers {} with error {}", method,
                                                           escape(reply->result.error())));
    }
    co_return std::move(*reply->result);
}

/// For a question that waited while another met the failure.
std::unexpected<ChainError> Endpoint::failed_meanwhile() const {
    return trouble(Trouble::Unreachable, problem_);
}

void Endpoint::note(const std::optional<ChainError>& error) {
    if (!error) {
        if (health_ == Health::Bad) {
            logger_.info("the chain's endpoint {} answers again", options_.label);
        }
        health_ = Health::Good;
        pause_ = Duration::zero();
        problem_.clear();
        return;
    }
    if (error->trouble == Trouble::Busy) {
        return;  // that is us
    }
    if (health_ != Health::Bad || problem_ != error->text) {
        logger_.warn("the chain's endpoint {}: {}", options_.label, escape(error->text));
    }
    problem_ = error->text;
    const auto now = clocks_.steady();
    if (health_ == Health::Bad && now < try_again_at_) {
        return;  // several questions met the same failure
    }
    health_ = Health::Bad;
    pause_ = pause_ == Duration::zero() ? kFirstPause : std::min(2 * pause_, kLongestPause);
    const double share = 0.5 + clocks_.random() / 2;
    try_again_at_ = now + std::chrono::duration_cast<Duration>(pause_ * share);
}

void Endpoint::note_runtime(RuntimeVersion found) {
    if (runtime_ != found) {
        logger_.info("the chain's endpoint {} runs {} version {}", options_.label,
                     escape(found.spec_name), found.spec_version);
    }
    runtime_ = std::move(found);
    runtime_due_ = clocks_.steady() + options_.runtime_every;
}

}  // namespace diglett::auth::grid
