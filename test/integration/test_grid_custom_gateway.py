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


def test_the_example_is_short_and_alone():
    folder = harness.Path(__file__).resolve().parents[2] / "examples" / "custom_gateway"
    assert sorted(path.name for path in folder.iterdir()) == ["CMakeLists.txt", "custom_gateway.cpp"]
    assert len((folder / "custom_gateway.cpp").read_text().splitlines()) < 150
