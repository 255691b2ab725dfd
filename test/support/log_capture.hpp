#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/sinks/base_sink.h>

#include "base/log.hpp"

namespace diglett::test {

/// Collects what is logged, as the callers wrote it. Outlives its loggers or not, as it likes.
class LogCapture {
  public:
    [[nodiscard]] Logger logger(LogLevel level = LogLevel::Trace) const {
        return Logger(sink_, level);
    }

    [[nodiscard]] std::vector<std::string> lines() const { return sink_->lines(); }

    /// How many lines contain `part`.
    [[nodiscard]] std::size_t count(std::string_view part) const {
        const auto all = lines();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(),
            [part](const std::string& line) { return line.find(part) != std::string::npos; }));
    }

  private:
    class Sink final : public spdlog::sinks::base_sink<std::mutex> {
      public:
        std::vector<std::string> lines() {
            const std::lock_guard lock(mutex_);
            return lines_;
        }

      protected:
        void sink_it_(const spdlog::details::log_msg& message) override {
            lines_.emplace_back(message.payload.data(), message.payload.size());
        }

        void flush_() override {}

      private:
        std::vector<std::string> lines_;
    };

    std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
};

}  // namespace diglett::test
