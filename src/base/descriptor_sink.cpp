#include "base/descriptor_sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/log_line.hpp"

namespace diglett {
namespace {

LogLevel from_spdlog(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
            return LogLevel::Trace;
        case spdlog::level::debug:
            return LogLevel::Debug;
        case spdlog::level::info:
            return LogLevel::Info;
        case spdlog::level::warn:
            return LogLevel::Warning;
        default:
            return LogLevel::Error;
    }
}

bool is_socket(int fd) {
    struct stat facts{};
    return ::fstat(fd, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

}  // namespace

DescriptorSink::DescriptorSink(LogFormat format, int descriptor)
    // A duplicate: were stderr closed, its number would go to the next socket, and the log with it.
    : format_(format),
      to_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3)),
      is_socket_(is_socket(to_.get())) {}

void DescriptorSink::sink_it_(const spdlog::details::log_msg& message) {
    if (!to_) {
        return;
    }
    if (lost_ > 0) {
        report_loss();
    }
    const LogLine line{message.time, from_spdlog(message.level),
                       std::string_view(message.logger_name.data(), message.logger_name.size()),
                       std::string_view(message.payload.data(), message.payload.size())};
    if (lost_ > 0 || !write_line(format_log_line(format_, line))) {
        ++lost_;
    }
}

void DescriptorSink::report_loss() {
    const auto text = fmt::format("{} log lines were lost: nobody read them", lost_);
    const LogLine line{std::chrono::system_clock::now(), LogLevel::Warning, {}, text};
    if (has_room(std::chrono::milliseconds(0)) && write_line(format_log_line(format_, line))) {
        lost_ = 0;
    }
}

bool DescriptorSink::has_room(std::chrono::milliseconds patience) const {
    pollfd waiting{to_.get(), POLLOUT, 0};
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1 &&
           (waiting.revents & POLLOUT) != 0;
}

bool DescriptorSink::write_line(std::string_view line) {
    if (!has_room(kMaxLogStall)) {
        return false;
    }
    // No second try for the rest of a line cut short (a full disk, a full socket): it might wait.
    const ssize_t written =
        is_socket_ ? ::send(to_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                   : ::write(to_.get(), line.data(), line.size());
    return written == static_cast<ssize_t>(line.size());
}

}  // namespace diglett
