#include "base/log.hpp"

#include <spdlog/sinks/null_sink.h>

#include "base/descriptor_sink.hpp"

namespace diglett {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::Trace:
            return spdlog::level::trace;
        case LogLevel::Debug:
            return spdlog::level::debug;
        case LogLevel::Info:
            return spdlog::level::info;
        case LogLevel::Warning:
            return spdlog::level::warn;
        case LogLevel::Error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

LogLevel log_level_for(std::size_t debug_count) {
    if (debug_count == 0) {
        return LogLevel::Info;
    }
    return debug_count == 1 ? LogLevel::Debug : LogLevel::Trace;
}

Logger::Logger()
    : to_(std::make_shared<spdlog::logger>(std::string(),
                                           std::make_shared<spdlog::sinks::null_sink_mt>())) {
    to_->set_level(spdlog::level::off);
}

Logger::Logger(spdlog::sink_ptr sink, LogLevel level)
    : to_(std::make_shared<spdlog::logger>(std::string(), std::move(sink))) {
    to_->set_level(to_spdlog(level));
}

Logger Logger::scoped(std::string scope) const {
    return Logger(to_->clone(std::move(scope)));
}

bool Logger::enabled(LogLevel level) const {
    return to_->should_log(to_spdlog(level));
}

void Logger::write(LogLevel level, std::string_view message) const {
    to_->log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

Logger open_log(const LogOptions& options) {
    return Logger(std::make_shared<DescriptorSink>(options.format, options.descriptor),
                  options.level);
}

}  // namespace diglett
