#include "routing/lease_book.hpp"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "routing/lease_file.hpp"
#include "routing/name.hpp"

namespace diglett::routing {

namespace {

Result<StoredLeases> read_lease_file(const std::filesystem::path& path) {
    const auto text = read_file(path, kMaxLeaseFileBytes);
    if (!text) {
        return forward_error(text);
    }
    auto stored = decode_leases(*text);
    if (!stored) {
        return fail(Errc::CorruptState,
                    fmt::format("lease file '{}': {}; mend it, or start once with --reset-leases, "
                                "which frees every name",
                                escape(path.native()), stored.error().text));
    }
    return stored;
}

}  // namespace

LeaseBook::LeaseBook() : LeaseBook(Options{}) {}

LeaseBook::LeaseBook(Options options) : options_(std::move(options)) {}

LeaseBook::LeaseBook(LeaseBook&& other) noexcept
    : options_(std::move(other.options_)),
      leases_(std::move(other.leases_)),
      names_of_(std::move(other.names_of_)),
      last_generation_(other.last_generation_),
      unsaved_(std::exchange(other.unsaved_, false)),
      saving_fails_(other.saving_fails_),
      last_save_(other.last_save_) {
    other.options_.file.reset();  // the file is ours now
}

LeaseBook::~LeaseBook() {
    // Names still held have an old last use, which only the reader of an unclean file sets right.
    const bool all_released = std::none_of(leases_.begin(), leases_.end(),
                                           [](const auto& entry) { return entry.second.held; });
    if (last_save_ || unsaved_) {
        std::ignore = save(all_released);  // has told the log
    }
}

Result<LeaseBook> LeaseBook::open(Options options, WallTime now) {
    LeaseBook book(std::move(options));
    if (!book.options_.file || !may_exist(*book.options_.file)) {
        return book;
    }
    auto stored = read_lease_file(*book.options_.file);
    if (!stored) {
        return forward_error(stored);
    }
    book.leases_ = std::move(stored->leases);
    book.last_generation_ = stored->last_generation + (stored->clean ? 0 : kUnsavedGenerations);
    for (auto& [name, lease] : book.leases_) {
        lease.last_used = stored->clean ? std::min(lease.last_used, now) : now;
        ++book.names_of_[lease.identity];
    }
    book.drop_expired(now);
    return book;
}

Result<LeaseBook> LeaseBook::reset(Options options, WallTime now) {
    LeaseBook book(std::move(options));
    // Above any generation of before, unless names changed owner more than once a second for ever.
    book.last_generation_ = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()));
    if (!book.options_.file) {
        return book;
    }
    const auto& path = *book.options_.file;
    if (may_exist(path)) {
        auto old = path;
        old += ".old";
        std::error_code error;
        std::filesystem::rename(path, old, error);
        if (error) {
            return fail(Errc::UnreadableFile, fmt::format("cannot move '{}' away: {}",
                                                          escape(path.native()), error.message()));
        }
    }
    book.save_at_once(now);
    return book;
}

Result<LeaseBook::Granted> LeaseBook::claim(std::string_view name, std::string_view identity,
                                            bool reserves, WallTime now) {
    DIGLETT_ASSERT(check_name_grammar(name).has_value());
    DIGLETT_ASSERT(!identity.empty() && identity.size() <= kMaxIdentityBytes);
    const auto known = leases_.find(name);
    if (known != leases_.end() && known->second.identity == identity) {
        Lease& lease = known->second;
        lease.generation.value = ++last_generation_;
        lease.held = true;
        lease.reserved = reserves;
        lease.last_used = now;
        save_lazily(now);
        return Granted{.generation = lease.generation, .last_port = lease.last_port};
    }
    if (known != leases_.end() && !is_expired(known->second, now)) {
        return fail(Errc::NameTaken, fmt::format("the name '{}' belongs to somebody else", name));
    }
    if (auto room = check_room(identity, now); !room) {
        return forward_error(room);
    }
    return grant_to_new_owner(name,
                              Lease{.identity = std::string(identity),
                                    .generation = {},
                                    .last_port = 0,
                                    .last_used = now,
                                    .held = true,
                                    .reserved = reserves},
                              now);
}

Status LeaseBook::check_room(std::string_view identity, WallTime now) {
    const auto count = [&] {
        const auto names = names_of_.find(identity);
        return names == names_of_.end() ? 0 : names->second;
    };
    if (count() >= options_.max_names_per_identity || leases_.size() >= options_.max_names) {
        drop_expired(now);
    }
    if (count() >= options_.max_names_per_identity) {
        return fail(Errc::TooManyNames,
                    fmt::format("{} names are held or reserved for you, which is the most",
                                options_.max_names_per_identity));
    }
    if (leases_.size() >= options_.max_names) {
        return fail(Errc::LimitReached, "the gateway has no room for another name");
    }
    return {};
}

Result<LeaseBook::Granted> LeaseBook::grant_to_new_owner(std::string_view name, Lease lease,
                                                         WallTime now) {
    const auto expired = take(name);
    // Raised even if saving fails: the number may stand in the file by then (an fsync that failed).
    lease.generation.value = ++last_generation_;
    const Granted granted{.generation = lease.generation, .last_port = 0};
    put(name, std::move(lease));
    save_at_once(now);
    if (!unsaved_) {
        return granted;
    }
    std::ignore = take(name);
    if (expired) {
        put(name, *expired);
    }
    return fail(Errc::DiskFull, fmt::format("the gateway cannot store the name '{}' now", name));
}

void LeaseBook::touch(std::string_view name, std::uint16_t port, WallTime now) {
    const auto entry = leases_.find(name);
    if (entry == leases_.end()) {
        return;
    }
    const bool moved = std::exchange(entry->second.last_port, port) != port;
    entry->second.last_used = now;
    if (moved && entry->second.reserved) {
        save_at_once(now);
    } else {
        save_lazily(now);
    }
}

void LeaseBook::release(std::string_view name, WallTime now) {
    const auto entry = leases_.find(name);
    if (entry == leases_.end()) {
        return;
    }
    entry->second.held = false;
    entry->second.last_used = now;
    if (!entry->second.reserved) {
        std::ignore = take(name);
    }
    save_lazily(now);
}

void LeaseBook::forget(std::string_view name, WallTime now) {
    if (take(name)) {
        save_at_once(now);
    }
}

const Lease* LeaseBook::owner(std::string_view name, WallTime now) const {
    const Lease* lease = find(name);
    return lease == nullptr || is_expired(*lease, now) ? nullptr : lease;
}

const Lease* LeaseBook::find(std::string_view name) const {
    const auto entry = leases_.find(name);
    return entry == leases_.end() ? nullptr : &entry->second;
}

bool LeaseBook::is_expired(const Lease& lease, WallTime now) const {
    return !lease.held && now - lease.last_used >= options_.reservation;
}

void LeaseBook::drop_expired(WallTime now) {
    for (auto entry = leases_.begin(); entry != leases_.end();) {
        const auto here = entry++;
        if (is_expired(here->second, now)) {
            std::ignore = take(here->first);
        }
    }
}

void LeaseBook::put(std::string_view name, Lease lease) {
    ++names_of_[lease.identity];
    leases_.insert_or_assign(std::string(name), std::move(lease));
}

std::optional<Lease> LeaseBook::take(std::string_view name) {
    const auto entry = leases_.find(name);
    if (entry == leases_.end()) {
        return std::nullopt;
    }
    Lease lease = std::move(entry->second);
    leases_.erase(entry);
    const auto names = names_of_.find(lease.identity);
    if (--names->second == 0) {
        names_of_.erase(names);
    }
    return lease;
}

Status LeaseBook::save(bool clean) {
    if (!options_.file) {
        return {};
    }
    auto written =
        write_file_atomically(*options_.file, encode_leases(leases_, last_generation_, clean));
    if (!written && !saving_fails_) {
        options_.logger.error("{}: {}: names in use go on, new ones are refused",
                              dig_code(written.error().code), written.error().text);
    }
    if (written && saving_fails_) {
        options_.logger.info("the lease file is written again");
    }
    saving_fails_ = !written.has_value();
    return written;
}

void LeaseBook::save_at_once(WallTime now) {
    unsaved_ = !save(false).has_value();
    last_save_ = now;
}

void LeaseBook::save_lazily(WallTime now) {
    unsaved_ = true;
    // A clock that was set back counts as time passed.
    if (!last_save_ || now < *last_save_ || now - *last_save_ >= kLazySave) {
        save_at_once(now);
    }
}

}  // namespace diglett::routing
