#include "crypto/secure_channel.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/tls_context.hpp"
#include "test/support/channel_pair.hpp"

namespace diglett::crypto {
namespace {

using test::ChannelEnd;
using test::ChannelPair;

constexpr std::size_t kRecordOverhead = 22;

const IdentityKey& identity() {
    static const IdentityKey key = IdentityKey::generate();
    return key;
}

ChannelPair make_pair(SecureChannel::Options options = {}) {
    const auto server = ServerTls::create(identity(), {}, options);
    ClientTls::Options client_options;
    client_options.channel = options;
    const auto client = ClientTls::create(client_options);
    return {ChannelEnd{client->connect("gateway.example")}, ChannelEnd{server->accept()}};
}

SecureChannel& secure(ChannelEnd& end) {
    return dynamic_cast<SecureChannel&>(*end.channel);
}

ChannelPair connected(SecureChannel::Options options = {}) {
    ChannelPair pair = make_pair(options);
    pair.run();
    EXPECT_TRUE(pair.established());
    return pair;
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + (i >> 8U) * 17);
    }
    return text;
}

/// Lengths of the TLS records in `bytes`, headers included.
std::vector<std::size_t> record_sizes(ByteView bytes) {
    std::vector<std::size_t> sizes;
    while (bytes.size() >= 5) {
        const std::size_t size = 5U + load_be<std::uint16_t>(bytes.subspan(3));
        sizes.push_back(size);
        bytes = bytes.subspan(std::min(size, bytes.size()));
    }
    return sizes;
}

TEST(SecureChannel, CarriesBytesBothWays) {
    ChannelPair pair = connected();
    pair.client.send("to the gateway");
    pair.server.send("to the agent");
    pair.run();
    EXPECT_EQ(pair.server.received, "to the gateway");
    EXPECT_EQ(pair.client.received, "to the agent");
    EXPECT_FALSE(pair.client.error);
    EXPECT_FALSE(pair.server.error);
}

TEST(SecureChannel, WorksSplitAtEverySize) {
    const std::string text = pattern(40'000);
    for (const std::size_t piece : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 21U, 22U, 255U, 1000U, 16'405U}) {
        ChannelPair pair = make_pair();
        pair.run(piece);
        ASSERT_TRUE(pair.established()) << piece;
        pair.client.send(text);
        pair.server.send(text);
        pair.run(piece);
        EXPECT_EQ(pair.server.received, text) << piece;
        EXPECT_EQ(pair.client.received, text) << piece;
        EXPECT_FALSE(pair.client.error || pair.server.error) << piece;
    }
}

TEST(SecureChannel, TakesDataThatFollowsTheHandshakeInOneRead) {
    ChannelPair pair = make_pair();
    pair.client.take({});
    pair.server.take(pair.client.out);
    pair.client.out.clear();
    pair.client.take(pair.server.out);  // the client is done and has its Finished to send
    pair.server.out.clear();
    ASSERT_TRUE(pair.client.established);
    pair.client.send("hello");
    pair.server.take(pair.client.out);
    EXPECT_TRUE(pair.server.established);
    EXPECT_EQ(pair.server.received, "hello");
}

TEST(SecureChannel, AgreesOnTls13WithTheIdentityKey) {
    ChannelPair pair = connected();
    EXPECT_EQ(secure(pair.client).peer_identity().pin, identity().pin());
    EXPECT_EQ(secure(pair.client).peer_spki_sha256(), identity().pin().sha256);
    EXPECT_TRUE(secure(pair.client).cipher().starts_with("TLS_"));
    EXPECT_EQ(secure(pair.client).cipher(), secure(pair.server).cipher());
}

TEST(SecureChannel, SendsNoTicketAfterTheHandshake) {
    ChannelPair pair = make_pair();
    pair.run();
    // ServerHello, change_cipher_spec, and one encrypted record each for EncryptedExtensions,
    // Certificate, CertificateVerify and Finished; a ticket would be one more.
    EXPECT_EQ(record_sizes(pair.server_sent).size(), 6U);
}

TEST(SecureChannel, OpensManyRecordsIntoOneBuffer) {
    ChannelPair pair = connected();
    const std::string text = pattern(256 * 1024);
    pair.client.send(text);
    ByteVector plaintext(512 * 1024);
    ByteVector answer;
    pair.server.channel->feed(pair.client.out);
    const auto opened = pair.server.channel->open(plaintext, answer);
    ASSERT_TRUE(opened);
    EXPECT_EQ(as_text(ByteView(plaintext).first(*opened)), text);
    EXPECT_TRUE(answer.empty());
    EXPECT_EQ(pair.server.channel->open(plaintext, answer), 0U);
}

TEST(SecureChannel, OpensIntoABufferOfOneByte) {
    ChannelPair pair = connected();
    pair.client.send("abc");
    pair.server.channel->feed(pair.client.out);
    ByteVector answer;
    std::string text;
    std::byte one[1];
    while (pair.server.channel->open(one, answer).value_or(0) == 1) {
        text += as_text(one);
    }
    EXPECT_EQ(text, "abc");
    EXPECT_EQ(pair.server.channel->open({}, answer), 0U);
}

TEST(SecureChannel, SealsFullRecordsFromWhereTheyLie) {
    ChannelPair pair = connected();
    pair.client.send(pattern(256 * 1024));
    EXPECT_EQ(record_sizes(pair.client.out),
              std::vector<std::size_t>(16, kMaxRecordBytes + kRecordOverhead));
}

TEST(SecureChannel, GathersSmallPartsAndKeepsFullOnesAligned) {
    ChannelPair pair = connected();
    const std::string ack = pattern(23);
    const std::string journal = pattern(2 * kMaxRecordBytes + 100);
    const std::array<ByteView, 5> parts{as_bytes(ack), ByteView{}, as_bytes(ack), as_bytes(journal),
                                        as_bytes(ack)};
    ASSERT_TRUE(pair.client.channel->seal(parts, pair.client.out));
    EXPECT_EQ(record_sizes(pair.client.out),
              (std::vector<std::size_t>{46 + kRecordOverhead, kMaxRecordBytes + kRecordOverhead,
                                        kMaxRecordBytes + kRecordOverhead, 123 + kRecordOverhead}));
    pair.run();
    EXPECT_EQ(pair.server.received, ack + ack + journal + ack);
}

TEST(SecureChannel, SealsNothingAsNothing) {
    ChannelPair pair = connected();
    const std::array<ByteView, 2> empty{};
    EXPECT_TRUE(pair.client.channel->seal({}, pair.client.out));
    EXPECT_TRUE(pair.client.channel->seal(empty, pair.client.out));
    EXPECT_TRUE(pair.client.out.empty());
}

TEST(SecureChannel, EndsOnlyWithCloseNotify) {
    ChannelPair pair = connected();
    pair.client.send("last words");
    pair.client.channel->close(pair.client.out);
    pair.client.channel->close(pair.client.out);  // the second one says nothing
    EXPECT_EQ(record_sizes(pair.client.out).size(), 2U);
    ByteVector plaintext(100);
    ByteVector answer;
    pair.server.channel->feed(pair.client.out);
    EXPECT_EQ(pair.server.channel->open(plaintext, answer), 10U);
    for (int again = 0; again < 2; ++again) {
        const auto end = pair.server.channel->open(plaintext, answer);
        ASSERT_FALSE(end);
        EXPECT_EQ(end.error().code, Errc::EndOfStream);
    }
    EXPECT_TRUE(answer.empty());
    // The other direction goes on until it is closed, too.
    pair.client.out.clear();
    pair.server.send("and mine");
    pair.server.channel->close(pair.server.out);
    pair.client.take(pair.server.out);
    EXPECT_EQ(pair.client.received, "and mine");
    ASSERT_TRUE(pair.client.error);
    EXPECT_EQ(pair.client.error->code, Errc::EndOfStream);
}

TEST(SecureChannel, RefusesToSealAfterClose) {
    ChannelPair pair = connected();
    pair.client.channel->close(pair.client.out);
    pair.client.send("too late");
    ASSERT_TRUE(pair.client.error);
    EXPECT_EQ(pair.client.error->code, Errc::TlsFailed);
}

TEST(SecureChannel, RefusesATamperedRecordForGood) {
    for (const std::size_t at : {0U, 4U, 5U, 20U, 30U}) {
        ChannelPair victim = connected();
        victim.client.send("twenty bytes of text");
        victim.client.out[at] ^= std::byte{1};
        victim.server.take(victim.client.out);
        // A longer record than the one that was sent is still awaited; all else fails at once.
        if (at == 4U && !victim.server.error) {
            EXPECT_EQ(victim.server.received, "");
            continue;
        }
        ASSERT_TRUE(victim.server.error) << at;
        EXPECT_EQ(victim.server.error->code, Errc::TlsFailed) << at;
        EXPECT_EQ(victim.server.received, "") << at;
        EXPECT_FALSE(victim.server.out.empty()) << "an alert is owed, byte " << at;
        ByteVector plaintext(100);
        EXPECT_FALSE(victim.server.channel->open(plaintext, victim.server.out)) << at;
    }
}

TEST(SecureChannel, RefusesAReplayedRecord) {
    ChannelPair pair = connected();
    pair.client.send("once");
    pair.server.take(pair.client.out);
    pair.server.take(pair.client.out);
    EXPECT_EQ(pair.server.received, "once");
    ASSERT_TRUE(pair.server.error);
    EXPECT_EQ(pair.server.error->code, Errc::TlsFailed);
}

TEST(SecureChannel, ChangesKeysEveryNRecords) {
    SecureChannel::Options options;
    options.key_update_records = 4;
    ChannelPair pair = connected(options);
    const std::string text = pattern(10 * kMaxRecordBytes);
    for (int round = 0; round < 5; ++round) {
        pair.client.send(text);
        pair.server.send("small");
    }
    pair.run();
    EXPECT_EQ(pair.server.received.size(), 5 * text.size());
    EXPECT_TRUE(pair.server.received.ends_with(text));
    EXPECT_EQ(pair.client.received, "smallsmallsmallsmallsmall");
    EXPECT_EQ(secure(pair.client).key_updates_sent(), 12U);  // 50 records: after 4, 8, ... 48
    EXPECT_EQ(secure(pair.server).key_updates_sent(), 1U);
    EXPECT_FALSE(pair.client.error || pair.server.error);
}

TEST(SecureChannel, ExporterIsEqualOnBothSidesAndBoundToLabelContextAndConnection) {
    ChannelPair pair = connected();
    constexpr std::string_view kLabel = "EXPORTER-diglett-2-login";
    const auto ours = secure(pair.client).exporter(kLabel);
    ASSERT_TRUE(ours);
    EXPECT_EQ(secure(pair.server).exporter(kLabel), ours);
    EXPECT_NE(secure(pair.server).exporter("EXPORTER-diglett-2-carrier"), ours);
    const auto with_context = secure(pair.client).exporter(kLabel, as_bytes("session"));
    EXPECT_NE(with_context, ours);
    EXPECT_EQ(secure(pair.server).exporter(kLabel, as_bytes("session")), with_context);
    ChannelPair other = connected();
    EXPECT_NE(secure(other.client).exporter(kLabel), ours);
    ChannelPair young = make_pair();
    EXPECT_FALSE(secure(young.client).exporter(kLabel)) << "before the handshake";
}

TEST(SecureChannel, FailsCleanlyOnGarbageInsteadOfAHandshake) {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        ChannelPair pair = make_pair();
        ByteVector garbage(1 + random() % 600);
        for (std::byte& byte : garbage) {
            byte = static_cast<std::byte>(random());
        }
        pair.server.take(garbage);
        EXPECT_FALSE(pair.server.established);
        if (pair.server.error) {
            EXPECT_NE(pair.server.error->code, Errc::EndOfStream);
            EXPECT_FALSE(pair.server.error->text.empty());
        }
    }
}

TEST(SecureChannel, WaitsAtEveryPrefixOfAHandshake) {
    ChannelPair whole = make_pair();
    whole.run();
    const ByteVector hello(whole.client_sent.begin(),
                           whole.client_sent.begin() +
                               static_cast<std::ptrdiff_t>(record_sizes(whole.client_sent)[0]));
    const auto server = ServerTls::create(identity());
    for (std::size_t size = 0; size < hello.size(); ++size) {
        ChannelEnd end{server->accept()};
        end.take(ByteView(hello).first(size));
        EXPECT_FALSE(end.established) << size;
        EXPECT_FALSE(end.error) << size;
    }
}

TEST(SecureChannel, SurvivesAThousandMutationsOfBothFlights) {
    std::mt19937 random(2);
    int failed = 0;
    for (int round = 0; round < 1000; ++round) {
        ChannelPair pair = make_pair();
        pair.client.take({});
        const bool hit_client = round % 2 == 0;
        if (!hit_client) {
            pair.server.take(pair.client.out);
            pair.client.out.clear();
        }
        ByteVector& flight = hit_client ? pair.client.out : pair.server.out;
        for (std::size_t hits = 1 + random() % 3; hits > 0; --hits) {
            flight[random() % flight.size()] ^= static_cast<std::byte>(1 + random() % 255);
        }
        pair.run();
        if (pair.established() && !pair.client.error && !pair.server.error) {
            // Possible only where nothing depends on the byte, such as a record's old version
            // number.
            EXPECT_EQ(secure(pair.client).exporter("x"), secure(pair.server).exporter("x"));
        } else {
            ++failed;
        }
    }
    EXPECT_GT(failed, 950);
}

TEST(SecureChannel, ManyConnectionsOfOneContextAreIndependent) {
    const auto server = ServerTls::create(identity());
    const auto client = ClientTls::create({});
    std::vector<ChannelPair> pairs;
    pairs.reserve(20);
    for (int i = 0; i < 20; ++i) {
        pairs.push_back({ChannelEnd{client->connect("a")}, ChannelEnd{server->accept()}});
    }
    for (ChannelPair& pair : pairs) {
        pair.run();
        EXPECT_TRUE(pair.established());
    }
    EXPECT_FALSE(secure(pairs[0].client).exporter("x") == secure(pairs[1].client).exporter("x"));
}

}  // namespace
}  // namespace diglett::crypto
