"""What is measured: each variant carries a visitor's bytes to a backend in its own way."""

import os
import shutil
import subprocess
import time

from . import procs
from .procs import Failed, Process

HOST = "127.0.0.1"
LISTENING = "0A"  # the state in /proc/net/tcp


class Lab:
    """What the variants share: programs, a folder for throwaway files, ports."""

    def __init__(self, bin_dir, folder, placement):
        self.bin_dir = bin_dir
        self.folder = folder
        self._port = 2000
        self._files = 0
        self.backend = None
        self.load_port = self.http_port = None
        cpus = sorted(os.sched_getaffinity(0))
        self.one_core = {cpus[0]}
        two = placement == "two" and len(cpus) > 1
        self.front = {cpus[0]} if two else set(cpus)  # visitors and gateway
        self.back = {cpus[1]} if two else set(cpus)  # agent and backend
        self.nginx = None

    def port(self):
        """A fresh port below the ephemeral range of the namespace."""
        self._port += 1
        return self._port

    def path(self, name):
        self._files += 1
        return os.path.join(self.folder, f"{self._files:03}-{name}")

    def program(self, name):
        for folder in (self.bin_dir, os.path.join(self.bin_dir, "bin")):
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
        raise Failed(f"{name} is not in {self.bin_dir}")

    @staticmethod
    def wait_listening(*ports):
        """Until something listens on each of `ports`; read from /proc, since a trial connection
        would be a visitor."""
        missing, end = set(ports), time.monotonic() + 5
        while missing:
            with open("/proc/net/tcp", encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
            missing -= {int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == LISTENING}
            if missing and time.monotonic() > end:
                raise Failed(f"nothing listens on port {missing.pop()} after 5 s")
            time.sleep(0.01)

    def spawn(self, command, env=None):
        return Process(command, self.path(os.path.basename(str(command[0])) + ".log"), env)

    def start_backends(self):
        """The backend of the load tool and, where it is installed, nginx with 1 KiB of content."""
        load_port, http_port = self.port(), None
        self.backend = self.spawn([self.program("bench_load"), "backend", f"{HOST}:{load_port}"])
        if shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
            http_port = self.port()
            self.nginx = self._start_nginx(http_port)
            self.wait_listening(http_port)
        self.load_port, self.http_port = load_port, http_port
        self.wait_listening(load_port)

    def _start_nginx(self, port):
        folder = self.path("nginx")
        os.makedirs(os.path.join(folder, "www"))
        with open(os.path.join(folder, "www", "page"), "w", encoding="ascii") as page:
            page.write("x" * 1024)
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(
                f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;\n"
                "user root; events { worker_connections 4096; }\n"
                f"http {{ access_log off; keepalive_requests 1000000000; {temporary}\n"
                f"server {{ listen {HOST}:{port}; root {folder}/www; }} }}\n")
        os.chmod(self.folder, 0o755)
        return self.spawn(["/usr/sbin/nginx", "-c", config])

    def place(self, variant):
        """Puts a variant's processes, and the backends, on the cores that are theirs."""
        procs.pin([process.pid for process in variant.gateway], self.front)
        backends = [process for process in (self.backend, self.nginx) if process]
        procs.pin([process.pid for process in variant.agent + backends], self.back)

    def stop_backends(self):
        for process in (self.backend, self.nginx):
            if process:
                process.stop()


class Variant:
    """One way from the visitor to the backend. `gateway` and `agent` are its processes."""

    name = ""
    describe = ""

    def __init__(self):
        self.gateway = []
        self.agent = []
        self.ports = []

    def start(self, lab, targets):
        """Makes an entry port (in self.ports) for each backend port of `targets`."""
        raise NotImplementedError

    def middle(self):
        return [process.pid for process in self.gateway + self.agent]

    def stop(self):
        for process in self.agent + self.gateway:
            process.stop()


class Direct(Variant):
    name = "direct"
    describe = "no relay: the visitor connects to the backend"

    def start(self, lab, targets):
        self.ports = list(targets)


class PlainRelay(Variant):
    name = "plain relay"
    describe = "two hops of test/bench/plain_relay: raw epoll, one thread each, 64 KiB, unencrypted"

    def start(self, lab, targets):
        for target in targets:
            entry, inner = lab.port(), lab.port()
            program = lab.program("plain_relay")
            self.agent.append(lab.spawn([program, f"{HOST}:{inner}", f"{HOST}:{target}"]))
            self.gateway.append(lab.spawn([program, f"{HOST}:{entry}", f"{HOST}:{inner}"]))
            lab.wait_listening(entry, inner)
            self.ports.append(entry)


class AsioTlsRelay(Variant):
    name = "asio TLS relay"
    describe = "two hops of test/bench/asio_tls_relay: asio::ssl::stream, a TLS 1.3 connection a visitor"

    def start(self, lab, targets):
        for target in targets:
            entry, inner = lab.port(), lab.port()
            program = lab.program("asio_tls_relay")
            self.agent.append(lab.spawn([program, "far", f"{HOST}:{inner}", f"{HOST}:{target}"]))
            self.gateway.append(lab.spawn([program, "near", f"{HOST}:{entry}", f"{HOST}:{inner}"]))
            lab.wait_listening(entry, inner)
            self.ports.append(entry)


class SshReverse(Variant):
    name = "ssh -R"
    describe = "OpenSSH as installed, its default cipher, throwaway keys"

    def start(self, lab, targets):
        sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
        if not sshd or not shutil.which("ssh"):
            raise Failed("OpenSSH server and client are not both installed")
        folder = lab.path("ssh")
        os.makedirs(folder, mode=0o700)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd insists on it
        port = lab.port()
        self._write_keys(folder, port)
        self.gateway.append(lab.spawn([sshd, "-D", "-e", "-f", f"{folder}/sshd_config"]))
        self.gateway[0].wait_for("Server listening on")
        self.ports = [lab.port() for _ in targets]
        forwards = []
        for entry, target in zip(self.ports, targets):
            forwards += ["-R", f"{HOST}:{entry}:{HOST}:{target}"]
        self.agent.append(lab.spawn(["ssh", "-v", "-N", "-F", f"{folder}/ssh_config", *forwards,
                                     "gateway"]))
        for entry in self.ports:
            self.agent[0].wait_for(f"remote forward success for: listen [^ ]*:?{entry}")

    @staticmethod
    def _write_keys(folder, port):
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"],
                           check=True)
        shutil.copy(f"{folder}/user.pub", f"{folder}/authorized")
        with open(f"{folder}/host.pub", encoding="ascii") as file:
            host_key = file.read()
        files = {
            "known": f"[{HOST}]:{port} {host_key}",
            "sshd_config": f"Port {port}\nListenAddress {HOST}\nHostKey {folder}/host\n"
                           f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
                           "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
                           "PidFile none\nAllowTcpForwarding yes\n",
            "ssh_config": f"Host gateway\nHostName {HOST}\nPort {port}\nIdentityFile {folder}/user\n"
                          f"IdentitiesOnly yes\nUserKnownHostsFile {folder}/known\nBatchMode yes\n"
                          "StrictHostKeyChecking yes\nExitOnForwardFailure yes\nCompression no\n",
        }
        for name, text in files.items():
            with open(f"{folder}/{name}", "w", encoding="ascii") as file:
                file.write(text)


class Diglett(Variant):
    name = "diglett"
    describe = "one link, TLS 1.3"

    def start(self, lab, targets):
        server, client = lab.program("diglett-server"), lab.program("diglett")
        listen = f"{HOST}:{lab.port()}"
        gateway = lab.spawn([server, "--auth", "open", "-l", listen, "--state-dir",
                             lab.path("gateway-state")])
        self.gateway.append(gateway)
        gateway.wait_for(r"listening on ")
        for number, target in enumerate(targets):
            name = f"bench{number}"
            self.agent.append(lab.spawn([client, "-g", listen, "-n", name, "--state-dir",
                                         lab.path("agent-state"), f"{HOST}:{target}"]))
            told = gateway.wait_for(rf"register domain '{name}' -> '(\d+)'")
            self.ports.append(int(told.group(1)))


YARDSTICKS = [Direct, PlainRelay, AsioTlsRelay, SshReverse, Diglett]
