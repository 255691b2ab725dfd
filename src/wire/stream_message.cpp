#include "wire/stream_message.hpp"

#include "wire/byte_reader.hpp"
#include "wire/limits.hpp"
#include "wire/text.hpp"

namespace diglett::wire {

namespace {

std::size_t address_bytes(Address::Family family) {
    switch (family) {
        case Address::Family::IPv4:
            return 4;
        case Address::Family::IPv6:
            return 16;
        case Address::Family::None:
            return 0;
    }
    return 0;
}

void append_address(const Address& address, ByteVector& out) {
    append_be(static_cast<std::uint8_t>(address.family), out);
    append_be(address.port, out);
    append_bytes(ByteView(address.bytes).first(address_bytes(address.family)), out);
}

Result<Address> take_address(ByteReader& reader) {
    const auto family = reader.number<std::uint8_t>();
    if (family != 0 && family != 4 && family != 6) {
        return fail(Errc::ProtocolViolation, "Open: unknown address family");
    }
    Address address;
    address.family = static_cast<Address::Family>(family);
    address.port = reader.number<std::uint16_t>();
    reader.fill(address.bytes, address_bytes(address.family));
    return address;
}

ResetReason reason_of(std::uint16_t number) {
    return number <= static_cast<std::uint16_t>(ResetReason::Shutdown)
               ? static_cast<ResetReason>(number)
               : ResetReason::Aborted;
}

}  // namespace

void encode(const Open& message, ByteVector& out) {
    append_be(message.registration.value, out);
    append_be(message.flags, out);
    append_be(message.initial_limit, out);
    append_address(message.visitor, out);
    append_address(message.gateway, out);
}

template <>
Result<Open> decode<Open>(ByteView payload) {
    ByteReader reader(payload);
    Open message;
    message.registration.value = reader.number<std::uint32_t>();
    message.flags = reader.number<std::uint8_t>();
    message.initial_limit = reader.number<std::uint64_t>();
    for (auto* const address : {&message.visitor, &message.gateway}) {
        auto taken = take_address(reader);
        if (!taken) {
            return forward_error(taken);
        }
        *address = *taken;
    }
    if (auto complete = reader.finish("Open"); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Window& message, ByteVector& out) {
    append_be(message.limit, out);
}

template <>
Result<Window> decode<Window>(ByteView payload) {
    ByteReader reader(payload);
    const Window message{.limit = reader.number<std::uint64_t>()};
    if (auto complete = reader.finish("Window"); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Reset& message, ByteVector& out) {
    append_be(static_cast<std::uint16_t>(message.reason), out);
    append_bytes(as_bytes(clip_text(message.text, kMaxResetTextBytes)), out);
}

template <>
Result<Reset> decode<Reset>(ByteView payload) {
    ByteReader reader(payload);
    const auto reason = reason_of(reader.number<std::uint16_t>());
    const auto text = as_text(reader.take_rest());
    if (auto complete = reader.finish("Reset"); !complete) {
        return forward_error(complete);
    }
    if (text.size() > kMaxResetTextBytes) {
        return fail(Errc::ProtocolViolation, "Reset: text too long");
    }
    return Reset{.reason = reason, .text = std::string(text)};
}

}  // namespace diglett::wire
