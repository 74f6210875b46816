# SPDX-License-Identifier: Apache-2.0
"""Counts in FOLDER/log; on SIGUSR1 saves its count as a program saves its state, in each of the ways that programs have:
under a temporary name that is then renamed, by a child that ends at once, without a name until it is whole, and in a
file that is mapped. At last it makes FOLDER/done. Usage: saves.py FOLDER"""

import mmap
import os
import signal
import subprocess
import sys
import time

folder = sys.argv[1]
count = 0


def path(name):
    return os.path.join(folder, name)


def write(name, text):
    with open(path(name), "w") as file:
        file.write(text)


def save(*_):
    state = f"count {count}\n"
    write("renamed.tmp", state)
    os.chown(path("renamed.tmp"), 1234, 4321)
    os.chmod(path("renamed.tmp"), 0o640)
    os.rename(path("renamed.tmp"), path("renamed"))
    write("scratch", "of no use afterwards")
    os.remove(path("scratch"))
    subprocess.run(["/bin/sh", "-c", f"echo {state.strip()} > {path('by-child')}"], check=True)
    nameless = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    os.write(nameless, state.encode())
    # With a folder's descriptor python uses linkat(2), which follows the link.
    os.link(f"/proc/self/fd/{nameless}", path("linked"), src_dir_fd=nameless)
    os.close(nameless)
    with open(path("mapped"), "wb+") as file:
        file.truncate(4096)
        with mmap.mmap(file.fileno(), 4096) as memory:
            memory[: len(state)] = state.encode()
    write("done", "")


signal.signal(signal.SIGUSR1, save)
with open(path("log"), "a", buffering=1) as log:
    while True:
        count += 1
        log.write(f"{count}\n")
        time.sleep(0.01)
