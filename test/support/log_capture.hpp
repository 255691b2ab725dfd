#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
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

    /// Calls `act` whenever a line that contains `part` is logged, by whoever logs it. While `act`
    /// runs nobody else can log.
    void call_at(std::string part, std::function<void()> act) const {
        sink_->call_at(std::move(part), std::move(act));
    }

  private:
    class Sink final : public spdlog::sinks::base_sink<std::mutex> {
      public:
        std::vector<std::string> lines() {
            const std::lock_guard lock(mutex_);
            return lines_;
        }

        void call_at(std::string part, std::function<void()> act) {
            const std::lock_guard lock(mutex_);
            part_ = std::move(part);
            act_ = std::move(act);
        }

      protected:
        void sink_it_(const spdlog::details::log_msg& message) override {
            const auto& line = lines_.emplace_back(message.payload.data(), message.payload.size());
            if (act_ && line.find(part_) != std::string::npos) {
                act_();
            }
        }

        void flush_() override {}

      private:
        std::vector<std::string> lines_;
        std::string part_;
        std::function<void()> act_;
    };

    std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
};

}  // namespace diglett::test
