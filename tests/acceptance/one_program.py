# SPDX-License-Identifier: Apache-2.0
"""One zdtm program through cedana. Runs as the first process of pid, mount and network namespaces of its own, so that pids,
ports, /run/cedana and logs collide with nothing, and so that whatever is left ends with it.

Prints one line: "ok" or "failed: why". What cedana and the program said stays in the working folder."""
import argparse
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

LIMIT_SECONDS = 60


class Failed(Exception):
    pass


def prepare_namespaces(folder):
    # /proc is that of the new pid namespace (unshare --mount-proc).
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    logs = folder / "logs"
    logs.mkdir()
    os.makedirs("/var/log/cedana", exist_ok=True)
    subprocess.run(["mount", "--bind", logs, "/var/log/cedana"], check=True)
    set_loopback_up()


def set_loopback_up():
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sH14x", b"lo", iff_up))


def parents():
    """The parent of every process of the namespace."""
    known = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                known[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return known


def state_of(pid):
    """X if it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def tree_of(root):
    known = parents()
    tree = {root}
    while more := {pid for pid, parent in known.items() if parent in tree} - tree:
        tree |= more
    return tree


def reap(pids):
    """Until none of them is left, not even as a zombie: orphans belong to this process. (A program may have a helper outside of
    its tree, which goes on.)"""
    while left := [pid for pid in pids if os.path.exists(f"/proc/{pid}")]:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError as error:
            raise Failed(f"still there: {left}") from error


def tail(path):
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "(nothing)"


class Program:
    """The program starts, forks, and its first process ends with 0 when the child is ready and the pid file written."""

    def __init__(self, command, binaries, folder):
        self.name = command[0]
        self.folder = folder / "work"
        self.folder.mkdir()
        argv = [str(binaries / self.name), *command[1:]]
        with open(self.folder / "start.log", "wb") as log:
            code = subprocess.run(argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  start_new_session=True, check=False).returncode
        if code != 0:
            raise Failed(f"the program did not start: exit {code}: {tail(self.folder / f'{self.name}.out')}")
        self.pid = int((self.folder / f"{self.name}.pid").read_text())
        self.settle()

    def settle(self):
        """Some say that they are ready while a child is still on its way (vfork00): waits, at most a second, until none of the
        tree runs. Some run all the time."""
        end = time.monotonic() + 1
        while time.monotonic() < end and any(state_of(pid) == "R" for pid in tree_of(self.pid)):
            time.sleep(0.02)

    def end(self):
        """Lets it check itself; raises unless it says PASS."""
        os.kill(self.pid, signal.SIGTERM)
        reap([self.pid])
        said = tail(self.folder / f"{self.name}.out")
        if not re.search(r"\bPASS\b", said):
            raise Failed(f"the program says: {said}")

    def require_running(self):
        if state_of(self.pid) in "ZX":
            raise Failed("the program ended by a refused dump")


class Cedana:
    def __init__(self, executable, folder):
        self.executable = executable
        self.folder = folder
        config = folder / "config.json"
        config.write_text("{}")
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                            "LANG": "C", "CEDANA_CONFIG": str(config)}

    def __call__(self, verb, *arguments):
        """The exit code, and what it said."""
        said = self.folder / f"{verb}.said"
        with open(said, "wb") as log:
            code = subprocess.run([self.executable, "client", verb, *arguments], env=self.environment, cwd="/",
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        return code, said.read_text(errors="replace").strip()


def in_one_line(text):
    return " | ".join(line.strip() for line in text.splitlines())


def dump_and_restore(cedana, program, folder):
    tree = tree_of(program.pid)
    code, said = cedana("dump", "-p", str(program.pid), "-d", folder, "--stop")
    if code != 0:
        raise Failed(f"dump: exit {code}: {in_one_line(said)}")
    reap(tree)
    code, said = cedana("restore", said.splitlines()[-1])
    if code != 0:
        raise Failed(f"restore: exit {code}: {in_one_line(said)}")
    program.end()


def be_refused(cedana, program, folder):
    environment, dump_failed = 5, 6
    code, said = cedana("dump", "-p", str(program.pid), "-d", folder, "--stop")
    if code not in (environment, dump_failed):
        raise Failed(f"the dump is not refused: exit {code}: {in_one_line(said)}")
    if not re.search(r"^\s*hint:\s*\S", said, re.MULTILINE):
        raise Failed(f"the refusal names no remedy: {in_one_line(said)}")
    if re.search(r"^\s*log:", said, re.MULTILINE):
        raise Failed(f"refused only after the tree was frozen: {in_one_line(said)}")
    program.require_running()
    program.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cedana", required=True)
    parser.add_argument("--binaries", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--expect", choices=("restored", "refused"), required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()

    def too_long(*_):
        raise Failed(f"not done after {LIMIT_SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT_SECONDS)
    try:
        prepare_namespaces(arguments.folder)
        checkpoints = arguments.folder / "checkpoints"
        checkpoints.mkdir()
        program = Program(arguments.command, arguments.binaries, arguments.folder)
        cedana = Cedana(arguments.cedana, arguments.folder)
        act = dump_and_restore if arguments.expect == "restored" else be_refused
        act(cedana, program, checkpoints)
        shutil.rmtree(checkpoints)
        print("ok")
    except Failed as failure:
        print(f"failed: {failure}")
        sys.exit(1)


if __name__ == "__main__":
    main()
