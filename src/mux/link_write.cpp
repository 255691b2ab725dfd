// Link: bytes of the peer on their way to the outside, and the credit that follows from it.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "mux/link.hpp"

namespace diglett::mux {

using State = IoResult::State;

namespace {

// Drops the first `bytes` bytes of `segments`.
void advance(std::span<ByteView>& segments, std::size_t bytes) {
    while (!segments.empty() && bytes >= segments.front().size()) {
        bytes -= segments.front().size();
        segments = segments.subspan(1);
    }
    if (bytes > 0) {
        segments.front() = segments.front().subspan(bytes);
    }
}

}  // namespace

Link::Written Link::write(StreamIo& io, std::span<ByteView>& segments) {
    Written written;
    while (!segments.empty() && written.state == State::Ready) {
        const IoResult result = io.write(segments);
        advance(segments, result.bytes);
        written.bytes += result.bytes;
        // Ready without a byte taken would make this loop for ever.
        written.state =
            result.bytes == 0 && result.state == State::Ready ? State::Blocked : result.state;
    }
    return written;
}

void Link::take_run(Stream& stream, std::span<ByteView> segments) {
    Written written;
    if (stream.io != nullptr && stream.spill.empty()) {
        written = write(*stream.io, segments);
        if (written.state == State::Failed || written.state == State::End) {
            kill(stream, wire::ResetReason::Aborted, "write failed");
            return;
        }
    }
    if (written.bytes > 0) {
        note_moved(stream, written.bytes);
    }
    if (!segments.empty()) {
        spill(stream, segments);
    }
    on_moved(stream, written.bytes);
}

void Link::spill(Stream& stream, std::span<const ByteView> segments) {
    if (stream.spill.empty()) {
        note_moved(stream, 0);  // it begins to stand still now, whatever it did before
    }
    const std::size_t before = stream.spill.size();
    for (const ByteView segment : segments) {
        stream.spill.append(segment);
    }
    credit_.add_buffered(stream.spill.size() - before);
    // Even when there is room: others may take it while this link's readers stand still.
    const Duration patience = credit_.is_crowded() ? kHogCheckPeriod : kHogWatchPeriod;
    hog_check_at_ = std::min(hog_check_at_, now_ + patience);
    block_writing(stream);
}

void Link::block_writing(Stream& stream) {
    if (stream.io != nullptr && !stream.is_write_blocked) {
        stream.is_write_blocked = true;
        stream.io->want_write();
    }
}

void Link::drain(Stream& stream) {
    std::array<ByteView, kMaxWriteSegments> buffer;
    std::size_t moved = 0;
    while (!stream.spill.empty() && !stream.is_write_blocked) {
        std::span<ByteView> segments(buffer.data(), stream.spill.front(buffer));
        const Written written = write(*stream.io, segments);
        if (written.state == State::Failed || written.state == State::End) {
            kill(stream, wire::ResetReason::Aborted, "write failed");
            return;
        }
        stream.spill.consume(written.bytes);
        credit_.remove_buffered(written.bytes);
        moved += written.bytes;
        if (written.state == State::Blocked && !stream.spill.empty()) {
            block_writing(stream);
        }
    }
    if (moved > 0) {
        note_moved(stream, moved);
        on_moved(stream, moved);
        schedule_ack();
    }
    finish_writing(stream);
}

void Link::on_moved(Stream& stream, std::size_t bytes) {
    stream.window.on_moved(bytes, now_,
                           {.round_trip = round_trip_.smoothed(),
                            .most = std::min(kMaxStreamWindowBytes,
                                             std::max(credit_.window() / 2, kMinStreamWindowBytes)),
                            .least = kMinStreamWindowBytes,
                            .may_grow = credit_.may_grow(),
                            .has_backlog = !stream.spill.empty()});
    renew_window(stream);
}

void Link::renew_window(Stream& stream) {
    const std::uint64_t size = stream.window.size();
    const std::uint64_t unused = stream.receive_limit - stream.consumed();
    if (!stream.is_window_pending && !stream.has_received_end && 2 * unused < size) {
        stream.is_window_pending = true;
        queue_control(stream);
    }
}

void Link::finish_writing(Stream& stream) {
    if (stream.has_received_end && !stream.has_shut_down && stream.io != nullptr &&
        stream.spill.empty()) {
        stream.has_shut_down = true;
        if (!stream.has_sent_end) {
            stream.io->shutdown_write();
        }
        maybe_finish(stream);
    }
}

void Link::enforce_hog_rule() {
    const LinkCredit::Shortage shortage = credit_.update_shortage();
    if (shortage == LinkCredit::Shortage::None || credit_.buffered() == 0) {
        short_since_ = kNever;
        hog_check_at_ = credit_.buffered() > 0 ? now_ + kHogWatchPeriod : kNever;
        return;
    }
    short_since_ = std::min(short_since_, now_);
    hog_check_at_ = now_ + kHogCheckPeriod;
    streams_.for_each([&](Stream& stream) { try_again(stream); });  // some end by it
    std::vector<Stream*> still;
    std::vector<Stream*> slow;
    streams_.for_each([&](Stream& stream) {
        if (stream.spill.empty()) {
            return;
        }
        const bool is_slow = measure_is_slow(stream);
        if (now_ - stream.moved_at >= (is_slow ? kHogPatience : kHogLongPatience)) {
            still.push_back(&stream);
        } else if (is_slow) {
            slow.push_back(&stream);
        }
    });
    if (!still.empty() && options_.budget != nullptr) {
        options_.budget->note_stuck(now_);
    }
    reset_hogs(still, shortage);
    if (must_slow_ones_go()) {
        reset_hogs(slow, credit_.is_crowded_by_itself() ? shortage : LinkCredit::Shortage::Process);
    }
}

bool Link::measure_is_slow(Stream& stream) const {
    using std::chrono::milliseconds;
    const Duration since = now_ - stream.marked_at;
    if (since < kHogMeasureLeast) {
        return false;
    }
    constexpr auto kSlowest = static_cast<std::uint64_t>(milliseconds(kHogSlowest).count());
    const auto span =
        static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
    const bool is_slow = stream.spill.size() * span > stream.moved_since_mark * kSlowest;
    fade(stream);
    return is_slow;
}

void Link::note_moved(Stream& stream, std::size_t bytes) const {
    fade(stream);
    stream.moved_at = now_;
    stream.moved_since_mark += bytes;
}

/// What is older than kHogMeasureMost fades, rather than that nothing is known of the pace.
void Link::fade(Stream& stream) const {
    using std::chrono::milliseconds;
    const Duration since = now_ - stream.marked_at;
    if (since <= kHogMeasureMost) {
        return;
    }
    constexpr auto kKept = static_cast<std::uint64_t>(milliseconds(kHogMeasureMost / 2).count());
    const auto span =
        static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
    stream.moved_since_mark = stream.moved_since_mark * kKept / span;
    stream.marked_at = now_ - kHogMeasureMost / 2;
}

bool Link::must_slow_ones_go() const {
    if (credit_.is_crowded_by_itself()) {
        return now_ - short_since_ >= kHogPatience;
    }
    // Memory that others use is not the fault of who moves: those that do not are to go first.
    const MemoryBudget* const budget = options_.budget;
    return budget != nullptr && budget->is_short() &&
           (now_ - std::max(short_since_, budget->stuck_at()) >= kHogSlowPatience ||
            now_ - short_since_ >= kHogSlowMercy);
}

/// Before a stream is judged: a system calls a socket writable only when much of its buffer is
/// free, so that a steady reader of 400 KB/s looks for seconds as if it stood still.
void Link::try_again(Stream& stream) {
    if (stream.io != nullptr && stream.is_write_blocked) {
        stream.is_write_blocked = false;
        drain(stream);
    }
}

void Link::reset_hogs(std::vector<Stream*>& hogs, LinkCredit::Shortage shortage) {
    std::ranges::sort(hogs, [](const Stream* one, const Stream* other) {
        return std::pair(one->spill.size(), one->id) > std::pair(other->spill.size(), other->id);
    });
    for (Stream* const hog : hogs) {
        if (credit_.update_shortage() < shortage) {
            break;
        }
        kill(*hog, wire::ResetReason::SlowReader, "slow reader, and memory is short");
        if (shortage == LinkCredit::Shortage::Process) {
            break;  // Every link gives its worst at each check, rather than the first one all.
        }
    }
    schedule_ack();
}

}  // namespace diglett::mux
