#include "auth/grid/twin.hpp"

#include "auth/grid/limits.hpp"
#include "auth/grid/scale.hpp"

namespace diglett::auth::grid {

namespace {

ByteVector copy(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

std::vector<Twin::Entity> read_entities(ScaleReader& reader) {
    std::vector<Twin::Entity> entities;
    // A count that promises more than there is ends with the first that is missing.
    for (auto left = reader.compact(); left > 0 && reader.ok(); --left) {
        auto& entity = entities.emplace_back();
        entity.id = reader.number<std::uint32_t>();
        entity.signature = copy(reader.bytes());
    }
    return entities;
}

}  // namespace

std::optional<Twin> decode_twin(ByteView value) {
    ScaleReader reader(value);
    Twin twin;
    twin.id = reader.number<std::uint32_t>();
    twin.account = reader.fixed<32>();
    if (reader.is_some()) {
        twin.relay = as_text(reader.bytes(kMaxRelayBytes));
    }
    twin.entities = read_entities(reader);
    if (reader.is_some()) {
        twin.encryption_key = copy(reader.bytes(kMaxEncryptionKeyBytes));
    }
    return reader.finished() ? std::optional(std::move(twin)) : std::nullopt;
}

}  // namespace diglett::auth::grid
