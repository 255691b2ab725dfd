#include "auth/grid/chain/rpc_message.hpp"

#include <algorithm>
#include <utility>

#include "auth/grid/chain/limits.hpp"
#include "wire/hex.hpp"
#include "wire/strict_json.hpp"

namespace diglett::auth::grid {

namespace {

namespace json = boost::json;

constexpr std::size_t kHashDigits = 64;

std::optional<std::string_view> hex_digits(const json::value& value) {
    const json::string* text = value.if_string();
    if (text == nullptr || !std::string_view(*text).starts_with("0x")) {
        return std::nullopt;
    }
    return std::string_view(*text).substr(2);
}

std::optional<std::uint64_t> unsigned_of(const json::value* value) {
    if (value == nullptr || !value->is_number()) {
        return std::nullopt;
    }
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return error || value->is_double() ? std::nullopt : std::optional(number);
}

/// The words of a JSON-RPC error; nothing when it is none (JSON-RPC 2.0, section 5.1).
std::optional<std::string> error_words(const json::value& error) {
    const json::object* object = error.if_object();
    const json::value* code = object != nullptr ? object->if_contains("code") : nullptr;
    const json::value* message = object != nullptr ? object->if_contains("message") : nullptr;
    if (code == nullptr || !code->is_int64() || message == nullptr || !message->is_string()) {
        return std::nullopt;
    }
    const std::string_view text(message->get_string());
    return std::to_string(code->get_int64()) + " " + std::string(text.substr(0, kMaxNodeWordBytes));
}

}  // namespace

std::string write_request(std::uint64_t id, std::string_view method,
                          std::span<const std::string> params) {
    json::array list;
    for (const auto& param : params) {
        list.emplace_back(param);
    }
    const json::object request{
        {"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(list)}};
    return json::serialize(request);
}

std::optional<RpcReply> parse_reply(std::string_view text) {
    if (text.size() > kMaxAnswerBytes) {
        return std::nullopt;
    }
    auto object = wire::parse_object(text);
    if (!object) {
        return std::nullopt;
    }
    const json::value* version = object->if_contains("jsonrpc");
    const auto id = unsigned_of(object->if_contains("id"));
    json::value* result = object->if_contains("result");
    const json::value* error = object->if_contains("error");
    const bool is_version_2 = version != nullptr && version->is_string() &&
                              std::string_view(version->get_string()) == "2.0";
    if (!is_version_2 || !id || (result == nullptr) == (error == nullptr)) {
        return std::nullopt;
    }
    if (result != nullptr) {
        return RpcReply{.id = *id, .result = std::move(*result)};
    }
    auto words = error_words(*error);
    if (!words) {
        return std::nullopt;
    }
    return RpcReply{.id = *id, .result = std::unexpected(std::move(*words))};
}

std::optional<std::string> parse_hash(const json::value& result) {
    const auto digits = hex_digits(result);
    std::array<std::byte, kHashDigits / 2> bytes{};
    if (!digits || !wire::from_hex(*digits, bytes) ||
        std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; })) {
        return std::nullopt;
    }
    return "0x" + wire::to_hex(bytes);
}

std::optional<StorageValue> parse_storage(const json::value& result) {
    if (result.is_null()) {
        return StorageValue();
    }
    const auto digits = hex_digits(result);
    if (!digits) {
        return std::nullopt;
    }
    ByteVector bytes(digits->size() / 2);
    if (!wire::from_hex(*digits, bytes)) {
        return std::nullopt;
    }
    return StorageValue(std::move(bytes));
}

std::optional<RuntimeVersion> parse_runtime(const json::value& result) {
    const json::object* object = result.if_object();
    const json::value* name = object != nullptr ? object->if_contains("specName") : nullptr;
    const auto version =
        unsigned_of(object != nullptr ? object->if_contains("specVersion") : nullptr);
    if (name == nullptr || !name->is_string() || !version || *version > UINT32_MAX) {
        return std::nullopt;
    }
    return RuntimeVersion{.spec_name = std::string(std::string_view(name->get_string())),
                          .spec_version = static_cast<std::uint32_t>(*version)};
}

}  // namespace diglett::auth::grid
