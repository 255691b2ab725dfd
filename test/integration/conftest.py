"""Fixtures of the integration tests: programs and backends that end with the test."""

import pytest

import backends
import harness


@pytest.fixture
def programs(tmp_path):
    """Starts gateways and agents (harness.Programs); fails the test that left a crash behind."""
    started = harness.Programs(tmp_path)
    yield started
    trouble = started.close()
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def backend():
    """Makes a backend of a handler (backends.py): `backend(backends.echo)`; closed after the test."""
    made = []

    def make(handler, *arguments, **options):
        made.append(backends.Backend(handler, *arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def web():
    """A backend that speaks HTTP (backends.WebBackend), closed after the test."""
    server = backends.WebBackend()
    yield server
    server.close()
