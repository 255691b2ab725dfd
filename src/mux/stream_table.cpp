#include "mux/stream_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace diglett::mux {

std::vector<StreamTable::Entry>::const_iterator StreamTable::locate(StreamId id) const {
    const auto found = std::ranges::lower_bound(entries_, id, {}, &Entry::id);
    return found != entries_.end() && found->id == id ? found : entries_.end();
}

StreamTable::Found StreamTable::find(StreamId id) const {
    const auto found = locate(id);
    return found == entries_.end() ? Found{} : Found{found->stream.get(), found->lingers};
}

StreamTable::Entry& StreamTable::entry(StreamId id) {
    const auto found = locate(id);
    DIGLETT_ASSERT(found != entries_.end());
    return entries_[static_cast<std::size_t>(found - entries_.begin())];
}

Stream& StreamTable::add(std::unique_ptr<Stream> stream) {
    DIGLETT_ASSERT(!is_visiting_ && (entries_.empty() || entries_.back().id < stream->id));
    const StreamId id = stream->id;
    ++stream_count_;
    return *entries_.emplace_back(Entry{id, false, std::move(stream)}).stream;
}

void StreamTable::remove(StreamId id, std::uint64_t position, std::uint64_t acked) {
    Entry& removed = entry(id);
    DIGLETT_ASSERT(removed.stream != nullptr);
    removed.stream.reset();
    removed.lingers = position > acked;
    --stream_count_;
    if (removed.lingers) {
        // Ends may leave the table later than their frame entered the journal; a longer stay of the
        // few behind them does no harm.
        const std::uint64_t last = lingering_.empty() ? 0 : lingering_.back().position;
        lingering_.push_back({id, std::max(position, last)});
    } else {
        compact();
    }
}

void StreamTable::release(std::uint64_t acked) {
    bool has_released = false;
    while (!lingering_.empty() && lingering_.front().position <= acked) {
        entry(lingering_.front().id).lingers = false;
        lingering_.pop_front();
        has_released = true;
    }
    if (has_released) {
        compact();
    }
}

void StreamTable::compact() {
    // Not before half of it is empty, so that each removal costs little on average.
    if (is_visiting_ || entries_.size() < 2 * remembered() + 16) {
        return;
    }
    std::erase_if(entries_, [](const Entry& e) { return e.stream == nullptr && !e.lingers; });
    if (entries_.capacity() > 4 * entries_.size() + 64) {
        entries_.shrink_to_fit();
    }
}

void StreamTable::clear() {
    entries_.clear();
    lingering_.clear();
    stream_count_ = 0;
}

}  // namespace diglett::mux
