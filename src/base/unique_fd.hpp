#pragma once

#include <unistd.h>

#include <utility>

namespace diglett {

/// Owns a file descriptor and closes it.
class UniqueFd {
  public:
    UniqueFd() = default;

    /// @param fd an open descriptor that nobody else closes, or -1.
    explicit UniqueFd(int fd) : fd_(fd) {}

    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

    /// Gives the descriptor away.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

    void reset() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

  private:
    int fd_ = -1;
};

}  // namespace diglett
