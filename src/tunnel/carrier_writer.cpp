#include "tunnel/carrier_writer.hpp"

#include <utility>

#include <fmt/format.h>

namespace diglett::tunnel {

CarrierWriter::CarrierWriter(net::Socket& socket, crypto::Channel& channel,
                             WorkerResources& resources)
    : socket_(socket), channel_(channel), resources_(resources) {}

void CarrierWriter::release() {
    sent_ = 0;
    resources_.give_output(std::exchange(output_, {}));
}

ByteVector& CarrierWriter::output() {
    if (output_.capacity() == 0) {
        output_ = resources_.take_output();
    }
    return output_;
}

Status CarrierWriter::send() {
    while (is_blocked()) {
        const auto rest = ByteView(output_).subspan(sent_);
        const auto result = socket_.write_some(rest);
        sent_ += result.bytes;
        if (result.state == net::IoResult::State::Failed) {
            return fail(Errc::ConnectionLost,
                        fmt::format("the connection broke: {}", net::errno_text(result.error)));
        }
        if (result.bytes < rest.size()) {
            return {};  // full, or nearly: the event loop tells when there is room again
        }
    }
    release();
    return {};
}

}  // namespace diglett::tunnel
