#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "registrar/registrar.hpp"
#include "registrar/traefik/options.hpp"
#include "registrar/traefik/route_directory.hpp"

namespace diglett::registrar::traefik {

/// Publishes names through a running Traefik: one file a name in a directory that Traefik watches.
/// Ok means that the file is on disk; Traefik may need 2 s more (its providersThrottleDuration).
///
/// A thread of its own does the work on the disk, in the order of the calls, looks every second
/// whether the directory is still there, and tries again what could not be removed. The handles and
/// the registrar live on the control executor, which outlives them; destroying the registrar
/// removes what is left, as far as the disk lets it, and may wait for the disk.
class TraefikRegistrar final : public Registrar {
  public:
    struct Opened {
        std::unique_ptr<TraefikRegistrar> registrar;
        std::vector<Leftover> leftovers;  ///< Removed. Traefik may still route to their ports.
    };

    /// Opens and locks the directory and removes what an earlier run left in it. Blocks; to be
    /// called before anything listens.
    /// @return InvalidConfig naming the key; StateDirLocked when another gateway has the directory;
    ///         UnreadableFile or DiskFull, naming path and reason.
    [[nodiscard]] static Result<Opened> open(Options options,
                                             const std::filesystem::path& directory, Logger logger);

    /// Whether open() would find nothing wrong, but for another gateway; changes nothing.
    /// @return InvalidConfig naming the key, UnreadableFile or DiskFull naming the path.
    [[nodiscard]] static Status check(const Options& options,
                                      const std::filesystem::path& directory);

    ~TraefikRegistrar() override;

    [[nodiscard]] std::string_view name() const override { return "traefik"; }

    [[nodiscard]] bool publishes(std::string_view kind) const override;

    /// @return besides those of the disk: NameInvalid, NameNotAllowed for a kind that is not
    /// published, NameReplaced when a newer generation lives, TimedOut at `deadline`, Cancelled;
    /// TryLater at once when too much waits for the disk already.
    [[nodiscard]] net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(
        Request request, TimePoint deadline) override;

  private:
    class FileThread;
    class Handle;
    struct Ticket;

    TraefikRegistrar(Options options, RouteDirectory directory, const Logger& logger);

    Options options_;
    std::shared_ptr<FileThread> files_;  // shared with nobody: handles look whether it lives
};

}  // namespace diglett::registrar::traefik
