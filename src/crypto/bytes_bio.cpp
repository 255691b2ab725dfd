#include "crypto/bytes_bio.hpp"

#include <algorithm>
#include <cstring>

#include "crypto/openssl.hpp"

namespace diglett::crypto {

namespace {

BytesIo& io_of(BIO* bio) {
    return *static_cast<BytesIo*>(BIO_get_data(bio));
}

int bytes_read(BIO* bio, char* to, std::size_t size, std::size_t* done) noexcept {
    BytesIo& io = io_of(bio);
    BIO_clear_retry_flags(bio);
    *done = 0;
    if (io.input_refused) {
        return 0;
    }
    if (io.input.empty()) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *done = std::min(size, io.input.size());
    std::memcpy(to, io.input.data(), *done);
    io.input = io.input.subspan(*done);
    return 1;
}

int bytes_write(BIO* bio, const char* from, std::size_t size, std::size_t* done) noexcept {
    ByteVector& output = *io_of(bio).output;
    BIO_clear_retry_flags(bio);
    const auto* first = reinterpret_cast<const std::byte*>(from);
    output.insert(output.end(), first, first + size);
    *done = size;
    return 1;
}

long bytes_control(BIO*, int command, long, void*) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;  // everything else is about features it has not
}

BIO_METHOD* make_method() {
    BIO_METHOD* method = checked(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes"));
    checked(BIO_meth_set_read_ex(method, bytes_read));
    checked(BIO_meth_set_write_ex(method, bytes_write));
    checked(BIO_meth_set_ctrl(method, bytes_control));
    return method;
}

}  // namespace

bio_st* new_bytes_bio(BytesIo& io) {
    // One for the whole process, never freed: it is a table of functions.
    static const BIO_METHOD* const kMethod = make_method();
    BIO* bio = checked(BIO_new(kMethod));
    BIO_set_data(bio, &io);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace diglett::crypto
