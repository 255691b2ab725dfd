// Protocol 1: the input is a program. It feeds a handshake to both roles, then drives a V1Link
// through a conversation, frames, raw bytes, outside ends and time. Nothing may crash, nothing may
// grow without bound, and no visitor may get a byte that was not sent to its own id.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/v1_channel.hpp"
#include "mux/v1_link.hpp"
#include "wire/frame_codec.hpp"

namespace {

using namespace diglett;
using mux::IoResult;
using mux::Role;
using mux::V1Link;
using wire::FrameKind;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// What the fuzzer chooses from; zeros when it is used up.
class Choices {
  public:
    explicit Choices(ByteView input) : input_(input) {}

    [[nodiscard]] bool empty() const { return input_.empty(); }

    std::uint8_t byte() {
        if (input_.empty()) {
            return 0;
        }
        const auto value = std::to_integer<std::uint8_t>(input_.front());
        input_ = input_.subspan(1);
        return value;
    }

    ByteView bytes(std::size_t count) {
        const ByteView taken = input_.first(std::min(count, input_.size()));
        input_ = input_.subspan(taken.size());
        return taken;
    }

  private:
    ByteView input_;
};

/// An outside end that takes and sends as the program says.
class Outside final : public mux::StreamIo {
  public:
    IoResult read(std::span<const MutableBytes> segments) override {
        require(!is_gone);
        if (is_broken) {
            return {0, IoResult::State::Failed};
        }
        const std::size_t count = std::min(to_read, segments.front().size());
        std::fill_n(segments.front().begin(), count, std::byte{'r'});
        to_read -= count;
        if (to_read > 0) {
            return {count, IoResult::State::Ready};
        }
        return {count, sends_fin ? IoResult::State::End : IoResult::State::Blocked};
    }

    IoResult write(std::span<const ByteView> segments) override {
        require(!is_gone && !got_fin);
        if (is_broken) {
            return {0, IoResult::State::Failed};
        }
        std::size_t total = 0;
        for (const ByteView segment : segments) {
            const std::size_t count = std::min(room, segment.size());
            for (const std::byte value : segment.first(count)) {
                require(std::to_integer<std::uint8_t>(value) == mark);
            }
            room -= count;
            total += count;
        }
        return {total, room == 0 ? IoResult::State::Blocked : IoResult::State::Ready};
    }

    void want_read() override { require(!is_gone); }

    void want_write() override { require(!is_gone); }

    void shutdown_write() override {
        require(!is_gone && !got_fin);
        got_fin = true;
    }

    void finish() override {
        require(!is_gone && got_fin);
        is_gone = true;
    }

    void abort(wire::ResetReason /*reason*/) override {
        require(!is_gone);
        is_gone = true;
    }

    std::size_t to_read = 0;
    std::size_t room = 0;
    std::uint8_t mark = 0;  ///< Every byte sent to this stream.
    bool sends_fin = false;
    bool is_broken = false;
    bool got_fin = false;
    bool is_gone = false;
};

/// The mark of a wire id: payloads made by the program carry it in every byte.
std::uint8_t mark_of(std::uint32_t id) {
    return static_cast<std::uint8_t>(id * 37 + (id >> 16U) + 1);
}

class Program final : public mux::MultiplexerEvents {
  public:
    Program(Role role, ByteView input)
        : choices_(input), role_(role), link_(options(), *this, now_) {}

    void on_open(StreamId stream, const wire::Open& /*open*/) override {
        require(role_ == Role::Agent);
        const std::uint8_t choice = choices_.byte();
        if (choice % 4 == 0) {
            link_.reset(stream, wire::ResetReason::BackendRefused, "");
            return;
        }
        streams_.push_back(stream);
        marks_[stream.value] = mark_of(fed_id_);
        if (choice % 4 == 1) {
            attach(stream);
        }
    }

    Status on_message(FrameKind kind, std::uint32_t /*id*/, ByteView /*payload*/) override {
        if (kind == FrameKind::Login || kind == FrameKind::Register) {
            return link_.send_message(FrameKind::Ok, 0, {});
        }
        return {};
    }

    void on_stream_ended(StreamId stream) override {
        require(ended_.emplace(stream.value, true).second);
    }

    void run() {
        if (choices_.byte() % 8 != 0) {
            sign_on();
        }
        while (!choices_.empty() && alive_) {
            step();
            require(link_.spilled_bytes() <= 4 * kBound);
            require(link_.stream_count() <= kStreams);
        }
        link_.abort_all(wire::ResetReason::SessionEnded);
        require(link_.stream_count() == 0 && link_.spilled_bytes() == 0);
        for (const auto& [id, io] : ios_) {
            require(io->is_gone);
        }
    }

  private:
    static constexpr std::size_t kBound = 2 * mux::kV1ResumeBytes;
    static constexpr std::size_t kStreams = 40;

    [[nodiscard]] V1Link::Options options() const {
        V1Link::Options options;
        options.role = role_;
        options.max_streams = kStreams;
        options.stream_spill_bytes = kBound;
        options.session_spill_bytes = kBound;
        return options;
    }

    void sign_on() {
        for (const FrameKind kind :
             {FrameKind::Login, FrameKind::Register, FrameKind::FinishRegister}) {
            if (role_ == Role::Gateway) {
                feed(kind, 0, {});
            } else {
                alive_ = alive_ && link_.send_message(kind, 0, {}).has_value();
                if (kind != FrameKind::FinishRegister) {
                    feed(FrameKind::Ok, 0, {});
                }
            }
        }
    }

    void step() {
        switch (choices_.byte() % 10) {
            case 0:
                raw();
                break;
            case 1:
                feed(static_cast<FrameKind>(choices_.byte()), id(),
                     choices_.bytes(choices_.byte()));
                break;
            case 2:
            case 3:
                payload();
                break;
            case 4:
                feed(FrameKind::End, id(), {});
                break;
            case 5:
                outside();
                break;
            case 6:
                take();
                break;
            case 7:
                pass();
                break;
            case 8:
                open_or_attach();
                break;
            default:
                link_.reset(stream(), wire::ResetReason::Aborted, "");
                break;
        }
    }

    /// Bytes as they come, to the end of the program; those carry no mark, so nobody takes any.
    void raw() {
        for (const auto& [id, io] : ios_) {
            io->room = 0;
        }
        is_raw_ = true;
        while (!choices_.empty() && alive_) {
            check(link_.receive(choices_.bytes(1U + choices_.byte()), now_));
        }
        alive_ = false;
    }

    void feed(FrameKind kind, std::uint32_t id, ByteView payload) {
        if (kind == FrameKind::Data && !payload.empty()) {
            return;  // payload() does it.
        }
        ByteVector frame;
        wire::append_frame(kind, id, payload, frame);
        receive(id, frame);
    }

    void payload() {
        const std::uint32_t to = id();
        const ByteVector body(static_cast<std::size_t>(choices_.byte()) * 257,
                              std::byte{mark_of(to)});
        ByteVector frame;
        wire::append_frame(FrameKind::Data, to, body, frame);
        receive(to, frame);
    }

    void receive(std::uint32_t id, ByteView frame) {
        fed_id_ = id;
        const std::size_t cut = choices_.byte() % (frame.size() + 1);
        check(link_.receive(frame.first(cut), now_));
        if (alive_) {
            check(link_.receive(frame.subspan(cut), now_));
        }
    }

    void check(const Status& status) { alive_ = alive_ && status.has_value(); }

    void outside() {
        const StreamId chosen = stream();
        const auto found = ios_.find(chosen.value);
        if (found == ios_.end()) {
            return;
        }
        Outside& io = *found->second;
        const std::uint8_t choice = choices_.byte();
        io.to_read += static_cast<std::size_t>(choices_.byte()) * 100;
        io.room += static_cast<std::size_t>(choices_.byte()) * 1000;
        io.sends_fin = io.sends_fin || choice % 8 == 1;
        io.is_broken = io.is_broken || choice % 8 == 2;
        if (!io.is_gone) {
            link_.readable(chosen, now_);
            link_.writable(chosen, now_);
        }
    }

    void take() {
        for (int i = 0; i < 3 && link_.has_output(); ++i) {
            std::size_t size = 0;
            for (const ByteView part : link_.next_batch(now_)) {
                size += part.size();
            }
            require(size <= mux::kV1BatchBytes + mux::kV1MaxControlBytes + 100);
        }
    }

    void pass() {
        now_ += std::chrono::milliseconds{choices_.byte() * 40};
        if (link_.deadline() <= now_) {
            check(link_.on_time(now_));
            require(link_.deadline() > now_);
        }
    }

    void open_or_attach() {
        if (role_ == Role::Agent) {
            attach(stream());
            return;
        }
        auto io = std::make_shared<Outside>();
        if (const auto opened = link_.open(io, {}, now_)) {
            io->mark = mark_of(opened->value);
            ios_[opened->value] = io;
            streams_.push_back(*opened);
        }
    }

    void attach(StreamId stream) {
        auto io = std::make_shared<Outside>();
        io->mark = marks_[stream.value];
        io->room = is_raw_ ? 0 : io->room;
        if (!ios_.contains(stream.value)) {
            ios_[stream.value] = io;
        }
        link_.attach(stream, io, now_);
    }

    StreamId stream() {
        return streams_.empty() ? StreamId{1} : streams_[choices_.byte() % streams_.size()];
    }

    std::uint32_t id() {
        const std::uint8_t choice = choices_.byte();
        return choice < 8 ? 0xdead0000U + choice : 1U + choice % 16;
    }

    Choices choices_;
    Role role_;
    TimePoint now_{std::chrono::hours{1}};
    V1Link link_;
    bool alive_ = true;
    bool is_raw_ = false;
    std::uint32_t fed_id_ = 0;
    std::vector<StreamId> streams_;
    std::unordered_map<std::uint32_t, std::shared_ptr<Outside>> ios_;
    std::unordered_map<std::uint32_t, std::uint8_t> marks_;
    std::unordered_map<std::uint32_t, bool> ended_;
};

/// A stranger's first bytes, in two pieces, then whatever follows as ciphertext.
void handshake(crypto::V1Channel::Role role, ByteView input) {
    crypto::V1Channel channel(role);
    ByteVector out;
    ByteVector plaintext(256);
    const std::size_t cut = input.size() / 3;
    for (const ByteView piece : {input.first(cut), input.subspan(cut)}) {
        channel.feed(piece);
        const auto state = channel.advance(out);
        if (!state) {
            return;
        }
        while (*state == crypto::Channel::State::Established) {
            const auto opened = channel.open(plaintext, out);
            if (!opened || *opened == 0) {
                break;
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView input = std::as_bytes(std::span(data, size));
    switch (data[0] % 8) {
        case 0:
            handshake(crypto::V1Channel::Role::Gateway, input.subspan(1));
            break;
        case 1:
            handshake(crypto::V1Channel::Role::Agent, input.subspan(1));
            break;
        case 2:
        case 3:
        case 4:
            Program(Role::Agent, input.subspan(1)).run();
            break;
        default:
            Program(Role::Gateway, input.subspan(1)).run();
            break;
    }
    return 0;
}
