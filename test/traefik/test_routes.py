"""The registrar's files in a real Traefik: routed, changed, removed."""

import shutil
import socket
import ssl
import time

import pytest

import harness
from traefik_server import Named, TlsBackend, make_certificate

GONE_SECONDS = 3  # after a removal no visitor of the name may be served


def add(driver, name, generation, port, kind="http"):
    said = driver.ask(f"add {name} {generation} {kind} {port}")
    assert said.startswith("ok "), said
    return said.removeprefix("ok ")


def test_plain_http(traefik, registrar, backend):
    driver = registrar("--no-tls", "--entry-points", "web")
    page = backend(Named, "one")
    assert add(driver, "example", 1, page.port) == "http://example.gateway.test"
    traefik.wait_for("example.gateway.test", "one", scheme="http")
    traefik.wait_for("example.other.test", "one", scheme="http")
    assert traefik.fetch("another.gateway.test", "http")[0] == 404
    assert traefik.fetch("example.gateway.test")[0] == 404, "not at an entry point that was not named"
    driver.ask("drop example 1")
    traefik.wait_for("example.gateway.test", status=404, scheme="http", seconds=GONE_SECONDS)


def test_https_with_the_operators_certificate(traefik, registrar, backend):
    driver = registrar("--middlewares", "mark")
    page = backend(Named, "one")
    url = add(driver, "example", 1, page.port)
    assert url == "https://example.gateway.test"
    traefik.wait_for(url, "one")
    assert "x-mark: seen" in traefik.fetch(url, headers=True)[1].lower(), "the operator's middleware"
    driver.ask("drop example 1")
    traefik.wait_for("example.gateway.test", status=404, seconds=GONE_SECONDS)


def test_every_name_of_right_grammar(traefik, registrar, backend):
    driver = registrar()
    names = ["a", "0", "on", "null", "12345", "1e3", "0x1", "a--b", "xn--bcher-kva", "z" * 63]
    pages = {name: backend(Named, name) for name in names}
    for number, name in enumerate(names):
        add(driver, name, number, pages[name].port)
    for name in names:
        traefik.wait_for(f"{name}.gateway.test", name)


def test_newer_generation_takes_over_and_older_end_changes_nothing(traefik, registrar, backend):
    driver = registrar()
    first, second = backend(Named, "first"), backend(Named, "second")
    add(driver, "example", 1, first.port)
    traefik.wait_for("example.gateway.test", "first")
    add(driver, "example", 2, second.port)
    traefik.wait_for("example.gateway.test", "second")
    driver.ask("drop example 1")
    add(driver, "marker", 1, first.port)
    traefik.wait_for("marker.gateway.test", "first")  # Traefik has read all that there is
    assert traefik.fetch("example.gateway.test") == (200, "second")


def test_routes_end_with_the_registrar(traefik, registrar, backend):
    driver = registrar()
    add(driver, "example", 1, backend(Named, "one").port)
    traefik.wait_for("example.gateway.test", "one")
    assert driver.end() == 0
    traefik.wait_for("example.gateway.test", status=404, seconds=GONE_SECONDS)


def test_routes_of_a_killed_gateway_end_with_its_restart(traefik, registrar, backend):
    driver = registrar()
    page = backend(Named, "one")
    add(driver, "example", 1, page.port)
    traefik.wait_for("example.gateway.test", "one")
    driver.kill()
    again = registrar()
    assert again.leftovers == {"example": page.port}
    traefik.wait_for("example.gateway.test", status=404, seconds=GONE_SECONDS)
    add(again, "example", 1, page.port)
    traefik.wait_for("example.gateway.test", "one")


@pytest.fixture
def own_certificate(tmp_path):
    return make_certificate(tmp_path, "example.gateway.test")


def test_passthrough_shows_the_backends_certificate_and_the_visitors_address(
        traefik, registrar, backend, own_certificate):
    driver = registrar("--proxy-protocol", "2")
    page = backend(TlsBackend, *own_certificate)
    assert add(driver, "example", 1, page.port, "tls") == "https://example.gateway.test"

    def answer():
        try:
            with traefik.visit("example.gateway.test", own_certificate[0], ("127.0.0.7", 0)) as visitor:
                me = visitor.getsockname()
                visitor.sendall(b"hello")
                return visitor.recv(100).decode() == f"{me[0]} {me[1]} hello"
        except (ssl.SSLError, ConnectionError):
            return False  # Traefik's own certificate: not routed yet

    harness.wait_until(answer, 5, "the backend behind Traefik", step=0.1)
    driver.ask("drop example 1")

    def refused():
        try:
            traefik.visit("example.gateway.test", own_certificate[0]).close()
            return False
        except (ssl.SSLError, ConnectionError):
            return True

    harness.wait_until(refused, GONE_SECONDS, "the end of the route", step=0.1)


def test_passthrough_lets_an_answer_after_the_visitors_end_through(
        traefik, registrar, backend, own_certificate):
    """Without terminationDelay Traefik drops it."""
    driver = registrar()
    page = backend(TlsBackend, *own_certificate, proxy=False, delay=1)
    add(driver, "example", 1, page.port, "tls")

    def answer():
        try:
            with traefik.visit("example.gateway.test", own_certificate[0]) as visitor:
                visitor.sendall(b"hello")
                visitor.shutdown(socket.SHUT_WR)  # and from here on a plain socket
                return visitor.recv(100)
        except (ssl.SSLError, ConnectionError):
            return None  # not routed yet

    record = harness.wait_until(answer, 8, "the answer after the visitor's end", step=0.1)
    assert record[0] == 0x17, "application data (RFC 8446, section 5.1)"


def test_directory_made_anew_is_filled_again_for_a_restarted_traefik(traefik, registrar, backend):
    driver = registrar()
    page = backend(Named, "one")
    add(driver, "example", 1, page.port)
    traefik.wait_for("example.gateway.test", "one")
    operators = (traefik.directory / "operator.yml").read_text()
    shutil.rmtree(traefik.directory)
    assert "make it again, then restart Traefik" in driver.ask(f"add other 1 http {page.port}")
    traefik.directory.mkdir()
    (traefik.directory / "operator.yml").write_text(operators)
    harness.wait_until((traefik.directory / "diglett-example.yml").exists, 5, "the route again")
    traefik.restart()
    traefik.wait_for("example.gateway.test", "one")
    harness.wait_until(lambda: driver.ask(f"add other 2 http {page.port}").startswith("ok"), 5, "a claim", step=0.5)
    traefik.wait_for("other.gateway.test", "one")


def test_a_broken_file_of_others_holds_changes_up_until_it_is_mended(traefik, registrar, backend):
    """What the port's rest is for: Traefik goes on with the routes that it has."""
    driver = registrar()
    page = backend(Named, "one")
    add(driver, "example", 1, page.port)
    traefik.wait_for("example.gateway.test", "one")
    (traefik.directory / "tenant.yml").write_text("http: {routers: {half")
    driver.ask("drop example 1")
    add(driver, "new", 1, page.port)
    traefik.program.wait_for_line("error|ERR", 10, lines=traefik.program.out)
    assert traefik.fetch("example.gateway.test") == (200, "one")
    assert traefik.fetch("new.gateway.test")[0] == 404
    (traefik.directory / "tenant.yml").unlink()
    traefik.wait_for("example.gateway.test", status=404)
    traefik.wait_for("new.gateway.test", "one")


@pytest.mark.parametrize("within", [False, True], ids=["beside", "within"])
def test_unfinished_files_cost_no_patience(traefik, registrar, backend, within):
    """A file that Traefik notices before the route would make the route wait 2 s."""
    if within:
        (traefik.directory.parent / "dynamic.staging").write_text("in the way")
    driver = registrar()
    assert (traefik.directory.parent / "dynamic.staging").is_dir() != within
    page = backend(Named, "one")
    time.sleep(3)  # what was noticed at the start is over
    add(driver, "example", 1, page.port)
    assert traefik.wait_for("example.gateway.test", "one") < 1.5
