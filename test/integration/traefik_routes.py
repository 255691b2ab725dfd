"""The Traefik registrar without a gateway (test/support/traefik_driver.cpp), and what its directory must be.

    driver = Driver(directory)
    driver.open()
    assert driver.ask("add example 1 http 10000") == "ok https://example.gateway.test"
"""

import select
import subprocess

import yaml

import harness

ANSWER_SECONDS = 15
PREFIX, SUFFIX = "diglett-", ".yml"


class Driver:
    """One process. `ask` sends a line and returns the answer; None once the process is gone."""

    started = []  # every one, for kill_all()

    def __init__(self, directory, *arguments, env=None):
        self.process = subprocess.Popen(
            [harness.bin_dir() / "traefik_driver", "--dir", directory, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=env)
        self.started.append(self)
        self._rest = b""
        assert self.line() == "ready"

    @property
    def pid(self):
        return self.process.pid

    def line(self):
        end = harness.time.monotonic() + harness.scaled(ANSWER_SECONDS)
        while b"\n" not in self._rest:
            left = end - harness.time.monotonic()
            assert left > 0, f"the driver said nothing for {ANSWER_SECONDS} s"
            if not select.select([self.process.stdout], [], [], left)[0]:
                continue
            more = self.process.stdout.read(65536)
            if not more:
                return None
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def ask(self, command):
        try:
            self.process.stdin.write(command.encode() + b"\n")
        except BrokenPipeError:
            return None
        return self.line()

    def open(self):
        """The leftovers by name with their ports; fails unless the directory was opened."""
        leftovers, line = {}, self.ask("open")
        while line and line.startswith("leftover "):
            _, name, port = line.split()
            leftovers[name], line = int(port), self.line()
        assert line == "opened", line
        return leftovers

    def end(self):
        """Lets it remove its routes and go; returns its exit code."""
        _, self.errors = self.process.communicate(timeout=harness.scaled(ANSWER_SECONDS))
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.end()

    @classmethod
    def kill_all(cls):
        """For fixtures: nothing is left behind, whatever the test did."""
        for driver in cls.started:
            if driver.process.poll() is None:
                driver.process.kill()
                driver.process.wait()
        cls.started.clear()


def routes(directory):
    """Every file that Traefik would read, parsed, by name; fails for one that is not whole.

    A file of ours routes one name: one router, one service and, where TLS passes through, one transport.
    """
    found = {}
    for path in sorted(directory.rglob("*")):
        assert path.suffix != ".tmp" or path.parent != directory, f"{path} is unfinished, where Traefik looks"
        if path.suffix not in {".yml", ".yaml", ".toml"}:
            continue
        try:
            text = path.read_text()
        except FileNotFoundError:
            continue  # removed since it was listed
        found[path.name] = yaml.safe_load(text)
        if path.name.startswith(PREFIX) and path.name.endswith(SUFFIX):
            check_route(path.name[len(PREFIX):-len(SUFFIX)], text, found[path.name])
    return found


def check_route(name, text, parsed):
    assert isinstance(parsed, dict), f"the file of {name} holds {text!r}"
    assert "{{" not in text
    (protocol, config), = parsed.items()
    assert protocol in ("http", "tcp")
    key = PREFIX + name
    wanted = {"routers", "services"} | ({"serversTransports"} if protocol == "tcp" else set())
    assert set(config) == wanted
    for part in config.values():
        assert list(part) == [key], part
    rule = config["routers"][key]["rule"]
    assert text.count("`") == rule.count("`") == 2 * (rule.count(" || ") + 1)
    assert rule.startswith(f"{'Host' if protocol == 'http' else 'HostSNI'}(`{name}.")
    assert config["routers"][key]["service"] == key
    server, = config["services"][key]["loadBalancer"]["servers"]
    assert set(server) == {"url" if protocol == "http" else "address"}
