"""A network of its own for one test: loopback only, every port free, nobody else on it.

Needs root (or a kernel that gives network namespaces to users). Without, `private_network()` yields a
network whose commands run on the machine's own loopback.
"""

import contextlib
import os
import subprocess


class Network:
    """`command` is put in front of whatever shall run inside; `namespace` is the file that setns(2) takes."""

    def __init__(self, command, namespace="/proc/self/ns/net"):
        self.command = command
        self.namespace = namespace

    def run(self, *command, **options):
        """Runs `command` inside to its end; returns the CompletedProcess, output as text."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "check": True,
                   "timeout": 60, **options}
        return subprocess.run([*self.command, *map(str, command)], **options)


@contextlib.contextmanager
def private_network():
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    holder = subprocess.Popen([*enter, "sh", "-c", "ip link set lo up && echo up && exec sleep 600"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    try:
        if holder.stdout.readline() != "up\n":
            yield Network([])
            return
        join = ["nsenter", f"--target={holder.pid}", "--net"]
        if os.geteuid() != 0:
            join += ["--user", "--preserve-credentials"]
        yield Network([*join, "--"], f"/proc/{holder.pid}/ns/net")
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
