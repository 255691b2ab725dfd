"""Many transfers at once: all complete, none mixed up. (crowd.py says what is sent and checked)"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import pytest

import harness

pytestmark = pytest.mark.alone

CROWD = Path(__file__).with_name("crowd.py")
# What the sanitizers' builds do less of: DIGLETT_SCALE=0.1 is a tenth.
SCALE = float(os.environ.get("DIGLETT_SCALE", "1"))
GIB = 1 << 30


class Crowd:
    """Gateway, agent and backend; visitors by the hundred."""

    def __init__(self, programs, folder):
        self._programs, self._plan = programs, folder / "plan.json"
        backend = programs.program("backend", sys.executable, CROWD, "backend")
        port = int(backend.wait_for_line(r"^(\d+)$", lines=backend.out).group(1))
        self.gateway = programs.gateway()
        self.agent = programs.agent(self.gateway, name="example", backend=port)
        self._port = self.gateway.wait_for_name("example")

    def visit(self, plan, at_once, *hold):
        """Starts visitors with `plan`, a list of sizes (toward backend, toward visitor)."""
        self._plan.write_text(json.dumps(plan))
        return self._programs.program("visitors", sys.executable, CROWD, "visit", self._port, self._plan,
                                      at_once, *hold)

    def descriptors(self):
        return self.gateway.descriptors(), self.agent.descriptors()


@pytest.fixture
def crowd(programs, tmp_path):
    return Crowd(programs, tmp_path)


def results(visitors, seconds):
    line = visitors.wait_for_line(r'^\{"complete".*', seconds, lines=visitors.out)
    found = json.loads(line.group(0))
    print(found)
    assert visitors.wait() == 0
    return found


def log_uniform(source, most):
    return int(2 ** source.uniform(0, most.bit_length() - 1))


def plan_of_200(direction):
    """200 bodies of 1 B to 64 MiB, 1 GiB in all; the other direction carries up to 64 KiB at the same time."""
    for seed in range(1000):
        source = random.Random(f"{direction} {seed}")
        sizes = [max(1, int(log_uniform(source, 64 << 20) * SCALE)) for _ in range(200)]
        if abs(sum(sizes) - GIB * SCALE) < 0.02 * GIB * SCALE:
            print(f"{direction}: seed {seed}, {sum(sizes)} bytes, greatest {max(sizes)}")
            both = [(size, log_uniform(source, 65536)) for size in sizes]
            return both if direction == "toward backend" else [pair[::-1] for pair in both]
    raise AssertionError("no seed gives about 1 GiB")


@pytest.mark.parametrize("direction", ["toward backend", "toward visitor"])
def test_200_visitors_at_once_each_get_their_own_bytes(crowd, direction):
    plan = plan_of_200(direction)
    found = results(crowd.visit(plan, 200), 120)
    assert found["troubles"] == []
    assert (found["complete"], found["failed"], found["silent"]) == (200, 0, 0)
    assert found["bytes"] == sum(map(sum, plan))


def test_100000_opens_at_64_concurrent_misdeliver_nothing(crowd):
    source = random.Random(64)
    plan = [(source.randrange(2000), source.randrange(2000)) for _ in range(int(100_000 * SCALE))]
    before = crowd.descriptors()
    found = results(crowd.visit(plan, 64), 150)
    assert found["troubles"] == []
    assert (found["complete"], found["failed"], found["silent"]) == (len(plan), 0, 0)
    harness.wait_until(lambda: crowd.descriptors() == before, 10, "no descriptor is left behind")


def test_10000_idle_streams_are_held_and_then_used(crowd):
    streams = int(10_000 * SCALE)
    before = [program.resident_bytes() for program in (crowd.gateway, crowd.agent)]
    visitors = crowd.visit([(8, 8)] * streams, 200, "hold")
    visitors.wait_for_line("^held", 60, lines=visitors.out)
    for program, at_start in zip((crowd.gateway, crowd.agent), before):
        assert program.descriptors() >= streams
        each = (program.resident_bytes() - at_start) / streams
        print(f"{program.label}: {each:.0f} bytes for each idle stream")
        if SCALE == 1:
            assert each <= 4096, "the bound of an idle stream and side"
    visitors.signal(signal.SIGUSR1)
    found = results(visitors, 60)
    assert found["troubles"] == []
    assert (found["complete"], found["failed"], found["silent"]) == (streams, 0, 0)
