#include "auth/grid/chain/twin_cache.hpp"

#include <algorithm>

namespace diglett::auth::grid {

std::optional<TwinCache::Known> TwinCache::find(std::uint32_t twin, TimePoint now) {
    const auto place = twins_.find(twin);
    if (place == twins_.end() || now >= place->second.until) {
        return std::nullopt;
    }
    return place->second.known;
}

void TwinCache::put(std::uint32_t twin, const Known& known, TimePoint now) {
    if (twins_.size() >= most_ && !twins_.contains(twin)) {
        make_room(now);
    }
    twins_.insert_or_assign(twin, Entry{.known = known,
                                        .until = now + (known ? kTwinLife : kNoTwinLife),
                                        .read_at = now,
                                        .looked_at = now});
}

TwinCache::Look TwinCache::look_again(std::uint32_t twin, TimePoint now) {
    const auto place = twins_.find(twin);
    if (place == twins_.end()) {
        return Look::Take;
    }
    if (now - place->second.read_at < kFreshReadEvery) {
        return Look::Believe;
    }
    if (now - place->second.looked_at < kFreshReadEvery) {
        return Look::Wait;
    }
    place->second.looked_at = now;
    return Look::Take;
}

void TwinCache::make_room(TimePoint now) {
    std::erase_if(twins_, [&](const auto& twin) { return now >= twin.second.until; });
    if (twins_.size() >= most_) {
        twins_.erase(std::ranges::min_element(twins_, {},
                                              [](const auto& twin) { return twin.second.until; }));
    }
}

}  // namespace diglett::auth::grid
