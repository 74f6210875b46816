# SPDX-License-Identifier: Apache-2.0
"""Two hosts and one job: two pid namespaces with a boot id and a /run/cedana of their own, on one store. Of two that begin
it at once one wins; one that hangs loses it, and its copy, to the other."""
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from ground import expect, start_time, wait_until
from process_tree import children_of

LEASE = 2
# Which host finds that it may take over a lease of LEASE seconds.
TAKEN_OVER = 12


class Hosts:
    def __init__(self, ground, same_boot):
        self.ground = ground
        self.folder = ground.new_folder()
        # So that its processes are known from those of others.
        self.words = ["/bin/sleep", str(10**9 + ground.rng.randrange(10**9))]
        self.boots = [self.folder / f"boot{number}" for number in (1, 2)]
        for number, boot in enumerate(self.boots):
            boot.write_text(f"{0 if same_boot else number:08}-0000-4000-8000-000000000000\n")
        self.running = []

    def start(self, number, *options):
        """cedana on that host; it ends with it."""
        script = (f"mount -t tmpfs -o mode=0700 own /run/cedana && "
                  f"mount --bind {self.boots[number]} /proc/sys/kernel/random/boot_id && exec \"$@\"")
        words = [self.ground.cedana, "-q", "client", "run", "--job", "j", "-d", self.folder / "store", "--lease",
                 f"{LEASE}s", *options, "--", *self.words]
        process = subprocess.Popen(
            ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "/bin/sh", "-c", script, "sh",
             *map(str, words)], env=self.ground.environment(), cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.running.append(process)
        return process

    def state(self):
        try:
            return json.loads((self.folder / "store" / "j" / "state.json").read_text())
        except FileNotFoundError:
            return {}

    def copies(self):
        wanted = "\0".join(self.words) + "\0"
        found = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                found += (folder / "cmdline").read_text(errors="replace") == wanted and \
                    start_time(int(folder.name)) is not None
            except OSError:
                pass
        return found

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.ground.reap_all()


def first_to_end(processes):
    fds = {os.pidfd_open(process.pid): process for process in processes}
    ready, _, _ = select.select(list(fds), [], [], TAKEN_OVER)
    for fd in fds:
        os.close(fd)
    expect(ready, "both hosts run the job, or none does")
    return fds[ready[0]]


def fight(ground, same_boot):
    hosts = Hosts(ground, same_boot)
    loser = first_to_end([hosts.start(0), hosts.start(1)])
    expect(loser.wait() == 75, f"the loser exits {loser.returncode}")
    wait_until(lambda: hosts.state().get("state") == "running", "the winner's program")
    expect(hosts.copies() == 1, f"{hosts.copies()} copies run")
    hosts.close()


def hang(ground, *options):
    hosts = Hosts(ground, same_boot=False)
    first = hosts.start(0, *options)
    wait_until(lambda: hosts.state().get("state") == "running", "the first host's program")
    supervisor = children_of(first.pid)[0]
    os.kill(supervisor, signal.SIGSTOP)
    hosts.start(1, *options)
    end = time.monotonic() + TAKEN_OVER
    while hosts.state().get("epoch") != 2 or hosts.state().get("state") != "running":
        expect(hosts.copies() <= 1, "both hosts have a copy")
        expect(time.monotonic() < end, "the second host does not take the job over")
        time.sleep(0.01)
    os.kill(supervisor, signal.SIGCONT)
    expect(first_to_end([first]).wait() == 75, f"the first host exits {first.returncode}")
    expect(hosts.copies() == 1, f"{hosts.copies()} copies run")
    hosts.close()


def set_hosts_against_each_other(ground, rounds, table):
    for number in range(rounds):
        same_boot = number % 5 == 4
        fight(ground, same_boot)
        table.add("job: two hosts begin it" + (", with one boot id" if same_boot else ""), "one runs it, one exits 75")
    for number in range(max(1, rounds // 10)):
        options = ["--no-pidns"] if number % 4 == 3 else []
        hang(ground, *options)
        table.add(" ".join(["job: a host hangs", *options]), "its copy ends, the other goes on, it exits 75")
