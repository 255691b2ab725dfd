#include "wire/session_message.hpp"

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "wire/json_fields.hpp"
#include "wire/limits.hpp"

namespace diglett::wire {

namespace {

template <class Fields, class Message>
    requires std::same_as<std::remove_const_t<Message>, Hello>
void describe(Fields& fields, Message& message) {
    fields.number("min_version", message.min_version, kRequired);
    fields.number("max_version", message.max_version, kRequired);
    fields.texts("features", message.features, kMaxFeatures, kMaxFeatureBytes, kOptional);
    fields.text("software", message.software, kMaxSoftwareBytes, kOptional);
    fields.number("link_limit", message.link_limit, kRequired);
    fields.number("stream_limit", message.stream_limit, kRequired);
}

template <class Fields, class Message>
    requires std::same_as<std::remove_const_t<Message>, Login>
void describe(Fields& fields, Message& message) {
    fields.bytes("agent_key", message.agent_key, kRequired);
    fields.bytes("agent_signature", message.agent_signature, kRequired);
    fields.bytes("instance", message.instance, kRequired);
    fields.text("token", message.token, kMaxTokenBytes, kOptional);
}

template <class Fields, class Message>
    requires std::same_as<std::remove_const_t<Message>, Welcome>
void describe(Fields& fields, Message& message) {
    fields.bytes("session", message.session, kRequired);
    fields.number("grace_ms", message.grace_ms, kRequired);
    fields.text("identity", message.identity, kMaxIdentityBytes, kRequired);
    fields.number("max_streams", message.max_streams, kRequired);
    fields.number("max_registrations", message.max_registrations, kRequired);
    fields.texts("next_pins", message.next_pins, kMaxNextPins, kMaxPinBytes, kOptional);
}

template <class Fields, class Message>
    requires std::same_as<std::remove_const_t<Message>, Register>
void describe(Fields& fields, Message& message) {
    fields.text("name", message.name, kMaxNameBytes, kRequired);
    fields.text("kind", message.kind, kMaxKindBytes, kOptional);
    fields.flag("takeover", message.takeover, kOptional);
}

template <class Fields, class Message>
    requires std::same_as<std::remove_const_t<Message>, Registered>
void describe(Fields& fields, Message& message) {
    fields.text("name", message.name, kMaxNameBytes, kRequired);
    fields.number("generation", message.generation, kOptional);
    fields.text("url", message.url, kMaxUrlBytes, kOptional);
    fields.number("port", message.port, kOptional);
}

/// A gateway's URL ends at terminals and in scripts, which take a space or line end for their own.
bool is_url(std::string_view text) {
    const auto rest = text.starts_with("https://")  ? text.substr(8)
                      : text.starts_with("http://") ? text.substr(7)
                                                    : std::string_view();
    return !rest.empty() && std::ranges::all_of(rest, [](char c) { return c > ' ' && c <= '~'; });
}

template <class Message>
void write(const Message& message, ByteVector& out) {
    JsonWriter writer;
    describe(writer, message);
    writer.finish(out);
}

template <class Message>
Result<Message> read(std::string_view name, ByteView payload) {
    JsonReader reader(name, payload);
    Message message;
    describe(reader, message);
    if (auto complete = reader.finish(); !complete) {
        return forward_error(complete);
    }
    return message;
}

}  // namespace

void encode(const Hello& message, ByteVector& out) {
    write(message, out);
}

void encode(const Login& message, ByteVector& out) {
    write(message, out);
}

void encode(const Welcome& message, ByteVector& out) {
    write(message, out);
}

void encode(const Register& message, ByteVector& out) {
    write(message, out);
}

void encode(const Registered& message, ByteVector& out) {
    write(message, out);
}

template <>
Result<Hello> decode<Hello>(ByteView payload) {
    return read<Hello>("Hello", payload);
}

template <>
Result<Login> decode<Login>(ByteView payload) {
    return read<Login>("Login", payload);
}

template <>
Result<Welcome> decode<Welcome>(ByteView payload) {
    return read<Welcome>("Welcome", payload);
}

template <>
Result<Register> decode<Register>(ByteView payload) {
    return read<Register>("Register", payload);
}

template <>
Result<Registered> decode<Registered>(ByteView payload) {
    auto answer = read<Registered>("Ok", payload);
    if (answer && !answer->url.empty() && !is_url(answer->url)) {
        return fail(Errc::ProtocolViolation,
                    "Ok: \"url\" is not an http(s) URL in printable ASCII");
    }
    return answer;
}

}  // namespace diglett::wire
