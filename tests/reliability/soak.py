# SPDX-License-Identifier: Apache-2.0
"""Many dumps and restores in a row of a tree that changes all the time: nothing is left over."""
import os
from pathlib import Path

from ground import STATE, expect


def available_kib():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1])
    raise AssertionError("no MemAvailable")


def ours(ground):
    """Names of files that may be left over, but for checkpoints and the target's own."""
    names = [path for path in ground.folder.rglob("*") if ".file-" not in path.name and path.name != "log"]
    for folder in (STATE, STATE / "locks"):
        names += [path for path in folder.glob(f"*.{os.getpid()}.*")]
    return sorted(map(str, names))


def descriptors(target):
    return len(os.listdir(f"/proc/{target.pid}/fd"))


def soak(ground, dumps, restores, table):
    target = ground.changing()
    code, out, err = ground.run(ground.dump_arguments(target, "--leave-running"))
    expect(code == 0, f"exit {code}: {err}")
    Path(out.strip()).unlink()
    before_files, before_descriptors, before_memory = ours(ground), descriptors(target), available_kib()
    every = max(1, dumps // max(1, restores))
    restored = 0
    for number in range(1, dumps + 1):
        stop = number % every == 0 and restored < restores
        code, out, err = ground.run(ground.dump_arguments(target, "--stop" if stop else "--leave-running"))
        expect(code == 0, f"dump {number} ended with {code}: {err}")
        zip_file = Path(out.strip())
        ground.verify(zip_file)
        if stop:
            ground.reap_all()
            ground.restore(zip_file)
            target.brought_back()
            restored += 1
        zip_file.unlink()
        for backup in target.log.parent.glob("*.cedana-backup-*"):
            backup.unlink()
    target.expect_to_go_on()
    expect(abs(descriptors(target) - before_descriptors) <= 4, f"descriptors: {before_descriptors} and {descriptors(target)}")
    expect(ours(ground) == before_files, f"files: {sorted(set(ours(ground)) - set(before_files))}")
    left = ground.clean()
    expect(not left, f"there was something to clean up: {left}")
    table.add("soak: dumps in a row", f"dumps and {restored} restores, nothing left over "
              f"(memory available: {before_memory // 1024} MiB before, {available_kib() // 1024} MiB after)")
    table.rows["soak: dumps in a row"] = {k: dumps for k in table.rows["soak: dumps in a row"]}
    target.end()
    expect(ours(ground) == before_files, "files after the target's end")
