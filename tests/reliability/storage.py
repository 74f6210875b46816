# SPDX-License-Identifier: Apache-2.0
"""Disks that fail under dumps and restores of real processes: call by call, and a device that fails when it is written to."""
import errno
import shutil
import subprocess
from pathlib import Path

from ground import expect, start_time
from kills import Stopped, Victim, check_checkpoint

# How a call fails, as tests/programs/failing_calls.cpp has it.
FAULTS = {"fails once (EIO)": (errno.EIO, "once"), "full from there on (ENOSPC)": (errno.ENOSPC, "on"),
          "done, and its answer lost (EIO)": (errno.EIO, "done")}


class FailingCalls:
    """The environment of a cedana whose calls under these folders are counted, and one of which fails."""

    def __init__(self, ground, folders):
        self.ground = ground
        self.folders = ":".join(map(str, folders))
        self.told = ground.folder / "failing-calls"

    def environment(self, number=0, fault=(0, "once")):
        self.told.unlink(missing_ok=True)
        return {"LD_PRELOAD": str(self.ground.programs / "libfailing_calls.so"), "FAILING_UNDER": self.folders,
                "FAILING_CALL": f"{number} {fault[0]} {fault[1]}", "FAILING_TOLD": str(self.told)}

    def lines(self):
        return self.told.read_text().splitlines() if self.told.exists() else []

    def failed(self):
        return next((line for line in self.lines() if line.endswith(" failed")), None)


def points(ground, calls, wanted):
    """All calls, or a sample of so many."""
    every = range(1, calls + 1)
    return every if wanted is None or wanted >= calls else sorted(ground.rng.sample(every, wanted))


def told(code, call, err):
    expect(code in (0, 7, 9), f"exit {code} after {call}: {err}")
    expect(code == 9 or " fsync " not in call, f"{call} was not believed: {err}")


# Dumps

def after_dump(ground, victim, mode, code, what):
    """The tree runs on, or has ended with a whole checkpoint, and comes back. The outcome."""
    target = victim.target
    checkpoints = ground.checkpoints()
    for zip_file in checkpoints:
        ground.verify(zip_file)
    if target.lives():
        expect(code != 0 or mode == "--leave-running", f"the tree runs after {what}")
        target.expect_to_go_on()
        outcome = "runs on, " + ("whole checkpoint" if checkpoints else "no checkpoint")
        if mode == "--stop" and checkpoints:
            check_checkpoint(ground, victim, checkpoints.pop())
    else:
        expect(mode == "--stop" and checkpoints, f"the tree is lost after {what}")
        ground.reap_all()
        ground.restore(checkpoints[0])
        target.brought_back()
        target.expect_to_go_on()
        outcome = "ended, whole checkpoint"
    for zip_file in checkpoints:
        zip_file.unlink()
    ground.clean()
    return outcome


def fail_dumps(ground, wanted, table):
    failing = FailingCalls(ground, (ground.store, "/run/cedana"))
    victim = Victim(ground)
    for mode in ("--leave-running", "--stop"):
        target = victim.get(1, with_removed_file=mode == "--stop")
        code, _, err = ground.run(ground.dump_arguments(target, mode), failing.environment())
        expect(code == 0, f"a dump with the library loaded ended with {code}: {err}")
        calls = len(failing.lines())
        after_dump(ground, victim, mode, code, "no fault")
        for fault in FAULTS:
            for number in points(ground, calls, wanted):
                target = victim.get(1, with_removed_file=mode == "--stop")
                code, _, err = ground.run(ground.dump_arguments(target, mode), failing.environment(number, FAULTS[fault]))
                call = failing.failed()
                if call is not None:
                    told(code, call, err)
                outcome = after_dump(ground, victim, mode, code, f"{call}: {err}")
                if call is not None:
                    table.add(f"a call of a dump {fault}, {mode}", outcome)
    victim.drop()


# Restores

def end_tree(ground, stopped):
    stopped.target.brought_back()
    stopped.target.expect_to_go_on(may_reconnect=stopped.failed > 0)
    stopped.target.end()
    stopped.zip_file.unlink()


def fail_restores(ground, wanted, table):
    stopped = Stopped(ground, 1)
    failing = FailingCalls(ground, (stopped.target.log.parent, "/run/cedana"))
    code, _, err = ground.run(["client", "restore", stopped.zip_file], failing.environment())
    expect(code == 0, f"a restore with the library loaded ended with {code}: {err}")
    calls = len(failing.lines())
    end_tree(ground, stopped)
    stopped = None
    for fault in FAULTS:
        for number in points(ground, calls, wanted):
            stopped = stopped or Stopped(ground, 1)
            failing = FailingCalls(ground, (stopped.target.log.parent, "/run/cedana"))
            code, _, err = ground.run(["client", "restore", stopped.zip_file],
                                      failing.environment(number, FAULTS[fault]))
            call = failing.failed() or "no call"
            told(code, call, err)
            if code == 0:
                end_tree(ground, stopped)
                if " unlink" in call:
                    # A name that could not be removed, as a warning says.
                    for path in stopped.target.log.parent.glob(".cedana-kept-*"):
                        expect(str(path) in err, f"{path} stays, and nothing says so: {err}")
                        path.unlink()
                stopped = None
                outcome = "the tree runs"
            else:
                expect(start_time(stopped.target.pid) is None, f"something runs after {call}: {err}")
                stopped.failed += 1
                outcome = "nothing runs, " + files_after(stopped, call)
            if call != "no call":
                table.add(f"a call of a restore {fault}", outcome)
    if stopped is not None:
        # Else its network lock would wait for ever.
        ground.restore(stopped.zip_file)
        end_tree(ground, stopped)
    ground.clean()


def files_after(stopped, call):
    if stopped.is_untouched():
        return "files as they were"
    # What could not be undone is beside it, and a warning has named both.
    expect(" unlink" in call or " rename" in call or " link" in call, f"files are not as they were after {call}")
    folder = stopped.target.log.parent
    kept = [path for path in folder.glob("log*") if path.read_text() == stopped.content]
    expect(kept, f"what was there before is lost after {call}")
    for path in folder.glob("log.*"):
        path.unlink()
    stopped.target.log.write_text(stopped.content)
    return "what was there is beside it"


# A device

class FailingDevice:
    """An ext4 on a loop device whose file cannot grow: what the kernel writes back late fails, and fsync tells it."""

    def __init__(self, ground, mebibytes):
        self.below = ground.folder / "below"
        self.folder = ground.folder / "device"
        self.mebibytes = mebibytes
        self.mounted = []

    def __enter__(self):
        image = self.below / "image"
        self.below.mkdir()
        self.folder.mkdir()
        try:
            self._mount("-t", "tmpfs", "-o", f"size={self.mebibytes}m", "tmpfs", self.below)
            with image.open("wb") as file:
                file.truncate(1 << 28)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", image], check=True)
            self._mount("-o", "loop,errors=continue", image, self.folder)
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return self

    def _mount(self, *arguments):
        """The last of them is where."""
        subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
        self.mounted.append(arguments[-1])

    def __exit__(self, *_):
        for path in reversed(self.mounted):
            subprocess.run(["umount", "-l", str(path)], check=True)
        shutil.rmtree(self.folder)
        shutil.rmtree(self.below)


def fail_device(ground, rounds, table):
    victim = Victim(ground)
    for number in range(rounds):
        mode = ("--stop", "--leave-running")[number % 2]
        target = victim.get(1, with_removed_file=False)
        with FailingDevice(ground, 8) as device:
            arguments = ["client", "dump", "-p", target.pid, "-d", device.folder, mode]
            code, _, err = ground.run(arguments, {"CEDANA_ARCHIVE_COMPRESSION": "none"})
            expect(code == 9, f"exit {code} on a device that fails: {err}")
            expect(not list(device.folder.glob("*.zip")), "there is a checkpoint that was never on the device")
            target.expect_to_go_on()
        ground.clean()
        table.add(f"the device fails under a dump, {mode}", "runs on, no checkpoint, exit 9")
    victim.drop()


def fail_storage(ground, rounds, table):
    wanted = None if rounds >= 300 else max(1, rounds // 3)
    fail_dumps(ground, wanted, table)
    fail_restores(ground, wanted, table)
    try:
        fail_device(ground, max(2, rounds // 15), table)
    except subprocess.CalledProcessError as error:
        # Containers have no loop devices.
        table.add("the device fails under a dump", f"not done: {error}: {(error.stderr or b'').decode().strip()}")
