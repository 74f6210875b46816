# SPDX-License-Identifier: Apache-2.0
"""Killing a job's parts, and stopping it, at random moments: it goes on from its last checkpoint, and runs once. Some rounds are
with the pids of the host, where no namespace ends the rest with its first process."""
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from ground import expect, start_time, wait_until
from process_tree import children_of

FAULTS = ("program", "supervisor", "init", "dump", "restore", "SIGTERM")


class Job:
    """One that counts into a log, with a checkpoint every second."""

    def __init__(self, ground, options=()):
        self.ground = ground
        self.options = options
        self.store = ground.new_folder()
        self.log = self.store / "log"
        self.words = [str(ground.programs / "counter"), str(self.log), "1"]
        self.supervisor = None

    def run(self):
        options = ["--interval", "1s", "--backoff", "0", "--min-uptime", "0", "--lease", "4s", *self.options]
        self.supervisor = self.ground.start(
            ["-q", "client", "run", "--job", "j", "-d", self.store, *options, "--", *self.words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def state(self):
        try:
            return json.loads((self.store / "j" / "state.json").read_text())
        except FileNotFoundError:
            return {}

    def lines(self):
        text = self.log.read_text() if self.log.exists() else ""
        return text[:text.rfind("\n") + 1].splitlines()

    def wait_end(self, limit):
        """Its exit code; None if it has none by then."""
        if self.supervisor.returncode is not None:
            return self.supervisor.returncode
        fd = os.pidfd_open(self.supervisor.pid)
        end = time.monotonic() + limit
        ready = []
        while not ready and (left := end - time.monotonic()) > 0:
            self.reap_others()
            ready, _, _ = select.select([fd], [], [], min(left, 0.1))
        os.close(fd)
        return self.supervisor.wait() if ready else None

    def reap_others(self):
        """What has lost its parent is left to this process: not reaped, it would keep its pid."""
        for pid in children_of(os.getpid()):
            if pid != self.supervisor.pid:
                os.waitpid(pid, os.WNOHANG)

    def wait_checkpoints(self, more_than, what):
        def is_there():
            self.reap_others()
            return self.state().get("checkpoints_in_all", 0) > more_than
        wait_until(is_there, what)

    def processes(self, *marks):
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue
            if all(mark in " ".join(words) for mark in marks) and start_time(int(folder.name)) is not None:
                found.append((int(folder.name), words))
        return found

    def copies(self):
        return [pid for pid, words in self.processes(str(self.log)) if words == self.words]

    def break_by(self, fault):
        if fault == "SIGTERM":
            self.supervisor.terminate()
            return
        if fault == "supervisor":
            self.supervisor.kill()
            return
        state = self.state()
        if fault in ("dump", "restore"):
            pids = [pid for pid, _ in self.processes(f" client {fault} ", str(self.store / "j"))]
        else:
            pids = [state.get("pid" if fault == "program" else "init", 0)]
        for pid in pids:
            if pid > 0:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def expect_unbroken(self):
        expect(len(self.copies()) <= 1, f"there are copies: {self.copies()}")
        for number, line in enumerate(self.lines(), 1):
            expect(line == str(number), f"line {number} of the job's log is {line!r}")


def break_jobs(ground, rounds, table):
    with_hosts_pids = rounds * 3 // 10
    break_job(Job(ground), rounds - with_hosts_pids, table, "job")
    break_job(Job(ground, ["--no-pidns"]), with_hosts_pids, table, "job with --no-pidns")


def break_job(job, rounds, table, what):
    ground = job.ground
    job.run()
    job.wait_checkpoints(0, "the first checkpoint of the job")
    for number in range(rounds):
        fault = FAULTS[number % len(FAULTS)] if rounds < 30 else ground.rng.choice(FAULTS)
        job.wait_end(ground.rng.uniform(0.05, 2.5))
        job.break_by(fault)
        if job.wait_end(ground.rng.uniform(0.05, 1)) is None and fault != "supervisor":
            job.expect_unbroken()
            job.supervisor.terminate()
        code = job.wait_end(60)
        wanted = -signal.SIGKILL if fault == "supervisor" else 85
        expect(code == wanted, f"after {fault} the job ended with {code}: {job.state()}")
        expect(len(job.copies()) <= 1, f"after {fault} there are copies: {job.copies()}")
        table.add(f"{what}: {fault}", "goes on")
        before = job.state()["checkpoints_in_all"]
        job.run()
        job.wait_checkpoints(before, f"a checkpoint after {fault}")
        job.expect_unbroken()
    job.supervisor.terminate()
    expect(job.wait_end(60) == 85, "the job does not end with a checkpoint")
    job.expect_unbroken()
    ground.reap_all()
