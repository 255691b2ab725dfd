"""Programs that people really use, on both sides of the tunnel. None of them knows about it."""

import asyncio
import getpass
import hashlib
import json
import os
import socket
import sys
import threading
import urllib.request

import pytest
import websockets

import harness
import transfers

pytestmark = pytest.mark.alone


def free_port():
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def accepts(port):
    try:
        harness.connect(port, seconds=2).close()
        return True
    except OSError:
        return False


@pytest.fixture
def tunnel(programs):
    """`tunnel(port)`: the helper port that leads to the backend at `port`."""
    gateway = programs.gateway()

    def to(port, name="example"):
        harness.wait_until(lambda: accepts(port), 10, f"a program at port {port}")
        programs.agent(gateway, name=name, backend=port)
        return gateway.wait_for_name(name)

    return to


def fetch(url):
    with urllib.request.urlopen(url, timeout=harness.scaled(30)) as answer:
        return answer.read()


def make_file(path, seed, size):
    with open(path, "wb") as file:
        file.writelines(transfers.blocks(seed, size))
    return transfers.digest(seed, size)


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def test_python_http_server(tunnel, programs, tmp_path):
    (tmp_path / "www").mkdir()
    digest = make_file(tmp_path / "www" / "file", 1, 5_000_000)
    server = programs.program("http", sys.executable, "-u", "-m", "http.server", "--directory",
                              tmp_path / "www", "--bind", "127.0.0.1", "0")
    port = int(server.wait_for_line(r"port (\d+)", lines=server.out).group(1))
    url = f"http://127.0.0.1:{tunnel(port)}"
    assert b"file" in fetch(url)
    for _ in range(5):
        assert hashlib.sha256(fetch(f"{url}/file")).digest() == digest


NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; client_max_body_size 64m; }}
}}
"""


@pytest.fixture
def nginx(programs, tmp_path):
    (tmp_path / "www").mkdir()
    port = free_port()
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port) if os.geteuid()
                                         else "user root;" + NGINX.format(folder=tmp_path, port=port))
    programs.program("nginx", "/usr/sbin/nginx", "-e", "stderr", "-c", tmp_path / "nginx.conf")
    return port


def test_nginx_serves_files_and_ranges_over_kept_connections(tunnel, programs, nginx, tmp_path):
    digest = make_file(tmp_path / "www" / "big", 2, 30_000_000)
    make_file(tmp_path / "www" / "small", 3, 100)
    url = f"http://127.0.0.1:{tunnel(nginx)}"
    curl = programs.program("curl", "curl", "-sSf", f"{url}/big", "-o", "got", f"{url}/small", "-o", "small",
                            "-w", "%{num_connects}\\n")
    assert curl.wait(60) == 0
    assert curl.out == ["1", "0"], "one connection for both"
    assert sha256_of(tmp_path / "got") == digest
    part = programs.program("range", "curl", "-sSf", "-r", "1000000-1999999", f"{url}/big", "-o", "part")
    assert part.wait(60) == 0
    assert (tmp_path / "part").read_bytes() == transfers.content(2, 2_000_000)[1_000_000:]


def test_wrk_sees_no_error(tunnel, programs, nginx, tmp_path):
    make_file(tmp_path / "www" / "small", 3, 1000)
    url = f"http://127.0.0.1:{tunnel(nginx)}/small"
    for close in ([], ["-H", "Connection: close"]):
        wrk = programs.program(f"wrk{len(close)}", "wrk", "-t1", "-c32", "-d2s", *close, url)
        assert wrk.wait(20) == 0
        assert int(wrk.wait_for_line(r"(\d+) requests in", lines=wrk.out).group(1)) > 100
        assert not wrk.find_line("Socket errors|Non-2xx", wrk.out), wrk.said()


SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""


@pytest.fixture
def ssh(programs, tunnel, tmp_path):
    """An sshd with throwaway keys behind the tunnel: `ssh(program, *arguments)` runs ssh or scp through it."""
    for key in ("host_key", "user_key"):
        made = programs.program(f"make {key}", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        assert made.wait() == 0
    port = free_port()
    (tmp_path / "sshd_config").write_text(SSHD.format(folder=tmp_path, port=port))
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    programs.program("sshd", "/usr/sbin/sshd", "-D", "-e", "-f", tmp_path / "sshd_config")
    helper = tunnel(port, "shell")
    host = (tmp_path / "host_key.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{helper} {host}")
    options = ["-F", "none", "-i", "user_key", "-o", f"Port={helper}", "-o", "UserKnownHostsFile=known_hosts",
               "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]

    def run(program, *arguments):
        done = programs.program(f"{program}{len(programs.started)}", program, *options, *arguments)
        assert done.wait(60) == 0, done.said()
        return done

    return run


def test_openssh_runs_a_command_and_copies_a_file(ssh, tmp_path):
    there = f"{getpass.getuser()}@127.0.0.1"
    assert ssh("ssh", there, "echo hello from $((6 * 7))").out == ["hello from 42"]
    digest = make_file(tmp_path / "original", 4, 20_000_000)
    ssh("scp", "original", f"{there}:{tmp_path}/copied")
    assert sha256_of(tmp_path / "copied") == digest
    ssh("scp", f"{there}:{tmp_path}/copied", "back")
    assert sha256_of(tmp_path / "back") == digest


@pytest.mark.parametrize("reverse", [[], ["--reverse"]], ids=["toward backend", "toward visitor"])
def test_iperf3(tunnel, programs, reverse):
    """Its data and control connections come from one visitor to one name; `--cport` is not needed."""
    port = free_port()
    programs.program("server", "iperf3", "-s", "-B", "127.0.0.1", "-p", port)
    helper = tunnel(port)
    client = programs.program("client", "iperf3", "-c", "127.0.0.1", "-p", helper, "-t", "2", "-P", "2", "-J",
                              *reverse)
    assert client.wait(30) == 0, client.said()
    report = json.loads("\n".join(client.out))
    assert report["end"]["sum_received"]["bytes"] > 1_000_000
    print(f"{report['end']['sum_received']['bits_per_second'] / 1e9:.2f} Gbit/s")


def test_websocket(tunnel):
    port = free_port()

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async def serve(stop):
        async with websockets.serve(echo, "127.0.0.1", port, max_size=1 << 24):
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, stop.wait)

    async def talk(helper):
        async with websockets.connect(f"ws://127.0.0.1:{helper}/", max_size=1 << 24) as connection:
            await connection.send("hello")
            assert await connection.recv() == "hello"
            for seed, size in enumerate((1, 70_000, 3_000_000)):
                await connection.send(transfers.content(seed, size))
                assert await connection.recv() == transfers.content(seed, size)
            await asyncio.wait_for(await connection.ping(), 10)
        assert connection.close_code == 1000

    ready, stop = threading.Event(), threading.Event()
    server = threading.Thread(target=asyncio.run, args=(serve(stop),))
    server.start()
    try:
        assert ready.wait(10)
        asyncio.run(asyncio.wait_for(talk(tunnel(port)), harness.scaled(30)))
    finally:
        stop.set()
        server.join(10)
