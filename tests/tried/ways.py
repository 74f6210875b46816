# SPDX-License-Identifier: Apache-2.0
"""How a program is run and used while it is tried: as a service, at a terminal, from a FIFO, as a computation, or as a job that is fed."""
import fcntl
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from process_tree import children_of, descendants_of  # noqa: E402

START_LIMIT = 60
USE_LIMIT = 30
# What packages of the distribution bring, and no other version of it.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Failed(Exception):
    """The program is not as it was."""


def await_that(what, done, limit=USE_LIMIT):
    """For what no event can be had: what other processes write, print, or listen at."""
    end = time.monotonic() + limit
    while True:
        found = done()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {limit} s in vain for {what}")
        time.sleep(0.03)


def stat_fields(pid):
    """From the state on; None for a process that has ended, a zombie too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def lives(pid):
    return stat_fields(pid) is not None


def tree_of(pid):
    return [pid, *descendants_of(pid)]


def session_of(pid):
    """Of a zombie too; 0 if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def reap(pids):
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def await_end(pids, limit=20):
    """Until no pid of them is taken any more, by a zombie neither, nor as the number of a session by one that was theirs."""
    def free():
        orphans = [child for child in children_of(os.getpid()) if session_of(child) in pids]
        reap([*pids, *orphans])
        return not any(os.path.exists(f"/proc/{pid}") for pid in [*pids, *orphans])
    await_that(f"the end of {pids}", free, limit)


def kill_tree(pid):
    pids = tree_of(pid)
    for each in pids:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass
    # Those that were made meanwhile, too; without SIGSTOP: a shell would take its job for stopped, and not reap it.
    for each in pids:
        for late in set(tree_of(each)) - set(pids):
            os.kill(late, signal.SIGKILL)
            pids.append(late)
    await_end(pids)


class Run:
    """One run of a program, in a folder of its own: started, used, dumped, brought back by a command, used again."""
    # Whether it is a job of a shell, to be brought back in front of it.
    in_foreground = False

    def __init__(self, program, folder, port):
        self.program = program
        self.folder = Path(folder)
        self.port = port
        self.pid = None
        self.held = None
        self.held_since = 0
        self.helpers = []
        self.folder.mkdir(parents=True)
        home = self.folder / "home"
        home.mkdir()
        self.environment = {"PATH": PATH, "HOME": str(home), "LANG": "C.UTF-8", "SHELL": "/bin/sh",
                            "TMPDIR": str(self.folder), **program.environment}

    def text(self, template):
        return template.replace("{folder}", str(self.folder)).replace("{port}", str(self.port)).replace("{next}", str(self.port + 1))

    def write(self, name, template):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(template))
        return path

    def command(self, template, **options):
        """Runs a client to its end; its output."""
        ran = subprocess.run(shlex.split(self.text(template)), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **options)
        if ran.returncode:
            raise Failed(f"{shlex.split(template)[0]} ended with {ran.returncode}: {ran.stdout.strip()[-300:]}")
        return ran.stdout

    def client(self, template):
        """A client that stays: what is written to its stdin, and comes from its stdout."""
        client = subprocess.Popen(shlex.split(self.text(template)), cwd=self.folder, env=self.environment, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=open(self.folder / "client.err", "ab"), text=True, bufsize=1)
        self.helpers.append(client)
        return Conversation(client)

    def session(self, n, connect):
        """A connection that is held over dumps and restores until the program is killed."""
        if self.held is None:
            self.held, self.held_since = connect(), n
        return self.held

    def spawn(self, stdin):
        with open(self.folder / "out", "ab") as out:
            child = subprocess.Popen(shlex.split(self.text(self.program.command)), cwd=self.folder, env=self.environment,
                                     stdin=stdin, stdout=out, stderr=out, start_new_session=True)
        # What is restored under this pid is not this object's to reap.
        child.returncode = 0
        self.pid = child.pid

    def output(self):
        return (self.folder / "out").read_text(errors="replace")

    def start(self):
        if self.program.prepare:
            self.program.prepare(self)
        self.launch()

    def use(self, n):
        """The n-th use, counted from 0: it fails unless the effect of all before it is there."""
        self.program.use(self, n)

    def carry_out(self, argv, environment, name):
        """Brings the program back: None, or what was said when that failed."""
        return carry_out(argv, environment, self.folder / name)

    def kill(self):
        self.held = None
        kill_tree(self.pid)

    def end(self):
        if self.pid and lives(self.pid):
            kill_tree(self.pid)
        for helper in self.helpers:
            helper.kill()
            helper.wait()
            helper.stdin.close()
            helper.stdout.close()


def carry_out(argv, environment, output):
    """Output goes to files: a restored program may keep them."""
    with open(f"{output}.out", "wb") as out, open(f"{output}.err", "wb") as err:
        try:
            code = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=120, check=False,
                                  cwd="/").returncode
        except subprocess.TimeoutExpired:
            code = "none within 120 s"
    said = Path(f"{output}.err").read_text(errors="replace").strip()
    return None if code == 0 else f"exit {code}: {said}"


class Conversation:
    """Lines to and from a client that stays."""

    def __init__(self, client):
        self.client = client

    def ask(self, line):
        return self.answer_after(line, 1)[0]

    def answer_after(self, line, count):
        self.client.stdin.write(line + "\n")
        answers = []
        while len(answers) < count:
            ready, _, _ = select.select([self.client.stdout], [], [], USE_LIMIT)
            text = self.client.stdout.readline() if ready else ""
            if not text:
                raise Failed("the open session does not answer" if not ready else "the open session has ended")
            answers.append(text.strip())
        return answers


class Service(Run):
    """Listens at {port} of 127.0.0.1."""

    def launch(self):
        self.spawn(subprocess.DEVNULL)
        await_that("its port", self.listens, START_LIMIT)

    def listens(self):
        if not lives(self.pid):
            raise Failed(f"it has ended: {self.output()[-600:]}")
        if self.program.ready:
            return self.program.ready(self)
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Piped(Run):
    """Reads lines from a FIFO that never ends, and answers into a file."""

    def launch(self):
        os.mkfifo(self.folder / "in")
        fifo = os.open(self.folder / "in", os.O_RDWR)
        self.spawn(fifo)
        os.close(fifo)

    def use(self, n):
        with open(self.folder / "in", "w", encoding="utf-8") as fifo:
            fifo.write(self.program.line(n) + "\n")
        await_that(f"'{self.program.answer(n)}'", lambda: self.program.answer(n) in self.output().splitlines() or not lives(self.pid))
        if not lives(self.pid):
            raise Failed(f"it has ended: {self.output()[-300:]}")


class Fed(Run):
    """Reads its input from {folder}/in piece by piece, each use giving one, and is right when what comes out at the end is."""
    PIECES = 5

    def launch(self):
        os.mkfifo(self.folder / "in")
        # Readable too: the FIFO has a reader while the program is away.
        self.feed = os.open(self.folder / "in", os.O_RDWR | os.O_NONBLOCK)
        self.spawn(subprocess.DEVNULL)

    def waiting(self):
        return struct.unpack("i", fcntl.ioctl(self.feed, termios.FIONREAD, b"\0" * 4))[0]

    def taken(self):
        if not lives(self.pid):
            raise Failed(f"it has ended: {self.output()[-300:]}")
        return self.waiting() == 0

    def use(self, n):
        piece = memoryview(self.program.piece(n))
        while piece:
            await_that("it to take its input", lambda: lives(self.pid) and select.select([], [self.feed], [], 0)[1])
            piece = piece[os.write(self.feed, piece):]
        await_that("it to take its input", self.taken)

    def finish(self, n):
        for number in range(n, self.PIECES):
            self.use(number)
        os.close(self.feed)
        self.feed = None

        def ended():
            reap([self.pid])
            return not lives(self.pid)
        await_that("its end", ended, START_LIMIT)
        self.program.check(self, b"".join(self.program.piece(number) for number in range(self.PIECES)))

    def end(self):
        if getattr(self, "feed", None) is not None:
            os.close(self.feed)
        super().end()


class Counting(Run):
    """Computes step by step: each use awaits two more steps. Their numbers, found in what it prints, follow one another without a gap."""

    def launch(self):
        self.spawn(subprocess.DEVNULL)
        self.steps = 0
        await_that("its first step", self.further, START_LIMIT)

    def printed(self):
        path = self.folder / self.program.log
        return path.read_text(errors="replace") if path.exists() else ""

    def further(self):
        if not lives(self.pid):
            raise Failed(f"it has ended: {self.output()[-600:]}")
        # The last line may be half written.
        found = [int(number) for number in re.findall(self.program.step, self.printed(), re.MULTILINE)]
        wrong = [number for before, number in zip(found, found[1:]) if number != before + self.program.stride]
        if wrong:
            raise Failed(f"its steps do not follow one another: {wrong[:3]} in {found[-9:]}")
        return len(found) if len(found) > self.steps + 1 else 0

    def use(self, n):
        # A restore has put back what was printed.
        self.steps = len(re.findall(self.program.step, self.printed(), re.MULTILINE))
        self.steps = await_that("two more steps", self.further, START_LIMIT)

    def finish(self, n):
        self.kill()
        if self.program.check:
            self.program.check(self, self.printed())


class Typed(Run):
    """At a terminal, started by the shell of a tmux pane; it is brought back in that pane."""
    in_foreground = True
    pane = 0

    def tmux(self, *arguments):
        environment = {**self.environment, "TERM": "screen"}
        ran = subprocess.run(["tmux", "-S", str(self.folder / "pane"), "-f", "/dev/null", *arguments], env=environment,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        if ran.returncode:
            raise Failed(f"tmux: {ran.stderr.strip()}")
        return ran.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def await_screen(self, text, limit=USE_LIMIT):
        try:
            await_that(f"'{text}' on the screen", lambda: text in self.screen(), limit)
        except Failed as failure:
            last = [line for line in self.screen().splitlines() if line.strip()][-4:]
            raise Failed(f"{failure}: {last}") from None

    def type(self, text):
        # tmux takes a ";" at the end of an argument for its own.
        self.tmux("send-keys", "-l", text[:-1] + "\\;" if text.endswith(";") else text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def enter(self, text):
        self.type(text)
        self.press("Enter")

    def shell_line(self, line):
        # A builtin: clear(1) would be a child of the shell for a moment.
        self.enter(r"printf '\e[H\e[2J'; " + line)

    def launch(self):
        self.tmux("new-session", "-d", "-x", "110", "-y", "40", "-c", str(self.folder), "PS1='ready> ' exec bash --norc --noprofile")
        self.pane = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        self.await_screen("ready>")
        self.shell_line(self.text(self.program.command))
        self.await_screen(self.program.ready, START_LIMIT)
        self.pid = await_that("its process", lambda: children_of(self.pane))[0]
        await_that("it in the foreground", lambda: self.has_the_terminal() or not lives(self.pid))
        for line in self.program.setup:
            self.enter(self.text(line))

    def use(self, n):
        if self.program.use:
            self.program.use(self, n)
        else:
            self.enter(self.program.line(n))
            self.await_screen(self.program.answer(n))
        if not lives(self.pid):
            raise Failed("it has ended")

    def has_the_terminal(self):
        fields = stat_fields(self.pid)
        # proc(5): state, ppid, pgrp, session, tty_nr, tpgid
        return fields is not None and fields[0] not in "Tt" and fields[4] != "0" and fields[5] == fields[2]

    def carry_out(self, argv, environment, name):
        output = self.folder / name
        self.await_screen("ready>")
        settings = [f"{key}={value}" for key, value in environment.items() if key in ("HOME", "PATH")]
        line = shlex.join(["env", *settings, *argv]) + f" 2>{shlex.quote(str(output))}.err; echo $? >{shlex.quote(str(output))}.code"
        self.shell_line(line)
        code = Path(f"{output}.code")
        await_that("it in the foreground", lambda: code.exists() or self.has_the_terminal(), 120)
        if not code.exists():
            return None
        await_that("the code", code.read_text)
        return f"exit {code.read_text().strip()}: " + Path(f"{output}.err").read_text(errors="replace").strip()

    def end(self):
        super().end()
        # With whatever brought it back there.
        if lives(self.pane):
            kill_tree(self.pane)


class Multiplexer(Run):
    """A server of terminals, dumped whole with what runs in them."""
    LOWER_TERMINALS = 16

    def launch(self):
        # Its terminals come back under their numbers, and the kernel gives away the lowest that is free (ida_alloc_max() in
        # devpts_new_index()): while it is away others shall find lower ones.
        lower = [os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY) for _ in range(self.LOWER_TERMINALS)]
        try:
            self.command(self.program.command)
            self.pid = await_that("its process", lambda: self.program.server_pid(self))
            await_that("the shell in its window", lambda: children_of(self.pid))
        finally:
            for terminal in lower:
                os.close(terminal)
