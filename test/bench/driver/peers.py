"""Other tunnels, measured beside ours with --peers: installed through the ordinary clients of their
languages at fixed versions, or taken from --peer-bin."""

import os
import shutil
import subprocess

from .procs import Failed
from .variants import HOST, Variant

INSTALL_SECONDS = 900
CRATES = {"bore": ("bore-cli", "0.6.0", "--locked"),
          "rathole": ("rathole", "0.5.0", "")}  # what it locks does not build since Rust 1.80
GO_PROGRAMS = {
    "chisel": ("github.com/jpillora/chisel", "v1.10.1", ""),
    "frps": ("github.com/fatedier/frp", "v0.61.0", "/cmd/frps"),
    "frpc": ("github.com/fatedier/frp", "v0.61.0", "/cmd/frpc"),
}
VERSIONS = {"bore": "0.6.0", "rathole": "0.5.0", "rathole noise": "0.5.0", "frp": "0.61.0",
            "chisel": "1.10.1"}


def _cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "diglett-bench")


def _quiet(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False,
                          timeout=INSTALL_SECONDS)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no output"]
        telling = next((line for line in lines if line.startswith("error")), lines[-1])
        raise Failed(f"{command[0]} {command[1]} failed: {telling[:200]}")


def _install_crate(program, folder):
    crate, version, *options = (part for part in CRATES[program] if part)
    if not shutil.which("cargo"):
        raise Failed("cargo is not installed")
    _quiet(["cargo", "install", "--quiet", *options, "--version", version, "--root", folder,
            crate])


def _install_go(program, folder):
    module, version, package = GO_PROGRAMS[program]
    if not shutil.which("go"):
        raise Failed("go is not installed")
    work = os.path.join(folder, "go-" + program)
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(work, "go.mod"), "w", encoding="ascii") as file:
        file.write(f"module peers\n\ngo 1.22\n\nrequire {module} {version}\n")
    _quiet(["go", "build", "-mod=mod", "-o", os.path.join(folder, "bin", program),
            module + package], cwd=work)


class Programs:
    """Finds or installs the peers' programs; what cannot be had has a reason."""

    def __init__(self, given, say):
        self._given = given
        self._say = say

    def path(self, program):
        folder = _cache()
        places = [self._given] if self._given else []
        for place in places + [os.path.join(folder, "bin")]:
            candidate = os.path.join(place, program)
            if os.access(candidate, os.X_OK):
                return candidate
        self._say(f"installing {program}")
        os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
        try:
            (_install_crate if program in CRATES else _install_go)(program, folder)
        except subprocess.TimeoutExpired:
            raise Failed(f"installing took over {INSTALL_SECONDS} s") from None
        return os.path.join(folder, "bin", program)


class Peer(Variant):
    needs = ()

    def __init__(self, programs):
        super().__init__()
        self.programs = programs

    def config(self, lab, name, text):
        path = lab.path(name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path


class Bore(Peer):
    name = "bore"
    describe = "unencrypted, a connection per visitor"
    needs = ("bore",)

    def start(self, lab, targets):
        self.ports = [lab.port() for _ in targets]
        bore = self.programs["bore"]
        self.gateway.append(lab.spawn([bore, "server", "--min-port", min(self.ports), "--max-port",
                                       max(self.ports)]))
        self.gateway[0].wait_for("server listening")
        for entry, target in zip(self.ports, targets):
            self.agent.append(lab.spawn([bore, "local", target, "--to", HOST, "--port", entry]))
            self.agent[-1].wait_for("listening at")


class Rathole(Peer):
    name = "rathole"
    describe = "unencrypted, a connection per visitor"
    needs = ("rathole",)
    gateway_extra = agent_extra = ""

    def start(self, lab, targets):
        self.ports = [lab.port() for _ in targets]
        control = lab.port()
        server = f'[server]\nbind_addr = "{HOST}:{control}"\ndefault_token = "bench"\n'
        client = f'[client]\nremote_addr = "{HOST}:{control}"\ndefault_token = "bench"\n'
        server, client = server + self.gateway_extra, client + self.agent_extra
        for number, (entry, target) in enumerate(zip(self.ports, targets)):
            server += f'[server.services.s{number}]\nbind_addr = "{HOST}:{entry}"\n'
            client += f'[client.services.s{number}]\nlocal_addr = "{HOST}:{target}"\n'
        rathole, quiet = self.programs["rathole"], {"RUST_LOG": "info", "NO_COLOR": "1"}
        self.gateway.append(lab.spawn(
            [rathole, "--server", self.config(lab, "server.toml", server)], quiet))
        self.gateway[0].wait_for("Listening at")
        self.agent.append(lab.spawn(
            [rathole, "--client", self.config(lab, "client.toml", client)], quiet))
        for number in range(len(targets)):
            self.agent[0].wait_for(rf"service=s{number}\W.*Control channel established")


class RatholeNoise(Rathole):
    name = "rathole noise"
    describe = "encrypted with its noise transport, a connection per visitor"
    pattern = 'pattern = "Noise_KK_25519_ChaChaPoly_BLAKE2s"\n'

    def start(self, lab, targets):
        pairs = [self._key_pair() for _ in range(2)]
        for side, own, other in (("server", 0, 1), ("client", 1, 0)):
            text = (f'[{side}.transport]\ntype = "noise"\n[{side}.transport.noise]\n{self.pattern}'
                    f'local_private_key = "{pairs[own][0]}"\n'
                    f'remote_public_key = "{pairs[other][1]}"\n')
            setattr(self, "gateway_extra" if side == "server" else "agent_extra", text)
        super().start(lab, targets)

    def _key_pair(self):
        done = subprocess.run([self.programs["rathole"], "--genkey"], capture_output=True,
                              text=True, check=True, timeout=10)
        lines = done.stdout.split()
        return lines[lines.index("Key:") + 1], lines[-1]


class Frp(Peer):
    name = "frp"
    describe = "TLS, all visitors on one connection (its defaults)"
    needs = ("frps", "frpc")

    def start(self, lab, targets):
        self.ports = [lab.port() for _ in targets]
        control = lab.port()
        server = f'bindAddr = "{HOST}"\nproxyBindAddr = "{HOST}"\nbindPort = {control}\n'
        client = f'serverAddr = "{HOST}"\nserverPort = {control}\n'
        for number, (entry, target) in enumerate(zip(self.ports, targets)):
            client += (f'[[proxies]]\nname = "s{number}"\ntype = "tcp"\nlocalIP = "{HOST}"\n'
                       f'localPort = {target}\nremotePort = {entry}\n')
        self.gateway.append(lab.spawn(
            [self.programs["frps"], "-c", self.config(lab, "frps.toml", server)]))
        self.gateway[0].wait_for("frps started successfully")
        self.agent.append(lab.spawn(
            [self.programs["frpc"], "-c", self.config(lab, "frpc.toml", client)]))
        for number in range(len(targets)):
            self.agent[0].wait_for(rf"\[s{number}\] start proxy success")


class Chisel(Peer):
    name = "chisel"
    describe = "SSH over a WebSocket, all visitors on one connection"
    needs = ("chisel",)

    def start(self, lab, targets):
        self.ports = [lab.port() for _ in targets]
        control, chisel = lab.port(), self.programs["chisel"]
        self.gateway.append(lab.spawn([chisel, "server", "--reverse", "--host", HOST, "--port",
                                       control]))
        self.gateway[0].wait_for("Listening on")
        remotes = [f"R:{HOST}:{entry}:{HOST}:{target}"
                   for entry, target in zip(self.ports, targets)]
        self.agent.append(lab.spawn([chisel, "client", f"http://{HOST}:{control}", *remotes]))
        self.agent[0].wait_for("Connected")
        self.gateway[0].wait_for(f"{self.ports[-1]}.*Listening")


PEERS = [Frp, Rathole, RatholeNoise, Bore, Chisel]


def available(given, say):
    """The peers that can be measured, as factories, and {name: reason} of those left out."""
    programs, found, left_out = Programs(given, say), [], {}
    for peer in PEERS:
        try:
            paths = {program: programs.path(program) for program in peer.needs}
        except (Failed, OSError) as error:
            left_out[peer.name] = str(error)
            continue
        found.append(lambda peer=peer, paths=paths: peer(paths))
    return found, left_out
