# SPDX-License-Identifier: Apache-2.0
"""Killing cedana and CRIU in the middle of dumps and restores."""
import os
import pty
import signal
import stat
import time
from collections import Counter
from pathlib import Path

from ground import Broken, expect, start_time, wait_until
from process_tree import children_of, descendants_of

MODES = ("--leave-running", "--stop")
THREADS = (1, 8)
WAYS = ("SIGKILL", "SIGINT", "SIGTERM", "SIGHUP", "terminal closed")


class Table:
    """Fault, times, what became of the process and of the checkpoint."""

    def __init__(self):
        self.rows = {}

    def add(self, fault, outcome):
        self.rows.setdefault(fault, Counter())[outcome] += 1

    def text(self):
        lines = ["| fault | times | outcome |", "|---|---|---|"]
        for fault, outcomes in self.rows.items():
            told = "; ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
            lines.append(f"| {fault} | {sum(outcomes.values())} | {told} |")
        return "\n".join(lines)


class Victim:
    """A target that is made anew when it is lost or when another kind of it is wanted."""

    def __init__(self, ground):
        self.ground = ground
        self.target = None
        self.kind = None

    def get(self, threads, with_removed_file=True):
        kind = (threads, with_removed_file)
        if self.target is None or self.kind != kind or not self.target.lives():
            self.drop()
            self.target = self.ground.connected(threads, with_removed_file)
            self.kind = kind
        return self.target

    def drop(self):
        if self.target is not None:
            self.target.end()
        self.target = None


def duration(ground, mode, threads):
    """How long a dump takes on this machine now."""
    target = ground.connected(threads)
    begun = time.monotonic()
    code, out, err = ground.run(ground.dump_arguments(target, mode))
    taken = time.monotonic() - begun
    expect(code == 0, f"a dump without faults ended with {code}: {err}")
    zip_file = Path(out.strip())
    if mode == "--stop":
        # Else its network lock would wait for ever.
        ground.reap_all()
        ground.restore(zip_file)
        target.brought_back()
    target.end()
    zip_file.unlink()
    return taken


def start_on_terminal(ground, arguments):
    """cedana with a terminal of its own as its session's; the master's descriptor."""
    master, slave = pty.openpty()
    process = ground.start(arguments, stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: _lead(slave))
    os.close(slave)
    return process, master


def _lead(slave):
    import fcntl
    import termios
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def kill_cedana(ground, arguments, way, delay):
    if way == "terminal closed":
        process, master = start_on_terminal(ground, arguments)
        time.sleep(delay)
        os.close(master)
        process.wait(60)
        return
    process = ground.start(arguments, stdout=-3, stderr=-3)
    time.sleep(delay)
    process.send_signal(getattr(signal, way))
    process.wait(60)


def check_checkpoint(ground, victim, zip_file):
    """It restores, also when its tree runs on: that is ended first, and the connection cannot go on then.

    `verify` says so before."""
    target = victim.target
    ran_on = target.lives()
    more = ["--criu-arg=--tcp-close"] if ran_on else []
    if ran_on:
        target.end()
    expect(ground.verify(zip_file), f"verify says that {zip_file} cannot be restored here")
    pid = ground.restore(zip_file, *more)
    expect(pid == target.pid, f"{zip_file} came back as {pid} and not as {target.pid}")
    target.brought_back()
    target.expect_to_go_on(may_reconnect=ran_on)
    zip_file.unlink()
    for backup in target.log.parent.glob("*.cedana-backup-*"):
        backup.unlink()
    if ran_on:
        # Its log has the word in it from now on.
        victim.drop()


def round_of_cedana(ground, victim, table, longest, number):
    rng = ground.rng
    mode, threads, way = MODES[number % 2], THREADS[number // 2 % 2], rng.choice(WAYS)
    # The name that CRIU gives such a file goes when the tree runs on, and the checkpoint with it (docs/reliability.md).
    target = victim.get(threads, with_removed_file=mode == "--stop")
    delay = rng.uniform(0, 1.1 * longest[mode, threads])
    kill_cedana(ground, ground.dump_arguments(target, mode), way, delay)
    ground.reap_all(but={target.pid})
    checkpoints = ground.checkpoints()
    expect(len(checkpoints) <= 1, f"{len(checkpoints)} checkpoints of one dump")
    if target.lives():
        target.expect_to_go_on()
        outcome = "runs on, " + ("whole checkpoint" if checkpoints else "no checkpoint")
    else:
        expect(mode == "--stop" and checkpoints, f"the tree is lost ({mode}, {way} after {delay:.3f} s)")
        outcome = "ended, whole checkpoint"
        ground.reap_all()
    waits = bool(checkpoints) and not target.lives()
    ground.clean(waiting=checkpoints[0] if waits else None)
    for zip_file in checkpoints:
        check_checkpoint(ground, victim, zip_file)
        ground.clean()
    table.add(f"cedana {way}, {mode}", outcome)


def kill_cedana_amid_dumps(ground, rounds, table):
    longest = {(mode, threads): duration(ground, mode, threads) for mode in MODES for threads in THREADS}
    victim = Victim(ground)
    for number in range(rounds):
        round_of_cedana(ground, victim, table, longest, number)
    victim.drop()


# CRIU

class KilledCriu:
    """A criu.path that runs the real CRIU, and kills it after a number of ptrace calls."""

    def __init__(self, ground):
        self.program = ground.folder / "criu-that-dies"
        self.count = ground.folder / "ptrace-calls"
        self.library = ground.programs / "libkill_at_ptrace.so"

    def arm(self, calls):
        # 0: never, only counts.
        self.program.write_text(
            "#!/bin/sh\n"
            # "swrk": a dump that is asked for through a socket.
            f'case $1 in dump | swrk) export LD_PRELOAD={self.library} KILL_AT_PTRACE={calls} PTRACE_COUNT={self.count} ;; esac\n'
            'exec criu "$@"\n')
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.count.unlink(missing_ok=True)
        return {"CEDANA_CRIU_PATH": str(self.program)}


PHASES = (("Running post-dump", "post-dump and cure"), ("Dumping pages", "pages"), ("Dumping core", "pages"),
          ("Putting parasite blob", "inject"), ("Dumping task", "inject"), ("Collecting fds", "inject"))


def phase_of(err):
    """How far CRIU had come, by the log that cedana kept and named."""
    for line in err.splitlines():
        if line.strip().startswith("log:"):
            path = Path(line.split(":", 1)[1].strip())
            text = path.read_text(errors="replace")
            path.unlink()
            return next((phase for mark, phase in PHASES if mark in text), "seize")
    return "seize"


def check_truth(ground, victim, code, err):
    """Exit 6 or 10 says what is so, and what CRIU left is taken back."""
    target = victim.target
    if not target.lives():
        expect(code == 10, f"the tree is gone, and the exit code is {code}: {err}")
        ground.reap_all()
        outcome = "lost, exit 10"
    else:
        expect(code == 6, f"the tree runs, and the exit code is {code}: {err}")
        target.expect_to_go_on()
        outcome = "runs on, exit 6"
    expect(not ground.checkpoints(), "there is a checkpoint of a dump that failed")
    # Other dumps of this host may have been killed meanwhile.
    for item in ground.clean():
        expect(item["kind"] in ("lock", "work folder"), f"cedana itself did not take back: {item}")
    return outcome


def kill_criu_at_ptrace(ground, table, threads, points=None):
    """At every call, or at a sample of so many."""
    victim = Victim(ground)
    killer = KilledCriu(ground)
    target = victim.get(threads)
    code, out, err = ground.run(ground.dump_arguments(target, "--leave-running"), killer.arm(0))
    expect(code == 0, f"a dump with the library loaded ended with {code}: {err}")
    Path(out.strip()).unlink()
    calls = int(killer.count.read_text())
    chosen = range(1, calls + 1)
    if points is not None and points < calls:
        chosen = sorted(ground.rng.sample(chosen, points))
    for call in chosen:
        target = victim.get(threads)
        code, out, err = ground.run(ground.dump_arguments(target, "--leave-running"), killer.arm(call))
        if code == 0:
            # This dump had fewer calls than the one that was counted.
            Path(out.strip()).unlink()
            continue
        expect("signal 9" in err or "(Killed)" in err or code in (6, 10), f"exit {code}: {err}")
        phase = phase_of(err)
        table.add(f"criu SIGKILL at a ptrace call, {threads} threads, {phase}", check_truth(ground, victim, code, err))
    victim.drop()
    return calls


def criu_of(cedana):
    """The pid of the CRIU that a running cedana has started for its work; it asks others for their version before.

    A guard with the same arguments behind its own name stands between the two at a restore."""
    for pid in descendants_of(cedana.pid):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[2:3] == [b"--stream"]:
                return pid
        except OSError:
            pass
    return None


def kill_criu_of(ground, arguments, delay, with_cedana=False):
    """False if CRIU had ended before."""
    cedana = ground.start(arguments)
    found = []
    wait_until(lambda: found.append(criu_of(cedana)) or found[-1] or cedana.poll() is not None, "CRIU")
    killed = False
    if found[-1]:
        time.sleep(delay)
        if criu_of(cedana) == found[-1]:
            if with_cedana:
                # CRIU must not see the end of its images before it is killed, and end what it has begun itself.
                os.kill(found[-1], signal.SIGSTOP)
                cedana.kill()
                cedana.wait()
            os.kill(found[-1], signal.SIGKILL)
            killed = True
    out, err = cedana.communicate(timeout=60)
    return killed, cedana.returncode, out.decode(), err.decode(errors="replace")


def kill_criu_at_random(ground, rounds, table):
    victim = Victim(ground)
    longest = {threads: duration(ground, "--leave-running", threads) for threads in THREADS}
    for number in range(rounds):
        threads = THREADS[number % 2]
        target = victim.get(threads)
        killed, code, out, err = kill_criu_of(ground, ground.dump_arguments(target, "--leave-running"),
                                              ground.rng.uniform(0, longest[threads]))
        if code == 0:
            Path(out.strip()).unlink()
            target.expect_to_go_on()
            continue
        if target.lives() and ground.checkpoints():
            # Killed after it had been told that all is well: the checkpoint is whole.
            expect(code == 6, f"exit {code}: {err}")
        for zip_file in ground.checkpoints():
            ground.verify(zip_file)
            zip_file.unlink()
        phase = phase_of(err)
        table.add(f"criu SIGKILL at random, {threads} threads, {phase}", check_truth(ground, victim, code, err))
    victim.drop()


# Restores

class Stopped:
    """A checkpoint whose tree has ended, with a log that went on since: it must be put back."""

    def __init__(self, ground, threads):
        self.target = ground.connected(threads)
        code, out, err = ground.run(ground.dump_arguments(self.target, "--stop"))
        expect(code == 0, f"dump --stop ended with {code}: {err}")
        ground.reap_all()
        self.zip_file = Path(out.strip())
        ground.verify(self.zip_file)
        with self.target.log.open("a") as log:
            log.write("written since\n")
        self.content = self.target.log.read_text()
        self.failed = 0

    def is_untouched(self):
        return self.target.log.read_text() == self.content and \
            sorted(path.name for path in self.target.log.parent.glob("log*")) == ["log"]


def kill_amid_restores(ground, rounds, table):
    first = Stopped(ground, 8)
    begun = time.monotonic()
    ground.restore(first.zip_file)
    longest = time.monotonic() - begun
    first.target.brought_back()
    first.target.end()
    first.zip_file.unlink()
    stopped = None
    for number in range(rounds):
        if stopped is None:
            stopped = Stopped(ground, THREADS[number % 2])
        target = stopped.target
        who = ground.rng.choice(("cedana", "criu", "cedana and criu"))
        way = ground.rng.choice(WAYS) if who == "cedana" else "SIGKILL"
        arguments = ["client", "restore", stopped.zip_file]
        delay = ground.rng.uniform(0, 1.1 * longest)
        if who == "cedana":
            kill_cedana(ground, arguments, way, delay)
        else:
            kill_criu_of(ground, arguments, delay / 2, with_cedana=who != "criu")
        # Whatever CRIU and its guard still do, they do without cedana. What runs then is the tree, or nothing.
        wait_until(lambda: not _others_at_work(target.pid), "the end of an orphaned CRIU")
        target.started = None
        runs = target.pid in children_of(os.getpid()) and _is_program(target.pid)
        ground.reap_all(but={target.pid} if runs else ())
        cleaned = ground.clean(waiting=None if runs else stopped.zip_file)
        if runs:
            outcome = "the tree runs" + _told_end(stopped)
            stopped = None
        else:
            stopped.failed += 1
            # Another cedana of this host may have found it first, and be at it.
            wait_until(stopped.is_untouched, f"files as they were ({who} {way} after {delay:.3f} s): {cleaned}")
            outcome = "nothing runs, files as they were"
        table.add(f"{who} {way} amid a restore", outcome)
        if not runs and number % 4 == 0:
            # Another try works.
            expect(ground.restore(stopped.zip_file) == target.pid, "the second restore gave another pid")
            table.add("another restore after one that was killed", "the tree runs" + _told_end(stopped))
            stopped = None
            ground.clean()


    if stopped is not None:
        # Else its network lock would wait for ever.
        ground.restore(stopped.zip_file)
        _told_end(stopped)


def _told_end(stopped):
    """Looks whether the tree that is back goes on, and ends it.

    Late in a restore CRIU lifts the network lock: what fails after that costs the connection (criu/cr-restore.c says so
    too), and the next restore finds it reset by the peer's host."""
    target = stopped.target
    target.brought_back()
    target.expect_to_go_on(may_reconnect=stopped.failed > 0)
    reconnected = "reconnected" in target.lines()
    target.end()
    stopped.zip_file.unlink()
    return ", its connection was lost" if reconnected else ""


def _others_at_work(root):
    """One that has become a zombie has handed its children over before."""
    return any(start_time(pid) is not None for pid in children_of(os.getpid()) if pid != root)


def _is_program(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith("/connected")
    except OSError:
        return False
