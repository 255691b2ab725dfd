// Any bytes are a twin in its one encoding, or none.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "auth/grid/decide.hpp"
#include "auth/grid/twin.hpp"
#include "base/assert.hpp"
#include "test/support/scale_writer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace diglett;
    using namespace diglett::auth::grid;
    const auto value = std::as_bytes(std::span(data, size));
    const auto twin = decode_twin(value);
    DIGLETT_ASSERT(!twin || std::ranges::equal(test::encode(*twin), value));

    const PalletValue stored{.value = ByteVector(value.begin(), value.end()),
                             .pallet_version = ByteVector{std::byte{kKnownTwinPalletVersion}}};
    const std::uint32_t asked = twin ? twin->id : 1;
    const auto account = account_of(asked, stored, Rules{});
    if (account) {
        DIGLETT_ASSERT(twin && account->value == twin->account && twin->account != Account{});
    } else {
        DIGLETT_ASSERT(account.error().reason ==
                       (twin ? Reason::ZeroAccount : Reason::TwinUnreadable));
    }
    DIGLETT_ASSERT(!account_of(asked + 1, stored, Rules{}));
    return 0;
}
