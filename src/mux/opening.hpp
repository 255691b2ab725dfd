#pragma once

#include <cstdint>
#include <optional>

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

    /// A frame of `kind` is on its way.
    void on_sent(wire::FrameKind kind);

    /// The frame in which this end may say why it ends the session: GoAway, or Refused where there
    /// was no Welcome; none before its Hello and after its Refused.
    [[nodiscard]] std::optional<wire::FrameKind> last_word() const;

    /// This end may send nothing more.
    [[nodiscard]] bool has_refused() const { return has_refused_; }

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
    // Sent by this end:
    bool has_greeted_ = false;
    bool has_welcomed_ = false;
    bool has_refused_ = false;
    bool has_finished_registering_ = false;  ///< The gateway opens no stream before.
};

}  // namespace diglett::mux
