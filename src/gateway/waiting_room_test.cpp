// A whole gateway and connections that have not logged in. (protocol 11.3)
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/limits.hpp"
#include "test/support/scripted_peer.hpp"
#include "test/support/test_gateway.hpp"

namespace diglett::gateway {
namespace {

using test::frame;
using test::ScriptedAgent;
using wire::FrameKind;

TEST(GatewayWaitingRoom, CountsTheRefusedUntilTheyAreGone) {
    test::TestGateway gateway;
    const auto before = test::open_descriptors();
    std::vector<std::unique_ptr<ScriptedAgent>> refused;
    constexpr std::size_t kMany = kMaxUnauthenticatedPerSource + 36;
    wire::Hello newer;
    newer.min_version = newer.max_version = 3;
    for (std::size_t i = 0; i < kMany; ++i) {
        auto& agent = refused.emplace_back(std::make_unique<ScriptedAgent>(gateway.port()));
        agent->send(frame(FrameKind::Hello, 0, newer));
        ASSERT_TRUE(agent->receive(FrameKind::Refused));  // and stays connected
    }
    EXPECT_LE(test::open_descriptors(), before + kMany + kMaxUnauthenticatedPerSource + 2);
}

}  // namespace
}  // namespace diglett::gateway
