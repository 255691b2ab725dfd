#include "auth/grid/name.hpp"

#include <algorithm>

namespace diglett::auth::grid {

namespace {

constexpr std::size_t kMinBytes = 3;
constexpr std::size_t kMaxBytes = 64;
constexpr std::size_t kMaxLabelBytes = 63;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

bool is_chain_name(std::string_view name) {
    return name.size() >= kMinBytes && name.size() <= kMaxBytes &&
           std::ranges::all_of(name, is_name_character);
}

bool is_host_label(std::string_view chain_name) {
    return is_chain_name(chain_name) && chain_name.size() <= kMaxLabelBytes &&
           chain_name.find('_') == std::string_view::npos && chain_name.front() != '-' &&
           chain_name.back() != '-';
}

}  // namespace diglett::auth::grid
