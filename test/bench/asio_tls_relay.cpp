// Yardstick of the benchmark: the usual relay on asio::ssl::stream, TLS 1.3 between its two halves,
// one TLS connection per visitor, 64 KiB buffers.
//   asio_tls_relay near LISTEN CONNECT    accepts TCP, connects TLS
//   asio_tls_relay far LISTEN CONNECT     accepts TLS, connects TCP

#include <sys/resource.h>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using Tls = ssl::stream<tcp::socket>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

void require(bool good, const char* what) {
    if (!good) {
        fmt::print(stderr, "{} failed\n", what);
        std::exit(1);
    }
}

tcp::endpoint parse_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    unsigned short port = 0;
    require(colon != std::string::npos, "address");
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    return {asio::ip::make_address(text.substr(0, colon)), port};
}

/// A fresh P-256 key with a self-signed certificate, as the gateway has.
void use_own_certificate(SSL_CTX* context) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"),
                                                                  &EVP_PKEY_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), &X509_free};
    require(key && certificate, "key generation");
    X509_set_version(certificate.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_set_pubkey(certificate.get(), key.get());
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0 &&
                SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key.get()) == 1,
            "certificate");
}

ssl::context make_context(bool server) {
    ssl::context context{server ? ssl::context::tlsv13_server : ssl::context::tlsv13_client};
    require(SSL_CTX_set_ciphersuites(context.native_handle(), "TLS_AES_128_GCM_SHA256") == 1,
            "cipher suite");
    if (server) {
        use_own_certificate(context.native_handle());
    }
    return context;
}

template <class From, class To>
asio::awaitable<void> copy(From& from, To& to) {
    std::vector<char> buffer(kBufferBytes);
    for (;;) {
        const auto space = asio::buffer(buffer);
        const auto [read_error, size] = co_await from.async_read_some(space, kToken);
        if (read_error) {
            co_return;
        }
        const auto data = asio::buffer(buffer.data(), size);
        const auto [write_error, written] = co_await asio::async_write(to, data, kToken);
        if (write_error) {
            co_return;
        }
    }
}

/// Until either side ends: TLS streams have no half-close here, as in most such relays.
template <class Near, class Far>
asio::awaitable<void> relay(Near& near, Far& far) {
    using namespace asio::experimental::awaitable_operators;
    co_await (copy(near, far) || copy(far, near));
}

class Relay {
  public:
    Relay(bool near, const tcp::endpoint& listen, const tcp::endpoint& connect)
        : near_(near), context_(make_context(!near)), acceptor_(io_, listen), connect_(connect) {}

    void run() {
        asio::co_spawn(io_, accept_all(), &ended);
        io_.run();
    }

  private:
    static void ended(std::exception_ptr) {}

    asio::awaitable<void> accept_all() {
        for (;;) {
            auto [error, socket] = co_await acceptor_.async_accept(kToken);
            if (!error) {
                asio::co_spawn(io_, serve(std::move(socket)), &ended);
            }
        }
    }

    asio::awaitable<void> serve(tcp::socket accepted) {
        tcp::socket onward{io_};
        const auto [error] = co_await onward.async_connect(connect_, kToken);
        if (error) {
            co_return;
        }
        accepted.set_option(tcp::no_delay{true});
        onward.set_option(tcp::no_delay{true});
        if (near_) {
            co_await encrypted(std::move(onward), std::move(accepted), Tls::client);
        } else {
            co_await encrypted(std::move(accepted), std::move(onward), Tls::server);
        }
    }

    asio::awaitable<void> encrypted(tcp::socket inner, tcp::socket plain,
                                    Tls::handshake_type side) {
        Tls tls{std::move(inner), context_};
        const auto [error] = co_await tls.async_handshake(side, kToken);
        if (!error) {
            co_await relay(plain, tls);
        }
    }

    bool near_;
    asio::io_context io_{1};
    ssl::context context_;
    tcp::acceptor acceptor_;
    tcp::endpoint connect_;
};

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string side = argc == 4 ? argv[1] : "";
    if (side != "near" && side != "far") {
        fmt::print(stderr, "usage: asio_tls_relay near|far LISTEN CONNECT\n");
        return 2;
    }
    raise_descriptor_limit();
    Relay{side == "near", parse_endpoint(argv[2]), parse_endpoint(argv[3])}.run();
}
