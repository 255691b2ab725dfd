#include "agent/backend_dialer.hpp"

#include <utility>

#include "agent/limits.hpp"
#include "net/dial.hpp"

namespace diglett::agent {

namespace {

wire::ResetReason reason_of(net::DialFailure failure) {
    switch (failure) {
        case net::DialFailure::TimedOut:
            return wire::ResetReason::BackendTimeout;
        case net::DialFailure::Unresolved:
            return wire::ResetReason::BackendUnknown;
        default:
            return wire::ResetReason::BackendRefused;
    }
}

}  // namespace

BackendDialer::BackendDialer(tunnel::Tunnel& tunnel, net::TaskGroup& tasks, Logger logger)
    : tunnel_(tunnel), tasks_(tasks), logger_(std::move(logger)) {}

void BackendDialer::dial(StreamId stream, const Service& service) {
    if (pending_ >= kMaxPendingDials) {
        tunnel_.reset(stream, wire::ResetReason::LimitReached, "too many dials under way");
        return;
    }
    if (auto backend = net::dial_at_once(tasks_.executor(), service.backend)) {
        settle(stream, service, std::move(*backend));
        return;
    }
    ++pending_;
    tasks_.spawn(connect(stream, service));
}

net::Awaitable<void> BackendDialer::connect(StreamId stream, const Service& service) {
    auto dialling = net::dial(service.backend, Clock::now() + kBackendTimeout);
    auto backend = co_await std::move(dialling);
    --pending_;
    if (backend && !net::is_on_this_machine(service.backend)) {
        backend->set_keepalive();
    }
    settle(stream, service, std::move(backend));
}

void BackendDialer::settle(StreamId stream, const Service& service, net::DialResult backend) {
    if (!backend) {
        logger_.warn("{}: backend of '{}' cannot be reached: {}",
                     dig_code(Errc::BackendUnreachable), service.name, backend.error().error.text);
        tunnel_.reset(stream, reason_of(backend.error().kind), backend.error().error.text);
        return;
    }
    tunnel_.attach(stream, std::move(*backend));
}

}  // namespace diglett::agent
