#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "net/event.hpp"
#include "net/sockaddr.hpp"
#include "net/socket.hpp"

namespace diglett::net {

/// Several connection attempts side by side; the first to succeed wins. Handlers keep it alive, so
/// that the coroutine that waits for it may go at any time, after abandon().
class DialRace : public std::enable_shared_from_this<DialRace> {
  public:
    explicit DialRace(Executor executor) : executor_(executor), changed_(executor) {}

    /// Starts one more attempt; its outcome may be there at once.
    void start(const SockAddr& address);

    /// Waits for the next outcome, until `deadline` at the latest.
    [[nodiscard]] Awaitable<void> wait_until(TimePoint deadline);

    [[nodiscard]] bool is_won() const { return winner_.has_value(); }

    [[nodiscard]] std::size_t pending() const { return pending_; }

    [[nodiscard]] std::size_t failed() const { return failed_; }

    /// errno of the failure that says most: refused before any other, else the first. 0 if none.
    [[nodiscard]] int error() const { return error_; }

    /// @pre is_won(). Closes the other attempts.
    [[nodiscard]] Socket take_winner();
    /// Closes every attempt.
    void abandon();

  private:
    void on_ready(std::size_t index);
    void win(Socket socket);
    void lose(int error);

    Executor executor_;
    Event changed_;
    std::vector<std::optional<Socket>> attempts_;
    std::optional<Socket> winner_;
    std::size_t pending_ = 0;
    std::size_t failed_ = 0;
    int error_ = 0;
};

}  // namespace diglett::net
