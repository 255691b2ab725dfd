#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "routing/lease.hpp"
#include "routing/limits.hpp"

namespace diglett::routing {

/// Who owns which name, kept in a file over restarts. Knows owners only; which live session holds a
/// name is the gateway's. Synchronous: a change of owner writes and syncs the file.
///
/// After a crash every stored reservation begins anew, so a name that was in use is never found
/// expired because the file was a little old.
class LeaseBook {
  public:
    struct Options {
        std::optional<std::filesystem::path> file{};  ///< None: memory only.
        std::size_t max_names_per_identity = kMaxNamesPerIdentity;
        std::size_t max_names = kMaxNames;
        std::chrono::seconds reservation = kReservation;
        Logger logger{};  ///< Hears when saving begins to fail and when it works again.
    };

    struct Granted {
        Generation generation;        ///< Above all that were given before, over restarts too.
        std::uint16_t last_port = 0;  ///< The port to bind again if it can be; 0: none.
    };

    /// A book without leases, in memory only.
    LeaseBook();

    /// Reads the file, if there is one.
    /// @param now expired reservations are dropped.
    /// @return CorruptState when the file holds anything but what this class writes,
    /// UnreadableFile;
    ///         nothing is changed then.
    [[nodiscard]] static Result<LeaseBook> open(Options options, WallTime now);

    /// As open(), but begins without leases (`--reset-leases`); an old file is kept as NAME.old.
    [[nodiscard]] static Result<LeaseBook> reset(Options options, WallTime now);

    LeaseBook(LeaseBook&&) noexcept;
    LeaseBook& operator=(LeaseBook&&) = delete;
    /// Saves; a failure is logged.
    ~LeaseBook();

    /// `identity` takes `name` in use, or keeps it when it is the owner already.
    /// @param name of right grammar (check_name_grammar).
    /// @param identity stable key of the owner; 1 to 1,024 bytes of ASCII.
    /// @param reserves whether the name stays `identity`'s after its release().
    /// @param now the wall clock; may jump.
    /// @return NameTaken while another identity holds it or has it reserved; TooManyNames when the
    ///         identity has its bound of names; LimitReached when the book is full; DiskFull when a
    ///         new owner could not be saved. After any error the book is as it was before.
    [[nodiscard]] Result<Granted> claim(std::string_view name, std::string_view identity,
                                        bool reserves, WallTime now);

    /// The name was published at `port`. Nothing for a name without lease.
    void touch(std::string_view name, std::uint16_t port, WallTime now);

    /// Nobody holds the name any more; it becomes a reservation, or free. Nothing for a name
    /// without lease.
    void release(std::string_view name, WallTime now);

    /// The name is free at once, whoever holds or has reserved it. Nothing for a name without
    /// lease.
    void forget(std::string_view name, WallTime now);

    /// Who holds `name` or has it reserved at `now`, or null; good until the next call that is not
    /// const.
    [[nodiscard]] const Lease* owner(std::string_view name, WallTime now) const;

    /// All leases, expired ones included; good until the next call that is not const.
    [[nodiscard]] const Leases& leases() const { return leases_; }

    /// The lease of `name`, be it expired, or null; good until the next call that is not const.
    [[nodiscard]] const Lease* find(std::string_view name) const;

    [[nodiscard]] std::size_t size() const { return leases_.size(); }

  private:
    explicit LeaseBook(Options options);

    [[nodiscard]] bool is_expired(const Lease& lease, WallTime now) const;
    void drop_expired(WallTime now);
    void put(std::string_view name, Lease lease);
    std::optional<Lease> take(std::string_view name);
    [[nodiscard]] Status check_room(std::string_view identity, WallTime now);
    [[nodiscard]] Result<Granted> grant_to_new_owner(std::string_view name, Lease lease,
                                                     WallTime now);
    [[nodiscard]] Status save(bool clean);
    void save_at_once(WallTime now);
    void save_lazily(WallTime now);

    Options options_;
    Leases leases_;
    std::map<std::string, std::size_t, std::less<>> names_of_;  ///< By identity, never zero.
    std::uint64_t last_generation_ = 0;
    bool unsaved_ = false;
    bool saving_fails_ = false;
    std::optional<WallTime> last_save_;
};

}  // namespace diglett::routing
