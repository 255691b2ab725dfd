#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// A JSON message is described once, as a list of its members, and the list is walked by a writer
/// or a reader:
///
///     template <class Fields, class Message>
///     void describe(Fields& fields, Message& message) {
///         fields.number("port", message.port, kOptional);
///     }
///
/// For the sources of this folder only.
namespace diglett::wire {

/// Whether a reader refuses a message without the member, or leaves the field as it is. A writer
/// writes all members.
enum class Need : bool { Optional, Required };
inline constexpr Need kOptional = Need::Optional;
inline constexpr Need kRequired = Need::Required;

class JsonWriter {
  public:
    template <std::unsigned_integral T>
    void number(std::string_view name, const T& value, Need) {
        object_[name] = value;
    }

    void flag(std::string_view name, bool value, Need) { object_[name] = value; }

    void text(std::string_view name, const std::string& value, std::size_t, Need) {
        object_[name] = value;
    }

    void texts(std::string_view name, const std::vector<std::string>& values, std::size_t,
               std::size_t, Need);
    void bytes(std::string_view name, ByteView value, Need);

    /// Appends the object.
    void finish(ByteVector& out) const;

  private:
    boost::json::object object_;
};

class JsonReader {
  public:
    /// Parses `payload`, which must be one object and nothing else. `message` names it in errors
    /// and outlives this.
    JsonReader(std::string_view message, ByteView payload);

    template <std::unsigned_integral T>
    void number(std::string_view name, T& value, Need need) {
        value = static_cast<T>(number_up_to(std::numeric_limits<T>::max(), name, value, need));
    }

    void flag(std::string_view name, bool& value, Need need);
    void text(std::string_view name, std::string& value, std::size_t max_bytes, Need need);
    void texts(std::string_view name, std::vector<std::string>& values, std::size_t max_count,
               std::size_t max_bytes, Need need);
    void bytes(std::string_view name, MutableBytes value, Need need);

    /// @return the first thing that was wrong, as ProtocolViolation.
    [[nodiscard]] Status finish() const;

  private:
    /// The member, null when it is missing or an error was met before.
    [[nodiscard]] const boost::json::value* find(std::string_view name, Need need);

    [[nodiscard]] std::uint64_t number_up_to(std::uint64_t max, std::string_view name,
                                             std::uint64_t otherwise, Need need);
    void refuse(std::string_view what);
    void refuse(std::string_view name, std::string_view what);

    std::string_view message_;
    boost::json::object object_;
    std::optional<std::string> error_;
};

}  // namespace diglett::wire
