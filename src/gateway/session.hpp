#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/authenticator.hpp"
#include "base/budget.hpp"
#include "base/log.hpp"
#include "crypto/secure_channel.hpp"
#include "crypto/tls_context.hpp"
#include "gateway/name_service.hpp"
#include "gateway/served_name.hpp"
#include "gateway/session_handle.hpp"
#include "gateway/visitor_places.hpp"
#include "mux/link.hpp"
#include "mux/multiplexer.hpp"
#include "net/event.hpp"
#include "net/pause_report.hpp"
#include "net/task_group.hpp"
#include "tunnel/tunnel.hpp"

namespace diglett::gateway {

/// A conversation frame of the agent, kept until its turn.
struct Message {
    wire::FrameKind kind;
    std::uint32_t id;
    ByteVector payload;
};

/// What all sessions share.
struct SessionContext {
    NameService& names;     ///< On `control`.
    net::Executor control;  ///< Where `names` lives.
    crypto::ServerTls tls;
    bool accept_v1 = false;
    std::string software;  ///< For Hello, e.g. "diglett 0.1.0".
    VisitorPlaces& visitor_places;
    MemoryBudget& budget;                              ///< Of the process.
    mux::Link::Options link;                           ///< As the links of protocol 2 begin.
    std::shared_ptr<net::PauseReport> pauses;          ///< Of the gateway's listeners.
    std::shared_ptr<net::PauseReport> visitor_pauses;  ///< Of a bound that only visitors meet.
    std::function<void(SessionNumber)> gone;  ///< Called on `control` when nothing is left of it.
    Logger logger;
};

/// One connection of an agent, from its first byte to its end, in either protocol: handshake,
/// login, registrations, visitors. Lives on one worker; only the methods of SessionHandle, stop()
/// and drain() are reached from elsewhere, through that worker's executor.
class Session final : public mux::MultiplexerEvents,
                      public SessionHandle,
                      public std::enable_shared_from_this<Session> {
  public:
    /// @param carrier an accepted connection, owned from now on.
    /// @param login_complete called on `control` when the connection stops being unauthenticated:
    /// in the moment its login counts as pending, and when it ends.
    Session(const SessionContext& context, SessionNumber number, tunnel::WorkerResources& resources,
            int carrier, std::function<void()> login_complete);
    ~Session() override;

    /// The whole life. Spawned once on the session's worker; returns when nothing of it is left.
    [[nodiscard]] net::Awaitable<void> run();

    /// Ends at once.
    void stop(Error why);

    /// Takes no more visitors, tells the agent, and ends when the last stream has or at `deadline`.
    /// @param why Shutdown or Restart, with words; its deadline is filled in.
    [[nodiscard]] net::Awaitable<void> drain(wire::Refusal why, TimePoint deadline);

    [[nodiscard]] net::Executor executor() const override;
    [[nodiscard]] net::Awaitable<bool> probe() override;
    [[nodiscard]] net::Awaitable<bool> lose_name(RegistrationId registration,
                                                 wire::Refusal why) override;
    [[nodiscard]] net::Awaitable<bool> end(wire::Refusal why) override;

    void on_open(StreamId stream, const wire::Open& open) override;
    [[nodiscard]] Status on_message(wire::FrameKind kind, std::uint32_t id,
                                    ByteView payload) override;
    void on_stream_ended(StreamId stream) override;

  private:
    enum class Protocol : unsigned char { One = 1, Two = 2 };

    struct Asked {
        std::shared_ptr<ServedName> served;
        wire::Register request;
    };

    struct NameReady {
        Generation generation;
        std::uint16_t port;
        std::string url;
    };

    // session.cpp: life and end
    [[nodiscard]] net::Awaitable<Status> converse();
    [[nodiscard]] net::Awaitable<Result<Protocol>> establish();
    void start_tunnel(std::unique_ptr<mux::Multiplexer> multiplexer);
    [[nodiscard]] net::Awaitable<void> run_tunnel();
    [[nodiscard]] net::Awaitable<void> finish();
    [[nodiscard]] net::Awaitable<Result<Message>> next_message(TimePoint deadline);
    [[nodiscard]] net::Awaitable<Result<Message>> expect(wire::FrameKind kind, TimePoint deadline);
    [[nodiscard]] Status send(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload);
    /// For what the agent must hear: ends the session when there is no room for it.
    void tell(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload);
    [[nodiscard]] net::Awaitable<std::expected<auth::Identity, wire::Refusal>> log_in(
        auth::Credential credential, std::array<std::byte, 16> instance);

    // session_v2.cpp, session_v1.cpp: the conversations of the two protocols
    [[nodiscard]] net::Awaitable<Status> converse_v2();
    [[nodiscard]] net::Awaitable<Status> converse_v1();
    [[nodiscard]] Status check_message(wire::FrameKind kind, RegistrationId id, ByteView payload);
    [[nodiscard]] Status check_register(RegistrationId id, ByteView payload);
    [[nodiscard]] Status send_hello();
    [[nodiscard]] net::Awaitable<Status> greet();
    [[nodiscard]] net::Awaitable<Status> accept_login_v2();
    [[nodiscard]] net::Awaitable<Status> accept_login_v1();
    [[nodiscard]] Status refuse(const wire::Refusal& why);
    [[nodiscard]] Status refuse_v1(const wire::Refusal& why);
    [[nodiscard]] net::Awaitable<Status> serve_v2();
    [[nodiscard]] Status act_on(const Message& message);
    [[nodiscard]] Status start_registering(const Message& message);
    void refuse_registration(RegistrationId id, const wire::Refusal& why);
    [[nodiscard]] net::Awaitable<void> answer_register(Asked asked);
    void tell_answer(const ServedName& served,
                     const std::expected<NameReady, wire::Refusal>& ready);
    void ask_next(const std::string& name);
    void give_up_name(RegistrationId id);
    [[nodiscard]] Status on_go_away(const Message& message);

    // session_names.cpp: names and their visitors
    [[nodiscard]] net::Awaitable<std::expected<NameReady, wire::Refusal>> register_name(
        std::shared_ptr<ServedName> served, wire::Register request);
    std::shared_ptr<ServedName> add_name(RegistrationId id, const std::string& name);
    [[nodiscard]] bool listen_for_visitors(ServedName& served, UniqueFd socket);
    void post_release(RegistrationId id);
    void post_farewell();
    [[nodiscard]] bool ended_in_order(const Status& result) const;
    void close_listeners();
    void open_for_visitors();
    [[nodiscard]] net::Awaitable<void> accept_visitors(std::shared_ptr<ServedName> served);
    [[nodiscard]] bool visitors_must_wait();
    void take_visitor(ServedName& served, const net::Listener::Accepted& accepted);
    void begin_anew();
    void close_name(RegistrationId registration, wire::ResetReason reason);
    void tell_registration_lost(RegistrationId registration, const wire::Refusal& why);

    SessionContext context_;
    SessionNumber number_;
    tunnel::WorkerResources& resources_;
    Logger logger_;
    std::shared_ptr<void> carrier_place_;  ///< Of the carrier among the descriptors.
    std::optional<net::Socket> carrier_;   ///< Until the tunnel has it.
    auth::ConnectionFacts facts_;
    std::function<void()> login_complete_;
    net::TaskGroup tasks_;
    Protocol protocol_ = Protocol::Two;
    std::unique_ptr<crypto::Channel> channel_;         ///< Until the tunnel has it.
    crypto::SecureChannel* secure_channel_ = nullptr;  ///< Protocol 2; owned as channel_ is.
    std::unique_ptr<tunnel::Tunnel> tunnel_;
    std::optional<Error> tunnel_end_;
    std::optional<Error> stop_reason_;
    TimePoint login_by_;  ///< One deadline for Hello and Login together.
    std::deque<Message> inbox_;
    std::size_t inbox_bytes_ = 0;  ///< Payload in it.
    net::Event inbox_changed_;
    std::map<RegistrationId, std::shared_ptr<ServedName>> names_;
    RegistrationId last_registration_;
    std::size_t registering_ = 0;     ///< Registers of protocol 2 without answer.
    std::set<std::string> deciding_;  ///< Names of those; one of each name at a time.
    std::vector<Asked> waiting_;      ///< For the one of the same name before them.
    std::unordered_map<StreamId, std::shared_ptr<void>> visitor_places_;
    bool memory_is_short_ = false;  ///< From Critical until it has recovered.
    bool open_for_visitors_ = false;
    bool is_logged_in_ = false;   ///< The agent is being told.
    bool is_logging_in_ = false;  ///< The login is being decided.
    bool draining_ = false;
    bool go_away_came_ = false;    ///< From the agent.
    TimePoint leave_by_ = kNever;  ///< Protocol 2: then, at the latest, it should have left.
};

}  // namespace diglett::gateway
