#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace diglett::routing {

/// Takes the members of one object in turn; the first mistake is kept.
class Fields {
  public:
    explicit Fields(const boost::json::value& value) : object_(value.if_object()) {
        if (object_ == nullptr) {
            mistake_ = "an object is expected";
        }
    }

    /// @return 0 if it is missing, no whole number, or above `max`.
    std::uint64_t number(std::string_view name, std::uint64_t max) {
        const boost::json::value* value = find(name);
        if (value == nullptr) {
            return 0;
        }
        std::uint64_t result = 0;
        if (const auto* positive = value->if_int64(); positive != nullptr && *positive >= 0) {
            result = static_cast<std::uint64_t>(*positive);
        } else if (const auto* large = value->if_uint64(); large != nullptr) {
            result = *large;
        } else {
            return bad(name);
        }
        return result <= max ? result : bad(name);
    }

    std::string text(std::string_view name) {
        const boost::json::value* value = find(name);
        const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
        if (text == nullptr) {
            bad(name);
            return {};
        }
        return {text->data(), text->size()};
    }

    bool flag(std::string_view name) {
        const boost::json::value* value = find(name);
        const bool* flag = value == nullptr ? nullptr : value->if_bool();
        return flag == nullptr ? bad(name) != 0 : *flag;
    }

    const boost::json::array* array(std::string_view name) {
        const boost::json::value* value = find(name);
        const boost::json::array* array = value == nullptr ? nullptr : value->if_array();
        if (array == nullptr) {
            bad(name);
        }
        return array;
    }

    [[nodiscard]] const std::string& mistake() const { return mistake_; }

    std::uint64_t bad(std::string_view name) {
        if (mistake_.empty()) {
            mistake_ = fmt::format("'{}' is missing or wrong", name);
        }
        return 0;
    }

  private:
    const boost::json::value* find(std::string_view name) {
        const boost::json::value* value = object_ == nullptr ? nullptr : object_->if_contains(name);
        if (value == nullptr) {
            bad(name);
        }
        return value;
    }

    const boost::json::object* object_;
    std::string mistake_;
};

}  // namespace diglett::routing
