#include "net/worker_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <exception>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <fmt/format.h>

#include "net/fatal.hpp"

namespace diglett::net {

namespace {

constexpr std::size_t kMaxThreadNameBytes = 15;  // pthread_setname_np(3)

/// One io_context with its thread; the guard keeps run() from returning while nothing is to do.
struct Worker {
    asio::io_context context{1};
    asio::executor_work_guard<Executor> guard{context.get_executor()};
    std::thread thread;
};

void run(asio::io_context& context) {
    try {
        context.run();
    } catch (const std::exception& error) {
        die_of_bug(fmt::format("'{}' left a handler", error.what()));
    }
}

}  // namespace

struct WorkerPool::Shared {
    std::vector<std::unique_ptr<Worker>> workers;
    std::atomic<std::size_t> turn = 0;
};

WorkerPool::WorkerPool(std::size_t count, std::string_view name)
    : shared_(std::make_unique<Shared>()) {
    for (std::size_t i = 0; i < count; ++i) {
        auto& worker = *shared_->workers.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread(run, std::ref(worker.context));
        const auto full_name = fmt::format("{}/{}", name, i).substr(0, kMaxThreadNameBytes);
        pthread_setname_np(worker.thread.native_handle(), full_name.c_str());
    }
}

WorkerPool::~WorkerPool() {
    stop();
    join();
}

std::size_t WorkerPool::size() const {
    return shared_->workers.size();
}

Executor WorkerPool::executor(std::size_t index) {
    return shared_->workers[index]->context.get_executor();
}

Executor WorkerPool::next() {
    return executor(shared_->turn.fetch_add(1, std::memory_order_relaxed) % size());
}

void WorkerPool::stop() {
    for (const auto& worker : shared_->workers) {
        worker->context.stop();
    }
}

void WorkerPool::join() {
    for (const auto& worker : shared_->workers) {
        if (worker->thread.joinable()) {
            worker->thread.join();
        }
    }
}

}  // namespace diglett::net
