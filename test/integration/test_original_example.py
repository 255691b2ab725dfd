"""The example that the program was made for, word for word, without any configuration."""

import os
import shutil

import pytest

import harness
import network

pytestmark = pytest.mark.alone

PAGE = "<!doctype html><title>example</title><p id=it>the page behind the tunnel</p>\n"
CHROMIUM = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage"]


@pytest.fixture
def example(programs, tmp_path):
    """Runs the three commands; yields the network they are in and the URL of the page."""
    (tmp_path / "index.html").write_text(PAGE)
    # What a person's shell has: the programs in PATH. As root the default state folder would be the
    # machine's own; STATE_DIRECTORY, as systemd sets it, leads it here.
    surroundings = {"PATH": f"{harness.bin_dir()}:/usr/bin:/bin", "STATE_DIRECTORY": str(tmp_path / "state")}
    with network.private_network() as net:

        def start(label, line):
            return programs.program(label, *net.command, *line.split(), env=surroundings)

        gateway = start("gateway", "diglett-server -d")
        gateway.wait_for_line(r"listening on 0\.0\.0\.0:20000")
        start("backend", "python3 -m http.server --directory . --bind :: 9000")
        agent = start("agent", "diglett -d -g localhost:20000 -n example -d localhost:9000")
        port = gateway.wait_for_line(r"(?<!un)register domain 'example' -> '(\d+)'").group(1)
        url = f"http://127.0.0.1:{port}/"
        harness.wait_until(lambda: net.run("curl", "-sS", url, check=False).returncode == 0, 10, "the page")
        yield net, url, gateway, agent


def test_curl_gets_the_page(example):
    net, url, gateway, agent = example
    assert net.run("curl", "-sS", url).stdout == PAGE
    assert agent.find_line("name 'example' is registered and leads to localhost:9000")
    assert agent.out == gateway.out == [], "no public URL, so nothing on stdout"
    assert agent.stop() == 0
    gateway.wait_for_line("unregister domain 'example'")
    assert gateway.stop() == 0


def test_chromium_shows_the_page(example, tmp_path):
    net, url, _, _ = example
    browser = shutil.which("chromium")
    assert browser, "Debian's package chromium is not installed"
    dump = net.run(browser, *CHROMIUM, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url,
                   env={**os.environ, "HOME": str(tmp_path)}, timeout=harness.scaled(60))
    assert '<p id="it">the page behind the tunnel</p>' in dump.stdout
