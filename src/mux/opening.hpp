#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "mux/role.hpp"
#include "wire/frame.hpp"

namespace diglett::mux {

/// Which frames the peer may send now, by the table of protocol 2.2. Call admit() for each frame in
/// order. A kind that only the other role may send is never admitted.
class Opening {
  public:
    /// `own` is the role of this end; the peer has the other.
    explicit Opening(Role own) : own_(own) {}

    /// @return ProtocolViolation when `kind` may not come now.
    [[nodiscard]] Status admit(wire::FrameKind kind, std::uint32_t id);

    /// A frame of `kind` left: the gateway opens streams only after FinishRegister.
    void on_sent(wire::FrameKind kind);

    /// Stream frames are admitted.
    [[nodiscard]] bool is_complete() const { return stage_ == Stage::Streams; }

  private:
    enum class Stage : unsigned char {
        Start,     ///< Only Hello.
        Greeted,   ///< Login, or Welcome or Refused.
        LoggedIn,  ///< Gateway only: Register and FinishRegister.
        Streams,   ///< All that the role may send while the session lives.
        Over,      ///< Refused, or a Join or Resume, which this end does not take up: nothing more.
    };

    [[nodiscard]] bool may_come(wire::FrameKind kind) const;
    [[nodiscard]] bool may_agent_send(wire::FrameKind kind) const;
    [[nodiscard]] bool may_gateway_send(wire::FrameKind kind) const;
    void advance(wire::FrameKind kind);

    Role own_;
    Stage stage_ = Stage::Start;
    bool has_finished_registering_ = false;  ///< Agent only: its FinishRegister has left.
};

}  // namespace diglett::mux
