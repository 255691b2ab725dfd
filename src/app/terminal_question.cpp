#include "app/terminal_question.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>

#include "base/unique_fd.hpp"

namespace diglett::app {

namespace {

/// Waits for the person's answer or a request to stop, of which none is lost: it stays pending
/// until this goes, and is handled then.
class AnswerOrStop {
  public:
    AnswerOrStop() {
        sigset_t stops;
        sigemptyset(&stops);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &stops, &before_);
        stops_ = UniqueFd(::signalfd(-1, &stops, SFD_CLOEXEC));
    }

    ~AnswerOrStop() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    AnswerOrStop(const AnswerOrStop&) = delete;
    AnswerOrStop& operator=(const AnswerOrStop&) = delete;

    /// @return whether there is something to read from stdin, its end included.
    [[nodiscard]] bool wait() const {
        std::array<pollfd, 2> both{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = stops_.get(), .events = POLLIN, .revents = 0}};
        while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
        }
        return both[1].revents == 0;
    }

  private:
    sigset_t before_{};
    UniqueFd stops_;
};

}  // namespace

agent::GatewayTrust::Question terminal_question() {
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        return {};
    }
    return [](const std::string& gateway, const std::string& pin) -> Result<bool> {
        const AnswerOrStop person;
        std::cerr << "Gateway " << gateway << " is met for the first time. Its key:\n  " << pin
                  << "\nSend the credential to it? Type yes: " << std::flush;
        if (!person.wait()) {
            return fail(Errc::Cancelled, "stopped at the question");
        }
        // A terminal gives a whole line at a time.
        std::array<char, 64> line{};
        const ssize_t got = ::read(STDIN_FILENO, line.data(), line.size());
        return got > 0 && std::string_view(line.data(), static_cast<std::size_t>(got)) == "yes\n";
    };
}

}  // namespace diglett::app
