#include "tunnel/late_closer.hpp"

#include <deque>
#include <utility>

#include <boost/asio/post.hpp>

#include "net/timer.hpp"
#include "tunnel/limits.hpp"

namespace diglett::tunnel {

struct LateCloser::State : std::enable_shared_from_this<State> {
    explicit State(net::Executor executor) : timer(executor) {}

    void start() {
        is_under_way = true;
        timer.expires_after(kCloseDelay);
        timer.async_wait(
            [self = shared_from_this()](const boost::system::error_code&) { self->close_some(); });
    }

    void close_some() {
        for (unsigned i = 0; i < kClosesPerTurn && !sockets.empty(); ++i) {
            sockets.pop_front();
        }
        is_under_way = !sockets.empty();
        if (is_under_way) {
            net::asio::post(timer.get_executor(),
                            [self = shared_from_this()] { self->close_some(); });
        }
    }

    net::Timer timer;
    std::deque<net::Socket> sockets;
    bool is_under_way = false;
};

LateCloser::LateCloser(net::Executor executor) : state_(std::make_shared<State>(executor)) {}

void LateCloser::add(net::Socket socket) {
    if (state_->sockets.size() >= kMaxLateCloses) {
        state_->sockets.pop_front();
    }
    state_->sockets.push_back(std::move(socket));
    if (!state_->is_under_way) {
        state_->start();
    }
}

}  // namespace diglett::tunnel
