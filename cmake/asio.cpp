// Asio's own code, compiled once (DIGLETT_ASIO_SEPARATE) instead of in every file that includes it.
#include <boost/asio/impl/src.hpp>
