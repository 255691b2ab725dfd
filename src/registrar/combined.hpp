#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "net/async.hpp"
#include "registrar/registrar.hpp"

namespace diglett::registrar {

/// Asks a registrar, and gives up at `deadline` whatever it does.
/// @return its answer, errors headed by its name; TimedOut.
[[nodiscard]] net::Awaitable<Result<std::unique_ptr<Registration>>> ask_until(
    std::shared_ptr<Registrar> registrar, Request request, TimePoint deadline);

/// The registrations of one name and generation with several registrars, undone in reverse at its
/// end. Those that failed without being required are asked again as long as it lives. On the
/// control executor.
///
/// While such a registrar does not have the name, an older generation's registration with it stands
/// in, if there is one that leads to the same port: the name keeps the route it has.
class Combined final : public Registration {
  public:
    /// What lives, of one set.
    using Living = std::map<std::pair<std::string, Generation>, Combined*>;

    /// @param request of which none lives in `living`.
    Combined(std::shared_ptr<Living> living, Request request, Logger logger);
    ~Combined() override;

    Combined(const Combined&) = delete;
    Combined& operator=(const Combined&) = delete;

    void add(const std::shared_ptr<Registrar>& registrar, std::unique_ptr<Registration> made);

    /// `registrar`, which is not required, does not have the name.
    void miss(const std::shared_ptr<Registrar>& registrar) { missing_.push_back(registrar); }

    /// Asks those again that miss() named, every `pause`, until they have it. Once.
    void pursue(net::Executor executor, Duration pause);

    [[nodiscard]] std::string url() const override;

  private:
    struct Pursuit;

    struct Part {
        const Registrar* registrar;  ///< Only to tell it from others.
        std::unique_ptr<Registration> made;
        bool stands_in = false;  ///< Of an older generation.
    };

    [[nodiscard]] static net::Awaitable<void> ask_again(std::shared_ptr<Pursuit> pursuit,
                                                        Duration pause);
    [[nodiscard]] bool misses(const Registrar* registrar) const;
    void settle(const std::shared_ptr<Registrar>& registrar,
                Result<std::unique_ptr<Registration>> answer);
    void hand_on();

    std::shared_ptr<Living> living_;
    Request request_;
    Logger logger_;
    std::vector<Part> parts_;
    std::vector<std::weak_ptr<Registrar>> missing_;
    std::shared_ptr<Pursuit> pursuit_;
};

}  // namespace diglett::registrar
