#include "agent/known_gateways.hpp"

#include <fmt/format.h>

#include "agent/limits.hpp"
#include "base/file.hpp"

namespace diglett::agent {

namespace {

constexpr std::string_view kFileName = "known_gateways";

constexpr std::string_view kIntroduction =
    "# Gateways that this machine has met, and the keys they showed the first time.\n"
    "# Delete a line to accept a new key of that gateway.\n";

Result<std::string> read_known(const StateDir& state) {
    const auto path = state.file(kFileName);
    if (!may_exist(path)) {
        return std::string(kIntroduction);
    }
    return read_file(path, kMaxKnownGatewaysBytes);
}

}  // namespace

Result<KnownGateways> KnownGateways::load(const StateDir* state) {
    KnownGateways known(state);
    if (state == nullptr) {
        return known;
    }
    const auto text = read_known(*state);
    if (!text) {
        return forward_error(text);
    }
    auto pins = parse(*text, state->file(kFileName).string());
    if (!pins) {
        return forward_error(pins);
    }
    known.pins_ = std::move(*pins);
    return known;
}

Result<std::map<std::string, crypto::Pin>> KnownGateways::parse(std::string_view text,
                                                                std::string_view where) {
    std::map<std::string, crypto::Pin> pins;
    std::size_t line_number = 0;
    while (!text.empty()) {
        ++line_number;
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::size_t space = line.find(' ');
        auto pin = space == std::string_view::npos
                       ? Result<crypto::Pin>(fail(Errc::CorruptState, "no key"))
                       : crypto::Pin::parse(line.substr(space + 1));
        if (!pin) {
            return fail(Errc::CorruptState,
                        fmt::format("{}:{}: expected HOST:PORT sha256/KEY; mend or delete the line",
                                    where, line_number));
        }
        pins.insert_or_assign(std::string(line.substr(0, space)), *pin);
    }
    return pins;
}

std::optional<crypto::Pin> KnownGateways::find(const std::string& gateway) const {
    const auto known = pins_.find(gateway);
    return known == pins_.end() ? std::nullopt : std::optional(known->second);
}

Status KnownGateways::add(const std::string& gateway, const crypto::Pin& pin) {
    pins_.insert_or_assign(gateway, pin);
    if (state_ == nullptr) {
        return {};
    }
    unwritten_.insert(gateway);
    auto written = write(gateway, pin);
    if (written || written.error().code == Errc::GatewayKeyChanged) {
        unwritten_.erase(gateway);
    }
    return written;
}

Status KnownGateways::write(const std::string& gateway, const crypto::Pin& pin) {
    const auto lock = state_->lock(kKnownGatewaysPatience);
    if (!lock) {
        return forward_error(lock);
    }
    auto text = read_known(*state_);
    if (!text) {
        return forward_error(text);
    }
    const auto others = parse(*text, where());
    if (!others) {
        return forward_error(others);
    }
    if (const auto known = others->find(gateway); known != others->end()) {
        pins_.insert_or_assign(gateway, known->second);
        return known->second == pin
                   ? Status{}
                   : fail(Errc::GatewayKeyChanged, "another agent has met it with another key");
    }
    if (!text->empty() && text->back() != '\n') {
        *text += '\n';  // people's editors do not always end the last line
    }
    *text += fmt::format("{} {}\n", gateway, pin.to_text());
    return write_file_atomically(state_->file(kFileName), *text);
}

std::string KnownGateways::where() const {
    return state_ == nullptr ? "memory" : state_->file(kFileName).string();
}

}  // namespace diglett::agent
