# SPDX-License-Identifier: Apache-2.0
"""What the cases stand on: a folder, runs of cedana, programs that are started, awaited, and ended."""
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from process_tree import children_of, descendants_of  # noqa: E402

LIMIT = 60
PR_SET_CHILD_SUBREAPER = 36
# case.h
GO = signal.SIGUSR2


class Wrong(Exception):
    """What is not as it should be."""


class Unsuitable(Exception):
    """Why a case cannot be taken on this host."""


class Said:
    """What one run of cedana said."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __str__(self):
        return f"exit {self.code}: {self.err.strip() or self.out.strip()}"


class Ground:
    """The folder of one run; every tree that comes back is adopted by this process."""

    def __init__(self, cedana, programs):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.cedana = cedana
        self.programs = programs
        # Short, since unix sockets have their paths in it.
        self.folder = Path(tempfile.mkdtemp(prefix="cedana-cases.", dir="/tmp"))
        (self.folder / "home").mkdir(mode=0o700)
        self.trials = 0

    def close(self, keep):
        if not keep:
            shutil.rmtree(self.folder)

    def new_folder(self, name):
        self.trials += 1
        folder = self.folder / f"{self.trials}-{name}"
        folder.mkdir()
        return folder

    def run(self, *arguments):
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", "HOME": str(self.folder / "home")}
        process = subprocess.Popen([self.cedana, *map(str, arguments)], env=environment, cwd="/", stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.terminate()
            _, err = process.communicate()
            raise Wrong(f"cedana {' '.join(map(str, arguments))} did not end within {LIMIT} s: {err}") from None
        return Said(process.returncode, out, err)


class Program:
    """One tree, and what it prints: started here, and later maybe brought back under the same pid."""

    def __init__(self, argv, folder, enter=None):
        self.folder = folder
        self.output = folder / "out"
        with self.output.open("ab") as output:
            self.pid = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                                        env={"PATH": os.environ["PATH"]}, preexec_fn=enter).pid

    def lines(self):
        return self.output.read_text(errors="replace").splitlines()

    def _line(self, pattern):
        return next((line for line in self.lines() if re.match(pattern, line)), None)

    def await_ready(self):
        end = time.monotonic() + LIMIT
        # No event can be had of what another process writes to a file.
        while not self._line("READY"):
            if has_ended(self.pid) or time.monotonic() > end:
                if reason := self._line("UNFIT: "):
                    raise Unsuitable(reason.removeprefix("UNFIT: "))
                raise Wrong(f"the program did not get ready: {self.lines()}")
            time.sleep(0.002)

    def lives(self):
        return not has_ended(self.pid)

    def pids(self):
        return [self.pid, *descendants_of(self.pid)]

    def go(self):
        """Lets it look whether all is as it was; what it found: PASS, or what is wrong."""
        try:
            os.killpg(self.pid, GO)
        except ProcessLookupError:
            pass
        status = await_end(self.pid)
        if status is None:
            return f"it does not end; it has printed {self.lines()}"
        verdict = self._line("PASS$|FAIL")
        if os.waitstatus_to_exitcode(status) < 0:
            return f"signal {-os.waitstatus_to_exitcode(status)} ended it"
        return verdict or f"it ended without a verdict: {self.lines()}"

    def end(self):
        """Ends whatever of it there is, the first process last, since the others are found by it."""
        if self.pid not in children_of(os.getpid()):
            return
        pids = self.pids()
        for pid in reversed(pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        await_ends(pids)


def has_ended(pid):
    """A zombie has, too; a process whose first thread alone has ended has not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 0)[0])
    finally:
        os.close(descriptor)


def await_end(pid, limit=LIMIT):
    """Reaps it; its status, or None when it has not ended by then or is no child of this process."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if not select.select([descriptor], [], [], limit)[0]:
            return None
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None
    finally:
        os.close(descriptor)


def await_ends(pids):
    """What is not reaped has its pid still; a child becomes ours when its parent has ended."""
    for pid in pids:
        await_end(pid)
