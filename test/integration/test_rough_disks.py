"""State folders that are full, read-only, or gone: existing names go on, new ones fail clearly, all heals by itself.

The lease file is whole whenever one looks, whatever the disk did.
"""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

import backends
import harness
import transfers

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
HEAL_SECONDS = 5  # the gateway tells an agent to ask again after 2 s


class Disk:
    """A small file system of its own at `path`."""

    def __init__(self, path, options="size=256k,nr_inodes=40"):
        path.mkdir(parents=True)
        self.path = path
        self._mount("-t", "tmpfs", "-o", f"{options},mode=700", "small")
        self._layers = 1

    def _mount(self, *how):
        subprocess.run(["mount", *how, self.path], check=True, timeout=10)

    def fill(self):
        with contextlib.suppress(OSError), open(self.path / "ballast", "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def fill_inodes(self):
        folder = self.path / "ballast.d"
        folder.mkdir()
        with contextlib.suppress(OSError):
            for number in range(1000):
                (folder / str(number)).touch()

    def make_room(self):
        (self.path / "ballast").unlink(missing_ok=True)
        shutil.rmtree(self.path / "ballast.d", ignore_errors=True)

    def make_read_only(self):
        """Under the same path, whoever has files open for writing."""
        self._mount("--bind", self.path)
        self._mount("-o", "remount,bind,ro")
        self._layers += 1

    def make_writable(self):
        subprocess.run(["umount", self.path], check=True, timeout=10)
        self._layers -= 1

    def close(self):
        for _ in range(self._layers):
            subprocess.run(["umount", "--lazy", self.path], check=True, timeout=10)


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk("gateway")` is the state folder of the program with that label, on a disk of its own."""
    made = []

    def make(label):
        made.append(Disk(tmp_path / f"{label}-state"))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def served(backend):
    return backend(backends.exchange)


def is_whole(port):
    with harness.connect(port) as visitor:
        received = transfers.toward_visitor(visitor, 5, 200_000)
    assert (received.end, received.length) == ("size", 200_000)
    return received.matches(5, 200_000)


def owners(tmp_path):
    """The names in the lease file, which must be whole whenever one looks."""
    stored = json.loads((tmp_path / "gateway-state" / "gateway" / "leases.json").read_text())
    return {lease["name"] for lease in stored["leases"]}


TROUBLES = {
    "full": (Disk.fill, Disk.make_room),
    "no inodes": (Disk.fill_inodes, Disk.make_room),
    "read-only": (Disk.make_read_only, Disk.make_writable),
}


@needs_root
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_gateway_without_room_keeps_its_names_and_heals(programs, served, small_disk, tmp_path, trouble):
    begin, end = TROUBLES[trouble]
    disk = small_disk("gateway")
    gateway = programs.gateway(label="gateway")
    first = programs.agent(gateway, name="first", backend=served.port, label="first")
    port = gateway.wait_for_name("first")
    begin(disk)
    second = programs.agent(gateway, name="second", backend=served.port, label="second")
    second.wait_for_line("name 'second' has to wait: the gateway cannot store the name 'second' now")
    gateway.wait_for_line("ERROR DIG-2006: cannot write .*leases.json.*: names in use go on, new ones are refused")
    assert is_whole(port)
    assert owners(tmp_path) == {"first"}
    # Who has a name keeps it, also over a new session and against others.
    first.kill()
    gateway.wait_for_refusal(port)
    other = programs.agent(gateway, name="first", backend=served.port, label="other")
    assert other.wait() == 6 and other.find_line("DIG-4003")
    programs.agent(gateway, name="first", backend=served.port, label="first")
    assert gateway.wait_for_name("first", count=2) == port and is_whole(port)
    assert second.is_running() and owners(tmp_path) == {"first"}
    end(disk)
    assert is_whole(gateway.wait_for_name("second", HEAL_SECONDS))
    assert gateway.find_line("the lease file is written again")
    assert owners(tmp_path) == {"first", "second"}
    errors = [line for line in gateway.err if "new ones are refused" in line]
    assert len(errors) == 1, "said once, not for each attempt"
    # And what was stored outlives the gateway.
    gateway.kill()
    gateway = programs.gateway(label="gateway", listen=gateway.address)
    for name in ("first", "second"):
        gateway.wait_for_name(name)
    assert programs.agent(gateway, name="second", backend=served.port, label="other").wait() == 6


@needs_root
@pytest.mark.parametrize("trouble", ["full", "no inodes"])
def test_a_gateway_starts_on_a_full_disk(programs, served, small_disk, tmp_path, trouble):
    begin, end = TROUBLES[trouble]
    disk = small_disk("gateway")
    gateway = programs.gateway(label="gateway")
    programs.agent(gateway, name="first", backend=served.port, label="first")
    port = gateway.wait_for_name("first")
    gateway.kill()
    begin(disk)
    gateway = programs.gateway(label="gateway", listen=gateway.address)
    assert gateway.wait_for_name("first") == port and is_whole(port)
    second = programs.agent(gateway, name="second", backend=served.port, label="second")
    second.wait_for_line("has to wait: the gateway cannot store")
    assert gateway.stop() == 0
    assert owners(tmp_path) == {"first"}
    end(disk)
    gateway = programs.gateway(label="gateway", listen=gateway.address)
    assert is_whole(gateway.wait_for_name("second")) and gateway.wait_for_name("first") == port


def refused_start(programs, tmp_path):
    """A gateway that ends at once: what it said last."""
    gateway = programs.program("gateway", harness.bin_dir() / "diglett-server", "-l", "127.0.0.1:0", "--state-dir",
                               tmp_path / "gateway-state")
    assert gateway.wait() == 3
    return gateway.err[-1]


@needs_root
def test_a_first_start_on_a_full_disk_fails_clearly(programs, small_disk, tmp_path):
    disk = small_disk("gateway")
    disk.fill()
    words = refused_start(programs, tmp_path)
    assert "DIG-2006" in words and "No space left on device" in words and "gateway-state" in words
    disk.make_room()
    assert programs.gateway(label="gateway").stop() == 0, "nothing half made is left in the way"


@needs_root
def test_a_start_on_a_read_only_disk_fails_clearly(programs, small_disk, tmp_path):
    disk = small_disk("gateway")
    disk.make_read_only()
    for _ in range(2):
        words = refused_start(programs, tmp_path)
        assert "DIG-2006" in words and "Read-only file system" in words and "gateway-state" in words
        disk.make_writable()
        assert programs.gateway(label="gateway").stop() == 0
        disk.make_read_only()  # and again with a key and a lock file there


def test_a_state_folder_that_was_removed_is_no_reason_to_stop(programs, served, tmp_path):
    gateway = programs.gateway(label="gateway")
    programs.agent(gateway, name="first", backend=served.port, label="first")
    port = gateway.wait_for_name("first")
    shutil.move(tmp_path / "gateway-state" / "gateway", tmp_path / "away")
    second = programs.agent(gateway, name="second", backend=served.port, label="second")
    second.wait_for_line("name 'second' has to wait: the gateway cannot store the name 'second' now")
    assert is_whole(port)
    shutil.move(tmp_path / "away", tmp_path / "gateway-state" / "gateway")
    assert is_whole(gateway.wait_for_name("second", HEAL_SECONDS))
    assert owners(tmp_path) == {"first", "second"}


DAMAGE = ["", "{", "\x00" * 200, "junk\n"]


@pytest.mark.parametrize("damage", DAMAGE, ids=["empty", "cut", "zeros", "junk"])
@pytest.mark.parametrize("name", ["identity.pem", "leases.json"])
def test_a_damaged_file_of_the_gateway_is_named_and_left_alone(programs, served, tmp_path, name, damage):
    gateway = programs.gateway(label="gateway")
    programs.agent(gateway, name="first", backend=served.port)
    gateway.wait_for_name("first")
    assert gateway.stop() == 0
    path = tmp_path / "gateway-state" / "gateway" / name
    path.write_text(damage)
    words = refused_start(programs, tmp_path)
    assert "DIG-1006" in words and str(path) in words
    assert path.read_text() == damage


# ---- Agents


@pytest.mark.parametrize("damage", DAMAGE[1:], ids=["cut", "zeros", "junk"])
@pytest.mark.parametrize("name", ["agent.key", "known_gateways"])
def test_a_damaged_file_of_the_agent_is_named_and_left_alone(programs, served, tmp_path, name, damage):
    gateway = programs.gateway()
    agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
    gateway.wait_for_name("example")
    assert agent.stop() == 0
    path = tmp_path / "agent-state" / "agent" / name
    path.write_text(damage)
    agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
    assert agent.wait() == 3 and str(path) in agent.find_line("DIG-1006.*").group(0)
    assert path.read_text() == damage


def known(tmp_path):
    path = tmp_path / "agent-state" / "agent" / "known_gateways"
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


@needs_root
@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_agent_without_room_serves_and_keeps_what_it_knew(programs, served, small_disk, tmp_path, trouble):
    begin, end = TROUBLES[trouble]
    disk = small_disk("agent")
    old, new = programs.gateway(label="old"), programs.gateway(label="new")
    agent = programs.agent(old, name="example", backend=served.port, label="agent")
    old.wait_for_name("example")
    assert agent.stop() == 0
    before = known(tmp_path)
    assert [line.split()[0] for line in before] == [old.address]
    begin(disk)
    if trouble == "read-only":
        refused = programs.agent(new, name="example", backend=served.port, label="agent")
        assert refused.wait() == 3 and refused.find_line("DIG-2006.*Read-only file system")
    else:
        agent = programs.agent(new, name="example", backend=served.port, label="agent")
        assert is_whole(new.wait_for_name("example"))
        agent.wait_for_line("WARN.*could not be kept.*No space left on device")
        assert agent.stop() == 0
    assert known(tmp_path) == before
    end(disk)
    agent = programs.agent(new, name="example", backend=served.port, label="agent")
    harness.wait_until(lambda: [line.split()[0] for line in known(tmp_path)] == [old.address, new.address])
    assert known(tmp_path)[0] == before[0]


@needs_root
def test_an_agents_first_start_on_a_full_disk_fails_clearly(programs, served, small_disk):
    disk = small_disk("agent")
    gateway = programs.gateway()
    disk.fill()
    agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
    assert agent.wait() == 3 and agent.find_line("DIG-2006.*agent.key.*No space left on device")
    disk.make_room()
    programs.agent(gateway, name="example", backend=served.port, label="agent")
    assert is_whole(gateway.wait_for_name("example"))
