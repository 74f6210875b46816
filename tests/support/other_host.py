#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Another host, as far as a migration can tell: an sshd on 127.0.0.1 with keys, port and configuration of its own, whose
login puts one into other pid, mount and network namespaces with a /run, a store and a home of their own. Needs root.

Run by itself it makes one in FOLDER, prints one line of JSON ({"ssh", "host", "init"}) and ends it when its standard
input ends: other_host.py FOLDER CEDANA [NAME=VALUE…] [/FOLDER[:SIZE]…], the last for the environment of the cedana over
there, and folders that are empty over there, with room for so much.
"""
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

SSHD = "/usr/sbin/sshd"

# Pid 1 over there: adopts and reaps what a restore leaves.
INIT = """
import os, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
for folder in sys.argv[1:]:
    folder, _, size = folder.partition(":")
    options = "mode=0755" + (",size=" + size if size else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
print("up", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        import signal
        signal.sigtimedwait([signal.SIGCHLD], 1)
"""

ENTER = """#!/bin/sh
export PATH={path} HOME={home} {environment}
exec nsenter --target {init} --pid --mount --net -- /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""

CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
ForceCommand {folder}/enter
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class OtherHost:
    def __init__(self, folder, cedana, environment=(), apart=()):
        self.folder = Path(folder)
        for name in ("store", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.store = self.folder / "store"
        self.host = "root@127.0.0.1"
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key], check=True)
        self._start_init(apart)
        self._write_enter(Path(cedana).resolve(), environment)
        self._start_sshd()

    def _start_init(self, apart):
        self.unshare = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", INIT,
             *map(str, apart)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.unshare.stdout.readline() != "up\n":
            raise RuntimeError("the namespaces of the other host could not be made")
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split()
        self.init = int(children[0])

    def _write_enter(self, cedana, environment):
        variables = [f"CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR={self.store}", *environment]
        script = self.folder / "enter"
        script.write_text(ENTER.format(path=f"{cedana.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                       home=self.folder / "home", init=self.init,
                                       environment=" ".join(f"'{one}'" for one in variables)))
        script.chmod(0o755)

    def _start_sshd(self):
        Path("/run/sshd").mkdir(exist_ok=True)
        self.port = free_port()
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder))
        self.log = open(self.folder / "sshd.log", "wb")
        self.sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stdout=self.log,
                                     stderr=self.log, start_new_session=True)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
            except OSError:
                if time.monotonic() > end or self.sshd.poll() is not None:
                    raise RuntimeError((self.folder / "sshd.log").read_text())
                time.sleep(0.02)
        known = self.folder / "known_hosts"
        key = (self.folder / "host_key.pub").read_text().split()
        known.write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        self.ssh = (f"ssh -F none -p {self.port} -i {self.folder}/user_key -o IdentitiesOnly=yes "
                    f"-o UserKnownHostsFile={known}")

    def processes(self):
        """The pids over there, as that host sees them, with their command lines."""
        found = {}
        namespace = os.readlink(f"/proc/{self.init}/ns/pid")
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                    status = Path(f"/proc/{entry}/status").read_text()
                    inside = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]
                    state = next(line for line in status.splitlines() if line.startswith("State:")).split()[1]
                    if state not in "ZX":
                        found[int(inside)] = (int(entry), Path(f"/proc/{entry}/cmdline").read_bytes())
            except OSError:
                continue
        return found

    def close(self):
        self.sshd.terminate()
        self.sshd.wait()
        self.unshare.kill()
        self.unshare.wait()
        self.log.close()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    words = sys.argv[3:]
    other = OtherHost(sys.argv[1], sys.argv[2], [word for word in words if not word.startswith("/")],
                      [word for word in words if word.startswith("/")])
    print(json.dumps({"ssh": other.ssh, "host": other.host, "init": other.init}), flush=True)
    sys.stdin.read()
    other.close()


if __name__ == "__main__":
    main()
