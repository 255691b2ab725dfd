#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace diglett::routing {

/// Whether `name` is `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`. Nothing else of the program sees a name
/// from outside before this has passed it. (protocol 9.1)
/// @return NameInvalid.
[[nodiscard]] Status check_name_grammar(std::string_view name);

/// Whether `name`, of right grammar, means something to browsers, mail, certificates or this
/// gateway itself, so that whoever has it can harm others (www, mail, wpad, mta-sts, ns1, ...), or
/// has `--` at its third and fourth place, which is how encoded names are spelled (RFC 5890,
/// section 2.3.1).
[[nodiscard]] bool is_reserved_name(std::string_view name);

/// Whether NamePolicy refuses encoded names: not where names are sold elsewhere one by one, so that
/// whoever asks owns just that name.
enum class EncodedNames { Reserved, Free };

/// Which names this gateway gives out at all, to whomever. Does not change once it is made.
class NamePolicy {
  public:
    /// No reserved name is allowed.
    NamePolicy() = default;

    /// @param allowed reserved names that may be used all the same.
    /// @return InvalidConfig, naming the entry, when one is no name.
    [[nodiscard]] static Result<NamePolicy> create(const std::vector<std::string>& allowed);

    /// @return NameInvalid or NameReserved, with words for the agent.
    [[nodiscard]] Status check(std::string_view name,
                               EncodedNames encoded = EncodedNames::Reserved) const;

  private:
    std::set<std::string, std::less<>> allowed_;
};

}  // namespace diglett::routing
