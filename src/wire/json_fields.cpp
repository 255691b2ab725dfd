#include "wire/json_fields.hpp"

#include <utility>

#include <fmt/format.h>

#include "wire/byte_reader.hpp"
#include "wire/hex.hpp"
#include "wire/strict_json.hpp"

namespace diglett::wire {

namespace json = boost::json;

void JsonWriter::texts(std::string_view name, const std::vector<std::string>& values, std::size_t,
                       std::size_t, Need) {
    object_[name] = json::array(values.begin(), values.end());
}

void JsonWriter::bytes(std::string_view name, ByteView value, Need) {
    object_[name] = to_hex(value);
}

void JsonWriter::finish(ByteVector& out) const {
    append_bytes(as_bytes(json::serialize(object_)), out);
}

JsonReader::JsonReader(std::string_view message, ByteView payload) : message_(message) {
    auto object = parse_object(as_text(payload));
    if (object) {
        object_ = std::move(*object);
    } else {
        refuse(object.error());
    }
}

void JsonReader::flag(std::string_view name, bool& value, Need need) {
    const auto* const member = find(name, need);
    if (member == nullptr) {
        return;
    }
    if (!member->is_bool()) {
        return refuse(name, "is not true or false");
    }
    value = member->get_bool();
}

void JsonReader::text(std::string_view name, std::string& value, std::size_t max_bytes, Need need) {
    const auto* const member = find(name, need);
    if (member == nullptr) {
        return;
    }
    if (!member->is_string()) {
        return refuse(name, "is not a string");
    }
    if (member->get_string().size() > max_bytes) {
        return refuse(name, "is too long");
    }
    value = member->get_string();
}

void JsonReader::texts(std::string_view name, std::vector<std::string>& values,
                       std::size_t max_count, std::size_t max_bytes, Need need) {
    const auto* const member = find(name, need);
    if (member == nullptr) {
        return;
    }
    if (!member->is_array()) {
        return refuse(name, "is not an array");
    }
    const auto& array = member->get_array();
    if (array.size() > max_count) {
        return refuse(name, "has too many elements");
    }
    values.clear();
    for (const auto& element : array) {
        if (!element.is_string()) {
            return refuse(name, "holds something else than strings");
        }
        if (element.get_string().size() > max_bytes) {
            return refuse(name, "holds a string that is too long");
        }
        values.emplace_back(element.get_string());
    }
}

void JsonReader::bytes(std::string_view name, MutableBytes value, Need need) {
    const auto* const member = find(name, need);
    if (member == nullptr) {
        return;
    }
    if (!member->is_string() || !from_hex(member->get_string(), value)) {
        refuse(name, fmt::format("is not {} bytes in hexadecimal", value.size()));
    }
}

Status JsonReader::finish() const {
    if (error_) {
        return fail(Errc::ProtocolViolation, *error_);
    }
    return {};
}

const json::value* JsonReader::find(std::string_view name, Need need) {
    if (error_) {
        return nullptr;
    }
    const auto* const member = object_.if_contains(name);
    if (member == nullptr && need == Need::Required) {
        refuse(name, "is missing");
    }
    return member;
}

std::uint64_t JsonReader::number_up_to(std::uint64_t max, std::string_view name,
                                       std::uint64_t otherwise, Need need) {
    const auto* const member = find(name, need);
    if (member == nullptr) {
        return otherwise;
    }
    json::error_code error;
    const auto number = member->is_double() ? 0 : member->to_number<std::uint64_t>(error);
    if (member->is_double() || error || number > max) {
        refuse(name, fmt::format("is not an integer from 0 to {}", max));
        return otherwise;
    }
    return number;
}

void JsonReader::refuse(std::string_view what) {
    error_ = fmt::format("{}: {}", message_, what);
}

void JsonReader::refuse(std::string_view name, std::string_view what) {
    error_ = fmt::format("{}: \"{}\" {}", message_, name, what);
}

}  // namespace diglett::wire
