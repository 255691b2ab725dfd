"""Fixtures of the tests with a real Traefik: its programs, its directory, its certificate.

TRAEFIK is the path of a Traefik 3; scripts/test-traefik says so and calls these tests.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))

import harness
import traefik_routes
import traefik_server


@pytest.fixture
def programs(tmp_path):
    """Starts programs (harness.Programs); fails the test that left a crash behind."""
    started = harness.Programs(tmp_path)
    yield started
    trouble = started.close()
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def traefik(programs, tmp_path):
    """A Traefik that watches `directory`, on free loopback ports, with a certificate of its own."""
    return traefik_server.Traefik(programs, tmp_path).start()


@pytest.fixture
def registrar(traefik):
    """Starts the registrar's driver on Traefik's directory; ended with the test."""
    def start(*arguments):
        driver = traefik_routes.Driver(
            traefik.directory, "--domain", *traefik_server.DOMAINS,
            "--passthrough-entry-points", "passthrough", *arguments)
        driver.leftovers = driver.open()
        return driver

    yield start
    traefik_routes.Driver.kill_all()


@pytest.fixture
def backend():
    """Makes a backend of a handler (traefik_server): closed after the test."""
    made = []

    def make(kind, *arguments, **options):
        made.append(kind(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
