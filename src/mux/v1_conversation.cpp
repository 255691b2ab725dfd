#include "mux/v1_conversation.hpp"

#include "mux/v1_limits.hpp"

namespace diglett::mux {
namespace {

using wire::FrameKind;

std::unexpected<Error> violation(const char* text) {
    return fail(Errc::ProtocolViolation, text);
}

bool is_stream_frame(FrameKind kind) {
    return kind == FrameKind::Data || kind == FrameKind::End || kind == FrameKind::Terminate;
}

}  // namespace

Status V1Conversation::on_received(const wire::FrameHeader& frame) {
    return role_ == Role::Gateway ? from_agent(frame) : from_gateway(frame);
}

Status V1Conversation::from_agent(const wire::FrameHeader& frame) {
    switch (state_) {
        case State::Login:
            if (frame.kind != FrameKind::Login) {
                return violation("received unexpected message");
            }
            if (frame.size > kV1MaxTokenBytes) {
                return violation("token too long");
            }
            state_ = State::Register;
            return {};
        case State::Register:
            if (frame.kind == FrameKind::FinishRegister) {
                return violation("missing name registration");
            }
            if (frame.kind != FrameKind::Register) {
                return violation("received unexpected message");
            }
            state_ = State::FinishRegister;
            return {};
        case State::FinishRegister:
            if (frame.kind == FrameKind::Register) {
                return violation("only one name registration is allowed");
            }
            if (frame.kind != FrameKind::FinishRegister) {
                return violation("received unexpected message");
            }
            state_ = State::Serving;
            return {};
        case State::Serving:
            break;
    }
    return is_stream_frame(frame.kind) ? Status{} : violation("received unexpected message");
}

Status V1Conversation::from_gateway(const wire::FrameHeader& frame) {
    if (frame.kind == FrameKind::Ok || frame.kind == FrameKind::Error) {
        if (owed_answers_ == 0) {
            return violation("received an answer to nothing");
        }
        --owed_answers_;
        return {};
    }
    if (is_stream_frame(frame.kind) && is_serving()) {
        return {};
    }
    return violation("received unexpected message");
}

void V1Conversation::on_sent(FrameKind kind) {
    if (role_ == Role::Gateway) {
        return;
    }
    switch (kind) {
        case FrameKind::Login:
            state_ = State::Register;
            break;
        case FrameKind::Register:
            state_ = State::FinishRegister;
            break;
        case FrameKind::FinishRegister:
            state_ = State::Serving;
            return;
        default:
            return;
    }
    ++owed_answers_;
}

}  // namespace diglett::mux
