#!/usr/bin/python3
"""A TLS server that looks like a gateway and only counts what it is told.

    fake_gateway.py HOST KEY CERTIFICATE

Prints its port, "told something" at the first byte, and a JSON line after each connection: whether the handshake was completed, the protocol
agreed on, and how many bytes the agent sent inside TLS until it closed.
"""

import contextlib
import json
import socket
import sys

from OpenSSL import SSL


def count(connection):
    """Bytes of application data until the other side ends."""
    total = 0
    with contextlib.suppress(SSL.Error):
        while True:
            data = connection.recv(65536)
            if not total:
                print("told something", flush=True)
            total += len(data)
    return total


def main():
    host, key, certificate = sys.argv[1:]
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.use_privatekey_file(key)
    context.use_certificate_chain_file(certificate)
    context.set_alpn_select_callback(
        lambda _, offered: b"diglett/2" if b"diglett/2" in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    listening = socket.create_server((host, 0))
    print(listening.getsockname()[1], flush=True)
    while True:
        accepted, _ = listening.accept()
        accepted.settimeout(10)
        # pyOpenSSL wants a socket without time-out; the kernel keeps this one.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, (10).to_bytes(8, "little") + bytes(8))
        accepted.setblocking(True)
        connection = SSL.Connection(context, accepted)
        connection.set_accept_state()
        report = {"handshake": False, "alpn": "", "application_bytes": 0}
        with contextlib.suppress(SSL.Error):
            connection.do_handshake()
            report["handshake"] = True
            report["alpn"] = connection.get_alpn_proto_negotiated().decode()
            report["application_bytes"] = count(connection)
        accepted.close()
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
