#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "registrar/traefik/route_directory.hpp"

namespace diglett::registrar::traefik {

/// Says which files of others stand where names of ours may want to.
void warn_of_foreign(const Logger& logger, const RouteDirectory& directory, const Swept& swept);

/// Makes the directory hold what the living registrations want: for each name the file of its
/// newest generation, and none when there is none. What the disk refuses stays open and is tried
/// again by tick(). Every call may block on the disk; one thread at a time.
class RouteKeeper {
  public:
    RouteKeeper(RouteDirectory directory, Logger logger);

    /// A registration to be.
    struct Claim {
        std::string name;
        Generation generation;
        std::string content;              ///< Of the name's file.
        std::shared_ptr<void> port_hold;  ///< As registrar::Request has it.
    };

    /// Begins a registration, which lives until end(). @return DiskFull or UnreadableFile when its
    /// file could not be put in place, NameReplaced when a newer one lives; it does not live then,
    /// and an older one stays as it was. One claim in the minute after the directory was made anew
    /// fails with words that say so: Traefik may still watch the old one.
    [[nodiscard]] Status begin(Claim claim);

    /// Ends a registration; does nothing if it does not live.
    void end(const std::string& name, Generation generation);

    /// Looks after the directory and tries again what is open. To be called every second.
    void tick();

    /// Ends all registrations; what cannot be removed now stays for the next start.
    void end_all();

    /// Names that live or are not removed yet.
    [[nodiscard]] std::size_t size() const { return names_.size(); }

  private:
    struct Living {
        std::string content;
        std::shared_ptr<void> port_hold;
    };

    struct Name {
        std::map<Generation, Living> living;
        /// Those of registrations that ended while the directory may still have their route.
        std::vector<std::shared_ptr<void>> ended_holds;
        bool settled = false;  ///< The directory has what is wanted.
        bool overdue = false;  ///< It could not be brought about at once.
    };

    using Names = std::map<std::string, Name, std::less<>>;

    [[nodiscard]] Status look_after_directory();
    [[nodiscard]] Status settle(Names::iterator at);
    void bring_about(Names::iterator at);
    void end(Names::iterator at, Generation generation);
    void sweep();
    void complain(const Error& error);

    RouteDirectory directory_;
    Logger logger_;
    Names names_;
    TimePoint next_complaint_ = TimePoint::min();
    TimePoint tell_until_ = TimePoint::min();  ///< Claims fail: the directory was made anew.
    bool sweep_due_ = false;                   ///< There may be files of nobody in it.
};

}  // namespace diglett::registrar::traefik
