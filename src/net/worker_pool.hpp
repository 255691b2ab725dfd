#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "net/async.hpp"

namespace diglett::net {

/// A fixed number of io_contexts, each run by one thread from construction to stop(). An exception
/// that leaves a handler is a bug: the process says so and aborts.
class WorkerPool {
  public:
    /// @param count 1 to 1,024 threads, named `name`/0, `name`/1, ... (15 characters count).
    WorkerPool(std::size_t count, std::string_view name);
    /// stop() and join().
    ~WorkerPool();

    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] Executor executor(std::size_t index);
    /// Workers in turn; any thread may ask.
    [[nodiscard]] Executor next();

    /// Makes every thread return after its present handler; what is still pending is destroyed with
    /// the pool. Stop tasks first (TaskGroup) for an orderly end. Any thread, any number of times.
    void stop();
    /// Waits for the threads; not from one of them.
    void join();

  private:
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

}  // namespace diglett::net
