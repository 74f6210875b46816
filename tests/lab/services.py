# SPDX-License-Identifier: Apache-2.0
"""The services of systemd that are tried: how each is set up and used, and what must be there of it after a restore."""
import os
import socket
import subprocess
import textwrap
import time
import urllib.request
from pathlib import Path

LIMIT = 120
ALICE = 1000
PYTHON = Path("/usr/local/lib/cedana-trial")


class Failed(Exception):
    """The service is not as it was."""


def call(*argv, limit=LIMIT, check=True, **more):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False, **more)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(argv)}: no end within {limit} s") from None
    if check and done.returncode:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout.strip()


def await_that(what, done, limit=LIMIT):
    """For what no event can be had."""
    end = time.monotonic() + limit
    while True:
        found = done()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {limit} s in vain for {what}")
        time.sleep(0.1)


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what} is {found!r} where it should be {wanted!r}")


def version_of(package):
    return call("dpkg-query", "-W", "-f", "${Version}", package)


def ask(port, text):
    """One line over a connection of its own, and the line that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(text.encode() + b"\n")
        return connection.makefile().readline().strip()


class Service:
    """`use(n)` is the n-th use (from 0 on) since it was started, and fails unless the effect of all before it is there."""
    package = ""
    # The directive or setting without which it cannot be dumped, and which the refusal must name.
    needs = ""
    # Settings beyond those of the distribution, for [Service] of a drop-in.
    drop_in = ""
    # Whether systemd of the system runs it; that of a user has not the rights to bring it back when it is started.
    of_the_system = True
    # How they stand in the table.
    settings = ""

    def __init__(self, name, unit, proves):
        self.name, self.unit, self.proves = name, unit, proves

    def systemctl(self, *arguments, **more):
        return call("systemctl", *arguments, **more)

    def show(self, name):
        return self.systemctl("show", "--value", "--property", name, self.unit)

    def folder(self):
        return Path("/etc/systemd/system") / f"{self.unit}.d"

    def set_up(self):
        """Before its first start."""

    def add_drop_in(self):
        """What it needs beyond that of the distribution."""
        if self.drop_in:
            self.folder().mkdir(exist_ok=True)
            (self.folder() / "checkpoint.conf").write_text(f"[Service]\n{self.drop_in}\n")
            self.systemctl("daemon-reload")

    def start(self):
        self.systemctl("start", self.unit)
        self.begin()

    def begin(self):
        """After each start of it."""

    def version(self):
        return f"{self.package} {version_of(self.package)}" if self.package else "-"


class Redis(Service):
    package = "redis-server"
    needs = "PrivateUsers"
    drop_in = "PrivateUsers=no"

    def begin(self):
        await_that("an answer of redis", lambda: call("redis-cli", "ping", check=False) == "PONG")
        call("redis-cli", "del", "counter")

    def use(self, n):
        expect("the counter", call("redis-cli", "incr", "counter"), str(n + 1))


class Postgresql(Service):
    package = "postgresql"
    needs = "PrivateIPC"
    drop_in = "PrivateIPC=yes"

    def query(self, text):
        return call("runuser", "-u", "postgres", "--", "psql", "-qtAX", "-c", text, cwd="/")

    def begin(self):
        self.query("drop table if exists uses; create table uses (n int)")

    def use(self, n):
        self.query(f"insert into uses values ({n})")
        expect("the sum of the rows", self.query("select count(*), sum(n) from uses"), f"{n + 1}|{n * (n + 1) // 2}")


class Mariadb(Service):
    package = "mariadb-server"
    needs = "innodb_use_native_aio"
    settings = "innodb_use_native_aio=0"
    # CRIU notes all pages of what is reserved before Linux 6.7.
    if tuple(int(part) for part in os.uname().release.split(".")[:2]) < (6, 7):
        settings += "\ninnodb_buffer_pool_size_max=1G"

    def add_drop_in(self):
        Path("/etc/mysql/mariadb.conf.d/90-checkpoint.cnf").write_text(f"[mariadbd]\n{self.settings}\n")

    def query(self, text):
        return call("mariadb", "--batch", "--skip-column-names", "-e", text)

    def begin(self):
        self.query("create or replace table mysql.uses (n int) engine=innodb; create or replace table mysql.kept (n int) engine=memory")

    def use(self, n):
        # One of the two tables is in its memory alone.
        self.query(f"insert into mysql.uses values ({n}); insert into mysql.kept values ({n})")
        expect("the sums of the rows", self.query("select count(*), sum(n), (select sum(n) from mysql.kept) from mysql.uses"),
               f"{n + 1}\t{n * (n + 1) // 2}\t{n * (n + 1) // 2}")


class Nginx(Service):
    package = "nginx"

    def set_up(self):
        Path("/etc/nginx/conf.d/status.conf").write_text("server { listen 127.0.0.1:8180; location / { stub_status; } }\n")

    def begin(self):
        self.before = self.requests() + 1

    @staticmethod
    def requests():
        with urllib.request.urlopen("http://127.0.0.1:8180/", timeout=LIMIT) as answer:
            return int(answer.read().decode().splitlines()[2].split()[2])

    def use(self, n):
        expect("the count of requests", self.requests(), self.before + n)


class HardenedNginx(Nginx):
    drop_in = "PrivateTmp=yes\nProtectSystem=full\nNoNewPrivileges=yes"


class Memcached(Service):
    package = "memcached"

    def talk(self, *lines):
        with socket.create_connection(("127.0.0.1", 11211), timeout=LIMIT) as connection:
            answers = connection.makefile()
            found = ""
            for line in lines:
                connection.sendall(line.encode() + b"\r\n")
                found = answers.readline().strip()
        return found

    def begin(self):
        await_that("memcached at its port", self.listens)
        self.talk("set counter 0 0 1\r\n0")

    def listens(self):
        try:
            return self.talk("version").startswith("VERSION")
        except OSError:
            return False

    def use(self, n):
        expect("the counter", self.talk("incr counter 1"), str(n + 1))


class Cron(Service):
    package = "cron"
    out = Path("/var/tmp/cron-trial")

    def set_up(self):
        Path("/etc/cron.d/trial").write_text(f"* * * * * root echo >>{self.out}\n")

    def begin(self):
        self.out.write_text("")

    def use(self, n):
        before = self.out.stat().st_size
        await_that("cron to start a job", lambda: self.out.stat().st_size > before, limit=150)


# Its count is in its memory, and in a file below /tmp, which may be private; each line goes to the journal as well. What it has noted in
# folders that systemd takes away with it nobody has open.
COUNTER = """
import os, socket, sys, threading, time
place, port = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", port))
kept = open(place, "w+")
notes = [folder + "/of/trial/note" for folder in (os.environ.get("RUNTIME_DIRECTORY"), os.path.dirname(place)) if folder]
for note in notes:
    os.makedirs(os.path.dirname(note), exist_ok=True)
    with open(note, "w") as file:
        file.write("noted")
def tell(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
            notice.connect("\\0" + address[1:] if address[0] == "@" else address)
            notice.send(text.encode())
def watch(pause):
    while True:
        tell("WATCHDOG=1")
        time.sleep(pause)
if "WATCHDOG_USEC" in os.environ:
    threading.Thread(target=watch, args=(int(os.environ["WATCHDOG_USEC"]) / 4e6,), daemon=True).start()
tell("READY=1")
count = 0
while True:
    connection, _ = listener.accept()
    with connection:
        if not connection.makefile().readline():
            continue
        kept.seek(0)
        written = len(kept.read())
        kept.write("x")
        kept.flush()
        same = os.stat(place).st_ino == os.fstat(kept.fileno()).st_ino and all(open(note).read() == "noted" for note in notes)
        count += 1
        print("count", count, flush=True)
        connection.sendall(f"{count} {written} {same} {os.getuid()}\\n".encode())
"""


class PythonUnit(Service):
    """A unit of its own with `settings`."""

    def __init__(self, name, unit, proves, port, settings, place="/tmp/count", uid=0):
        super().__init__(name, unit, proves)
        self.port, self.settings, self.place, self.uid = port, settings, place, uid

    def unit_folder(self):
        return Path("/etc/systemd/system")

    def folder(self):
        return self.unit_folder() / f"{self.unit}.d"

    def set_up(self):
        PYTHON.mkdir(exist_ok=True)
        (PYTHON / "counter.py").write_text(COUNTER)
        self.unit_folder().mkdir(parents=True, exist_ok=True)
        (self.unit_folder() / self.unit).write_text(textwrap.dedent(f"""\
            [Unit]
            Description=Counter of a trial
            [Service]
            ExecStart=/usr/bin/python3 {PYTHON}/counter.py {self.place} {self.port}
            """) + self.settings + "\n")
        self.systemctl("daemon-reload")

    def begin(self):
        await_that(f"port {self.port}", self.listens)

    def listens(self):
        # A connection without a line is no use.
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def use(self, n):
        expect("what the unit has counted in its memory, in its file, whether its files are there, and its user",
               ask(self.port, "count"), f"{n + 1} {n} True {self.uid}")
        await_that("its line in the journal", lambda: f"count {n + 1}" in self.journal())

    def journal(self):
        return call("journalctl", "--quiet", "--output=cat", "--lines=3", "--unit", self.unit)

    def version(self):
        return f"python3 {version_of('python3')}"


class UserUnit(PythonUnit):
    """One that systemd --user of alice runs."""
    of_the_system = False

    def unit_folder(self):
        return Path("/home/alice/.config/systemd/user")

    def set_up(self):
        # Her systemd runs as long as somebody is there for her.
        call("loginctl", "enable-linger", "alice")
        await_that("systemd of alice", Path(f"/run/user/{ALICE}/systemd/private").exists)
        super().set_up()

    def systemctl(self, *arguments, **more):
        call("chown", "-R", "alice:alice", "/home/alice")
        return call("runuser", "-u", "alice", "--", "env", f"XDG_RUNTIME_DIR=/run/user/{ALICE}", "systemctl", "--user", *arguments, **more)

    def journal(self):
        return call("journalctl", "--quiet", "--output=cat", "--lines=3", f"_SYSTEMD_USER_UNIT={self.unit}")


def postgresql_unit():
    """The unit that has the processes: postgresql.service is an umbrella."""
    versions = sorted(os.listdir("/etc/postgresql")) if os.path.isdir("/etc/postgresql") else ["15"]
    return f"postgresql@{versions[-1]}-main.service"


SERVICES = (
    Redis("redis", "redis-server.service", "a counter in its memory"),
    Postgresql("postgresql", postgresql_unit(), "rows of a table"),
    Mariadb("mariadb", "mariadb.service", "rows of a table on the disk, and of one in its memory"),
    Nginx("nginx", "nginx.service", "its count of requests"),
    HardenedNginx("nginx-hardened", "nginx.service", "its count of requests"),
    Memcached("memcached", "memcached.service", "a counter in its memory"),
    Cron("cron", "cron.service", "starts the jobs of each minute"),
    PythonUnit("python-user", "counter-user.service", "a count in its memory and in its file, a line of the journal", 8201,
               "User=alice", place="/home/alice/count", uid=ALICE),
    PythonUnit("python-sandbox", "counter-sandbox.service", "a count in its memory and in its file below its private /tmp, files there and below /run that "
               "it does not have open, a line of the journal", 8202, "User=alice\nRuntimeDirectory=counter-sandbox\nPrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes\nNoNewPrivileges=yes\nSystemCallFilter=@system-service",
               uid=ALICE),
    PythonUnit("python-watchdog", "counter-watchdog.service", "a count, a line of the journal; the watchdog is content", 8203,
               "Type=notify\nWatchdogSec=60\nRestart=on-failure", place="/var/tmp/count-watchdog"),
    UserUnit("python-of-alice", "counter-alice.service", "a count in its memory and in its file, a line of the journal", 8204, "",
             place="/home/alice/count-own", uid=ALICE),
)
