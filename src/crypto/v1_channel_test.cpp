#include "crypto/v1_channel.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "crypto/tls_context.hpp"
#include "test/support/channel_pair.hpp"
#include "test/support/v1_vectors.hpp"

namespace diglett::crypto {
namespace {

using test::ChannelEnd;
using test::ChannelPair;
using test::hex_at;
using test::load_v1_vectors;
using test::text_at;
using Role = V1Channel::Role;

V1KeyPair key_pair(const boost::json::value& keys, std::string_view side) {
    const ByteVector number = hex_at(keys, std::string(side) + "_private");
    return V1KeyPair::from_private(std::span<const std::byte, 32>(number.data(), 32)).value();
}

ChannelEnd end_of(Role role) {
    return ChannelEnd{std::make_unique<V1Channel>(role)};
}

ChannelEnd end_of(Role role, const boost::json::value& keys) {
    const char* side = role == Role::Agent ? "agent" : "gateway";
    return ChannelEnd{std::make_unique<V1Channel>(role, key_pair(keys, side))};
}

ChannelPair make_pair() {
    return {end_of(Role::Agent), end_of(Role::Gateway)};
}

void take_in_pieces(ChannelEnd& end, ByteView bytes, std::size_t piece) {
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
        end.take(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    }
}

ByteVector joined(ByteVector first, ByteView second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

ByteVector xor_of(ByteView a, ByteView b) {
    ByteVector result(std::min(a.size(), b.size()));
    std::ranges::transform(a.first(result.size()), b.first(result.size()), result.begin(),
                           [](std::byte x, std::byte y) { return x ^ y; });
    return result;
}

TEST(V1Channel, ReplaysEveryTranscriptInPiecesOfEverySize) {
    const boost::json::value keys = test::v1_keys("main");
    const boost::json::value all = load_v1_vectors("transcripts.json");
    ASSERT_EQ(all.as_array().size(), 22U);
    for (const boost::json::value& transcript : all.as_array()) {
        SCOPED_TRACE(text_at(transcript, "name"));
        const auto from_agent =
            joined(hex_at(keys, "agent_handshake"), hex_at(transcript, "agent_to_gateway"));
        const auto from_gateway =
            joined(hex_at(keys, "gateway_handshake"), hex_at(transcript, "gateway_to_agent"));
        const ByteVector agent_says = test::v1_plaintext(transcript, "agent");
        const ByteVector gateway_says = test::v1_plaintext(transcript, "gateway");
        for (const std::size_t piece : {1U, 2U, 3U, 7U, 37U, 38U, 39U, 64U, 100'000U}) {
            ChannelEnd gateway = end_of(Role::Gateway, keys);
            take_in_pieces(gateway, from_agent, piece);
            EXPECT_EQ(gateway.received, as_text(agent_says)) << piece;
            gateway.send(as_text(gateway_says));
            EXPECT_EQ(gateway.out, from_gateway) << piece;

            ChannelEnd agent = end_of(Role::Agent, keys);
            take_in_pieces(agent, from_gateway, piece);
            EXPECT_EQ(agent.received, as_text(gateway_says)) << piece;
            agent.send(as_text(agent_says));
            EXPECT_EQ(agent.out, from_agent) << piece;
        }
    }
}

TEST(V1Channel, AgentSpeaksFirstAndTheGatewayAnswersAWholeHandshake) {
    ChannelPair pair = make_pair();
    pair.server.take({});
    EXPECT_TRUE(pair.server.out.empty());
    pair.client.take({});
    pair.client.take({});
    ASSERT_EQ(pair.client.out.size(), kV1HandshakeBytes);
    pair.server.take(ByteView(pair.client.out).first(37));
    EXPECT_TRUE(pair.server.out.empty());
    EXPECT_FALSE(pair.server.established);
    pair.server.take(ByteView(pair.client.out).subspan(37));
    EXPECT_TRUE(pair.server.established);
    EXPECT_EQ(pair.server.out.size(), kV1HandshakeBytes);
}

TEST(V1Channel, CarriesBytesBothWaysAndGathersParts) {
    ChannelPair pair = make_pair();
    pair.run(1);
    ASSERT_TRUE(pair.established());
    const std::array<ByteView, 3> parts{as_bytes("one "), ByteView{}, as_bytes("two")};
    ASSERT_TRUE(pair.client.channel->seal(parts, pair.client.out));
    pair.server.send("three");
    pair.run(1);
    EXPECT_EQ(pair.server.received, "one two");
    EXPECT_EQ(pair.client.received, "three");
}

TEST(V1Channel, UsesAFreshKeyPairForEachConnection) {
    ChannelEnd one = end_of(Role::Agent);
    ChannelEnd two = end_of(Role::Agent);
    one.take({});
    two.take({});
    EXPECT_NE(one.out, two.out);
}

TEST(V1Channel, RefusesAStrangerAtItsFirstWrongByteAndSaysNothing) {
    const std::pair<const char*, Errc> cases[] = {
        {"G", Errc::ProtocolViolation},
        {"digL", Errc::ProtocolViolation},
        {"digl\x02", Errc::UnsupportedVersion},
        {"digl\x01\x04xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", Errc::ProtocolViolation},
    };
    for (const auto& [bytes, code] : cases) {
        ChannelEnd gateway = end_of(Role::Gateway);
        gateway.take(as_bytes(bytes));
        ASSERT_TRUE(gateway.error) << bytes;
        EXPECT_EQ(gateway.error->code, code) << bytes;
        EXPECT_TRUE(gateway.out.empty()) << bytes;
        gateway.channel->feed(as_bytes("more"));
        EXPECT_FALSE(gateway.channel->advance(gateway.out)) << "an error is final";
    }
}

TEST(V1Channel, ClosesWithoutAByteAndRefusesToSealTooEarly) {
    ChannelPair pair = make_pair();
    pair.client.send("too early");
    ASSERT_TRUE(pair.client.error);
    EXPECT_EQ(pair.client.error->code, Errc::Internal);
    pair.client.channel->close(pair.client.out);
    EXPECT_TRUE(pair.client.out.empty());
}

// Why protocol 1 is off by default: the steps below use no key.
TEST(V1Weakness, AListenerReadsTheStartOfTheTokenFromTwoRecordings) {
    const boost::json::value capture = load_v1_vectors("weakness.json");
    const boost::json::value& passive = capture.at("passive");
    ByteVector both = xor_of(ByteView(hex_at(capture, "agent_to_gateway")).subspan(38),
                             ByteView(hex_at(capture, "gateway_to_agent")).subspan(38));
    both.resize(14);  // as long as the gateway's two Ok frames, which are all zero
    EXPECT_EQ(both, hex_at(passive, "xor_14"));
    EXPECT_EQ(load_be<std::uint16_t>(ByteView(both).subspan(5)),
              test::number_at(passive, "token_length"));
    EXPECT_EQ(as_text(ByteView(both).subspan(7)), text_at(passive, "token_start"));
}

/// What a listener who knows one visitor's request and port reads of the agent's bytes.
std::string read_with_known_request(ByteView agent, ByteView gateway,
                                    const boost::json::value& known) {
    const ByteVector request = hex_at(known, "request");
    ByteVector says(14);  // two Ok frames, then Payload: kind, id, size
    says.push_back(std::byte{4});
    ByteVector rest(6);
    store_be(static_cast<std::uint32_t>(test::number_at(known, "visitor_port")),
             MutableBytes(rest));
    store_be(static_cast<std::uint16_t>(request.size()), MutableBytes(rest).subspan(4));
    says = joined(joined(says, rest), request);
    const ByteVector stream = xor_of(gateway, says);
    return std::string(as_text(xor_of(agent, stream)));
}

TEST(V1Weakness, AKnownRequestUncoversTheWholeToken) {
    const boost::json::value capture = load_v1_vectors("weakness.json");
    const boost::json::value& known = capture.at("known_request");
    const std::string agent_said =
        read_with_known_request(ByteView(hex_at(capture, "agent_to_gateway")).subspan(38),
                                ByteView(hex_at(capture, "gateway_to_agent")).subspan(38), known);
    EXPECT_NE(agent_said.find(text_at(known, "token")), std::string::npos);
    EXPECT_TRUE(agent_said.starts_with(as_text(hex_at(known, "agent_plaintext_prefix"))));
}

TEST(V1Weakness, OurOwnProtocol1IsAsWeakAndProtocol2IsNot) {
    const boost::json::value capture = load_v1_vectors("weakness.json");
    const boost::json::value& known = capture.at("known_request");
    const std::string token(text_at(known, "token"));
    const std::string login = std::string("\x07\0\0\0\0\0\x1f", 7) + token;
    const ByteVector zeros(14);
    const ByteVector request = hex_at(known, "request");
    std::string answer(as_text(zeros));
    answer += std::string("\x04\0\0\x9c\x73\0", 6) + static_cast<char>(request.size());
    answer += as_text(request);

    const IdentityKey identity = IdentityKey::generate();
    ChannelPair v1 = make_pair();
    ChannelPair v2{ChannelEnd{ClientTls::create({})->connect("gateway")},
                   ChannelEnd{ServerTls::create(identity)->accept()}};
    for (ChannelPair* pair : {&v1, &v2}) {
        pair->run();
        ASSERT_TRUE(pair->established());
        pair->client_sent.clear();
        pair->server_sent.clear();
        pair->client.send(login);
        pair->server.send(answer);
        pair->run();
        ASSERT_EQ(pair->server.received, login);
    }
    EXPECT_TRUE(read_with_known_request(v1.client_sent, v1.server_sent, known).starts_with(login));

    // The same steps on the TLS records, at every distance between the two directions.
    for (std::size_t shift = 0; shift < v2.server_sent.size(); ++shift) {
        const ByteView gateway = ByteView(v2.server_sent).subspan(shift);
        for (std::size_t skip = 0; skip < 30; ++skip) {
            const ByteView agent = ByteView(v2.client_sent).subspan(skip);
            EXPECT_EQ(read_with_known_request(agent, gateway, known).find(token.substr(0, 4)),
                      std::string::npos);
            EXPECT_EQ(as_text(xor_of(agent, gateway)).find(token.substr(0, 4)), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace diglett::crypto
