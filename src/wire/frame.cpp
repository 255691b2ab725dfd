#include "wire/frame.hpp"

namespace diglett::wire {

bool is_logged(FrameKind kind) {
    switch (kind) {
        case FrameKind::Register:
        case FrameKind::FinishRegister:
        case FrameKind::Unregister:
        case FrameKind::Ok:
        case FrameKind::Error:
        case FrameKind::Open:
        case FrameKind::Data:
        case FrameKind::Window:
        case FrameKind::End:
        case FrameKind::Reset:
        case FrameKind::GoAway:
            return true;
        default:
            return false;
    }
}

std::string_view to_string(FrameKind kind) {
    switch (kind) {
        case FrameKind::Ok:
            return "Ok";
        case FrameKind::Error:
            return "Error";
        case FrameKind::Register:
            return "Register";
        case FrameKind::FinishRegister:
            return "FinishRegister";
        case FrameKind::Data:
            return "Data";
        case FrameKind::End:
            return "End";
        case FrameKind::Terminate:
            return "Terminate";
        case FrameKind::Login:
            return "Login";
        case FrameKind::Hello:
            return "Hello";
        case FrameKind::Welcome:
            return "Welcome";
        case FrameKind::Unregister:
            return "Unregister";
        case FrameKind::Open:
            return "Open";
        case FrameKind::Window:
            return "Window";
        case FrameKind::Reset:
            return "Reset";
        case FrameKind::Ack:
            return "Ack";
        case FrameKind::Ping:
            return "Ping";
        case FrameKind::Pong:
            return "Pong";
        case FrameKind::GoAway:
            return "GoAway";
        case FrameKind::Join:
            return "Join";
        case FrameKind::Resume:
            return "Resume";
        case FrameKind::Resumed:
            return "Resumed";
        case FrameKind::Refused:
            return "Refused";
    }
    return "unknown kind";
}

}  // namespace diglett::wire
