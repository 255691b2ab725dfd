"""The example of a gateway with plug points of its own (docs/extending.md): built from it, run here."""

import json
import socket

import pytest

import backends
import harness


class Custom:
    def __init__(self, programs, folder):
        self.names, self.events = folder / "names.txt", folder / "events.jsonl"
        self.names.write_text("alice alices-token shop blog\nbob bobs-token other\n")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.address = f"127.0.0.1:{taken.getsockname()[1]}"
        self.program = programs.program("custom", harness.bin_dir() / "custom_gateway", self.address, self.names, self.events)

    def told(self):
        return [json.loads(line) for line in self.events.read_text().splitlines()] if self.events.exists() else []

    def wait_for(self, event, name):
        found = harness.wait_until(
            lambda: [each for each in self.told() if (each["event"], each["name"]) == (event, name)], 10, f"{event} {name}")
        return found[-1]["port"]


@pytest.fixture
def custom(programs, tmp_path):
    return Custom(programs, tmp_path)


def test_names_of_the_text_file_are_served(custom, programs, backend):
    agent = programs.agent(custom.address, "-t", "alices-token", name="shop", backend=backend(backends.echo).port)
    port = custom.wait_for("register", "shop")
    with harness.connect(port) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(5) == b"hello"
    assert agent.out == ["http://shop.example.com"]
    assert agent.stop() == 0
    assert custom.wait_for("unregister", "shop") == port
    assert custom.program.stop() == 0


@pytest.mark.parametrize("token, name, code", [("alices-token", "other", 6), ("nobodys-token", "shop", 5)])
def test_what_the_text_file_does_not_give_is_refused(custom, programs, token, name, code):
    assert programs.agent(custom.address, "-t", token, name=name, backend=9).wait() == code
    assert custom.told() == []


def test_the_text_file_is_read_anew_at_each_login(custom, programs, backend):
    custom.names.write_text("carol carols-token new\n")
    programs.agent(custom.address, "-t", "carols-token", name="new", backend=backend(backends.echo).port)
    custom.wait_for("register", "new")


def live(told):
    """Who is public after those lines: generation by name, as a reader of the file finds it."""
    registered = {}
    for each in told:
        if each["event"] == "register":
            registered.setdefault(each["name"], set()).add(each["generation"])
        else:
            registered[each["name"]].remove(each["generation"])
    return {name: max(generations) for name, generations in registered.items() if generations}


def test_the_end_of_an_older_registration_removes_nothing_of_a_newer_one(custom, programs, backend):
    port = backend(backends.echo).port
    killed = programs.agent(custom.address, "-t", "alices-token", name="shop", backend=port, label="agent")
    helper = custom.wait_for("register", "shop")
    first = live(custom.told())["shop"]
    killed.kill()
    back = programs.agent(custom.address, "-t", "alices-token", name="shop", backend=port, label="agent")
    assert custom.wait_for("unregister", "shop") == helper
    assert [(each["event"], each["generation"] - first) for each in custom.told()] == [
        ("register", 0), ("register", 1), ("unregister", 0)]
    assert live(custom.told()) == {"shop": first + 1}, "the name lives, and the file says so"
    with harness.connect(helper) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(5) == b"hello"
    assert back.stop() == 0
    harness.wait_until(lambda: not live(custom.told()), 10, "the end of the name")


def test_its_log_tells_of_names_as_the_program_s_does(custom, programs, backend):
    programs.agent(custom.address, "-t", "bobs-token", name="other", backend=backend(backends.echo).port)
    port = custom.wait_for("register", "other")
    custom.program.wait_for_line(f"register domain 'other' -> '{port}'")


def test_the_example_is_short_and_alone():
    folder = harness.Path(__file__).resolve().parents[2] / "examples" / "custom_gateway"
    assert sorted(path.name for path in folder.iterdir()) == ["CMakeLists.txt", "custom_gateway.cpp"]
    lines = (folder / "custom_gateway.cpp").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 125
