#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "test/support/json_vectors.hpp"

/// Reading of test/vectors/v1 (its README says what is in them). Throws on what is not there: a
/// test without its vectors has failed.
namespace diglett::test {

inline boost::json::value load_v1_vectors(const std::string& name) {
    return load_vectors("v1/" + name);
}

/// The entry of keys.json called `name`.
inline boost::json::value v1_keys(std::string_view name) {
    const boost::json::value all = load_v1_vectors("keys.json");
    for (const boost::json::value& keys : all.at("sessions").as_array()) {
        if (text_at(keys, "name") == name) {
            return keys;
        }
    }
    throw std::out_of_range(std::string(name));
}

/// Bytes `offset` to `offset + size` of pattern(..., seed).
inline ByteVector v1_pattern(std::size_t size, std::size_t seed, std::size_t offset = 0) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        const std::size_t at = offset + i;
        bytes[i] = static_cast<std::byte>((at * 31 + (at >> 8U) * 17 + seed) & 0xffU);
    }
    return bytes;
}

/// The payload of a step of transcripts.json.
inline ByteVector v1_payload(const boost::json::value& step) {
    const std::size_t size = number_at(step, "size");
    if (step.as_object().contains("pattern_seed")) {
        return v1_pattern(size, number_at(step, "pattern_seed"));
    }
    if (step.as_object().contains("whole_pattern_seed")) {
        return v1_pattern(size, number_at(step, "whole_pattern_seed"),
                          number_at(step, "pattern_offset"));
    }
    return hex_at(step, "payload");
}

/// The plaintext that `from` ("agent" or "gateway") sends in a transcript.
inline ByteVector v1_plaintext(const boost::json::value& transcript, std::string_view from) {
    ByteVector bytes;
    for (const boost::json::value& step : transcript.at("steps").as_array()) {
        if (text_at(step, "from") != from) {
            continue;
        }
        ByteVector frame(7);
        frame[0] = static_cast<std::byte>(number_at(step, "kind"));
        store_be(static_cast<std::uint32_t>(number_at(step, "id")), MutableBytes(frame).subspan(1));
        store_be(static_cast<std::uint16_t>(number_at(step, "size")),
                 MutableBytes(frame).subspan(5));
        const ByteVector payload = v1_payload(step);
        frame.insert(frame.end(), payload.begin(), payload.end());
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    return bytes;
}

}  // namespace diglett::test
