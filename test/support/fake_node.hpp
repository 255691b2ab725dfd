#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "auth/grid/chain/clocks.hpp"
#include "auth/grid/chain/node_link.hpp"
#include "test/support/grid_chain.hpp"

namespace diglett::test {

/// Time in a test's hand, beginning at the clock of the vectors.
struct ManualClocks {
    std::chrono::milliseconds passed{0};
    double chance = 0.0;

    void pass(std::chrono::milliseconds time) { passed += time; }

    [[nodiscard]] auth::grid::WallTime wall() const { return kGridNow + passed; }

    [[nodiscard]] auth::grid::Clocks clocks() {
        return {.wall = [this] { return wall(); },
                .steady = [this] { return TimePoint(std::chrono::hours(1)) + passed; },
                .random = [this] { return chance; }};
    }
};

/// How a fake node misbehaves.
enum class NodeMode {
    Well,
    Gone,        ///< No connection.
    Late,        ///< Says nothing in time.
    Garbage,     ///< Answers what is no JSON-RPC.
    WrongId,     ///< Answers another request.
    StateError,  ///< Fails to read what is stored.
    Stale,       ///< Is an hour behind.
    Ahead,       ///< Is an hour ahead.
    OtherChain,  ///< Is a node of something else.
    NoHash,      ///< Names a block of all zeros.
};

/// A node of the made-up chain behind a NodeLink, without sockets; several may show one chain. Each
/// block keeps its own state.
class FakeNode {
  public:
    explicit FakeNode(const ManualClocks& clocks) : clocks_(clocks) { seal(); }

    GridChain chain;  ///< What the next block will hold.
    NodeMode mode = NodeMode::Well;
    std::map<std::string, std::size_t> asked;  ///< By method; stored values by their key.

    /// Makes a block of `chain`, now.
    void seal() {
        ++number_;
        const auto now = static_cast<std::uint64_t>(clocks_.wall().time_since_epoch().count());
        chain.set(auth::grid::timestamp_key(), little_endian(now));
        blocks_[head()] = chain;
    }

    [[nodiscard]] std::string head() const {
        const std::string digits = std::to_string(number_);
        return "0x" + std::string(64 - digits.size(), '0') + digits;
    }

    /// Goes back to the block before, as a node does that lags.
    void step_back() { --number_; }

    void forget(const std::string& block) { blocks_.erase(block); }

    [[nodiscard]] std::size_t count(ByteView key) const {
        const auto found = asked.find("0x" + crypto::to_hex(key));
        return found == asked.end() ? 0 : found->second;
    }

    [[nodiscard]] Result<std::string> answer(const std::string& request) {
        const auto question = boost::json::parse(request);
        const std::string method(text_at(question, "method"));
        ++asked[method];
        switch (mode) {
            case NodeMode::Gone:
                return fail(Errc::IoFailed, "connection refused");
            case NodeMode::Late:
                return fail(Errc::TimedOut, "no answer in time");
            case NodeMode::Garbage:
                return "<html>502 Bad Gateway</html>";
            default:
                return boost::json::serialize(reply(method, question));
        }
    }

  private:
    static ByteVector little_endian(std::uint64_t number) {
        ByteVector bytes(sizeof(number));
        for (auto& byte : bytes) {
            byte = static_cast<std::byte>(number & 0xffU);
            number >>= 8U;
        }
        return bytes;
    }

    boost::json::object reply(const std::string& method, const boost::json::value& question) {
        auto id = question.at("id").to_number<std::uint64_t>();
        if (mode == NodeMode::WrongId) {
            ++id;
        }
        boost::json::object said{{"jsonrpc", "2.0"}, {"id", id}};
        if (method == "state_getStorage") {
            read(question.at("params").as_array(), said);
        } else if (method == "state_getRuntimeVersion") {
            auto version = chain.vectors().at("runtime_version");
            if (mode == NodeMode::OtherChain) {
                version.at("specName") = "polkadot";
            }
            said["result"] = version;
        } else {
            said["result"] = mode == NodeMode::NoHash ? "0x" + std::string(64, '0') : head();
        }
        return said;
    }

    void read(const boost::json::array& params, boost::json::object& said) {
        const std::string key(std::string_view(params.at(0).as_string()));
        const std::string block(std::string_view(params.at(1).as_string()));
        ++asked[key];
        const auto found = blocks_.find(block);
        if (mode == NodeMode::StateError || found == blocks_.end()) {
            said["error"] = {{"code", 4003}, {"message", "State already discarded"}};
            return;
        }
        auto value = found->second.at(crypto::from_hex(key.substr(2)).value());
        if (key == "0x" + crypto::to_hex(auth::grid::timestamp_key())) {
            const auto off = std::chrono::milliseconds(std::chrono::hours(1));
            const auto now = clocks_.wall().time_since_epoch();
            if (mode == NodeMode::Stale || mode == NodeMode::Ahead) {
                const auto wrong = mode == NodeMode::Stale ? now - off : now + off;
                value = little_endian(static_cast<std::uint64_t>(wrong.count()));
            }
        }
        said["result"] = value ? boost::json::value("0x" + crypto::to_hex(*value)) : nullptr;
    }

    const ManualClocks& clocks_;
    std::uint64_t number_ = 0;
    std::map<std::string, GridChain> blocks_;
};

/// The way to a fake node.
class FakeLink final : public auth::grid::NodeLink {
  public:
    explicit FakeLink(FakeNode& node) : node_(node) {}

    net::Awaitable<Result<std::string>> exchange(std::uint64_t, std::string request,
                                                 TimePoint) override {
        most_at_once = std::max(most_at_once, ++at_once_);
        (void)co_await net::asio::post(net::kAwait);  // others ask meanwhile
        --at_once_;
        co_return node_.answer(request);
    }

    void close() override {}

    std::size_t most_at_once = 0;

  private:
    std::size_t at_once_ = 0;
    FakeNode& node_;
};

}  // namespace diglett::test
