#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "mux/stream_io.hpp"

namespace diglett::test {

/// The outside end of a stream, played by a test: what it sends and takes is set by hand, what a
/// multiplexer does with it is recorded. Calls that the contract of StreamIo forbids fail the test.
class FakeStreamIo final : public mux::StreamIo {
  public:
    // Set by the test.
    std::string to_read;              ///< What the outside sends.
    bool sends_fin = false;           ///< After `to_read`.
    bool is_broken = false;           ///< Reads and writes fail.
    std::size_t room = SIZE_MAX;      ///< Bytes that it still takes.
    std::size_t per_read = SIZE_MAX;  ///< Bytes of one read at most.

    // Set by the multiplexer.
    std::string written;
    bool wants_read = false;
    bool wants_write = false;
    bool got_fin = false;
    bool is_finished = false;
    std::optional<wire::ResetReason> aborted;

    mux::IoResult read(std::span<const MutableBytes> segments) override {
        expect_open();
        if (is_broken) {
            return {0, State::Failed};
        }
        std::size_t total = 0;
        for (const MutableBytes segment : segments) {
            const std::size_t count = std::min({segment.size(), to_read.size(), per_read - total});
            std::ranges::copy(as_bytes(to_read).first(count), segment.begin());
            to_read.erase(0, count);
            total += count;
        }
        if (!to_read.empty()) {
            return {total, State::Ready};
        }
        return {total, sends_fin ? State::End : State::Blocked};
    }

    mux::IoResult write(std::span<const ByteView> segments) override {
        expect_open();
        EXPECT_FALSE(got_fin) << "written after the FIN";
        if (is_broken) {
            return {0, State::Failed};
        }
        std::size_t total = 0;
        for (const ByteView segment : segments) {
            const std::size_t count = std::min(segment.size(), room);
            written += as_text(segment.first(count));
            room -= count;
            total += count;
        }
        return {total, room == 0 ? State::Blocked : State::Ready};
    }

    void want_read() override {
        expect_open();
        wants_read = true;
    }

    void want_write() override {
        expect_open();
        wants_write = true;
    }

    void shutdown_write() override {
        expect_open();
        EXPECT_FALSE(got_fin) << "a second FIN";
        got_fin = true;
    }

    void finish() override {
        expect_open();
        is_finished = true;
    }

    void abort(wire::ResetReason reason) override {
        expect_open();
        aborted = reason;
    }

    [[nodiscard]] bool is_gone() const { return is_finished || aborted; }

  private:
    using State = mux::IoResult::State;

    void expect_open() const { EXPECT_FALSE(is_gone()) << "used after finish() or abort()"; }
};

}  // namespace diglett::test
