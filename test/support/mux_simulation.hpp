#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "test/support/mux_pair.hpp"
#include "wire/frame_reader.hpp"

namespace diglett::test {

/// Two links, a carrier that is cut and replaced, visitors and backends of every temper: each step
/// does one thing that `choose` decides, and then checks what must always hold (protocol 4 to 7).
/// The first thing that does not is kept in `failure`.
class MuxSimulation {
  public:
    /// A number in [0, n), n > 0.
    using Choose = std::function<std::uint32_t(std::uint32_t)>;

    explicit MuxSimulation(Choose decide)
        : choose_(std::move(decide)), pair_(make_options(), make_options()) {
        for (MuxEnd* const end : {&pair_.gateway, &pair_.agent}) {
            end->on_sealed = [this, end](ByteView batch) { record(*end, batch); };
        }
        pair_.open_session();
    }

    /// Does one thing. @return false once something failed.
    bool step() {
        act(choose_(100));
        check();
        return failure.empty();
    }

    /// Stops all mischief, and lets everything end that can. @return whether nothing failed.
    bool finish() {
        while (!is_connected()) {
            resume(Loss::None);
        }
        for (MuxEnd* const end : {&pair_.gateway, &pair_.agent}) {
            for (auto& [id, io] : end->ios) {
                calm(io->plan);
            }
        }
        for (auto& [id, plan] : pair_.backends) {
            calm(plan);
        }
        const bool is_at_rest = pair_.settle(1 << 20, 100'000);
        check();
        require(is_at_rest, "the links never come to rest");
        pair_.pass(std::chrono::seconds(3), std::chrono::milliseconds(100));
        check();
        check_ends();
        pair_.gateway.link->abort_all(wire::ResetReason::SessionEnded);
        pair_.agent.link->abort_all(wire::ResetReason::SessionEnded);
        check_over();
        return failure.empty();
    }

    std::string failure;
    std::size_t cuts = 0;
    std::size_t streams = 0;
    std::size_t complete = 0;  ///< Streams that ended by FIN both ways.
    std::uint64_t bytes = 0;   ///< Written to sockets.

  private:
    enum class Loss : unsigned char { None, Resume, Resumed };

    /// What was sealed of an end's journal, to compare every replay with.
    struct Log {
        std::vector<std::byte> bytes;
        std::uint64_t position = 0;  ///< Of the next logged frame on the present carrier.
        std::uint64_t end_when_detached = 0;
    };

    mux::Link::Options make_options() {
        mux::Link::Options options;
        options.max_buffered = (std::uint64_t{128} << choose_(4)) * 1024;
        options.link_limit = options.max_buffered / 2;
        options.stream_limit = 1 + choose_(100'000);
        options.max_streams = 40;
        options.ping_jitter = std::chrono::milliseconds(choose_(1000));
        return options;
    }

    void act(std::uint32_t what) {
        if (what < 8) {
            open();
        } else if (what < 14) {
            attach();
        } else if (what < 36) {
            pair_.step(pair_.gateway, pair_.agent, piece());
        } else if (what < 58) {
            pair_.step(pair_.agent, pair_.gateway, piece());
        } else if (what < 74) {
            grant();
            pair_.gateway.serve_sockets(pair_.now);
            pair_.agent.serve_sockets(pair_.now);
        } else if (what < 86) {
            pair_.now += std::chrono::microseconds(1 << choose_(20));
            keep_alive();
        } else if (what < 90) {
            spoil();
        } else if (what < 94) {
            cut();
        } else {
            resume(static_cast<Loss>(choose_(3)));
        }
    }

    std::size_t piece() { return std::size_t{1} << choose_(20); }

    std::uint64_t size() { return choose_(1U << choose_(19)); }

    void open() {
        ++seed_;
        const bool echoes = choose_(4) == 0;
        MemoryIo::Plan visitor{.send_seed = 2 * seed_,
                               .send_bytes = size(),
                               .fails_at_end = choose_(16) == 0,
                               .holds_end_back = choose_(4) == 0,
                               .expect_seed = echoes ? 2 * seed_ : 2 * seed_ + 1,
                               .readable = size(),
                               .writable = size()};
        MemoryIo::Plan backend{.send_seed = 2 * seed_ + 1,
                               .send_bytes = size(),
                               .fails_at_end = choose_(16) == 0,
                               .holds_end_back = choose_(4) == 0,
                               .expect_seed = 2 * seed_,
                               .echoes = echoes,
                               .echo_room = 1 + choose_(5000),
                               .readable = size(),
                               .writable = size()};
        const StreamId id = pair_.open(visitor, backend, RegistrationId{choose_(3)});
        if (id != StreamId{}) {
            ++streams;
            if (visitor.fails_at_end || backend.fails_at_end) {
                spoiled_.insert(id);
            }
        }
    }

    void attach() {
        if (choose_(8) == 0 && !pair_.agent.opened.empty()) {
            const StreamId id = pair_.agent.opened.rbegin()->first;
            spoiled_.insert(id);
            pair_.agent.link->reset(id, wire::ResetReason::BackendRefused, "refused");
        }
        pair_.attach_backends();
    }

    MemoryIo* some_io() {
        auto& ios = choose_(2) == 0 ? pair_.gateway.ios : pair_.agent.ios;
        if (ios.empty()) {
            return nullptr;
        }
        // The latest are the likeliest to be alive.
        auto it = ios.rbegin();
        std::advance(it,
                     choose_(static_cast<std::uint32_t>(std::min<std::size_t>(ios.size(), 12))));
        chosen_ = it->first;
        return it->second.get();
    }

    void grant() {
        if (MemoryIo* const io = some_io()) {
            io->plan.readable = std::max(io->plan.readable, size());
            io->plan.writable = std::max(io->plan.writable, size());
            io->plan.holds_end_back = io->plan.holds_end_back && choose_(2) == 0;
        }
    }

    void spoil() {
        MemoryIo* const io = some_io();
        if (io == nullptr) {
            return;
        }
        spoiled_.insert(chosen_);
        switch (choose_(4)) {
            case 0:
                io->is_broken = true;
                break;
            case 1:
                pair_.gateway.link->reset(chosen_, wire::ResetReason::Aborted, "gateway");
                break;
            case 2:
                pair_.agent.link->reset(chosen_, wire::ResetReason::Aborted, "agent");
                break;
            default:
                spoil_registration(RegistrationId{choose_(3)});
                break;
        }
    }

    void spoil_registration(RegistrationId registration) {
        for (const auto& [id, open] : pair_.agent.opened) {
            if (open.registration == registration) {
                spoiled_.insert(id);
            }
        }
        pair_.agent.link->reset_registration(registration, wire::ResetReason::SessionEnded);
    }

    static void calm(MemoryIo::Plan& plan) {
        plan.readable = plan.writable = ~std::uint64_t{0};
        plan.holds_end_back = false;
        plan.echo_room = std::max<std::size_t>(plan.echo_room, 4096);
    }

    void keep_alive() {
        for (MuxEnd* const end : {&pair_.gateway, &pair_.agent}) {
            if (pair_.now >= end->link->deadline() && !end->link->on_time(pair_.now)) {
                detach(*end);  // Silent for too long: what a carrier's death looks like.
            }
        }
    }

    [[nodiscard]] bool is_connected() const {
        return pair_.gateway.link->is_attached() && pair_.agent.link->is_attached() &&
               pair_.gateway.link->epoch() == pair_.agent.link->epoch();
    }

    void detach(MuxEnd& end) {
        end.link->detach(pair_.now);
        end.outgoing.clear();
        log_of(end).end_when_detached = end.link->figures().end;
    }

    void cut() {
        ++cuts;
        const std::uint32_t who = choose_(3);
        if (who != 0) {
            detach(pair_.gateway);
        }
        if (who != 1) {
            detach(pair_.agent);
        }
        // What is sealed for a carrier that the other end has left goes nowhere.
        pair_.gateway.outgoing.clear();
        pair_.agent.outgoing.clear();
        is_split_ = true;
    }

    void resume(Loss loss) {
        if (is_connected() && !is_split_) {
            return;
        }
        detach(pair_.agent);
        const std::uint32_t epoch = ++last_epoch_;
        const auto asked = pair_.agent.link->resume_point();
        if (loss == Loss::Resume) {
            return;
        }
        pair_.gateway.outgoing.clear();
        const auto taken =
            pair_.gateway.link->attach_carrier(epoch, asked.received, asked.limit, pair_.now);
        require(taken.has_value(), "a rightful Resume is refused");
        log_of(pair_.gateway).position = asked.received;
        require(!pair_.gateway.link->attach_carrier(epoch, asked.received, asked.limit, pair_.now),
                "an epoch is taken twice");
        const auto answer = pair_.gateway.link->resume_point();
        if (loss == Loss::Resumed) {
            return;
        }
        const auto agreed =
            pair_.agent.link->attach_carrier(epoch, answer.received, answer.limit, pair_.now);
        require(agreed.has_value(), "a rightful Resumed is refused");
        log_of(pair_.agent).position = answer.received;
        is_split_ = false;
    }

    Log& log_of(const MuxEnd& end) { return &end == &pair_.gateway ? gateway_log_ : agent_log_; }

    /// Every logged frame that leaves is new at the journal's end, or what was there before.
    void record(const MuxEnd& end, ByteView batch) {
        Log& log = log_of(end);
        wire::FrameReader reader(wire::kProtocol2Frames);
        const Status status =
            reader.read(batch, [&](const wire::FrameHeader& header, ByteView payload) {
                if (wire::is_logged(header.kind)) {
                    ByteVector frame;
                    wire::append_frame(header.kind, header.id, payload, frame);
                    if (log.position == log.bytes.size()) {
                        log.bytes.insert(log.bytes.end(), frame.begin(), frame.end());
                    } else {
                        require(log.position + frame.size() <= log.bytes.size() &&
                                    std::equal(frame.begin(), frame.end(),
                                               log.bytes.begin() +
                                                   static_cast<std::ptrdiff_t>(log.position)),
                                "a replay differs from what was sent before");
                    }
                    log.position += frame.size();
                }
                return Status();
            });
        require(status && reader.at_boundary(), "a batch is not whole frames");
    }

    void require(bool condition, const char* what) {
        if (!condition && failure.empty()) {
            failure = what;
        }
    }

    void check() {
        require(pair_.status.has_value(), "a link refuses what its peer sent");
        if (!pair_.status && failure.find(':') == std::string::npos) {
            failure += ": " + pair_.status.error().text;
        }
        check_positions(pair_.gateway, pair_.agent);
        check_positions(pair_.agent, pair_.gateway);
        require(!pair_.gateway.is_confused && !pair_.agent.is_confused, "an event came twice");
        for (auto& [id, io] : pair_.gateway.ios) {
            require(!io->is_wrong && !io->is_misused, "a visitor got wrong bytes or calls");
        }
        for (auto& [id, io] : pair_.agent.ios) {
            require(!io->is_wrong && !io->is_misused, "a backend got wrong bytes or calls");
            const auto visitor = pair_.gateway.ios.find(id);
            require(visitor != pair_.gateway.ios.end(), "a stream without a visitor");
            check_direction(*visitor->second, *io);
            check_direction(*io, *visitor->second);
        }
    }

    void check_positions(MuxEnd& sender, MuxEnd& receiver) {
        const auto from = sender.link->figures();
        const auto to = receiver.link->figures();
        require(from.acked <= to.received && to.received <= from.end, "I1: positions");
        require(from.end - from.acked <= mux::kMaxRingBytes + mux::kControlReserveBytes,
                "I2: the ring");
        require(to.buffered + (std::max(to.promised, to.received) - to.received) <=
                    receiver.options.max_buffered,
                "I5: more is promised than may be kept");
        require(sender.link->is_attached() || from.end == log_of(sender).end_when_detached,
                "I8: appended while detached");
    }

    void check_direction(const MemoryIo& source, const MemoryIo& sink) {
        require(sink.taken <= source.given, "I4: bytes out of nowhere");
        require(!sink.is_shut || (source.has_given_end && sink.taken == source.given),
                "I4: a FIN without a FIN");
    }

    void check_ends() {
        for (auto& [id, visitor] : pair_.gateway.ios) {
            const auto found = pair_.agent.ios.find(id);
            MemoryIo* const backend =
                found == pair_.agent.ios.end() ? nullptr : found->second.get();
            require(visitor->is_over() && (backend == nullptr || backend->is_over()),
                    "I7: a stream never ended");
            require(pair_.gateway.ended.contains(id), "an end nobody was told of");
            bytes += visitor->taken + (backend != nullptr ? backend->taken : 0);
            if (visitor->is_finished) {
                require(backend != nullptr && backend->has_given_end &&
                            visitor->taken == backend->given,
                        "a clean end, but not all bytes");
                // A backend may still break when both Ends are exchanged: too late to tell anyone.
                require(backend->taken == visitor->given || spoiled_.contains(id),
                        "a clean end on both sides, but not all bytes");
                complete += 1;
            } else {
                const bool has_cause = spoiled_.contains(id) ||
                                       visitor->reason == wire::ResetReason::SlowReader ||
                                       visitor->reason == wire::ResetReason::LimitReached;
                require(has_cause, "a stream was reset without a cause");
            }
        }
    }

    void check_over() {
        for (MuxEnd* const end : {&pair_.gateway, &pair_.agent}) {
            require(end->link->stream_count() == 0, "I9: a stream outlived the session");
            require(end->link->figures().buffered == 0, "buffered bytes leak");
            for (auto& [id, io] : end->ios) {
                require(io->is_over(), "I9: a socket outlived the session");
            }
        }
    }

    Choose choose_;
    MuxPair pair_;
    Log gateway_log_;
    Log agent_log_;
    std::set<StreamId> spoiled_;  ///< Streams that need not complete.
    StreamId chosen_{};
    std::uint64_t seed_ = 0;
    std::uint32_t last_epoch_ = 0;
    bool is_split_ = false;
};

}  // namespace diglett::test
