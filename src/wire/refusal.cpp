#include "wire/refusal.hpp"

#include <algorithm>
#include <array>

#include "wire/byte_reader.hpp"
#include "wire/json_fields.hpp"
#include "wire/limits.hpp"
#include "wire/text.hpp"

namespace diglett::wire {

namespace {

struct Row {
    RefusalCode code;
    std::string_view word;
    Errc errc;
};

// Whoever lost a session that can be opened anew tries again (2xxx); a credential or a name is a
// matter for people.
constexpr std::array kRows{
    Row{RefusalCode::Credential, "credential", Errc::CredentialRefused},
    Row{RefusalCode::Expired, "expired", Errc::CredentialExpired},
    Row{RefusalCode::TryLater, "try-later", Errc::TryLater},
    Row{RefusalCode::Undecided, "undecided", Errc::Undecided},
    Row{RefusalCode::Version, "version", Errc::UnsupportedVersion},
    Row{RefusalCode::Unknown, "unknown", Errc::ConnectionLost},
    Row{RefusalCode::Stale, "stale", Errc::ConnectionLost},
    Row{RefusalCode::Replaced, "replaced", Errc::NameReplaced},
    Row{RefusalCode::Revoked, "revoked", Errc::NameRevoked},
    Row{RefusalCode::Position, "position", Errc::ConnectionLost},
    Row{RefusalCode::Busy, "busy", Errc::TryLater},
    Row{RefusalCode::Elsewhere, "elsewhere", Errc::TryLater},
    Row{RefusalCode::NameInvalid, "name-invalid", Errc::NameInvalid},
    Row{RefusalCode::NameReserved, "name-reserved", Errc::NameReserved},
    Row{RefusalCode::NameTaken, "name-taken", Errc::NameTaken},
    Row{RefusalCode::NameInUse, "name-in-use", Errc::NameInUse},
    Row{RefusalCode::NameNotAllowed, "name-not-allowed", Errc::NameNotAllowed},
    Row{RefusalCode::TooManyNames, "too-many-names", Errc::TooManyNames},
    Row{RefusalCode::Protocol, "protocol", Errc::ProtocolViolation},
    Row{RefusalCode::Shutdown, "shutdown", Errc::TryLater},
    Row{RefusalCode::Restart, "restart", Errc::TryLater},
    Row{RefusalCode::KindUnsupported, "kind-unsupported", Errc::NameNotAllowed},
};

/// The row of `code`, or that of Unknown.
const Row& row_of(RefusalCode code) {
    const auto* const row = std::ranges::find(kRows, code, &Row::code);
    return row == kRows.end() ? row_of(RefusalCode::Unknown) : *row;
}

template <class Fields, class Message>
void describe_texts(Fields& fields, Message& message) {
    fields.text("text", message.text, kMaxRefusalTextBytes, kOptional);
    fields.number("retry_ms", message.retry_ms, kOptional);
}

}  // namespace

std::string_view to_string(RefusalCode code) {
    return row_of(code).word;
}

RefusalCode refusal_code_from(std::string_view word) {
    const auto* const row = std::ranges::find(kRows, word, &Row::word);
    return row == kRows.end() ? RefusalCode::Unknown : row->code;
}

std::chrono::milliseconds leave_time(const Refusal& go_away) {
    const std::chrono::milliseconds named =
        go_away.deadline_ms == 0 ? kDefaultLeave : std::chrono::milliseconds(go_away.deadline_ms);
    return std::min<std::chrono::milliseconds>(named, kMaxLeave) + kLeaveSlack;
}

Errc errc_of(RefusalCode code) {
    return row_of(code).errc;
}

void encode(const Refused& message, ByteVector& out) {
    append_be(static_cast<std::uint16_t>(message.code), out);
    JsonWriter writer;
    const Refused clipped{message.code, clip_text(message.text, kMaxRefusalTextBytes),
                          message.retry_ms};
    describe_texts(writer, clipped);
    writer.finish(out);
}

template <>
Result<Refused> decode<Refused>(ByteView payload) {
    ByteReader bytes(payload);
    const auto number = bytes.number<std::uint16_t>();
    JsonReader fields("Refused", bytes.take_rest());
    Refused message;
    message.code = row_of(static_cast<RefusalCode>(number)).code;
    describe_texts(fields, message);
    if (auto complete = fields.finish(); !complete) {
        return forward_error(complete);
    }
    return message;
}

void encode(const Refusal& message, ByteVector& out) {
    JsonWriter writer;
    writer.text("code", std::string(to_string(message.code)), 0, kRequired);
    const Refused clipped{message.code, clip_text(message.text, kMaxRefusalTextBytes),
                          message.retry_ms};
    describe_texts(writer, clipped);
    writer.number("deadline_ms", message.deadline_ms, kRequired);
    writer.finish(out);
}

template <>
Result<Refusal> decode<Refusal>(ByteView payload) {
    JsonReader fields("Error or GoAway", payload);
    Refusal message;
    std::string word;
    fields.text("code", word, kMaxKindBytes, kRequired);
    describe_texts(fields, message);
    fields.number("deadline_ms", message.deadline_ms, kOptional);
    if (auto complete = fields.finish(); !complete) {
        return forward_error(complete);
    }
    message.code = refusal_code_from(word);
    return message;
}

}  // namespace diglett::wire
