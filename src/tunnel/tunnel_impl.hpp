#pragma once

#include <memory>
#include <string_view>

#include "net/event.hpp"
#include "net/timer.hpp"
#include "tunnel/carrier_writer.hpp"
#include "tunnel/tunnel.hpp"
#include "tunnel/tunnel_stream.hpp"

namespace diglett::tunnel {

/// What a Tunnel does, turn by turn of the event loop. Handlers keep it alive, and find nothing to
/// do once it has ended: so the Tunnel may go as soon as run() has returned.
///
/// Every way in (a handler, a public method) ends with settle(), which arms whatever is wanted
/// next.
class Tunnel::Impl final : public StreamOwner, public std::enable_shared_from_this<Impl> {
  public:
    Impl(WorkerResources& resources, net::Socket carrier, std::unique_ptr<crypto::Channel> channel,
         std::unique_ptr<mux::Multiplexer> multiplexer);

    /// The body of Tunnel::run: starts the handlers, waits for the end, cleans up.
    [[nodiscard]] net::Awaitable<Error> run();

    /// Closes everything; after this no handler touches multiplexer or resources, which may go. Not
    /// from within a callback of the multiplexer.
    void release();

    /// Ends at once; the first reason counts. Nothing is torn down here, so callbacks of the
    /// multiplexer may call it.
    void end(Error why);

    /// Sends what is queued, then the channel's close, then waits for the peer's.
    void close(TimePoint deadline);

    /// Ends because of what the peer did: says why where there is a word for it, closes in order,
    /// and waits for the peer's close.
    void fail_session(Error why);

    /// To be called after anything that may have changed what the multiplexer wants.
    void settle();
    /// The same after something has happened to one stream; sends at once what should not wait.
    void settle_stream();

    /// Null after release().
    [[nodiscard]] mux::Multiplexer* multiplexer() { return multiplexer_.get(); }

    [[nodiscard]] std::shared_ptr<TunnelStream> make_stream(net::Socket socket);

    void on_stream_readable(StreamId stream) override;
    void on_stream_writable(StreamId stream) override;
    void on_stream_broken(StreamId stream, int error) override;
    void close_later(net::Socket socket) override;

  private:
    enum class Phase : unsigned char {
        Idle,       ///< run() has not been called.
        Running,    ///< Bytes move.
        Closing,    ///< As Running, but once nothing is queued it ends.
        Lingering,  ///< Our side is closed; what the peer still sends is dropped until it closes,
                    ///< too.
        Ended,
    };

    [[nodiscard]] bool is_moving() const {
        return phase_ == Phase::Running || phase_ == Phase::Closing;
    }

    void arm_read();
    void arm_write();
    void arm_timer();
    void arm_look();
    void post_read();
    void post_flush();

    void on_readable();
    void on_writable();
    void on_timer();
    void look_at_peer();

    [[nodiscard]] Status open_ciphertext(ByteView ciphertext);
    void flush();
    void seal_batch();
    void send();
    void say_last_words(const Error& why);
    void start_lingering(Error why);

    WorkerResources& resources_;
    net::Socket carrier_;
    std::unique_ptr<crypto::Channel> channel_;
    std::unique_ptr<mux::Multiplexer> multiplexer_;
    CarrierWriter writer_;
    net::Event changed_;  ///< Wakes run().
    net::Timer timer_;
    net::Timer look_timer_;
    TimePoint timer_armed_for_ = kNever;
    TimePoint close_deadline_ = kNever;
    Error reason_{};
    Phase phase_ = Phase::Idle;
    bool read_armed_ = false;  ///< A wait or a posted read is under way; likewise the next two.
    bool write_armed_ = false;
    bool flush_posted_ = false;
    unsigned events_before_flush_ = 0;  ///< Of streams, since the last flush.
};

}  // namespace diglett::tunnel
