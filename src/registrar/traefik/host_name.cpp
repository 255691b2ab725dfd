#include "registrar/traefik/host_name.hpp"

#include <algorithm>

namespace diglett::registrar::traefik {

namespace {

constexpr std::size_t kMaxLabelBytes = 63;  // RFC 1035, section 2.3.4

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter_or_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

}  // namespace

bool is_host_label(std::string_view text) {
    return !text.empty() && text.size() <= kMaxLabelBytes && is_letter_or_digit(text.front()) &&
           is_letter_or_digit(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
    if (text.size() > kMaxHostBytes) {
        return false;
    }
    std::size_t begin = 0;
    while (true) {
        const auto dot = text.find('.', begin);
        const auto label = text.substr(begin, dot - begin);
        if (!is_host_label(label)) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return !std::ranges::all_of(label, is_digit);
        }
        begin = dot + 1;
    }
}

}  // namespace diglett::registrar::traefik
