// The compiled part of asio's TLS streams, where the tree compiles Asio apart: nothing else uses
// it.

#include <boost/asio/detail/config.hpp>

#if !defined(BOOST_ASIO_HEADER_ONLY)
#include <boost/asio/ssl/impl/src.hpp>
#endif
