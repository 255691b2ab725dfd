#include "mux/journal.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/frame_reader.hpp"

namespace diglett::mux {
namespace {

using wire::FrameKind;
using wire::kHeaderBytes;

class JournalTest : public ::testing::Test {
  protected:
    /// Reads `bytes` bytes of the value `fill` for `stream`, as a socket would give them.
    std::size_t add_data(std::uint32_t stream, std::size_t bytes, std::byte fill,
                         std::size_t room = kMaxBatchBytes) {
        std::size_t left = bytes;
        for (const MutableBytes segment : journal.reserve(room, room)) {
            const std::size_t count = std::min(left, segment.size());
            std::ranges::fill(segment.first(count), fill);
            left -= count;
        }
        EXPECT_EQ(left, 0U);
        return journal.commit(StreamId{stream}, bytes);
    }

    ByteVector take(std::size_t max_bytes = 1 << 30) {
        std::vector<ByteView> parts;
        journal.take_unsent(max_bytes, parts);
        ByteVector all;
        for (const ByteView part : parts) {
            all.insert(all.end(), part.begin(), part.end());
        }
        return all;
    }

    static std::vector<wire::FrameHeader> headers_in(const ByteVector& bytes) {
        std::vector<wire::FrameHeader> headers;
        wire::FrameReader reader(wire::kProtocol2Frames);
        EXPECT_TRUE(reader.read(bytes, [&](const wire::FrameHeader& header, ByteView) {
            headers.push_back(header);
            return Status();
        }));
        EXPECT_TRUE(reader.at_boundary());
        return headers;
    }

    ChunkPool pool;
    Journal journal{pool};
};

TEST_F(JournalTest, CutsWhatWasReadIntoFullFrames) {
    EXPECT_EQ(add_data(9, 40'000, std::byte{1}), 40'000 + 3 * kHeaderBytes);
    const auto headers = headers_in(take());
    ASSERT_EQ(headers.size(), 3U);
    EXPECT_EQ(headers[0], (wire::FrameHeader{FrameKind::Data, 9, wire::kMaxDataBytes}));
    EXPECT_EQ(headers[2].size, 40'000 - 2 * wire::kMaxDataBytes);
}

TEST_F(JournalTest, AReadOfAWholeBatchFillsOneChunkExactly) {
    std::size_t room = 0;
    for (const MutableBytes segment : journal.reserve(kMaxBatchBytes, kMaxBatchBytes)) {
        room += segment.size() + kHeaderBytes;
    }
    EXPECT_EQ(room, kMaxBatchBytes);
    EXPECT_EQ(journal.commit(StreamId{1}, room - kMaxReadSegments * kHeaderBytes), kChunkBytes);
    EXPECT_EQ(journal.chunks(), 1U);
}

TEST_F(JournalTest, ReservesWithinBothBounds) {
    EXPECT_TRUE(journal.reserve(100, kHeaderBytes).empty());
    journal.commit(StreamId{1}, 0);
    EXPECT_EQ(journal.reserve(100, 1000).front().size(), 100U);
    journal.commit(StreamId{1}, 0);
    EXPECT_EQ(journal.reserve(1000, 100).front().size(), 100 - kHeaderBytes);
    journal.commit(StreamId{1}, 0);
    EXPECT_EQ(pool.chunks_in_use(), 0U) << "a read that brought nothing keeps no chunk";
}

TEST_F(JournalTest, FramesNeverStraddleChunks) {
    std::uint64_t position = 0;
    for (std::uint32_t i = 1; i < 200; ++i) {
        add_data(i, 1 + (i * 7919) % 30'000, std::byte{static_cast<unsigned char>(i)});
        journal.append(FrameKind::End, i, {});
    }
    std::vector<ByteView> parts;
    journal.take_unsent(std::size_t{1} << 30U, parts);
    EXPECT_GT(parts.size(), 5U);
    for (const ByteView part : parts) {
        headers_in(ByteVector(part.begin(), part.end()));
        position += part.size();
    }
    EXPECT_EQ(position, journal.end());
}

TEST_F(JournalTest, AcknowledgesAtFrameBoundariesOnly) {
    add_data(1, 100, std::byte{1});
    add_data(1, 50, std::byte{2});
    take();
    for (std::uint64_t position = 0; position <= journal.end() + 1; ++position) {
        const bool is_boundary = position == 0 || position == 107 || position == 164;
        EXPECT_EQ(journal.is_valid_ack(position), is_boundary) << position;
    }
    EXPECT_TRUE(journal.acknowledge(107));
    EXPECT_FALSE(journal.is_valid_ack(0)) << "never backwards";
    const Status wrong = journal.acknowledge(108);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Errc::ProtocolViolation);
    EXPECT_EQ(journal.acked(), 107U);
}

TEST_F(JournalTest, RefusesAnAcknowledgementOfWhatWasNotSent) {
    add_data(1, 100, std::byte{1});
    EXPECT_FALSE(journal.is_valid_ack(107));
    take();
    EXPECT_TRUE(journal.is_valid_ack(107));
}

TEST_F(JournalTest, GivesChunksBackAsTheyAreAcknowledged) {
    for (int i = 0; i < 8; ++i) {
        add_data(1, kMaxBatchBytes - kMaxReadSegments * kHeaderBytes, std::byte{1});
    }
    EXPECT_EQ(pool.chunks_in_use(), 8U);
    take();
    EXPECT_TRUE(journal.acknowledge(3 * kChunkBytes));
    EXPECT_EQ(pool.chunks_in_use(), 5U);
    EXPECT_TRUE(journal.acknowledge(journal.end()));
    EXPECT_EQ(pool.chunks_in_use(), 0U);
    EXPECT_EQ(journal.ring_bytes(), 0U);
    add_data(1, 10, std::byte{1});
    EXPECT_EQ(take().size(), 17U);
}

TEST_F(JournalTest, SendsAgainFromWhatIsAcknowledged) {
    for (std::uint32_t i = 1; i <= 40; ++i) {
        add_data(i, 20'000, std::byte{static_cast<unsigned char>(i)});
    }
    const ByteVector first = take();
    const std::size_t boundary = 20'000 + 2 * kHeaderBytes;
    EXPECT_TRUE(journal.acknowledge(boundary));
    journal.rewind();
    ByteVector again;
    while (journal.unsent_bytes() > 0) {
        const ByteVector batch = take(64 * 1024);
        EXPECT_LE(batch.size(), kChunkBytes);
        headers_in(batch);  // A batch ends at a frame boundary.
        again.insert(again.end(), batch.begin(), batch.end());
    }
    EXPECT_TRUE(std::equal(again.begin(), again.end(), first.begin() + boundary, first.end()));
}

TEST(ChunkPool, KeepsTheNewestAndABoundedNumber) {
    ChunkPool pool(2);
    Chunk one = pool.take();
    Chunk two = pool.take();
    Chunk three = pool.take();
    const std::byte* const newest = two.get();
    pool.give_back(std::move(one));
    pool.give_back(std::move(two));
    pool.give_back(std::move(three));
    EXPECT_EQ(pool.free_chunks(), 2U);
    Chunk again = pool.take();
    EXPECT_EQ(again.get(), newest);
    pool.give_back(std::move(again));
}

TEST(ChunkPool, CountsAgainstTheBudget) {
    MemoryBudget budget(10 * kChunkBytes);
    ChunkPool pool(2, &budget);
    Chunk chunk = pool.take();
    EXPECT_EQ(budget.used(), kChunkBytes);
    pool.give_back(std::move(chunk));
    EXPECT_EQ(budget.used(), 0U);
}

}  // namespace
}  // namespace diglett::mux
