#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "mux/role.hpp"
#include "wire/frame.hpp"

namespace diglett::mux {

/// Which frame of protocol 1 may come when. Agent: Login, Register, FinishRegister; gateway: Ok or
/// Error to each of the first two, in their order, also when the agent sends all three at once.
/// After FinishRegister only Payload, Close and Terminate. Anything else ends the session: nothing
/// but FinishRegister finishes a registration. (protocol A)
class V1Conversation {
  public:
    explicit V1Conversation(Role role) : role_(role) {}

    /// A frame came from the peer. @return ProtocolViolation; the text is the one that the original
    /// gateway sends.
    [[nodiscard]] Status on_received(const wire::FrameHeader& frame);

    /// We send a frame.
    void on_sent(wire::FrameKind kind);

    /// Whether streams may exist: FinishRegister has passed and no answer is missing.
    [[nodiscard]] bool is_serving() const { return state_ == State::Serving && owed_answers_ == 0; }

  private:
    enum class State : std::uint8_t { Login, Register, FinishRegister, Serving };

    [[nodiscard]] Status from_agent(const wire::FrameHeader& frame);
    [[nodiscard]] Status from_gateway(const wire::FrameHeader& frame);

    Role role_;
    State state_ = State::Login;     ///< What the agent has to send next.
    std::uint8_t owed_answers_ = 0;  ///< Agent: Ok or Error still to come.
};

}  // namespace diglett::mux
