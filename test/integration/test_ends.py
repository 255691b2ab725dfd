"""How streams end: a FIN is forwarded only for a FIN, every other end is a reset. (protocol 6.4, 6.5)"""

import signal
import socket
import sys
import time

import pytest

import backends
import harness
import transfers

# Well past every buffer on the way, so that the end comes while bytes are under way.
BIG = 32 << 20


@pytest.fixture
def gateway(programs):
    return programs.gateway("--drain-timeout", "15s")


@pytest.fixture
def serve(programs, gateway):
    """Puts a backend behind the tunnel: `serve(port)` -> helper port. `serve.agent` is the agent."""

    def start(where, name="example", *arguments):
        start.agent = programs.agent(gateway, *arguments, name=name,
                                     backend=where.port if hasattr(where, "port") else where)
        return gateway.wait_for_name(name)

    return start


def test_a_half_closed_visitor_gets_the_whole_answer(serve, backend):
    served = backend(backends.digest_at_end)
    with harness.connect(serve(served)) as visitor:
        transfers.send_stream(visitor, 1, 3_000_000)
        visitor.shutdown(socket.SHUT_WR)
        answer = transfers.receive_stream(visitor)
    assert (answer.head, answer.end) == (transfers.digest(1, 3_000_000), "fin")
    assert served.records[0].wait().end == "fin"


def test_a_backend_that_closes_first_still_hears_the_visitor(serve, backend):
    served = backend(backends.source, 2, 3_000_000)  # sends all, half-closes, then reads to the end
    with harness.connect(serve(served)) as visitor:
        got = transfers.receive_stream(visitor)
        assert got.matches(2, 3_000_000) and got.end == "fin"
        time.sleep(0.3)  # the other half stays open for as long as the visitor likes
        transfers.send_stream(visitor, 3, 2_000_000)
        visitor.shutdown(socket.SHUT_WR)
        record = served.records[0].wait()
    assert (record.length, record.sha256(), record.end) == (2_000_000, transfers.digest(3, 2_000_000), "fin")


@pytest.mark.parametrize("sent", [0, 1000, BIG], ids=["idle", "some", "under way"])
def test_a_visitors_reset_reaches_the_backend_as_a_reset(serve, backend, sent):
    served = backend(backends.sink)
    visitor = harness.connect(serve(served))
    record = served.wait_for_connection()
    transfers.send_stream(visitor, 1, sent)
    backends.reset(visitor)
    assert record.wait().end == "reset"


def test_a_visitors_reset_reaches_a_backend_that_sends(serve, backend):
    served = backend(backends.source, 1, 1 << 40)
    visitor = harness.connect(serve(served))
    assert visitor.recv(1000)
    backends.reset(visitor)
    assert served.wait_for_connection().wait().end == "reset"


def reset_after(connection, _record, size):
    transfers.send_stream(connection, 1, size)
    backends.reset(connection)


@pytest.mark.parametrize("sent", [0, 1000, BIG], ids=["at once", "some", "under way"])
def test_a_backends_reset_reaches_the_visitor_as_a_reset(serve, backend, sent):
    served = backend(reset_after, sent)
    with harness.connect(serve(served)) as visitor:
        assert transfers.receive_stream(visitor).end == "reset"


BACKEND_PROGRAM = """
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    connection, _ = listening.accept()
    connection.recv(2)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 10000000\\r\\n\\r\\n")
    connection.sendall(b"x" * 5000000)
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_backend_killed_in_mid_answer_is_never_a_clean_end(serve, programs):
    """A process that dies with bytes unread resets its connections, and so does the tunnel."""
    served = programs.program("backend", sys.executable, "-c", BACKEND_PROGRAM)
    port = int(served.wait_for_line(r"^(\d+)$", lines=served.out).group(1))
    with harness.connect(serve(port)) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert transfers.receive_stream(visitor, 5_000_000).end == "size"
        served.wait_for_line("half", lines=served.out)
        served.kill()
        got = transfers.receive_stream(visitor)
        assert got.end == "reset"
        assert got.length < 5_000_000


def test_curl_notices_that_an_answer_was_cut(serve, programs):
    served = programs.program("backend", sys.executable, "-c", BACKEND_PROGRAM)
    port = int(served.wait_for_line(r"^(\d+)$", lines=served.out).group(1))
    curl = programs.program("curl", "curl", "-sS", "-o", "page", f"http://127.0.0.1:{serve(port)}/")
    served.wait_for_line("half", lines=served.out)
    served.kill()
    assert curl.wait() in (18, 56), "18: less than Content-Length, 56: reset"


def test_a_killed_agent_is_a_reset_for_its_visitors(serve, backend):
    served = backend(backends.echo)
    port = serve(served)
    with harness.connect(port) as idle, harness.connect(port) as busy:
        busy.sendall(b"x")
        assert busy.recv(1) == b"x"
        served.wait_for_connection(2)
        serve.agent.kill()
        assert transfers.receive_stream(idle).end == "reset"
        assert transfers.receive_stream(busy).end == "reset"


def test_a_killed_gateway_is_a_reset_for_backends(serve, backend, gateway):
    served = backend(backends.echo)
    with harness.connect(serve(served)) as visitor:
        visitor.sendall(b"x")
        assert visitor.recv(1) == b"x"
        gateway.kill()
        assert served.records[0].wait().end == "reset"


def slow_source(connection, record, seed, size):
    """As backends.source, but over about two seconds."""
    for block in transfers.blocks(seed, size):
        connection.sendall(block)
        time.sleep(2 * len(block) / size)
    connection.shutdown(socket.SHUT_WR)
    backends.sink(connection, record)


@pytest.mark.parametrize("who", ["gateway", "agent"])
def test_an_orderly_stop_lets_a_transfer_in_flight_end(serve, backend, gateway, who):
    served = backend(slow_source, 9, 4_000_000)
    with harness.connect(serve(served)) as visitor:
        stopping = gateway if who == "gateway" else serve.agent
        pieces = []

        def stop_once(length):
            if length > 100_000 and not pieces:
                pieces.append(stopping.signal(signal.SIGTERM))

        got = transfers.receive_stream(visitor, pause=stop_once)
        assert got.matches(9, 4_000_000) and got.end == "fin"
        visitor.shutdown(socket.SHUT_WR)
        assert stopping.wait() == 0
    if who == "gateway":
        assert gateway.find_line("unregister domain 'example'")
        assert serve.agent.is_running(), "the agent tries for ever"


def test_the_drain_timeout_ends_what_does_not_end(programs, backend):
    gateway = programs.gateway("--drain-timeout", "1s")
    programs.agent(gateway, name="example", backend=backend(backends.echo).port)
    with harness.connect(gateway.wait_for_name("example")) as visitor:
        visitor.sendall(b"x")
        assert visitor.recv(1) == b"x"
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert transfers.receive_stream(visitor).end == "reset"
        assert gateway.wait() == 0
        assert 0.8 < time.monotonic() - began < harness.scaled(5)


def test_a_stopping_gateway_takes_no_new_visitors(programs, backend):
    gateway = programs.gateway("--drain-timeout", "60s")
    programs.agent(gateway, name="example", backend=backend(backends.echo).port)
    port = gateway.wait_for_name("example")
    with harness.connect(port) as visitor:
        visitor.sendall(b"x")
        assert visitor.recv(1) == b"x"
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_line("stopping")

        def refused():
            try:
                # The line comes before the port closes: one who still gets in hears nothing.
                with harness.connect(port, seconds=0.2) as late:
                    return transfers.receive_stream(late, 1).end == "reset"
            except OSError:
                return True

        harness.wait_until(refused, 5, "new visitors are refused")
        visitor.sendall(b"still here")
        assert transfers.receive_exactly(visitor, 10) == b"still here"
        visitor.shutdown(socket.SHUT_WR)
        assert transfers.receive_stream(visitor).end == "fin"
    assert gateway.wait() == 0


def test_a_server_may_speak_first(serve, backend):
    served = backend(backends.greeting)
    with harness.connect(serve(served)) as visitor:
        assert transfers.receive_exactly(visitor, 11) == b"220 ready\r\n"
        visitor.sendall(b"HELO")
        assert transfers.receive_exactly(visitor, 4) == b"HELO"


def test_a_refused_backend_is_a_reset_and_said(serve, backend):
    served = backend(backends.echo)
    served.stop_listening()
    with harness.connect(serve(served)) as visitor:
        assert transfers.receive_stream(visitor).end == "reset"
    serve.agent.wait_for_line("DIG-2002: backend of 'example' cannot be reached")
    # The next visitor has another chance.
    again = backend(backends.echo)
    assert again.port != served.port and serve.agent.is_running()


def test_a_unix_socket_is_a_backend(serve, tmp_path):
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(harness.scaled(10))
        port = serve(f"unix:{path}")
        with harness.connect(port) as visitor:
            connection, _ = listening.accept()
            with connection:
                transfers.send_stream(visitor, 4, 200_000)
                visitor.shutdown(socket.SHUT_WR)
                got = transfers.receive_stream(connection)
                assert got.matches(4, 200_000) and got.end == "fin"
                transfers.send_stream(connection, 5, 100_000)
            assert transfers.receive_stream(visitor).matches(5, 100_000)


def test_a_unix_backend_that_dies_is_a_reset(serve, tmp_path):
    """A unix socket has no reset of its own: bytes that were not read make one (unix(7), ECONNRESET)."""
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(harness.scaled(10))
        with harness.connect(serve(f"unix:{path}")) as visitor:
            connection, _ = listening.accept()
            visitor.sendall(b"unread")
            harness.wait_until(lambda: connection.recv(6, socket.MSG_PEEK) == b"unread")
            connection.close()
            assert transfers.receive_stream(visitor).end == "reset"


def test_ipv6_all_the_way(programs, backend):
    served = backend(backends.exchange, host="::1")
    gateway = programs.gateway(listen="[::1]:0")
    programs.agent(f"[::1]:{gateway.port}", name="example", backend=f"[::1]:{served.port}")
    with harness.connect(gateway.wait_for_name("example")) as visitor:
        assert transfers.toward_backend(visitor, 8, 300_000)
        assert transfers.toward_visitor(visitor, 9, 300_000).matches(9, 300_000)


def test_a_dual_listener_takes_both_families(programs, backend):
    served = backend(backends.exchange)
    gateway = programs.gateway(listen="[::]:0")
    programs.agent(f"127.0.0.1:{gateway.port}", name="four", backend=served.port)
    programs.agent(f"[::1]:{gateway.port}", name="six", backend=served.port)
    for name in ("four", "six"):
        with harness.connect(gateway.wait_for_name(name)) as visitor:
            assert transfers.toward_visitor(visitor, 1, 1000).matches(1, 1000)
