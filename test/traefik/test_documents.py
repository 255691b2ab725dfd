"""What the documents tell a reader to type with a Traefik at hand, run as it stands."""

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh skip: needs Traefik; scripts/test-traefik runs it\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 120
PORT = re.compile(r"\b(1[89]\d{3}|20\d{3})\b")  # the documents' ports: no test uses them otherwise
FREE_SECONDS = 60


def is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("document", ["grid.md", "traefik.md"])
def test_commands_of(document, tmp_path):
    blocks = BLOCK.findall((ROOT / "docs" / document).read_text())
    assert blocks
    for port in sorted(set(map(int, PORT.findall("".join(blocks))))):
        harness.wait_until(lambda port=port: is_free(port), FREE_SECONDS, f"{port}, which docs/{document} uses, being free")
    script = 'trap \'kill $(jobs -p) 2> /dev/null; wait\' EXIT\n' + "".join(blocks) + "echo all of it\n"
    surroundings = {"PATH": f"{harness.bin_dir()}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C",
                    "TRAEFIK": os.environ["TRAEFIK"], "diglett": str(ROOT)}
    with open(tmp_path / "said", "w", encoding="utf-8") as said:
        done = subprocess.run(["timeout", str(int(harness.scaled(SECONDS))), "bash", "-euo", "pipefail", "-c", script],
                              cwd=tmp_path, env=surroundings, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                              check=False)
    text = (tmp_path / "said").read_text()
    assert done.returncode == 0 and "all of it" in text.splitlines(), text
    if document == "grid.md":
        assert (tmp_path / "url").read_text() == "https://example.gateway.test:18443\n"
        assert all(words in text.splitlines() for words in ("hello from behind NAT", "the agent ended with 6")), text
