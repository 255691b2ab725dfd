#include "tunnel/tunnel.hpp"

#include <utility>

#include "tunnel/tunnel_impl.hpp"

namespace diglett::tunnel {

Tunnel::Tunnel(WorkerResources& resources, net::Socket carrier,
               std::unique_ptr<crypto::Channel> channel,
               std::unique_ptr<mux::Multiplexer> multiplexer)
    : impl_(std::make_shared<Impl>(resources, std::move(carrier), std::move(channel),
                                   std::move(multiplexer))) {}

Tunnel::~Tunnel() {
    impl_->release();
}

net::Awaitable<Error> Tunnel::run() {
    return impl_->run();
}

Result<StreamId> Tunnel::open(net::Socket visitor, const wire::Open& open) {
    const auto stream = impl_->make_stream(std::move(visitor));
    auto* const multiplexer = impl_->multiplexer();
    auto id = multiplexer != nullptr
                  ? multiplexer->open(stream, open, Clock::now())
                  : Result<StreamId>(fail(Errc::ConnectionLost, "the session is over"));
    if (!id) {
        stream->abort(wire::ResetReason::LimitReached);
        return id;
    }
    stream->set_id(*id);
    impl_->settle_stream();
    return id;
}

void Tunnel::attach(StreamId stream, net::Socket backend) {
    backend.set_linger_reset();
    backend.set_nodelay();
    const auto io = impl_->make_stream(std::move(backend));
    io->set_id(stream);
    if (auto* const multiplexer = impl_->multiplexer()) {
        multiplexer->attach(stream, io, Clock::now());
        impl_->settle();
    } else {
        io->abort(wire::ResetReason::SessionEnded);
    }
}

void Tunnel::reset(StreamId stream, wire::ResetReason reason, std::string_view text) {
    if (auto* const multiplexer = impl_->multiplexer()) {
        multiplexer->reset(stream, reason, text);
        impl_->settle();
    }
}

void Tunnel::reset_registration(RegistrationId registration, wire::ResetReason reason) {
    if (auto* const multiplexer = impl_->multiplexer()) {
        multiplexer->reset_registration(registration, reason);
        impl_->settle();
    }
}

Status Tunnel::send_message(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    auto* const multiplexer = impl_->multiplexer();
    if (multiplexer == nullptr) {
        return fail(Errc::ConnectionLost, "the session is over");
    }
    auto status = multiplexer->send_message(kind, id, payload);
    impl_->settle();
    return status;
}

void Tunnel::ping() {
    if (auto* const multiplexer = impl_->multiplexer()) {
        multiplexer->ping(Clock::now());
        impl_->settle();
    }
}

void Tunnel::close(TimePoint deadline) {
    impl_->close(deadline);
}

void Tunnel::abort(Error why) {
    impl_->end(std::move(why));
}

void Tunnel::fail_session(Error why) {
    impl_->fail_session(std::move(why));
}

TimePoint Tunnel::last_heard() const {
    const auto* const multiplexer = impl_->multiplexer();
    return multiplexer != nullptr ? multiplexer->last_heard() : TimePoint::min();
}

Duration Tunnel::round_trip() const {
    const auto* const multiplexer = impl_->multiplexer();
    return multiplexer != nullptr ? multiplexer->round_trip() : Duration::zero();
}

bool Tunnel::is_used_up() const {
    const auto* const multiplexer = impl_->multiplexer();
    return multiplexer != nullptr && multiplexer->is_used_up();
}

std::size_t Tunnel::stream_count() const {
    const auto* const multiplexer = impl_->multiplexer();
    return multiplexer != nullptr ? multiplexer->stream_count() : 0;
}

}  // namespace diglett::tunnel
