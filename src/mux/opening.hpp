#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "mux/role.hpp"
#include "wire/frame.hpp"

namespace diglett::mux {

/// Which frames the peer may send now. Call admit() for each frame in order: Hello is the first on
/// a carrier; the agent sends one Login, then Register any number of times, FinishRegister once;
/// the gateway answers with one Welcome or Refused; stream frames come only after FinishRegister
/// and Welcome. A kind that only the other role may send is never admitted. (protocol 2.2)
class Opening {
  public:
    /// `own` is the role of this end; the peer has the other.
    explicit Opening(Role own) : own_(own) {}

    /// @return ProtocolViolation when `kind` may not come now.
    [[nodiscard]] Status admit(wire::FrameKind kind, std::uint32_t id);

    /// Stream frames are admitted.
    [[nodiscard]] bool is_complete() const { return stage_ == Stage::Streams; }

  private:
    enum class Stage : unsigned char {
        Start,     ///< Only Hello.
        Greeted,   ///< Login, or Welcome or Refused.
        LoggedIn,  ///< Gateway only: Register and FinishRegister.
        Streams,   ///< All that the role may send while the session lives.
        Refused,   ///< Agent only: nothing more.
    };

    [[nodiscard]] bool may_come(wire::FrameKind kind) const;
    [[nodiscard]] bool may_agent_send(wire::FrameKind kind) const;
    [[nodiscard]] bool may_gateway_send(wire::FrameKind kind) const;
    void advance(wire::FrameKind kind);

    Role own_;
    Stage stage_ = Stage::Start;
};

}  // namespace diglett::mux
