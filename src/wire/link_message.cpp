#include "wire/link_message.hpp"

#include "wire/byte_reader.hpp"

namespace diglett::wire {

void encode(const Ack& message, ByteVector& out) {
    append_be(message.received, out);
    append_be(message.limit, out);
}

template <>
Result<Ack> decode<Ack>(ByteView payload) {
    ByteReader reader(payload);
    const Ack message{.received = reader.number<std::uint64_t>(),
                      .limit = reader.number<std::uint64_t>()};
    if (auto complete = reader.finish("Ack"); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Ping& message, ByteVector& out) {
    append_be(message.token, out);
}

template <>
Result<Ping> decode<Ping>(ByteView payload) {
    ByteReader reader(payload);
    const Ping message{.token = reader.number<std::uint64_t>()};
    if (auto complete = reader.finish("Ping"); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Resume& message, ByteVector& out) {
    append_bytes(message.session, out);
    append_be(message.epoch, out);
    append_be(message.received, out);
    append_be(message.limit, out);
    append_bytes(message.proof, out);
}

template <>
Result<Resume> decode<Resume>(ByteView payload) {
    ByteReader reader(payload);
    Resume message;
    reader.fill(message.session);
    message.epoch = reader.number<std::uint32_t>();
    message.received = reader.number<std::uint64_t>();
    message.limit = reader.number<std::uint64_t>();
    reader.fill(message.proof);
    if (auto complete = reader.finish("Resume"); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Resumed& message, ByteVector& out) {
    append_be(message.epoch, out);
    append_be(message.received, out);
    append_be(message.limit, out);
    append_bytes(message.proof, out);
}

template <>
Result<Resumed> decode<Resumed>(ByteView payload) {
    ByteReader reader(payload);
    Resumed message;
    message.epoch = reader.number<std::uint32_t>();
    message.received = reader.number<std::uint64_t>();
    message.limit = reader.number<std::uint64_t>();
    reader.fill(message.proof);
    if (auto complete = reader.finish("Resumed"); !complete) {
        return forward_error(complete);
    }
    return message;
}

}  // namespace diglett::wire
