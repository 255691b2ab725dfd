"""What the Traefik registrar leaves in its directory, whatever happens to it."""

import os
import re
import subprocess
import threading

import pytest

import harness
import traefik_routes
from traefik_routes import Driver, routes

OTHERS = {"other.yml": "http: {}\n", "notes.txt": "{{ not read }}\n"}

# What a writer of files asks of the system, each with the faults that it can meet there.
CALLS = ("openat", "mkdirat", "flock", "fchmod", "write", "fsync", "renameat", "unlinkat", "newfstatat",
         "getdents64", "read", "fcntl", "close")
FAULTS = ("error=ENOSPC", "error=EIO", "signal=KILL")
MOST_CALLS = 300  # far more than the script below makes of one kind in one thread, also under a sanitizer

SCRIPT = ("add a 1 http 10001", "add b 1 tls 10002", "add a 2 http 10001", "drop a 1",
          "add a 3 http 10003", "drop b 1", "add c 1 http 10004", "drop c 1")
PASSTHROUGH = ("--passthrough-entry-points", "passthrough")


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "dynamic"
    path.mkdir()
    for name, text in OTHERS.items():
        (path / name).write_text(text)
    yield path
    Driver.kill_all()
    for name, text in OTHERS.items():
        assert (path / name).read_text() == text, "a file of others"


def own_routes(directory):
    return {name for name in routes(directory) if name.startswith(traefik_routes.PREFIX)}


def test_another_yaml_parser_reads_every_file(directory):
    driver = Driver(directory, *PASSTHROUGH, "--domain", "one.test", "two.test", "--proxy-protocol", "2")
    driver.open()
    names = ["a", "on", "off", "yes", "no", "null", "true", "12345", "0", "1e3", "0x1f", "0o7", "a--b",
             "xn--bcher-kva", "2026-11-24", "y", "n", "z" * 63]
    for kind in ("http", "tls"):
        for number, name in enumerate(names):
            said = driver.ask(f"add {name} {1 if kind == 'http' else 2} {kind} {10000 + number}")
            assert said == f"ok https://{name}.one.test"
        parsed = routes(directory)
        for number, name in enumerate(names):
            protocol = "http" if kind == "http" else "tcp"
            service, = parsed[f"diglett-{name}.yml"][protocol]["services"].values()
            server, = service["loadBalancer"]["servers"]
            assert re.search(r":(\d+)$", *server.values())[1] == str(10000 + number)
    assert len(own_routes(directory)) == len(names)
    assert driver.end() == 0
    assert own_routes(directory) == set()


def test_second_gateway_is_told_and_ends(directory):
    first, second = Driver(directory), Driver(directory)
    first.open()
    assert re.match(r"error DIG-1005 .*in use by another gateway", second.ask("open"))
    assert second.end() == 3
    assert first.end() == 0


def test_leftovers_of_a_killed_gateway_are_removed_and_told(directory):
    driver = Driver(directory, *PASSTHROUGH)
    driver.open()
    assert driver.ask("add a 1 http 10001").startswith("ok")
    assert driver.ask("add b 1 tls 10002").startswith("ok")
    driver.kill()
    assert own_routes(directory) == {"diglett-a.yml", "diglett-b.yml"}
    again = Driver(directory)
    assert again.open() == {"a": 10001, "b": 10002}
    assert own_routes(directory) == set()
    assert again.end() == 0


def test_directory_parses_at_every_moment(directory):
    """A reader that never stops, names that come and go, and now and then the end by SIGKILL."""
    stop, trouble, looks = threading.Event(), [], 0

    def look():
        nonlocal looks
        while not stop.is_set():
            try:
                routes(directory)
                looks += 1
            except Exception as error:  # whatever it is, the test must hear of it
                trouble.append(repr(error))
                return

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for life in range(5):
            driver = Driver(directory, *PASSTHROUGH)
            driver.open()
            for number in range(60):
                kind = "tls" if number % 3 == 0 else "http"
                assert driver.ask(f"add n{number % 20} {number} {kind} {10000 + number}").startswith("ok")
                driver.ask(f"drop n{number % 20} {number - 20}")
            driver.kill() if life % 2 else driver.end()
    finally:
        stop.set()
        reader.join()
    assert not trouble
    assert looks > 20


def attach(pid, call, fault, number, log, only=()):
    """A tracer that spoils the `number`th `call` of each thread of `pid` from now on.

    `only`: those that are about these files."""
    paths = [word for path in only for word in ("-P", str(path))]
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-o", log, "-e", f"trace={call}", *paths,
         "-e", f"inject={call}:{fault}:when={number}"], stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    assert "attached" in said, f"strace cannot trace here: {said}"
    return tracer


def run_spoilt(directory, call, fault, number, log):
    """Runs the script under one fault; returns whether the fault came to pass."""
    # A leak check cannot run in a traced process.
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    driver = Driver(directory, *PASSTHROUGH, env=env)
    # Threads wake one another by write(), and a wake-up that is lost says nothing of files.
    unfinished = [directory.parent / "dynamic.staging" / f"diglett-{name}.tmp" for name in "abc"]
    tracer = attach(driver.pid, call, fault, number, log, unfinished if call == "write" else ())
    said = driver.ask("open")
    while said and said.startswith("leftover"):
        said = driver.line()
    for command in SCRIPT if said == "opened" else ():
        if driver.ask(command) is None:
            break
        routes(directory)
    code = driver.end()
    tracer.communicate(timeout=harness.scaled(10))
    assert code in (0, 1, 3, -9), driver.errors.decode()
    text = log.read_text()
    assert code != -9 or "killed by SIGKILL" in text
    return "(INJECTED)" in text or code == -9


def spoil_everywhere(directory, call, fault, log):
    """Spoils the first, second, ... call in turn, until there are no more. Returns how many there were."""
    stride = max(1, round(0.3 / float(os.environ.get("DIGLETT_SCALE", "1"))))
    for number in range(1, MOST_CALLS, stride):
        (directory / "diglett-old.yml").write_text(
            '{"http":{"routers":{"diglett-old":{"rule":"Host(`old.gateway.test`)","service":"diglett-old"}},'
            '"services":{"diglett-old":{"loadBalancer":{"servers":[{"url":"http://127.0.0.1:10000"}]}}}}}')
        happened = run_spoilt(directory, call, fault, number, log)
        where = f"{fault} at {call} number {number}"
        left = own_routes(directory)
        healthy = Driver(directory, *PASSTHROUGH)
        assert {f"diglett-{name}.yml" for name in healthy.open()} == left, where
        assert own_routes(directory) == set(), where
        assert healthy.ask("add d 1 http 10009") == "ok https://d.gateway.test", where
        assert own_routes(directory) == {"diglett-d.yml"}, where
        assert healthy.end() == 0
        assert own_routes(directory) == set(), where
        assert list(directory.parent.glob("dynamic.staging/*")) == [], where
        if not happened:
            return number - 1
    raise AssertionError(f"{call} is called without end")


@pytest.mark.full_size
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_directory_parses_after_a_fault_at_each_call(directory, tmp_path, call, fault):
    happened = spoil_everywhere(directory, call, fault, tmp_path / "strace")
    if call in ("openat", "fchmod", "write", "fsync", "renameat", "unlinkat", "newfstatat"):
        assert happened > 0, f"the writer makes no {call}: the list of calls is out of date"
