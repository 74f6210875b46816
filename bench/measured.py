# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a command with its time, CRIU's statistics, and the machine's floors."""
import ctypes
import mmap
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
CORES = len(os.sched_getaffinity(0))


def become_subreaper():
    """What CRIU restores then is a child of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def timed(argv, **more):
    """Seconds, processor seconds (of its children too), and what it printed."""
    started = time.monotonic()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    out = child.stdout.read()
    child.stdout.close()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(argv)} failed:\n{out.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, out.decode()


def flush(path):
    """Flushes a file, or all in a folder, to the disk; the seconds that it took."""
    started = time.monotonic()
    names = [path] if os.path.isfile(path) else [os.path.join(path, name) for name in os.listdir(path)] + [path]
    for name in names:
        fd = os.open(name, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
    return time.monotonic() - started


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as control:
        control.write("3")


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def frozen_seconds(folder):
    """frozen_time of CRIU's stats-dump, in microseconds there (images/stats.proto)."""
    with open(os.path.join(folder, "stats-dump"), "rb") as file:
        data = file.read()[12:]

    def fields(message):
        at = 0
        while at < len(message):
            key = at_shift = value = 0
            while True:
                byte = message[at]
                at += 1
                key |= (byte & 127) << at_shift
                at_shift += 7
                if byte < 128:
                    break
            if key & 7 == 2:
                length = message[at]
                yield key >> 3, message[at + 1 : at + 1 + length]
                at += 1 + length
                continue
            shift = 0
            while True:
                byte = message[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            yield key >> 3, value

    dump = dict(fields(data))[1]
    return dict(fields(dump))[2] / 1e6


def copy_seconds(mib):
    """How long one processor copies that much memory, all of which is there: the floor of a pause."""
    size = mib * 2**20
    memory = [mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(2)]
    for one in memory:
        one.madvise(mmap.MADV_HUGEPAGE)
    addresses = [ctypes.addressof(ctypes.c_char.from_buffer(one)) for one in memory]
    for address in addresses:
        ctypes.memset(address, 1, size)
    started = time.monotonic()
    ctypes.memmove(addresses[0], addresses[1], size)
    return time.monotonic() - started


def write_seconds(path, size):
    """How long the disk takes for a file of that size, written in a row and flushed."""
    piece = os.urandom(2**20)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    started = time.monotonic()
    for at in range(0, size, len(piece)):
        os.write(fd, piece[: size - at])
    os.fsync(fd)
    seconds = time.monotonic() - started
    os.close(fd)
    return seconds


def read_seconds(path):
    """How long the disk takes to read a file in a row; its pages must not be in memory."""
    started = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(2**20)
        while file.readinto(buffer):
            pass
    return time.monotonic() - started
