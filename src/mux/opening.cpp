#include "mux/opening.hpp"

#include <string_view>

#include <fmt/format.h>

namespace diglett::mux {

using wire::FrameKind;

namespace {

bool has_id(FrameKind kind) {
    switch (kind) {
        case FrameKind::Hello:
        case FrameKind::Login:
        case FrameKind::Welcome:
        case FrameKind::FinishRegister:
        case FrameKind::GoAway:
        case FrameKind::Ack:
        case FrameKind::Ping:
        case FrameKind::Pong:
            return false;
        default:
            return true;
    }
}

}  // namespace

Status Opening::admit(FrameKind kind, std::uint32_t id) {
    const std::string_view peer = own_ == Role::Gateway ? "agent" : "gateway";
    if (!may_come(kind)) {
        return fail(Errc::ProtocolViolation,
                    fmt::format("the {} may not send {} now", peer, wire::to_string(kind)));
    }
    if (id != 0 && !has_id(kind)) {
        return fail(Errc::ProtocolViolation,
                    fmt::format("{} with id {}, must be 0", wire::to_string(kind), id));
    }
    advance(kind);
    return {};
}

void Opening::on_sent(FrameKind kind) {
    switch (kind) {
        case FrameKind::Hello:
            has_greeted_ = true;
            break;
        case FrameKind::Welcome:
            has_welcomed_ = true;
            break;
        case FrameKind::Refused:
            has_refused_ = true;
            break;
        case FrameKind::FinishRegister:
            has_finished_registering_ = true;
            break;
        default:
            break;
    }
}

std::optional<FrameKind> Opening::last_word() const {
    if (!has_greeted_ || has_refused_) {
        return std::nullopt;
    }
    const bool refuses = own_ == Role::Gateway && !has_welcomed_;
    return refuses ? FrameKind::Refused : FrameKind::GoAway;
}

bool Opening::may_come(FrameKind kind) const {
    if (kind == FrameKind::Hello) {
        return stage_ == Stage::Start;
    }
    if (stage_ == Stage::Start || stage_ == Stage::Over) {
        return false;
    }
    switch (kind) {
        case FrameKind::Ack:
        case FrameKind::Ping:
        case FrameKind::Pong:
        case FrameKind::GoAway:
            return true;
        case FrameKind::Data:
        case FrameKind::Window:
        case FrameKind::End:
        case FrameKind::Reset:
            return stage_ == Stage::Streams;
        default:
            return own_ == Role::Gateway ? may_agent_send(kind) : may_gateway_send(kind);
    }
}

bool Opening::may_agent_send(FrameKind kind) const {
    switch (kind) {
        case FrameKind::Login:
            return stage_ == Stage::Greeted;
        case FrameKind::Join:
        case FrameKind::Resume:
            return stage_ == Stage::Greeted;
        case FrameKind::FinishRegister:
            return stage_ == Stage::LoggedIn;
        case FrameKind::Register:
        case FrameKind::Unregister:
            return stage_ == Stage::LoggedIn || stage_ == Stage::Streams;
        default:
            return false;
    }
}

bool Opening::may_gateway_send(FrameKind kind) const {
    switch (kind) {
        case FrameKind::Welcome:
            return stage_ == Stage::Greeted;
        case FrameKind::Refused:
            return true;
        case FrameKind::Ok:
        case FrameKind::Error:
            return stage_ == Stage::Streams;
        case FrameKind::Open:
            return stage_ == Stage::Streams && has_finished_registering_;
        default:
            return false;
    }
}

void Opening::advance(FrameKind kind) {
    switch (kind) {
        case FrameKind::Hello:
            stage_ = Stage::Greeted;
            break;
        case FrameKind::Login:
            stage_ = Stage::LoggedIn;
            break;
        case FrameKind::Welcome:
        case FrameKind::FinishRegister:
            stage_ = Stage::Streams;
            break;
        case FrameKind::Refused:
        case FrameKind::Join:
        case FrameKind::Resume:
            stage_ = Stage::Over;
            break;
        default:
            break;
    }
}

}  // namespace diglett::mux
