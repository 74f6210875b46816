# SPDX-License-Identifier: Apache-2.0
"""Cutting migrations at random moments: the connection, the cedana that sends, the one that receives. At no moment may
two copies run, and in the end exactly one does, with every count in its log once. Of files that go with it all come, or
none."""
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from ground import LIMIT, Target, expect, wait_until
from other_host import OtherHost
from process_tree import descendants_of

FAULTS = ("none", "ssh killed", "source killed", "target killed", "Ctrl-C")
# Nobody ends, and nothing comes any more: it takes each its while to notice.
SILENT_FAULTS = ("target stopped", "packets dropped")
# As the exit codes are told in docs/reference.md.
RUNS_NOWHERE, REFUSED, CONNECTION, UNKNOWN, INTERRUPTED = 7, 11, 12, 13, 130
# More than are flushed one by one.
FILES = 150
# Slow enough for a program of a few MiB to lack memory for a while: Mbit/s.
LAZY_LINE = f"{Path(__file__).resolve().parents[1] / 'support' / 'throttled.py'} 40"


def reap(pid):
    """As the parent of a service does it: else its pid is not free for it to come back."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


class Road:
    """Two hosts, and a program that counts on one of them."""

    def __init__(self, ground):
        self.ground = ground
        self.app = ground.folder / "app"
        for number in range(FILES):
            path = self.app / f"folder{number % 3}" / str(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content {number}\n")
        self.other = OtherHost(ground.folder / "other", ground.cedana, ["CEDANA_SECURITY_RECEIVE_UNSIGNED=true",
                                                                           f"CEDANA_SECURITY_RECEIVE_FOLDERS={ground.folder}"],
                               apart=[self.app])
        ground.servants = {self.other.sshd.pid, self.other.unshare.pid}
        self.target = None
        self.dropped = None
        self.ended = 0.0

    def mend(self):
        if self.dropped:
            self.dropped.end()
            self.dropped = None

    def close(self):
        self.mend()
        self.other.close()
        self.ground.servants = set()

    def counter(self):
        log = self.ground.new_folder() / "log"
        self.target = Target(self.ground, [str(self.ground.programs / "counter"), str(log), "8"])
        threading.Thread(target=reap, args=(self.target.pid,), daemon=True).start()
        wait_until(lambda: log.exists() and len(self.target.lines()) > 5, "the counter's first steps")
        return self.target

    def arguments(self, way):
        line = f"{LAZY_LINE} {self.other.ssh}" if way == "--lazy" else self.other.ssh
        return ["client", "migrate", self.target.pid, self.other.host, "-d", self.ground.store, "--with-files", self.app, "--ssh", line,
                 *([way] if way else [])]

    def expect_all_files_or_none(self, told):
        """Once what a kill leaves is cleaned up, as by the next one."""
        subprocess.run([*shlex.split(self.other.ssh), "-o", "BatchMode=yes", self.other.host, "cedana check --clean"],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
        there = Path(f"/proc/{self.other.init}/root{self.app}")
        here, found = ({str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}
                       for top in (self.app, there))
        expect(found == here or (not found and not told.endswith("runs there")),
               f"it {told}, and of {len(here)} files there are {sorted(found)} there")
        for path in there.iterdir():
            shutil.rmtree(path)

    def runs_there(self):
        found = self.other.processes().get(self.target.pid)
        return found is not None and b"counter" in found[1]

    def end(self):
        """Wherever it runs, and what is left of it."""
        there = self.other.processes().get(self.target.pid)
        if there is not None:
            os.kill(there[0], signal.SIGKILL)
            wait_until(lambda: self.target.pid not in self.other.processes(), "its end over there")
        self.target.end()
        for path in self.ground.store.iterdir():
            path.unlink()

    def ask(self, identity):
        """What the other host says of it, once it knows."""
        command = [*shlex.split(self.other.ssh), "-o", "BatchMode=yes", self.other.host,
                   f"cedana client receive --status {identity} --json"]
        end = time.monotonic() + LIMIT
        while True:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                                  check=False)
            expect(done.returncode == 0, f"the other host does not answer: {done.stderr}")
            state = json.loads(done.stdout)["state"]
            if state != "busy":
                return state
            expect(time.monotonic() < end, "the other host never knows what became of it")
            time.sleep(0.2)

    def receivers(self):
        return [outside for outside, line in self.other.processes().values()
                if line.startswith(b"cedana\0client\0receive\0")]


class DroppedPackets:
    """Of this road's line; what comes later passes."""

    def __init__(self, port):
        self.table = f"cedana_test_{port}"
        rules = "".join(f"add rule inet {self.table} out tcp {side} {port} ct state established drop\n" for side in ("dport", "sport"))
        self._run(f"add table inet {self.table}\n"
                  f"add chain inet {self.table} out {{ type filter hook output priority 0; }}\n" + rules)

    @staticmethod
    def _run(text):
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

    def end(self):
        self._run(f"delete table inet {self.table}\n")


def cut(road, process, fault):
    if fault == "target stopped":
        wait_until(road.receivers, "what receives")
        for pid in road.receivers():
            os.kill(pid, signal.SIGSTOP)
    elif fault == "packets dropped":
        road.dropped = DroppedPackets(road.other.port)
        # Of the lines of before alone: whoever asks later gets an answer.
        threading.Timer(25, road.mend).start()
    elif fault == "source killed":
        process.send_signal(signal.SIGKILL)
    elif fault == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    elif fault == "ssh killed":
        for pid in descendants_of(process.pid):
            try:
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ssh\0"):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    elif fault == "target killed":
        for pid in road.receivers():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


def commit_of(store):
    notes = list(store.glob("*.migrated"))
    return notes[0] if notes else None


def after_a_killed_source(road):
    """What the user is told to do: ask there, and where it does not run, bring it back here."""
    note = commit_of(road.ground.store)
    if note is None:
        # It was not given away: CRIU lets it run on.
        wait_until(lambda: road.target.lives(), "the program here")
        return "runs here"
    words = shlex.split(note.read_text())
    state = road.ask(words[words.index("--status") + 1])
    if state == "runs":
        return "runs there"
    expect(state == "ended", f"the other host says {state}")
    if road.target.lives():
        return "runs here"
    zip_file = Path(str(note).removesuffix(".migrated"))
    note.unlink()
    road.ground.restore(zip_file)
    road.target.brought_back()
    return "was brought back here by hand"


def settle(road, process, fault):
    """Where it runs, as cedana says and as it is."""
    out, err = process.communicate(timeout=5 * LIMIT)
    road.ended = time.monotonic()
    road.mend()
    code = process.returncode
    if fault == "target stopped":
        for pid in road.receivers():
            os.kill(pid, signal.SIGCONT)
    # CRIU, and what was received, may be at their end only now.
    wait_until(lambda: not road.receivers(), "the end of what receives")
    if code == 0:
        told = "runs there"
    elif fault == "source killed" and code == -signal.SIGKILL:
        road.ground.reap_all(but=(road.target.pid,))
        told = after_a_killed_source(road)
    elif code == UNKNOWN:
        told = "not known; " + after_a_killed_source(road)
    elif code == RUNS_NOWHERE and b"ran on" in err:
        expect(not road.runs_there(), "it runs there, and is said to run nowhere")
        (zip_file,) = road.ground.checkpoints()
        road.ground.restore(zip_file)
        road.target.brought_back()
        told = "ended there, and was brought back here by hand"
    else:
        expect(code in (REFUSED, CONNECTION, INTERRUPTED), f"it ended with {code}: {err.decode(errors='replace')}")
        told = "was brought back here" if b"brought back here" in err else "runs here"
        road.target.brought_back()
    if told.endswith("runs there"):
        wait_until(road.runs_there, "the program over there")
        expect(not road.target.lives(), "it runs on both hosts")
    else:
        expect(road.target.lives(), f"it {told}, and does not: {err.decode(errors='replace')}")
        expect(not road.runs_there(), "it runs on both hosts")
    return told


def expect_every_count_once(target, steps=20):
    """Two copies would both write to the log."""
    before = len(target.lines())
    wait_until(lambda: len(target.lines()) >= before + steps, "the program's next steps")
    for number, line in enumerate(target.lines(), 1):
        expect(line == str(number), f"line {number} of the program's log is {line!r}")


def await_copy(process):
    """Until all is copied: what follows is the restore over there, the commit and the word to go."""
    for line in process.stderr:
        if b'"phase":"restoring on' in line:
            return


def await_run(process):
    """Until it runs there, and lacks memory."""
    for line in process.stderr:
        if b'"phase":"sending its memory"' in line:
            return


def migrate(road, fault, moment, delay, way=""):
    """`way`: an option of migrate."""
    target = road.counter()
    process = road.ground.start([*road.arguments(way), "--progress", "json"])
    if moment == "copied":
        await_copy(process)
    elif moment == "running":
        await_run(process)
    elif moment == "committed":
        wait_until(lambda: commit_of(road.ground.store) or process.poll() is not None, "the commit")
    begun = time.monotonic()
    if fault != "none":
        time.sleep(delay)
        cut(road, process, fault)
    told = settle(road, process, fault)
    taken = road.ended - begun
    expect_every_count_once(target)
    road.expect_all_files_or_none(told)
    road.end()
    return told, taken


def cut_one_by_one(road, rounds, table, way):
    """A third of them anywhere, the others where the two ends agree on which of them has it."""
    kind = f"migration {way}".strip()
    moments = {}
    for moment in ("begun", "copied", "committed", *(["running"] if way == "--lazy" else [])):
        told, moments[moment] = migrate(road, "none", moment, 0, way)
        table.add(f"{kind}, none", told)
    for number in range(rounds):
        moment = list(moments)[number % len(moments)]
        fault = FAULTS[1:][number // len(moments) % (len(FAULTS) - 1)]
        told, _ = migrate(road, fault, moment, road.ground.rng.uniform(0, moments[moment]), way)
        table.add(f"{kind}, {fault}, after it was {moment}", told)


def cut_migrations(ground, rounds, table):
    """A third of each way."""
    road = Road(ground)
    try:
        cut_one_by_one(road, rounds - 2 * (rounds // 3), table, "")
        cut_one_by_one(road, rounds // 3, table, "--pre-copy")
        cut_one_by_one(road, rounds // 3, table, "--lazy")
        # Each takes a minute or more.
        for fault in SILENT_FAULTS if rounds >= 30 else ():
            for moment in ("begun", "copied"):
                told, _ = migrate(road, fault, moment, 0)
                table.add(f"migration, {fault}, after it was {moment}", told)
            told, _ = migrate(road, "packets dropped", "running", 0, "--lazy")
            table.add("migration --lazy, packets dropped, after it was running", told)
    finally:
        road.close()
