#include "base/log.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/descriptor_sink.hpp"
#include "base/log_line.hpp"
#include "base/unique_fd.hpp"
#include "test/support/log_capture.hpp"

namespace diglett {
namespace {

using namespace std::chrono_literals;

LogLine line_with(std::string_view message, std::string_view scope = {}) {
    return {.time = std::chrono::sys_days{std::chrono::year{2026} / 2 / 3} + 4h + 5min + 6s + 7ms,
            .level = LogLevel::Info,
            .scope = scope,
            .message = message};
}

TEST(LogLine, WritesText) {
    EXPECT_EQ(format_log_line(LogFormat::Text, line_with("register domain 'a' -> '1'")),
              "2026-02-03T04:05:06.007Z INFO  register domain 'a' -> '1'\n");
    EXPECT_EQ(format_log_line(LogFormat::Text, line_with("message", "session 7")),
              "2026-02-03T04:05:06.007Z INFO  [session 7] message\n");
}

TEST(LogLine, WritesJson) {
    EXPECT_EQ(format_log_line(LogFormat::Json, line_with(R"(say "hi" \x0a)", "session \"7\"")),
              R"({"time":"2026-02-03T04:05:06.007Z","level":"info","scope":"session \"7\"",)"
              R"("message":"say \"hi\" \\x0a"})"
              "\n");
    EXPECT_EQ(format_log_line(LogFormat::Json, line_with("m")),
              "{\"time\":\"2026-02-03T04:05:06.007Z\",\"level\":\"info\",\"message\":\"m\"}\n");
}

TEST(LogLine, IsOneLineOfBoundedLengthWhateverTheMessage) {
    for (const auto format : {LogFormat::Text, LogFormat::Json}) {
        for (const char c : {'\n', '\x1b', '"', '\\', 'x', '\xff'}) {
            const std::string hostile(10'000, c);
            const auto line = format_log_line(format, line_with(hostile, hostile));
            EXPECT_LE(line.size(), kMaxLogLineBytes);
            EXPECT_EQ(line.find('\n'), line.size() - 1);
            EXPECT_EQ(line.find('\x1b'), std::string::npos);
        }
    }
}

TEST(Logger, WritesFromItsLevelUp) {
    const test::LogCapture capture;
    const auto logger = capture.logger(LogLevel::Info);
    logger.trace("trace {}", 1);
    logger.debug("debug {}", 2);
    logger.info("info {}", 3);
    logger.warn("warn {}", 4);
    logger.error("error {}", 5);
    EXPECT_EQ(capture.lines(), (std::vector<std::string>{"info 3", "warn 4", "error 5"}));
    EXPECT_TRUE(logger.enabled(LogLevel::Info));
    EXPECT_FALSE(logger.enabled(LogLevel::Debug));
}

TEST(Logger, DoesNotFormatTwice) {
    const test::LogCapture capture;
    capture.logger().info("{}", "braces {} and {0} of a peer");
    EXPECT_EQ(capture.lines(), (std::vector<std::string>{"braces {} and {0} of a peer"}));
}

TEST(Logger, DiscardsEverythingByDefault) {
    const Logger logger;
    EXPECT_FALSE(logger.enabled(LogLevel::Error));
    logger.error("nobody hears this");
}

TEST(Logger, TakesItsLevelFromTheDebugCount) {
    EXPECT_EQ(log_level_for(0), LogLevel::Info);
    EXPECT_EQ(log_level_for(1), LogLevel::Debug);
    EXPECT_EQ(log_level_for(2), LogLevel::Trace);
    EXPECT_EQ(log_level_for(9), LogLevel::Trace);
}

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    // The log's end blocks, as a real stderr does.
    EXPECT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string drain(const UniqueFd& from) {
    std::string all;
    std::array<char, 65536> some{};
    for (ssize_t got = 0; (got = ::read(from.get(), some.data(), some.size())) > 0;) {
        all.append(some.data(), static_cast<std::size_t>(got));
    }
    return all;
}

TEST(DescriptorLog, WritesWholeLinesWithTheirScope) {
    const auto pipe = make_pipe();
    const auto log = open_log({.descriptor = pipe.writer.get()});
    log.info("first");
    log.scoped("session 7").warn("second");
    const auto text = drain(pipe.reader);
    EXPECT_NE(text.find(" INFO  first\n"), std::string::npos) << text;
    EXPECT_NE(text.find(" WARN  [session 7] second\n"), std::string::npos) << text;
}

TEST(DescriptorLog, KeepsTheLinesOfThreadsApart) {
    const auto pipe = make_pipe();
    const auto log = open_log({.descriptor = pipe.writer.get()});
    {
        std::vector<std::jthread> threads;
        for (const char c : {'a', 'b', 'c'}) {
            threads.emplace_back([own = log.scoped(std::string(1, c)), c] {
                for (int i = 0; i < 50; ++i) {
                    own.info("{}", std::string(100, c));
                }
            });
        }
    }
    const auto text = drain(pipe.reader);
    for (const char c : {'a', 'b', 'c'}) {
        const auto line = fmt::format(" INFO  [{}] {}\n", c, std::string(100, c));
        std::size_t found = 0;
        for (auto at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) {
            ++found;
        }
        EXPECT_EQ(found, 50U);
    }
}

TEST(DescriptorLog, KeepsItsOwnCopyOfTheDescriptor) {
    auto pipe = make_pipe();
    const auto log = open_log({.descriptor = pipe.writer.get()});
    pipe.writer.reset();
    log.info("still here");
    EXPECT_NE(drain(pipe.reader).find("still here"), std::string::npos);
}

TEST(DescriptorLog, OfAClosedDescriptorSaysNothingToWhoHasItsNumberNext) {
    int number = -1;
    {
        const auto pipe = make_pipe();
        number = pipe.writer.get();
    }
    const auto log = open_log({.descriptor = number});
    auto next = make_pipe();
    ASSERT_EQ(next.writer.get(), number);
    log.error("to nobody");
    next.writer.reset();
    EXPECT_EQ(drain(next.reader), "");
}

TEST(DescriptorLog, SurvivesAReaderThatHasGone) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    auto pipe = make_pipe();
    const auto log = open_log({.descriptor = pipe.writer.get()});
    pipe.reader.reset();
    const auto began = Clock::now();
    for (int i = 0; i < 100; ++i) {
        log.error("line {}", i);
    }
    EXPECT_LT(Clock::now() - began, 2s);
    std::signal(SIGPIPE, before);
}

void fill_without_reading(const Logger& log) {
    const auto began = Clock::now();
    for (int i = 0; i < 2'000; ++i) {
        log.info("line {} {}", i, std::string(200, 'x'));
    }
    // One stall of 100 ms and no more; far above it because the machine may be busy.
    EXPECT_LT(Clock::now() - began, 5s);
}

TEST(DescriptorLog, NeverWaitsForAReaderThatHasStoppedAndCountsWhatWasLost) {
    const auto pipe = make_pipe();
    const auto log = open_log({.descriptor = pipe.writer.get()});
    fill_without_reading(log);
    const auto early = drain(pipe.reader);
    EXPECT_EQ(early.back(), '\n');
    EXPECT_EQ(early.find("lost"), std::string::npos);
    const auto written = std::count(early.begin(), early.end(), '\n');
    EXPECT_LT(written, 2'000);
    log.info("read again");
    const auto late = drain(pipe.reader);
    EXPECT_NE(late.find(fmt::format("WARN  {} log lines were lost", 2'000 - written)),
              std::string::npos)
        << late;
    EXPECT_NE(late.find("read again"), std::string::npos);
}

TEST(DescriptorLog, NeverWaitsForASocketEither) {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    fill_without_reading(open_log({.descriptor = writer.get()}));
}

}  // namespace
}  // namespace diglett
