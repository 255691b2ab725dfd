"""What a user meets: options, files, variables, messages and exit codes. (docs/operations.md)"""

import json
import os
import re
import signal
import socket
import subprocess
import tomllib

import pytest

import backends
import harness
import transfers

GATEWAY, AGENT = "diglett-server", "diglett"
PIN = "sha256/" + "A" * 43 + "="


@pytest.fixture
def run(tmp_path):
    """Runs a program to its end: `run(GATEWAY, "--help")` -> CompletedProcess."""

    def to_the_end(program, *arguments, seconds=20, **env):
        surroundings = {"HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path / "state"), "PATH": "/usr/bin", **env}
        return subprocess.run([harness.bin_dir() / program, *map(str, arguments)], cwd=tmp_path,
                              env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=harness.scaled(seconds))

    return to_the_end


def config(tmp_path, text, name="config.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def merged(run, program, *arguments, **env):
    done = run(program, "print-config", *arguments, **env)
    assert done.returncode == 0, done.stderr
    return tomllib.loads(done.stdout)


# ---- Help, version, mistakes


@pytest.mark.parametrize("program", [GATEWAY, AGENT])
def test_help_and_version_go_to_stdout(run, program):
    version = run(program, "--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith(f"{program} 0.") and version.stdout.count("\n") == 1
    text = run(program, "--help")
    assert (text.returncode, text.stderr) == (0, "")
    assert "--state-dir" in text.stdout and "check" in text.stdout


OPTIONS = {
    GATEWAY: ["debug", "log-format", "state-dir", "config", "listen", "auth", "tokens-file", "accept-v1",
              "workers", "drain-timeout", "identity-cert", "allow-name", "reset-leases", "grace", "helper-ports",
              "helper-port-rest", "grid-endpoints", "grid-ca-file", "grid-audience", "grid-strict",
              "grid-max-lifetime", "grid-read", "grid-recheck", "grid-unknown-version", "grid-allow-v1", "domain",
              "traefik-dir", "traefik-entry-points", "traefik-tls", "traefik-cert-resolver", "traefik-tls-domains",
              "traefik-middlewares", "traefik-passthrough-entry-points", "traefik-termination-delay",
              "traefik-proxy-protocol", "traefik-public-scheme", "traefik-public-port",
              "traefik-passthrough-public-port", "traefik-target", "traefik-optional"],
    AGENT: ["debug", "log-format", "state-dir", "config", "gateway", "name", "token", "token-file", "pin", "ca",
            "tofu", "protocol", "once", "takeover", "kind", "grid-twin", "grid-key-file", "grid-key-type",
            "grid-audience"],
}


@pytest.mark.parametrize("program", [GATEWAY, AGENT])
def test_every_option_has_a_variable(run, program):
    text = run(program, "--help").stdout
    for option in OPTIONS[program]:
        assert re.search(rf"--{option}[ =]", text), option
        assert "DIGLETT_" + option.upper().replace("-", "_") in text


USAGE = {
    "no gateway": (AGENT, ["9000"]),
    "no backend": (AGENT, ["-g", "localhost"]),
    "name without backend": (AGENT, ["-g", "localhost", "-n", "x"]),
    "unknown option": (AGENT, ["--nonsense"]),
    "two backends": (AGENT, ["-g", "localhost", "9000", "9001"]),
    "bad backend": (AGENT, ["-g", "localhost", "host:port"]),
    "bad unix path": (AGENT, ["-g", "localhost", "unix:"]),
    "bad gateway": (AGENT, ["-g", "a:b:c", "9000"]),
    "bad pin": (AGENT, ["-g", "localhost", "--pin", "sha256/short", "9000"]),
    "bad protocol": (AGENT, ["-g", "localhost", "--protocol", "3", "9000"]),
    "two tokens": (AGENT, ["-g", "localhost", "-t", "x", "--token-file", "y", "9000"]),
    "bad log format": (AGENT, ["--log-format", "xml"]),
    "bad listen": (GATEWAY, ["--listen", "127.0.0.1:99999"]),
    "no number": (GATEWAY, ["--workers", "two"]),
    "a word too many": (GATEWAY, ["now"]),
}


@pytest.mark.parametrize("case", USAGE)
def test_a_wrong_command_line_is_exit_2(run, case):
    program, arguments = USAGE[case]
    done = run(program, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "DIG-1001" in done.stderr


VALUES = {
    "unknown authenticator": (GATEWAY, ["--auth", "everybody"], "--auth: 'everybody' is unknown"),
    "tokens without file": (GATEWAY, ["--auth", "tokens"], "--tokens-file"),
    "file without tokens": (GATEWAY, ["--tokens-file", "x"], "--tokens-file"),
    "too many workers": (GATEWAY, ["--workers", "100000"], "--workers: takes 0 to 1024"),
    "no duration": (GATEWAY, ["--drain-timeout", "soon"], "drain-timeout"),
    "grid without endpoint": (GATEWAY, ["--auth", "grid"], "--grid-endpoints"),
    "grid without audience": (GATEWAY, ["--auth", "grid", "--grid-endpoints", "ws://127.0.0.1"], "--grid-audience"),
    "grid not asked for": (GATEWAY, ["--grid-endpoints", "ws://127.0.0.1"], "--auth grid"),
    "domain without Traefik": (GATEWAY, ["--domain", "gateway.com"], "--traefik-dir"),
    "Traefik without domain": (GATEWAY, ["--traefik-dir", "/"], "domain"),
    "no name to allow": (GATEWAY, ["--allow-name", "not_a_name", "check"], "not_a_name"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_wrong_value_is_exit_3_and_named(run, case):
    program, arguments, words = VALUES[case]
    done = run(program, *arguments)
    assert done.returncode == 3
    assert "DIG-1002" in done.stderr and words in done.stderr


# ---- Files, variables, precedence


MISTAKES = {
    "unknown key": (GATEWAY, 'listen = "127.0.0.1:0"\nlisen = "x"\n', 2, "lisen"),
    "service at the gateway": (GATEWAY, '[[service]]\nname = "x"\n', 1, "service"),
    "unknown key of a service": (AGENT, 'gateway = "x"\n[[service]]\nname = "x"\nbakend = "80"\n', 4, "bakend"),
    "unknown key of a table": (GATEWAY, '[grid]\nstrict = true\nca_file = "x"\n', 3, "ca_file"),
    "no endpoint": (GATEWAY, '[grid]\nendpoints = ["ftp://x"]\n', 2, "grid-endpoints"),
    "no range": (GATEWAY, '[helper]\nports = "20-10"\n', 2, "helper-ports"),
    "not TOML": (GATEWAY, 'workers = 1\nlisten = \n', 2, ""),
    "twice": (GATEWAY, "workers = 1\nworkers = 2\n", 2, "workers"),
    "a list where one is meant": (GATEWAY, '\nlisten = ["a", "b"]\n', 2, "listen"),
    "a table": (GATEWAY, "\n[workers]\n", 2, "workers"),
    "a number that is none": (GATEWAY, '\nworkers = "two"\n', 2, "workers"),
    "a number with a fraction": (GATEWAY, "\nworkers = 1.5\n", 2, "workers"),
    "no address": (GATEWAY, '\nlisten = "127.0.0.1:99999"\n', 2, "listen"),
    "no duration": (GATEWAY, '\n\ndrain-timeout = "soon"\n', 3, "drain-timeout"),
    "unknown authenticator": (GATEWAY, 'auth = [\n"open", "x"]\n', 1, "auth"),
    "no pin": (AGENT, 'gateway = "x"\npin = "sha256/x"\n', 2, "pin"),
    "no gateway address": (AGENT, '\ngateway = "a:b:c"\n', 2, "gateway"),
    "no name": (AGENT, 'gateway = "x"\n\n[[service]]\nname = "X_Y"\nbackend = "80"\n', 5, "X_Y"),
    "unknown kind": (AGENT, 'gateway = "x"\n[[service]]\nbackend = "80"\nkind = "udp"\n', 3, "udp"),
}


@pytest.mark.parametrize("case", MISTAKES)
@pytest.mark.parametrize("command", ["check", "print-config", None])
def test_a_mistake_in_a_file_names_file_line_and_key(run, tmp_path, case, command):
    program, text, line, key = MISTAKES[case]
    path = config(tmp_path, text)
    done = run(program, *([command] if command else []), "--config", path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "DIG-1002" in done.stderr
    assert key in done.stderr
    named = [f"{path}:{number}:" in done.stderr for number in (line, line - 1, line + 1)]
    assert any(named if "kind" in case else named[:1]), done.stderr


def test_an_empty_service_is_a_mistake(run, tmp_path):
    done = run(AGENT, "check", "-g", "x", "--config", config(tmp_path, "[[service]]\n"))
    assert done.returncode == 3
    assert "service" in done.stderr


def test_flag_over_variable_over_file_over_default(run, tmp_path):
    path = config(tmp_path, 'listen = "127.0.0.1:1"\nworkers = 3\nauth = ["open", "loopback"]\n')
    assert merged(run, GATEWAY)["listen"] == "0.0.0.0:20000"
    assert merged(run, GATEWAY, "--config", path)["listen"] == "127.0.0.1:1"
    assert merged(run, GATEWAY, "--config", path)["auth"] == ["open", "loopback"]
    assert merged(run, GATEWAY, "--config", path, DIGLETT_LISTEN="127.0.0.1:2")["listen"] == "127.0.0.1:2"
    both = merged(run, GATEWAY, "--config", path, "-l", "127.0.0.1:3", DIGLETT_LISTEN="127.0.0.1:2")
    assert both == {**merged(run, GATEWAY), "listen": "127.0.0.1:3", "workers": 3, "auth": ["open", "loopback"]}
    assert both["drain-timeout"] == "30s"
    assert merged(run, GATEWAY, DIGLETT_CONFIG=str(path))["workers"] == 3
    assert merged(run, GATEWAY, "--auth", "open", "--config", path)["auth"] == ["open"]


def test_print_config_is_a_config_of_the_same_meaning(run, tmp_path):
    first = run(GATEWAY, "print-config", "-d", "-d", "--auth", "open", "--allow-name", "www", "--allow-name",
                "mail", "--accept-v1", "--workers", "7", "--drain-timeout", "5m", "--log-format", "json",
                "--state-dir", 'a "quoted" \\ folder')
    path = config(tmp_path, first.stdout)
    assert run(GATEWAY, "print-config", "--config", path).stdout == first.stdout
    found = tomllib.loads(first.stdout)
    assert found["debug"] == 2 and found["allow-name"] == ["www", "mail"] and found["accept-v1"] is True
    assert found["state-dir"] == 'a "quoted" \\ folder'


def test_print_config_masks_the_token(run, tmp_path):
    secret = "correct-horse-battery"
    path = config(tmp_path, f'token = "{secret}"\n')
    for arguments, env in (([], {"DIGLETT_TOKEN": secret}), (["-t", secret], {}), (["--config", path], {})):
        done = run(AGENT, "print-config", "-g", "x", "9000", *arguments, **env)
        assert done.returncode == 0
        assert secret not in done.stdout + done.stderr
        assert tomllib.loads(done.stdout)["token"].strip("*") == ""


def test_print_config_shows_services(run, tmp_path):
    path = config(tmp_path, 'gateway = "[::1]:7"\n[[service]]\nname = "a"\nbackend = 80\n'
                            '[[service]]\nbackend = "unix:/run/x"\n')
    assert merged(run, AGENT, "--config", path)["service"] == [
        {"name": "a", "backend": "localhost:80", "kind": "http"}, {"backend": "unix:/run/x", "kind": "http"}]
    assert merged(run, AGENT, "--config", path, "-n", "b", "9000")["service"] == [
        {"name": "b", "backend": "localhost:9000", "kind": "http"}]


def test_check_says_that_all_is_well(run, tmp_path):
    done = run(GATEWAY, "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the configuration is valid\n", "")
    assert not (tmp_path / "state").exists(), "check changes nothing"


UNREADABLE = {
    "config": (GATEWAY, ["--config", "missing"]),
    "tokens": (GATEWAY, ["--auth", "tokens", "--tokens-file", "missing"]),
    "certificate": (GATEWAY, ["--identity-cert", "missing"]),
    "a folder": (GATEWAY, ["--config", "."]),
    "token": (AGENT, ["-g", "x", "9000", "--token-file", "missing"]),
    "ca": (AGENT, ["-g", "x", "9000", "--ca", "missing"]),
}


@pytest.mark.parametrize("command", ["check", None])
@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_file_is_exit_3(run, case, command):
    program, arguments = UNREADABLE[case]
    done = run(program, *([command] if command else []), *arguments)
    assert done.returncode == 3
    assert "DIG-1003" in done.stderr and arguments[-1] in done.stderr


# ---- Running


def test_an_address_in_use_is_exit_3(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(GATEWAY, "-l", address)
    assert done.returncode == 3
    assert "DIG-1004" in done.stderr and address in done.stderr


def test_two_gateways_do_not_share_a_state_folder(programs, run):
    gateway = programs.gateway()
    folder = gateway.command[gateway.command.index("--state-dir") + 1]
    done = run(GATEWAY, "-l", "127.0.0.1:0", "--state-dir", folder)
    assert done.returncode == 3
    assert "DIG-1005" in done.stderr and str(gateway.pid) in done.stderr


def test_a_state_file_that_others_can_read_is_refused(programs, run, tmp_path):
    gateway = programs.gateway()
    assert gateway.stop() == 0
    folder = tmp_path / "gateway1-state"
    (folder / "gateway" / "identity.pem").chmod(0o644)
    done = run(GATEWAY, "-l", "127.0.0.1:0", "--state-dir", folder)
    assert done.returncode == 3
    assert "DIG-1007" in done.stderr and "identity.pem" in done.stderr


def test_a_broken_lease_file_is_named_and_kept(programs, run, tmp_path):
    gateway = programs.gateway()
    assert gateway.stop() == 0
    leases = tmp_path / "gateway1-state" / "gateway" / "leases.json"
    leases.write_text("{broken")
    done = run(GATEWAY, "-l", "127.0.0.1:0", "--state-dir", tmp_path / "gateway1-state")
    assert done.returncode == 3
    assert "DIG-1006" in done.stderr and "leases.json" in done.stderr
    assert leases.read_text() == "{broken"
    again = programs.gateway("--reset-leases", label="gateway1")
    assert again.stop() == 0


def test_once_without_a_gateway_is_exit_4(run):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    done = run(AGENT, "-g", address, "--once", "9000")
    assert done.returncode == 4
    assert "DIG-2001" in done.stderr and address in done.stderr


def test_without_once_the_agent_goes_on_trying(programs):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    agent = programs.agent(address, name="example", backend=9)
    agent.wait_for_line("DIG-2001.*next attempt in", count=3)
    assert agent.stop() == 0


def test_something_that_is_no_gateway_is_said_to_be_none(programs, web):
    agent = programs.agent(f"127.0.0.1:{web.port}", "--once", name="example", backend=9)
    assert agent.wait() == 4
    assert agent.find_line("DIG-5004|DIG-2003")


def test_exit_5_without_a_credential(run, programs, tmp_path):
    tokens = harness.tokens_file(tmp_path, ("a", "right", ["*"]))
    gateway = programs.gateway("--tokens-file", tokens, auth="tokens")
    for token in ([], ["-t", "wrong"]):
        done = run(AGENT, "-g", gateway.address, "-n", "example", *token, "9000")
        assert done.returncode == 5
        assert "DIG-300" in done.stderr
        assert "wrong" not in done.stderr


def test_exit_6_for_a_name_that_cannot_be(run, programs):
    gateway = programs.gateway()
    done = run(AGENT, "-g", gateway.address, "-n", "admin", "9000")
    assert done.returncode == 6
    assert "DIG-4002" in done.stderr
    done = run(AGENT, "-g", gateway.address, "-n", "Not_A_Name", "9000")
    assert done.returncode == 6
    assert "DIG-4001" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_programs_stop_on_request(programs, backend, number):
    gateway = programs.gateway()
    agent = programs.agent(gateway, name="example", backend=backend(backends.echo).port)
    gateway.wait_for_name("example")
    agent.signal(number)
    assert agent.wait() == 0
    gateway.wait_for_unregister("example")
    gateway.signal(number)
    assert gateway.wait() == 0


@pytest.mark.parametrize("who", ["gateway", "agent"])
def test_a_second_signal_stops_at_once(programs, backend, who):
    gateway = programs.gateway("--drain-timeout", "10m")
    agent = programs.agent(gateway, name="example", backend=backend(backends.echo).port)
    with harness.connect(gateway.wait_for_name("example")) as visitor:
        visitor.sendall(b"x")
        assert visitor.recv(1) == b"x"
        stopping = gateway if who == "gateway" else agent
        stopping.signal(signal.SIGINT)
        stopping.wait_for_line("stopping")
        assert stopping.is_running(), "the stream is still open"
        stopping.signal(signal.SIGINT)
        assert stopping.wait(3) == 0
        assert transfers.receive_stream(visitor).end == "reset"


def test_an_agent_without_a_name_has_the_same_one_again(programs, backend):
    served = backend(backends.echo)
    gateway = programs.gateway()
    names = []
    for port in (served.port, served.port, served.port + 1):
        agent = programs.agent(gateway, name=None, backend=port, label="same")
        names.append(agent.wait_for_line("name '([a-z]{8})' is registered").group(1))
        assert agent.stop() == 0
    assert names[0] == names[1] != names[2]
    other = programs.agent(gateway, name=None, backend=served.port, label="other")
    assert other.wait_for_line("name '([a-z]{8})' is registered").group(1) != names[0]


def test_several_services_go_through_one_session(programs, backend, tmp_path):
    one, two = backend(backends.greeting, b"one"), backend(backends.greeting, b"two")
    gateway = programs.gateway()
    path = config(tmp_path, f'gateway = "{gateway.address}"\n[[service]]\nname = "first"\nbackend = {one.port}\n'
                            f'[[service]]\nname = "second"\nbackend = "localhost:{two.port}"\n')
    programs.program("agent", harness.bin_dir() / AGENT, "--config", path, "--state-dir", tmp_path / "state")
    for name, banner in (("first", b"one"), ("second", b"two")):
        with harness.connect(gateway.wait_for_name(name)) as visitor:
            assert transfers.receive_exactly(visitor, 3) == banner
    assert len([line for line in gateway.err if "logged in" in line]) == 1


def test_a_name_refused_does_not_cost_the_other(programs, backend, tmp_path):
    served = backend(backends.greeting, b"hello")
    gateway = programs.gateway()
    path = config(tmp_path, f'gateway = "{gateway.address}"\n[[service]]\nname = "www"\nbackend = {served.port}\n'
                            f'[[service]]\nname = "good"\nbackend = {served.port}\n')
    agent = programs.program("agent", harness.bin_dir() / AGENT, "--config", path, "--state-dir",
                             tmp_path / "state")
    with harness.connect(gateway.wait_for_name("good")) as visitor:
        assert transfers.receive_exactly(visitor, 5) == b"hello"
    agent.wait_for_line("DIG-4002: name 'www'")
    assert agent.is_running()


def test_the_token_may_come_from_file_or_environment(programs, tmp_path):
    tokens = harness.tokens_file(tmp_path, ("a", "right", ["*"]))
    token = config(tmp_path, "right\n", "token")
    gateway = programs.gateway("--tokens-file", tokens, auth="tokens")
    for number, (arguments, env) in enumerate(((["-t", "right"], {}), (["--token-file", token], {}),
                                               ([], {"DIGLETT_TOKEN": "right"}))):
        programs.agent(gateway, *arguments, name=f"n{number}", backend=9, env=env)
        gateway.wait_for_name(f"n{number}")


@pytest.mark.parametrize("mode, lines", [(0o600, 0), (0o640, 1), (0o604, 1)], ids=oct)
def test_a_token_file_that_others_can_read_is_warned_of(programs, tmp_path, mode, lines):
    token = config(tmp_path, "any\n", "token")
    os.chmod(token, mode)
    agent = programs.agent(programs.gateway(), "--token-file", token, name="example", backend=9)
    agent.wait_for_line("is registered")
    assert sum("can be read by group or others" in line for line in agent.err) == lines


def test_a_flag_goes_before_the_token_of_variable_and_file(programs, tmp_path):
    tokens = harness.tokens_file(tmp_path, ("a", "right", ["*"]))
    right, wrong = config(tmp_path, "right\n", "right"), config(tmp_path, "wrong\n", "wrong")
    file = config(tmp_path, f"token-file = '{wrong}'\n", "agent.toml")
    gateway = programs.gateway("--tokens-file", tokens, auth="tokens")
    for number, (arguments, env) in enumerate(((["--config", file, "-t", "right"], {}),
                                               (["--config", file], {"DIGLETT_TOKEN": "right"}),
                                               (["--token-file", right], {"DIGLETT_TOKEN": "wrong"}))):
        programs.agent(gateway, *arguments, name=f"n{number}", backend=9, env=env)
        gateway.wait_for_name(f"n{number}")


def test_json_logs_are_json(programs, backend):
    gateway = programs.gateway("--log-format", "json", "-d", "-d")
    agent = programs.agent(gateway, "--log-format", "json", "--debug", name="example",
                           backend=backend(backends.echo).port)
    gateway.wait_for_name("example")
    for program in (agent, gateway):
        assert program.stop() == 0
        for line in program.err:
            entry = json.loads(line)
            assert {"time", "level", "message"} <= entry.keys()


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_serves(programs, backend, workers):
    served = backend(backends.exchange)
    gateway = programs.gateway("--workers", workers)
    for number in range(3):
        programs.agent(gateway, name=f"n{number}", backend=served.port)
    for number in range(3):
        with harness.connect(gateway.wait_for_name(f"n{number}")) as visitor:
            assert transfers.toward_visitor(visitor, number, 100_000).matches(number, 100_000)
    assert gateway.stop() == 0


def test_loopback_is_the_default_and_open_warns(programs, run):
    default = programs.gateway(auth=None)
    assert default.find_line("only agents on this machine")
    programs.agent(default, name="example", backend=9)
    default.wait_for_name("example")
    assert programs.gateway().find_line("WARN.*--auth open")


def test_without_a_writable_state_folder_it_runs_from_memory(programs, tmp_path):
    """A default folder only: one that the user named must work."""
    blocked = config(tmp_path, "", "file")
    named = programs.program("named", harness.bin_dir() / GATEWAY, "-l", "127.0.0.1:0", "--state-dir",
                             blocked / "below")
    assert named.wait() == 3
    # As root the default is the machine's own /var/lib: be somebody else, who has no home.
    somebody = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
    if somebody and subprocess.run([*somebody, "true"], capture_output=True).returncode:
        pytest.skip("this kernel lets nobody become somebody else")
    gateway = programs.program("memory", *somebody, "env", "HOME=/proc/nowhere", "XDG_STATE_HOME=",
                               harness.bin_dir() / GATEWAY, "-l", "127.0.0.1:0")
    gateway.wait_for_line("WARN.*memory")
    gateway.wait_for_line("listening on")
