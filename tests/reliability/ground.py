# SPDX-License-Identifier: Apache-2.0
"""What the campaigns stand on: targets with their peer, runs of cedana, and looking for what was left over."""
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from process_tree import children_of, descendants_of  # noqa: E402

LIMIT = 60
PR_SET_CHILD_SUBREAPER = 36
STATE = Path("/run/cedana")


class Broken(Exception):
    """A promise that did not hold."""


def expect(holds, what):
    if not holds:
        raise Broken(what)


def wait_until(done, what, limit=LIMIT):
    """For what no event can be had: what other processes write to a file."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise Broken(f"waited in vain for {what}")
        time.sleep(0.002)


class Peer:
    """The other end of the targets' connections: sends back every byte."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection):
        try:
            while data := connection.recv(4096):
                connection.sendall(data)
        except OSError:
            pass
        connection.close()


def start_time(pid):
    """None for a process that has ended, a zombie too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Target:
    """A tree that tells in a log what it does: run by this process, or brought back by a restore."""

    def __init__(self, ground, argv):
        self.log = Path(argv[1])
        self.pid = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, start_new_session=True, cwd="/").pid
        self.started = start_time(self.pid)
        self.ground = ground

    def lives(self):
        return self.started is not None and start_time(self.pid) == self.started

    def brought_back(self):
        self.started = start_time(self.pid)
        expect(self.started is not None, f"process {self.pid} does not run after its restore")

    def lines(self):
        text = self.log.read_text()
        return text[:text.rfind("\n") + 1].splitlines()

    def expect_to_go_on(self, steps=20, may_reconnect=False):
        """It counts on, without a gap since its first line, with the memory and the connection that it had."""
        before = len(self.lines())
        wait_until(lambda: len(self.lines()) >= before + steps or not self.lives(), "the target's next steps")
        lines = self.lines()
        expect(self.lives(), f"the target ended: {lines[-3:]}")
        if may_reconnect:
            lines = [line for line in lines if line != "reconnected"]
        for number, line in enumerate(lines, 1):
            expect(line == str(number), f"line {number} of the target's log is {line!r}")

    def end(self):
        if self.lives():
            # Its children would go on without it; stopped, it makes no more of them.
            os.kill(self.pid, signal.SIGSTOP)
            for pid in [*descendants_of(self.pid), self.pid]:
                os.kill(pid, signal.SIGKILL)
        self.ground.reap_all()


class Ground:
    """One campaign's folder, with its store, its config and its targets."""

    def __init__(self, cedana, programs, rng, pause_while=None):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.cedana = str(cedana)
        self.programs = Path(programs)
        self.rng = rng
        self.pause_while = pause_while
        self.peer = Peer()
        self.folder = Path(tempfile.mkdtemp(prefix="cedana-reliability."))
        self.store = self.folder / "store"
        self.store.mkdir()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.targets = 0
        # Children that last as long as a campaign.
        self.servants = set()
        # Of stopped programs that are not this campaign's: nothing can tell whether they come back.
        self.locks_before = self._network_locks()

    def close(self):
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        self.reap_all()
        shutil.rmtree(self.folder)

    # Targets

    def new_folder(self):
        self.targets += 1
        folder = self.folder / f"target-{self.targets}"
        folder.mkdir()
        return folder

    def connected(self, threads, with_removed_file=True, mebibytes=8):
        log = self.new_folder() / "log"
        target = Target(self, [str(self.programs / "connected"), str(log), str(self.peer.port), str(threads),
                               str(mebibytes), *(["removed"] if with_removed_file else [])])
        wait_until(lambda: log.exists() and len(target.lines()) > 5, "the target's first steps")
        return target

    def changing(self):
        log = self.new_folder() / "log"
        target = Target(self, [str(self.programs / "changing"), str(log)])
        wait_until(lambda: log.exists() and len(target.lines()) > 200, "the target's first steps")
        return target

    def reap_all(self, but=()):
        """Waits for every child but these: also CRIUs whose cedana was killed."""
        end = time.monotonic() + LIMIT
        while True:
            left = [pid for pid in children_of(os.getpid()) if pid not in but and pid not in self.servants]
            if not left:
                return
            for pid in left:
                fd = None
                try:
                    fd = os.pidfd_open(pid)
                    ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
                    names = Path(f"/proc/{pid}/cmdline").read_bytes()
                    expect(ready, f"process {pid} does not end: {names}")
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError, FileNotFoundError):
                    pass
                finally:
                    if fd is not None:
                        os.close(fd)

    # Runs of cedana

    def environment(self, more=None):
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C",
                "HOME": str(self.home), **(more or {})}

    def start(self, arguments, environment=None, **options):
        while self.pause_while is not None and self.pause_while.exists():
            time.sleep(1)
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([self.cedana, *map(str, arguments)], env=self.environment(environment), cwd="/",
                                **options)

    def run(self, arguments, environment=None):
        """Exit code, stdout, stderr."""
        process = self.start(arguments, environment)
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out.decode(), err.decode(errors="replace")

    def dump_arguments(self, target, mode):
        return ["client", "dump", "-p", target.pid, "-d", self.store, mode, "--criu-arg=-v4"]

    def restore(self, zip_file, *more):
        code, out, err = self.run(["client", "restore", zip_file, *more])
        expect(code == 0, f"restore of {zip_file} ended with {code}: {err}")
        return int(out)

    def verify(self, zip_file):
        """`client verify` reads every byte of it; that its pids are taken while its tree runs on is no flaw."""
        code, out, err = self.run(["--json", "client", "verify", zip_file])
        expect(out, f"verify of {zip_file} ended with {code}: {err}")
        told = json.loads(out)["checkpoints"][0]
        expect(told["whole"], f"{zip_file} has a final name and is not whole: {told['flaw']}")
        return told["restores_here"]

    def checkpoints(self):
        return sorted(self.store.glob("*.zip"))

    # What may be left over

    def clean(self, waiting=None):
        """`check --clean`, and then nothing is left but the lock that the checkpoint `waiting` names."""
        removed = []
        end = time.monotonic() + LIMIT
        while True:
            code, out, err = self.run(["--json", "check", "--clean", "-d", self.store])
            expect(code == 0, f"check --clean ended with {code}: {err}")
            removed += json.loads(out)["removed"]
            left = [item for item in json.loads(out)["kept"] if not self._may_stay(item, waiting)]
            if not left:
                break
            # Another dump of this host may have made it, and wait for its restore in another folder.
            expect(time.monotonic() < end and all(item["kind"] == "network lock" for item in left),
                   f"not cleaned up: {left}")
            time.sleep(1)
        expect(not list(self.store.glob("*.partial")), "a partial checkpoint is left")
        if waiting is None:
            expect(not list(self.folder.rglob("link_remap.*")), "a name link_remap.N is left")
        expect(not list(self.folder.rglob(".cedana-*")), "a hidden file is left")
        return removed

    def _network_locks(self):
        code, out, err = self.run(["--json", "check", "--clean", "-d", self.store])
        expect(code == 0, f"check --clean ended with {code}: {err}")
        return {item["name"] for item in json.loads(out)["kept"] if item["kind"] == "network lock"}

    def _may_stay(self, item, waiting):
        # Other dumps and restores may be at work on this host, and may have been killed there.
        if "at work" in item["reason"] or (item["name"].startswith("/") and str(self.folder) not in item["name"]):
            return True
        if item["kind"] == "network lock" and item["name"] in self.locks_before:
            return True
        return waiting is not None and item["kind"] == "network lock" and str(waiting) in item["reason"]


def descriptors_of(pid):
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
