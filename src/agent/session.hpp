#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/backend_dialer.hpp"
#include "agent/registrations.hpp"
#include "agent/service.hpp"
#include "base/budget.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "crypto/agent_key.hpp"
#include "crypto/secure_channel.hpp"
#include "mux/multiplexer.hpp"
#include "net/event.hpp"
#include "net/socket.hpp"
#include "net/task_group.hpp"
#include "tunnel/tunnel.hpp"
#include "wire/message.hpp"

namespace diglett::agent {

/// Random for each process, so that a gateway knows a second login of the same one.
using Instance = std::array<std::byte, 16>;

/// What every session of an agent is made from.
struct SessionContext {
    const std::vector<Service>& services;
    const crypto::AgentKey& key;
    Instance instance;
    Secret token;
    bool takeover = false;
    std::string software;
    MemoryBudget& budget;  ///< Of the process.
    tunnel::WorkerResources& resources;
    /// A service is registered; `url` is empty when nothing public is known.
    std::function<void(const Service& service, const std::string& url)> on_registered;
    Logger logger;
};

/// Why a session ended (with the gateway's words escaped), which nobody has logged yet, and when
/// the gateway wants to see the agent again (0: as the agent likes).
struct SessionEnd {
    Error why;
    Duration retry_after{};
    std::optional<TimePoint> welcome_at{};  ///< When the gateway accepted the login, if it did.
    bool is_connection_refused = false;     ///< Nothing listens at the gateway's address.
    bool may_pass = false;                  ///< Worth another try, whatever the code says.
    bool was_trusted_late = false;          ///< A person took long to say yes: dial anew at once.
};

/// One session with the gateway, from the first conversation frame to its end. The protocols differ
/// in the conversation only (session_v2.cpp, session_v1.cpp). Lives on one worker.
class Session final : public mux::MultiplexerEvents {
  public:
    /// @param channel established, and the gateway's identity accepted.
    /// @param secure the same channel in protocol 2, null in protocol 1.
    Session(const SessionContext& context, net::Socket carrier,
            std::unique_ptr<crypto::Channel> channel, crypto::SecureChannel* secure);
    ~Session() override;

    /// Runs until the session is over; nothing of it is left then.
    [[nodiscard]] net::Awaitable<SessionEnd> run();

    /// Ends in order: the gateway is told, open streams get kDrainTimeout.
    void stop();

    /// Ends at once.
    void cut_short();

    /// Services whose names the gateway has refused or taken away; they are not asked for again.
    [[nodiscard]] const std::set<const Service*>& given_up() const { return given_up_; }

    void on_open(StreamId stream, const wire::Open& open) override;
    [[nodiscard]] Status on_message(wire::FrameKind kind, std::uint32_t id,
                                    ByteView payload) override;
    void on_stream_ended(StreamId stream) override;

  private:
    struct Message {
        wire::FrameKind kind;
        std::uint32_t id;
        ByteVector payload;
    };

    // session.cpp
    [[nodiscard]] net::Awaitable<SessionEnd> converse();
    [[nodiscard]] net::Awaitable<void> run_tunnel();
    [[nodiscard]] net::Awaitable<void> finish();
    [[nodiscard]] net::Awaitable<void> drain();
    [[nodiscard]] Status send(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload);
    [[nodiscard]] const Service* find_service(RegistrationId id) const;

    // session_v2.cpp: the gateway's frames act as soon as they come
    void start_v2();
    [[nodiscard]] net::Awaitable<SessionEnd> converse_v2();
    [[nodiscard]] Status send_opening();
    [[nodiscard]] Status send_registers();
    [[nodiscard]] Status on_message_v2(wire::FrameKind kind, std::uint32_t id, ByteView payload);
    [[nodiscard]] Status on_hello(ByteView payload);
    [[nodiscard]] Status on_welcome(ByteView payload);
    [[nodiscard]] Status on_refused(ByteView payload);
    /// What a refused credential means here: an empty one was none.
    [[nodiscard]] Errc refused_credential() const;
    [[nodiscard]] Status on_ok(RegistrationId id, ByteView payload);
    [[nodiscard]] Status on_error(RegistrationId id, ByteView payload);
    [[nodiscard]] Status on_go_away(ByteView payload);
    [[nodiscard]] SessionEnd refused_session(const wire::Refusal& why) const;
    void lose_name(const Service& service, const wire::Refusal& why);
    void end_with(SessionEnd end);

    // session_v1.cpp: they wait for the conversation in the inbox
    void start_v1();
    [[nodiscard]] net::Awaitable<SessionEnd> converse_v1();
    [[nodiscard]] net::Awaitable<Result<Message>> next_message(TimePoint deadline);
    [[nodiscard]] Status on_message_v1(wire::FrameKind kind, std::uint32_t id, ByteView payload);
    [[nodiscard]] net::Awaitable<SessionEnd> await_ok_v1(Errc if_refused, Duration patience);

    SessionContext context_;
    Logger logger_;
    crypto::SecureChannel* secure_;
    std::optional<net::Socket> carrier_;        ///< Until the tunnel has it.
    std::unique_ptr<crypto::Channel> channel_;  ///< Until the tunnel has it.
    net::TaskGroup tasks_;
    net::Event changed_;  ///< Wakes the conversation.
    std::unique_ptr<tunnel::Tunnel> tunnel_;
    std::optional<BackendDialer> dialer_;
    std::optional<Error> tunnel_end_;
    std::deque<Message> inbox_;  ///< Protocol 1.
    Registrations registrations_;
    TimePoint welcome_by_ = kNever;  ///< Protocol 2, until Welcome.
    std::optional<TimePoint> welcome_at_;
    std::optional<SessionEnd> end_;  ///< Protocol 2: the gateway's word ends the session.
    std::set<const Service*> given_up_;
    std::optional<Duration> asked_to_come_back_;
    TimePoint leave_by_ = kNever;  ///< Protocol 2: the gateway has said GoAway.
    bool stopping_ = false;
};

}  // namespace diglett::agent
