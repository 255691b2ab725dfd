#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "net/async.hpp"

namespace diglett::test {

namespace detail {

template <class T>
net::Awaitable<void> keep_result(net::Awaitable<T> work, std::optional<T>& result) {
    result.emplace(co_await std::move(work));
}

inline net::Awaitable<void> mark_done(net::Awaitable<void> work, bool& done) {
    co_await std::move(work);
    done = true;
}

}  // namespace detail

/// Runs `work` on `context`, with all else that goes on there, until it has returned; 20 s at most.
/// Exceptions of `work` come out of here.
inline void run_coroutine(net::asio::io_context& context, net::Awaitable<void> work) {
    bool done = false;
    auto marked = detail::mark_done(std::move(work), done);
    net::asio::co_spawn(context.get_executor(), std::move(marked),
                        [](const std::exception_ptr& error) {
                            if (error) {
                                std::rethrow_exception(error);
                            }
                        });
    context.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done && std::chrono::steady_clock::now() < end &&
           context.run_one_for(std::chrono::milliseconds(100)) < 2) {
    }
    EXPECT_TRUE(done) << "the coroutine did not end";
}

/// Runs `work`, which needs nothing else, on an event loop of its own. @return what it returns.
template <class T>
T run_coroutine(net::Awaitable<T> work) {
    net::asio::io_context context;
    std::optional<T> result;
    auto kept = detail::keep_result(std::move(work), result);
    run_coroutine(context, std::move(kept));
    return std::move(result).value();
}

}  // namespace diglett::test
