"""Protocol 1 with the real programs: our gateway with a Python agent, our agent with a Python gateway,
and both of ours together. The Python side is v1_peer.py. Defects are those of the original program."""

import concurrent.futures
import contextlib
import hashlib
import json
import random
import socket
import threading
import time
from pathlib import Path

import pytest

import backends
import harness
import recorder
import transfers
import v1_peer
from v1_peer import Kind

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "v1"
MALFORMED = json.loads((VECTORS / "malformed.json").read_text())
TOKEN = "tok-9f31c2d7-e5aa-not-so-secret"


@pytest.fixture
def gateway(programs):
    return programs.gateway("--accept-v1")


@pytest.fixture
def python_agent(gateway):
    """Signs a Python agent on at the gateway: `python_agent(backend, **options)` -> (agent, helper port)."""
    agents = []

    def start(backend, name="example", **options):
        agent = v1_peer.Agent(("127.0.0.1", gateway.port), name, ("127.0.0.1", backend.port),
                              **options).start()
        agents.append(agent)
        return agent, gateway.wait_for_name(name)

    yield start
    for agent in agents:
        agent.close()


@pytest.fixture
def python_gateway(programs):
    """Starts our agent at a Python gateway: `python_gateway(backend)` -> (session, agent, gateway)."""
    gateways = []

    def start(backend, *arguments, **options):
        listening = v1_peer.Gateway()
        gateways.append(listening)
        agent = programs.agent(listening.address, "--protocol", "1", *arguments, name="example",
                               backend=backend.port)
        return listening.accept(**options), agent, listening

    yield start
    for each in gateways:
        each.close()


def tokens_file(folder, allow_v1):
    return harness.tokens_file(folder, ("alice", TOKEN, ["*"], f"allow-v1 = {str(allow_v1).lower()}"))


def get(port, path="/"):
    """A page over HTTP/1.0: the whole answer, and how it ended."""
    with harness.connect(port) as visitor:
        visitor.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return transfers.receive_stream(visitor)


def ask_for_stream(port, seed, size):
    """One visitor of backends.exchange, both directions."""
    with harness.connect(port, seconds=60) as visitor:
        assert transfers.toward_visitor(visitor, seed, size).matches(seed, size), f"toward visitor {seed}"
        assert transfers.toward_backend(visitor, seed + 1, size), f"toward backend {seed}"


# ---- Pages and transfers, all three pairs


def test_python_agent_serves_a_page_through_our_gateway(python_agent, web):
    _, port = python_agent(web)
    answer = get(port)
    assert answer.head.endswith(b"hello from the backend\n")
    assert answer.end == "fin"


def test_our_agent_serves_a_page_through_a_python_gateway(python_gateway, web):
    session, _, _ = python_gateway(web)
    assert session.name == "example"
    stream = session.open()
    stream.send(b"GET / HTTP/1.0\r\n\r\n")
    assert stream.receive().endswith(b"hello from the backend\n")


def test_our_agent_and_our_gateway(programs, gateway, backend):
    programs.agent(gateway, "--protocol", "1", name="ours", backend=backend(backends.exchange).port)
    port = gateway.wait_for_name("ours")
    for seed, size in ((1, 1), (2, 65535), (3, 65536), (4, 3_000_000)):
        ask_for_stream(port, seed, size)


@pytest.mark.parametrize("size", [0, 1, 16377, 65535, 65536, 8_000_000])
def test_transfers_with_a_python_agent_are_whole(python_agent, backend, size):
    _, port = python_agent(backend(backends.exchange))
    ask_for_stream(port, 100 + size, size)


@pytest.mark.parametrize("size", [1, 65536, 8_000_000])
def test_transfers_with_a_python_gateway_are_whole(python_gateway, backend, size):
    session, _, _ = python_gateway(backend(backends.exchange))
    stream = session.open()
    stream.send(transfers.REQUEST.pack(b"G", 5, size))
    assert stream.receive(size, seconds=60) == transfers.content(5, size)
    body = transfers.content(6, size)
    stream.send(transfers.REQUEST.pack(b"P", 6, size) + body)
    assert stream.receive(32, seconds=60) == hashlib.sha256(body).digest()
    stream.close()


def test_fifty_visitors_at_once_get_their_own_bytes(python_agent, backend):
    _, port = python_agent(backend(backends.exchange))
    sizes = random.Random(7)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        work = [pool.submit(ask_for_stream, port, 1000 + 2 * i, int(2 ** sizes.uniform(0, 20)))
                for i in range(50)]
        for each in work:
            each.result()


def test_fifty_streams_of_our_agent_get_their_own_bytes(python_gateway, backend):
    session, _, _ = python_gateway(backend(backends.exchange))
    streams = [session.open() for _ in range(50)]
    for seed, stream in enumerate(streams):
        stream.send(transfers.REQUEST.pack(b"G", seed, 100_000 + seed))
    for seed, stream in enumerate(streams):
        assert stream.receive(100_000 + seed, 60) == transfers.content(seed, 100_000 + seed)


# ---- What protocol 1 makes hard


def test_server_that_speaks_first_through_our_gateway(python_agent, backend):
    """Defect 20: an empty Payload makes the agent dial before the visitor has sent anything."""
    _, port = python_agent(backend(backends.greeting))
    with harness.connect(port) as visitor:
        assert transfers.receive_exactly(visitor, 11) == b"220 ready\r\n"
        visitor.sendall(b"QUIT")
        assert transfers.receive_exactly(visitor, 4) == b"QUIT"


def test_server_that_speaks_first_behind_our_agent(python_gateway, backend):
    session, _, _ = python_gateway(backend(backends.greeting))
    stream = session.open()
    stream.send(b"")
    assert stream.receive(11) == b"220 ready\r\n"


def test_answer_arrives_after_the_visitors_fin(python_agent, backend):
    """Defect 6: the FIN is held back while the backend answers."""
    _, port = python_agent(backend(backends.exchange))
    with harness.connect(port, seconds=30) as visitor:
        visitor.sendall(transfers.REQUEST.pack(b"G", 8, 4_000_000))
        visitor.shutdown(socket.SHUT_WR)
        assert transfers.receive_stream(visitor, 4_000_000).matches(8, 4_000_000)
        # The backend has not closed, so this end is not its FIN.
        assert transfers.receive_stream(visitor).end == "reset"


def test_slow_visitor_delays_a_fast_one_for_a_bounded_time(python_agent, backend):
    """Defect 8. The slow one never reads; the agent has more for it than anybody would keep."""
    agent, port = python_agent(backend(backends.exchange))
    slow = harness.connect(port)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(transfers.REQUEST.pack(b"G", 1, 10**12))
    with harness.connect(port, seconds=20) as fast:
        longest = 0
        until = time.monotonic() + 8
        seed = 10
        while time.monotonic() < until:
            started = time.monotonic()
            assert transfers.toward_visitor(fast, seed, 10_000).matches(seed, 10_000)
            longest = max(longest, time.monotonic() - started)
            seed += 1
    assert longest < harness.scaled(7), "5 s of patience and no more"
    assert seed > 20
    # It reads what the system still keeps for it, and then learns that this is not the end.
    assert transfers.receive_stream(slow).end == "reset"
    slow.close()


def test_backend_that_does_not_read_delays_others_for_a_bounded_time(python_gateway, backend):
    """Defect 9."""

    def deaf_if_asked(connection, record):
        if connection.recv(1) == b"d":
            record.received(b"d")
            record.done.wait(20)
        else:
            backends.echo(connection, record)

    session, _, _ = python_gateway(backend(deaf_if_asked))
    deaf, good = session.open(), session.open()
    good.send(b"e")
    stop = threading.Event()

    def flood():
        deaf.send(b"d")
        with contextlib.suppress(OSError):
            while not stop.is_set():
                deaf.send(bytes(65535))

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    longest = 0
    for i in range(40):
        started = time.monotonic()
        good.send(b"ping%03d" % i)
        assert good.receive(7, seconds=harness.scaled(20)) == b"ping%03d" % i
        longest = max(longest, time.monotonic() - started)
        time.sleep(0.2)
    stop.set()
    flooding.join(20)
    assert longest < harness.scaled(7)
    assert deaf.has_ended(), "the stream that takes nothing was closed"


def test_visitor_that_leaves_in_the_middle_harms_nobody(python_agent, backend):
    """Defect 2: the agent's link survives, and the agent hears of it once it is quiet."""
    agent, port = python_agent(backend(backends.exchange))
    with harness.connect(port) as staying:
        assert transfers.toward_visitor(staying, 1, 1000).matches(1, 1000)
        leaving = harness.connect(port)
        leaving.sendall(transfers.REQUEST.pack(b"G", 2, 30_000_000))
        transfers.receive_exactly(leaving, 100_000)
        backends.reset(leaving)
        for seed in range(10, 20):
            assert transfers.toward_visitor(staying, seed, 200_000).matches(seed, 200_000)
        harness.wait_until(lambda: len(agent.open_ids()) == 1, 20, "the Close for the visitor that left")
        assert any(frame.kind == Kind.CLOSE for frame in agent.frames)


def test_late_bytes_reach_nobody(gateway, backend):
    """Defect 1: bytes for a visitor that left, while the next one is there."""
    connection = sign_on(gateway, "late")
    port = gateway.wait_for_name("late")
    first = harness.connect(port)
    first_id = connection.receive().id
    backends.reset(first)
    assert connection.receive() == v1_peer.Frame(Kind.CLOSE, first_id)
    second = harness.connect(port)
    second_id = connection.receive().id
    assert second_id != first_id
    for _ in range(100):
        connection.send(Kind.PAYLOAD, first_id, b"for the first visitor")
    connection.send(Kind.PAYLOAD, second_id, b"for the second")
    connection.send(Kind.CLOSE, second_id)
    answer = transfers.receive_stream(second)
    assert answer.head == b"for the second"
    connection.close()


def test_agents_close_is_answered(gateway):
    """Defect 3 of the original's agent is cured by the gateway's Close."""
    connection = sign_on(gateway, "answered")
    with harness.connect(gateway.wait_for_name("answered")) as visitor:
        visitor_id = connection.receive().id
        connection.send(Kind.PAYLOAD, visitor_id, b"bye")
        connection.send(Kind.CLOSE, visitor_id)
        assert connection.receive() == v1_peer.Frame(Kind.CLOSE, visitor_id)
        assert transfers.receive_stream(visitor).end == "fin"
    connection.close()


def test_our_agent_does_not_dial_again_for_the_rest_of_a_stream(python_gateway, backend):
    """Defect 3."""

    def closes_after_a_byte(connection, record):
        record.received(connection.recv(1))

    served = backend(closes_after_a_byte)
    session, _, _ = python_gateway(served)
    stream = session.open()
    stream.send(b"xyz")
    harness.wait_until(stream.has_ended, 5, "the agent's Close")
    for _ in range(10):
        session.connection.send(Kind.PAYLOAD, stream.id, b"the rest of the stream")
        time.sleep(0.05)
    assert len(served.records) == 1
    time.sleep(2.2)
    session.connection.send(Kind.PAYLOAD, stream.id, b"a new visitor from the same port")
    served.wait_for_connection(2)


def test_backend_that_ends_in_mid_answer_ends_only_its_stream(python_agent, backend):
    """That it broke cannot be told in protocol 1; that all its bytes arrive can."""
    served = backend(backends.greeting, b"half of the ans")
    _, port = python_agent(served)
    with harness.connect(port) as first, harness.connect(port) as second:
        assert transfers.receive_exactly(first, 15) == b"half of the ans"
        assert transfers.receive_exactly(second, 15) == b"half of the ans"
        served.reset_all()
        assert transfers.receive_stream(first).end in ("fin", "reset")
        assert transfers.receive_stream(second).end in ("fin", "reset")
    with harness.connect(port) as third:
        assert transfers.receive_exactly(third, 15) == b"half of the ans"


def test_refused_backend_is_no_clean_end(python_agent, backend):
    """Defect 5, as far as protocol 1 lets us."""
    served = backend(backends.echo)
    _, port = python_agent(served)
    served.stop_listening()
    # The agent dials as soon as the visitor is there, so the reset may come before any call returns.
    try:
        with harness.connect(port) as visitor:
            visitor.sendall(b"anybody?")
            end = transfers.receive_stream(visitor).end
    except ConnectionError:
        end = "reset"
    assert end == "reset"


def test_lost_agent_is_no_clean_end(python_agent, backend, gateway):
    """Defect 5."""
    agent, port = python_agent(backend(backends.greeting, b"half of the ans"))
    with harness.connect(port) as visitor:
        assert transfers.receive_exactly(visitor, 15) == b"half of the ans"
        agent.close()
        assert transfers.receive_stream(visitor).end == "reset"
    gateway.wait_for_refusal(port)


def test_lost_gateway_is_no_clean_end_and_our_agent_comes_back(python_gateway, backend):
    """Defects 5 and 18: the backend sees a reset; the agent signs on again by itself."""
    served = backend(backends.sink)
    session, agent, listening = python_gateway(served)
    session.open().send(b"half of an upl")
    record = served.wait_for_connection()
    harness.wait_until(lambda: record.length == 14, 5, "what the visitor sent")
    session.close()
    assert record.wait().end == "reset"
    again = listening.accept()
    again.open().send(b"once more")
    served.wait_for_connection(2)
    assert agent.is_running()


def test_terminate_ends_the_session(gateway, python_gateway, backend):
    """Defect 19, both roles."""
    connection = sign_on(gateway, "ending")
    gateway.wait_for_name("ending")
    connection.send(Kind.TERMINATE)
    with pytest.raises((EOFError, ConnectionError)):
        connection.receive()
    gateway.wait_for_unregister("ending")

    session, agent, listening = python_gateway(backend(backends.echo))
    session.connection.send(Kind.TERMINATE)
    assert session.ended.wait(harness.scaled(5))
    listening.accept().close()
    assert agent.is_running()


def test_agent_stops_on_request(python_gateway, backend):
    session, agent, _ = python_gateway(backend(backends.echo))
    assert agent.stop() == 0
    assert session.ended.wait(harness.scaled(5))


def test_registers_number_is_the_low_half_of_its_id(gateway):
    connection = sign_on(gateway, "numbered", number=0x00070003)
    with harness.connect(gateway.wait_for_name("numbered")):
        assert connection.receive().id >> 16 == 3
    connection.close()


@pytest.mark.parametrize("frames, text", [
    ([(Kind.REGISTER, b"early")], "received unexpected message"),
    ([(Kind.LOGIN, b""), (Kind.FINISH_REGISTER, b"")], "missing name registration"),
    ([(Kind.LOGIN, b""), (Kind.REGISTER, b"first"), (Kind.REGISTER, b"second")],
     "only one name registration is allowed")])
def test_agent_hears_why_it_is_refused(gateway, frames, text):
    """In the words of the original."""
    connection = v1_peer.Connection(harness.connect(gateway.port), is_agent=True)
    for kind, payload in frames:
        connection.send(kind, 0, payload)
    answers = []
    with pytest.raises(EOFError):
        while True:
            answers.append(connection.receive())
    assert [frame.payload.decode() for frame in answers if frame.kind == Kind.ERROR] == [text]
    connection.close()


def test_silent_agent_hears_that_its_time_is_over(gateway):
    """5 s for Login after the handshake (protocol 11.3, A.8)."""
    connection = v1_peer.Connection(harness.connect(gateway.port, seconds=20), is_agent=True)
    began = time.monotonic()
    assert connection.receive() == v1_peer.Frame(Kind.ERROR, 0, b"received unexpected message")
    assert 4 < time.monotonic() - began < 5 + harness.scaled(3)
    with pytest.raises(EOFError):
        connection.receive()
    connection.close()


# ---- Who may


def sign_on(gateway, name, number=0, token=b""):
    """A bare connection that has signed on."""
    connection = v1_peer.Connection(harness.connect(gateway.port), is_agent=True)
    connection.send(Kind.LOGIN, 0, token)
    connection.expect_ok()
    connection.send(Kind.REGISTER, number, name.encode())
    connection.expect_ok()
    connection.send(Kind.FINISH_REGISTER)
    return connection


def test_protocol_1_is_off_by_default(programs):
    gateway = programs.gateway()
    with harness.connect(gateway.port) as stranger:
        stranger.sendall(v1_peer.handshake(1))
        answer = transfers.receive_stream(stranger)
    assert answer.end in ("fin", "reset")
    assert answer.head.count(b"\n") == 1 and answer.head.isascii(), answer.head
    assert not answer.head.startswith(b"digl")


def test_protocol_1_is_warned_about(programs, gateway):
    gateway.wait_for_line(r"(?i)warn.*protocol 1|protocol 1.*(neither|not )")
    sign_on(gateway, "warned").close()
    gateway.wait_for_line(r"(?i)warn.*speaks protocol 1|speaks protocol 1")


@pytest.mark.parametrize("token, allow_v1, is_allowed",
                         [(TOKEN, True, True), (TOKEN, False, False), ("wrong", True, False)])
def test_token_needs_allow_v1(programs, tmp_path, token, allow_v1, is_allowed):
    gateway = programs.gateway("--accept-v1", "--tokens-file", tokens_file(tmp_path, allow_v1),
                               auth="tokens")
    if is_allowed:
        sign_on(gateway, "allowed", token=token.encode()).close()
    else:
        with pytest.raises(v1_peer.Refused):
            sign_on(gateway, "refused", token=token.encode())
    assert TOKEN not in gateway.said()


def test_our_agent_ends_when_its_token_is_refused(programs):
    listening = v1_peer.Gateway()
    agent = programs.agent(listening.address, "--protocol", "1", name="example", backend=9)
    with pytest.raises(v1_peer.Refused):
        listening.accept(refuse_login="authentication error: invalid token")
    assert agent.wait() == 5
    assert agent.find_line("invalid token")


def test_texts_of_the_peer_are_escaped(programs):
    """Defect 15."""
    listening = v1_peer.Gateway()
    agent = programs.agent(listening.address, "--protocol", "1", name="example", backend=9)
    with pytest.raises(v1_peer.Refused):
        listening.accept(refuse_name="\x1b[31mred\x07\n2nd line")
    agent.wait()
    said = "\n".join(agent.err)
    assert "red" in said and "\x1b" not in said and "\x07" not in said
    assert not any(line.startswith("2nd line") for line in agent.err)


# ---- The weakness, shown


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def attack(to_gateway, to_agent, known_gateway_plaintext):
    """What a listener reads without any key: (start of the agent's plaintext, more of it)."""
    agent, gateway = to_gateway[38:], to_agent[38:]
    # The gateway's first two frames are Ok, all zeros: its ciphertext is the key stream.
    start = xor(agent, gateway)[:14]
    key_stream = xor(gateway, known_gateway_plaintext)
    return start, xor(agent, key_stream)


def recorded_session(programs, tmp_path, backend, protocol):
    """A session of our agent with a token, recorded; its one visitor's request is known."""
    gateway = programs.gateway("--accept-v1", "--tokens-file", tokens_file(tmp_path, True),
                               auth="tokens")
    listener = recorder.Recorder(gateway.port)
    programs.agent(listener.address, *protocol, name="victim", backend=backend.port,
                   env={"DIGLETT_TOKEN": TOKEN})
    request = b"GET /public HTTP/1.1\r\nHost: victim.gateway.example\r\n\r\n"
    with harness.connect(gateway.wait_for_name("victim")) as visitor:
        visitor.sendall(request)
        assert transfers.receive_exactly(visitor, len(request)) == request
    listener.close()
    ok = v1_peer.Frame(Kind.OK).encode()
    plain = ok + ok + v1_peer.Frame(Kind.PAYLOAD, 1).encode()
    plain += v1_peer.Frame(Kind.PAYLOAD, 1, request).encode()
    return bytes(listener.to_target), bytes(listener.from_target), plain


def test_recording_of_protocol_1_gives_the_token_away(programs, tmp_path, backend):
    session = recorded_session(programs, tmp_path, backend(backends.echo), ["--protocol", "1"])
    start, more = attack(*session)
    assert start == b"\x07\0\0\0\0" + len(TOKEN).to_bytes(2, "big") + TOKEN[:7].encode()
    assert more[7 : 7 + len(TOKEN)] == TOKEN.encode()


def test_recording_of_protocol_2_gives_nothing_away(programs, tmp_path, backend):
    to_gateway, to_agent, plain = recorded_session(programs, tmp_path, backend(backends.echo), [])
    assert len(to_gateway) > 500 and len(to_agent) > 500, "there was a session to record"
    pieces = [TOKEN[i : i + 5].encode() for i in range(len(TOKEN) - 4)]
    found = [*attack(to_gateway, to_agent, plain), to_gateway, to_agent]
    # The same at every offset between the directions, should a shared key stream start elsewhere.
    found += [xor(to_gateway[i:], to_agent) for i in range(min(2000, len(to_gateway)))]
    found += [xor(to_gateway, to_agent[i:]) for i in range(min(2000, len(to_agent)))]
    for text in found:
        assert not any(piece in text for piece in pieces)


# ---- Malformed input


def pattern(size, seed):
    return bytes((i * 31 + (i >> 8) * 17 + seed) % 256 for i in range(size))


def bytes_of(case):
    """What a case sends: raw bytes in the handshake, plaintext of frames later."""
    text = case["bytes"] if case["phase"] == "handshake" else case["plaintext"]
    if text is not None:
        return bytes.fromhex(text)
    data = {"garbage_64k": lambda: pattern(65536, 9),
            "login_65535": lambda: v1_peer.Frame(Kind.LOGIN, 0, pattern(65535, 1)).encode(),
            "payload_unknown_id_65535": lambda: v1_peer.Frame(Kind.PAYLOAD, 1, pattern(65535, 0)).encode(),
            "garbage_serving": lambda: pattern(4096, 11 if case["role"] == "gateway" else 12),
            }[case["name"]]()
    assert hashlib.sha256(data).hexdigest() == case["sha256"]
    return data


# What a gateway may leave open: the session is sound, or the rest of a frame may still come.
STAYS_OPEN = {"flight_at_once", "register_same_name_as_other", "payload_unknown_id",
              "payload_unknown_id_65535", "close_unknown_id", "close_with_payload", "payload_cut_open"}
CLOSED_WITHIN = 12  # seconds: 5 for the handshake, 5 for the login, and some


def sign_on_as_far_as(case, gateway):
    connection = v1_peer.Connection(harness.connect(gateway.port, seconds=20), is_agent=True)
    if case["phase"] in ("registered", "serving"):
        connection.send(Kind.LOGIN)
        connection.expect_ok()
        connection.send(Kind.REGISTER, 0, f"case-{case['name']}".replace("_", "-").encode())
        connection.expect_ok()
    if case["phase"] == "serving":
        connection.send(Kind.FINISH_REGISTER)
    return connection


def play_against_gateway(case, gateway):
    """Sends a case and returns whether the gateway closed the connection, within CLOSED_WITHIN."""
    data = bytes_of(case)
    sock = harness.connect(gateway.port, seconds=20)
    if case["phase"] == "handshake":
        send = sock.sendall
    else:
        sock.close()
        connection = sign_on_as_far_as(case, gateway)
        sock, send = connection.sock, connection.send_plaintext
    try:
        send(data)
        if case["then"] == "half-close":
            sock.shutdown(socket.SHUT_WR)
        sock.settimeout(harness.scaled(2 if case["name"] in STAYS_OPEN else CLOSED_WITHIN))
        end = transfers.receive_stream(sock).end
        return end in ("fin", "reset")
    except ConnectionError:
        return True
    finally:
        sock.close()


def test_malformed_input_ends_only_its_own_connection(programs, gateway, python_agent, backend):
    """All 50 at once, beside a session that goes on; then the same again, and nothing is left."""
    _, port = python_agent(backend(backends.exchange), name="good")
    cases = [case for case in MALFORMED if case["role"] == "gateway"]
    assert len(cases) == 50
    stop = threading.Event()
    served = []

    def keep_on():
        with harness.connect(port, seconds=20) as visitor:
            while not stop.is_set():
                assert transfers.toward_visitor(visitor, len(served), 20_000).matches(len(served), 20_000)
                served.append(1)
                time.sleep(0.01)

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        going_on = pool.submit(keep_on)
        descriptors = []
        for _ in range(2):
            work = {case["name"]: pool.submit(play_against_gateway, case, gateway) for case in cases}
            closed = {name for name, each in work.items() if each.result()}
            assert closed == set(work) - STAYS_OPEN
            # The streams of the good session's visitor and nothing else.
            descriptors.append(gateway.settled_descriptors())
        assert descriptors[0] == descriptors[1], "a second identical round leaves nothing behind"
        before = len(served)
        harness.wait_until(lambda: len(served) > before + 5, 10, "the good session's next answers")
        stop.set()
        going_on.result()
    assert gateway.is_running()
    assert not gateway.find_line("^.?register domain 'forged'"), "no line of the log is forged"
    for line in gateway.err:
        assert line.isprintable(), repr(line)


def end_registration_with(gateway, data, shut):
    connection = v1_peer.Connection(harness.connect(gateway.port), is_agent=True)
    connection.send(Kind.LOGIN)
    connection.expect_ok()
    connection.send(Kind.REGISTER, 0, b"unfinished")
    connection.expect_ok()
    connection.send_plaintext(data)
    if shut:
        connection.sock.shutdown(socket.SHUT_WR)
    received = transfers.receive_stream(connection.sock)
    connection.close()
    return received


@pytest.mark.parametrize("data, shut", [(b"", True), (b"\x09\0\0\0\0\0\x03xyz", False),
                                        (b"\x03\0\0", True)], ids=["eof", "unknown kind", "cut"])
def test_only_finish_register_finishes_a_registration(gateway, data, shut):
    """Defect 14: the name must not stay behind, nor lead anywhere."""
    assert end_registration_with(gateway, data, shut).end in ("fin", "reset")
    match = gateway.find_line(r"(?<!un)register domain 'unfinished' -> '(\d+)'")
    if match:
        gateway.wait_for_unregister("unfinished")
        with pytest.raises(OSError):
            with harness.connect(int(match.group(1)), seconds=3) as visitor:
                visitor.sendall(b"x")
                assert transfers.receive_stream(visitor).end != "reset"
    # And the name is free at once.
    sign_on(gateway, "unfinished").close()


def play_against_agent(case, listening):
    """One connection of the agent gets `case`; the next one is a good gateway."""
    sock = listening.accept_socket()
    data = bytes_of(case)
    sock.settimeout(harness.scaled(20))
    if case["phase"] == "handshake":
        transfers.receive_exactly(sock, v1_peer.HANDSHAKE_BYTES)
        sock.sendall(data)
    else:
        connection = v1_peer.Connection(sock, is_agent=False)
        assert connection.receive().kind == Kind.LOGIN
        if case["phase"] in ("register", "serving"):
            connection.send(Kind.OK)
            assert connection.receive().kind == Kind.REGISTER
        if case["phase"] == "serving":
            connection.send(Kind.OK)
            assert connection.receive().kind == Kind.FINISH_REGISTER
        connection.send_plaintext(data)
    if case["then"] != "close":
        # Half a frame is no error yet, and neither is silence; all else the agent closes.
        sock.settimeout(harness.scaled(0.5 if case["name"] in AGENT_STAYS else 20))
        transfers.receive_stream(sock)
    sock.close()


AGENT_STAYS = {"silent", "silent_to_login", "close_unknown_id", "close_with_payload",
               "payload_empty_unknown_id", "payload_cut_open"}
# The gateway says no: the agent ends with exit 5 or 6 instead of trying for ever.
REFUSALS = {"error_to_login", "error_empty_text", "error_not_utf8", "error_with_escape",
            "error_to_register"}


@pytest.mark.parametrize("case", [case for case in MALFORMED
                                  if case["role"] == "agent" and case["name"] not in REFUSALS],
                         ids=lambda case: f"{case['phase']}-{case['name']}")
def test_our_agent_outlives_a_broken_gateway(programs, backend, case):
    """Defect 18: it is there again, whatever the gateway did, and serves."""
    served = backend(backends.exchange)
    listening = v1_peer.Gateway(seconds=harness.scaled(25))
    agent = programs.agent(listening.address, "--protocol", "1", name="example", backend=served.port)
    play_against_agent(case, listening)
    session = listening.accept()
    stream = session.open()
    stream.send(transfers.REQUEST.pack(b"G", 3, 1000))
    assert stream.receive(1000) == transfers.content(3, 1000)
    assert agent.is_running()
    listening.close()


@pytest.mark.parametrize("case", [case for case in MALFORMED
                                  if case["role"] == "agent" and case["name"] in REFUSALS],
                         ids=lambda case: case["name"])
def test_our_agent_takes_no_for_an_answer(programs, case):
    listening = v1_peer.Gateway()
    agent = programs.agent(listening.address, "--protocol", "1", name="example", backend=9)
    play_against_agent(case, listening)
    assert agent.wait() == (6 if case["phase"] == "register" else 5)
    for line in agent.err:
        assert line.isprintable(), repr(line)
    listening.close()
