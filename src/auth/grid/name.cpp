#include "auth/grid/name.hpp"

#include <algorithm>

#include "auth/grid/limits.hpp"

namespace diglett::auth::grid {

namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

bool is_chain_name(std::string_view name) {
    return name.size() >= kMinContractNameBytes && name.size() <= kMaxContractNameBytes &&
           std::ranges::all_of(name, is_name_character);
}

bool is_host_label(std::string_view chain_name) {
    return is_chain_name(chain_name) && chain_name.size() <= kMaxHostLabelBytes &&
           chain_name.find('_') == std::string_view::npos && chain_name.front() != '-' &&
           chain_name.back() != '-';
}

}  // namespace diglett::auth::grid
