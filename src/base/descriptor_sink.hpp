#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include <spdlog/sinks/base_sink.h>

#include "base/log.hpp"
#include "base/unique_fd.hpp"

namespace diglett {

/// Longest that one line waits for a reader that has stopped; long enough for a terminal or a pipe
/// that is merely slow, short enough for a worker to survive. Later lines do not wait at all until
/// there is room again.
inline constexpr std::chrono::milliseconds kMaxLogStall{100};

/// Writes each log line to a descriptor and drops what it will not take; the contract is
/// open_log's.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    /// @param descriptor duplicated; if it is closed, everything is discarded.
    DescriptorSink(LogFormat format, int descriptor);

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override;

    void flush_() override {}

  private:
    [[nodiscard]] bool has_room(std::chrono::milliseconds patience) const;
    [[nodiscard]] bool write_line(std::string_view line);
    void report_loss();

    LogFormat format_;
    UniqueFd to_;
    bool is_socket_ = false;
    std::uint64_t lost_ = 0;
};

}  // namespace diglett
