# SPDX-License-Identifier: Apache-2.0
"""What is around a program of a case: what the host gives it, and who takes what it needs while it is away. Each is entered with the
trial, and undone whatever comes of it."""
import contextlib
import fcntl
import os
import select
import socket
import struct
import subprocess
from pathlib import Path

from ground import LIMIT, Program, Unsuitable, Wrong, await_ends

F_OFD_SETLK = 37
HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")
MEMORY_LIMIT = 300 << 20


def huge_pages(count):
    @contextlib.contextmanager
    def set_aside(_):
        before = HUGE_PAGES.read_text()
        try:
            HUGE_PAGES.write_text(str(int(before) + count))
            if int(HUGE_PAGES.read_text()) < int(before) + count:
                raise Unsuitable("the kernel gives no huge pages")
            yield
        finally:
            HUGE_PAGES.write_text(before)

    return set_aside


# Addresses


def ip(*words):
    done = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unsuitable(f"ip {' '.join(words)}: {done.stderr.strip()}")


def address(text):
    @contextlib.contextmanager
    def given(_):
        try:
            ip("address", "add", text, "dev", "lo")
        except FileNotFoundError:
            raise Unsuitable("there is no ip here (iproute2)") from None
        try:
            yield
        finally:
            ip("address", "del", text, "dev", "lo")

    return given


def without_address(text):
    @contextlib.contextmanager
    def taken_away(_):
        ip("address", "del", text, "dev", "lo")
        try:
            yield
        finally:
            ip("address", "add", text, "dev", "lo")

    return taken_away


# What somebody else has by now


def port(family, kind, name):
    @contextlib.contextmanager
    def taken(_):
        with socket.socket(family, kind) as other:
            # What the connections of others leave behind of a TCP port is no holder.
            if kind == socket.SOCK_STREAM:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(name)
            if kind == socket.SOCK_STREAM:
                other.listen()
            yield

    return taken


def unix_server(name_of):
    """It still gets what is sent to it afterwards."""

    @contextlib.contextmanager
    def listens(trial):
        name = name_of(trial)
        if not name.startswith("\0"):
            Path(name).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(name)
            server.listen()
            yield
            try:
                client.connect(name)
            except OSError as failure:
                raise Wrong(f"the server that has it by now lost its name: {failure}") from None
            if not select.select([server], [], [], LIMIT)[0]:
                raise Wrong("the server that has it by now gets nothing any more")
        if not name.startswith("\0"):
            Path(name).unlink()

    return listens


def file_lock(take):
    @contextlib.contextmanager
    def taken(trial):
        with (trial.folder / "work/lock").open("r+b") as file:
            take(file)
            yield

    return taken


def take_flock(file):
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def take_posix_lock(file):
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def take_ofd_lock(file):
    # struct flock: a whole file, for writing.
    fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))


# Others, while it runs


def client_of(port_number):
    """Connected before the dump, and not accepted."""

    @contextlib.contextmanager
    def connected(_):
        with socket.create_connection(("127.0.0.1", port_number)) as client:
            client.sendall(b"hello")
            yield

    return connected


def another_waits(program):
    """Another tree of that program was dumped with --stop before, and is to come back."""

    @contextlib.contextmanager
    def waits(trial):
        folder = trial.folder / "other"
        store = trial.folder / "other-store"
        folder.mkdir()
        store.mkdir()
        other = Program([trial.ground.programs / program], folder)
        other.await_ready()
        pids = other.pids()
        said = trial.ground.run("client", "dump", "-p", other.pid, "-d", store, "--stop")
        await_ends(pids)
        try:
            yield
        finally:
            trial.ground.run("client", "restore", said.out.strip())
            verdict = other.go()
            other.end()
        if verdict != "PASS":
            raise Wrong(f"the other one: {verdict}")

    return waits


# Control groups


@contextlib.contextmanager
def memory_group(_):
    """A group with a limit, in the hierarchy of memory alone; the program is started in it (enter_memory_group)."""
    if not (MEMORY_GROUPS / "memory.limit_in_bytes").exists():
        raise Unsuitable("there is no version 1 hierarchy of memory here")
    group = group_of(os.getpid())
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(MEMORY_LIMIT))
        yield
    finally:
        remove(group)


def group_of(runner):
    return MEMORY_GROUPS / f"cedana-cases-{runner}"


def remove(group):
    # It is busy until the kernel has let go of what ended last.
    with contextlib.suppress(FileNotFoundError):
        group.rmdir()


def enter_memory_group():
    """In the child, before it becomes the program."""
    (group_of(os.getppid()) / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def without_memory_group(_):
    remove(group_of(os.getpid()))
    yield


def within_memory_group(limit):
    """Whoever restores is in the group of memory_group, with this limit."""

    @contextlib.contextmanager
    def entered(_):
        group = group_of(os.getpid())
        (group / "memory.limit_in_bytes").write_text(str(limit))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (MEMORY_GROUPS / "cgroup.procs").write_text(str(os.getpid()))

    return entered


def smaller_memory_group(limit):
    """The group in which the program was has this limit by now."""

    @contextlib.contextmanager
    def lowered(_):
        file = group_of(os.getpid()) / "memory.limit_in_bytes"
        file.write_text(str(limit))
        try:
            yield
        finally:
            file.write_text(str(MEMORY_LIMIT))

    return lowered


def changed_file(name):
    """A file of the program was written to after the dump, as by whoever went on with it."""

    @contextlib.contextmanager
    def changed(trial):
        (trial.folder / "work" / name).write_text("later")
        yield

    return changed


def unchangeable_file(name, attribute):
    """A file of the program was written to after the dump, and may not be changed any more (chattr)."""

    @contextlib.contextmanager
    def unchangeable(trial):
        file = trial.folder / "work" / name
        file.write_text("later")
        if subprocess.run(["chattr", f"+{attribute}", file], capture_output=True, check=False).returncode != 0:
            raise Unsuitable("the file system has no such attributes")
        try:
            yield
        finally:
            subprocess.run(["chattr", f"-{attribute}", file], check=True)

    return unchangeable
