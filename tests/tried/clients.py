# SPDX-License-Identifier: Apache-2.0
"""Clients of the services that are tried: each use asks for what only a server with all earlier uses in it can answer."""
import base64
import ftplib
import http.client
import json
import re
import socket
import ssl
import struct

from ways import Failed, await_that

HOST = "127.0.0.1"
LIMIT = 20


def expect(found, wanted, what):
    if found != wanted:
        raise Failed(f"{what} is {found!r}, not {wanted!r}")


class Lines:
    """A connection on which one line is asked and answered at a time."""

    def __init__(self, port, greeting=False, wrap=None):
        self.socket = socket.create_connection((HOST, port), LIMIT)
        if wrap:
            self.socket = wrap(self.socket)
        self.file = self.socket.makefile("rwb")
        if greeting:
            self.read()

    def read(self):
        line = self.file.readline()
        if not line:
            raise Failed("the connection was closed")
        return line.decode(errors="replace").rstrip("\r\n")

    def ask(self, text):
        try:
            self.file.write(text.encode() + b"\r\n")
            self.file.flush()
            return self.read()
        except OSError as failure:
            raise Failed(f"the connection broke: {failure}") from None


def redis(run, n):
    def connect():
        lines = Lines(run.port)
        expect(lines.ask("SELECT 3"), "+OK", "SELECT")
        if n == 0:
            expect(lines.ask("SET blob " + "x" * 10000), "+OK", "SET")
        return lines
    # SELECT belongs to the connection: on another one the counter would be that of database 0.
    expect(run.session(n, connect).ask("INCR counter"), f":{n + 1}", "the counter")
    expect(run.held.ask("STRLEN blob"), ":10000", "the length of the blob")


def memcached(run, n):
    def connect():
        lines = Lines(run.port)
        if n == 0:
            lines.socket.sendall(b"set counter 0 0 1\r\n")
            expect(lines.ask("0"), "STORED", "set")
        return lines
    expect(run.session(n, connect).ask("incr counter 1"), str(n + 1), "the counter")


def beanstalkd(run, n):
    """A reserved job is that of its connection: to another one it is not there."""
    def connect():
        lines = Lines(run.port)
        lines.socket.sendall(b"put 0 0 3600 4\r\n")
        lines.ask("work")
        run.job = lines.ask("reserve").split()[1]
        lines.read()
        return lines
    expect(run.session(n, connect).ask(f"touch {run.job}"), "TOUCHED", "the reserved job")
    other = Lines(run.port)
    expect(other.ask(f"touch {run.job}"), "NOT_FOUND", "another's job")
    other.socket.sendall(b"use kept\r\n")
    other.read()
    other.socket.sendall(b"put 0 0 60 4\r\n")
    expect(other.ask("kept").split()[0], "INSERTED", "put")
    # The answer of stats-tube: a length, then that many bytes of YAML.
    size = int(other.ask("stats-tube kept").split()[1])
    stats = other.file.read(size).decode()
    if f"current-jobs-ready: {n + 1}\n" not in stats:
        raise Failed(f"{n + 1} jobs were put, and now: {stats!r}")


def mariadb(run, n):
    def connect():
        client = run.client("mariadb --no-defaults --host=127.0.0.1 --port={port} --user=root --skip-ssl -N --unbuffered --batch")
        if n == 0:
            client.ask("CREATE DATABASE tried; USE tried; CREATE TABLE t (n INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(9)); SELECT 1;")
        client.ask("USE tried; CREATE TEMPORARY TABLE mine (n INT); SET @n = 0; SELECT 1;")
        return client
    answer = run.session(n, connect).ask(
        "SET @n = @n + 1; INSERT INTO t (s) VALUES ('row'); INSERT INTO mine VALUES (@n);"
        " SELECT (SELECT COUNT(*) FROM t), @n, (SELECT SUM(n) FROM mine);")
    mine = n + 1 - run.held_since
    expect(answer.split(), [str(n + 1), str(mine), str(mine * (mine + 1) // 2)], "rows, session variable, temporary table")


def slapd(run, n):
    run.write("entry", ("dn: dc=tried\nobjectClass: dcObject\nobjectClass: organization\no: tried\ndc: tried\n\n" if n == 0 else "")
              + f"dn: ou=n{n},dc=tried\nobjectClass: organizationalUnit\nou: n{n}\n")
    login = "-x -H ldap://127.0.0.1:{port} -D cn=admin,dc=tried -w secret"
    run.command(f"ldapadd {login} -f {{folder}}/entry")
    found = run.command(f"ldapsearch -LLL {login} -b dc=tried (objectClass=organizationalUnit) ou")
    expect(found.count("dn: ou=n"), n + 1, "the number of entries")


def etcd(run, n):
    def connect():
        return http.client.HTTPConnection(HOST, run.port, timeout=LIMIT)

    def ask(path, body):
        run.held.request("POST", path, json.dumps(body))
        return json.loads(run.held.getresponse().read())
    run.session(n, connect)
    key = base64.b64encode(f"key{n}".encode()).decode()
    ask("/v3/kv/put", {"key": key, "value": key})
    first = base64.b64encode(b"key0").decode()
    expect(int(ask("/v3/kv/range", {"key": first, "range_end": base64.b64encode(b"kez").decode()})["count"]), n + 1, "the number of keys")


def mqtt_packet(kind, body):
    return bytes([kind, len(body)]) + body


def mqtt_text(text):
    return struct.pack(">H", len(text)) + text.encode()


def mqtt_connect(run, name):
    connection = socket.create_connection((HOST, run.port), LIMIT)
    connection.sendall(mqtt_packet(0x10, mqtt_text("MQTT") + b"\x04\x02\x00\x00" + mqtt_text(name)))
    expect(connection.recv(4), b"\x20\x02\x00\x00", "CONNACK")
    return connection


def mosquitto(run, n):
    """A subscription that is held gets what another client publishes."""
    def connect():
        connection = mqtt_connect(run, "held")
        connection.sendall(mqtt_packet(0x82, b"\x00\x01" + mqtt_text("topic") + b"\x00"))
        expect(connection.recv(5)[:2], b"\x90\x03", "SUBACK")
        return connection
    held = run.session(n, connect)
    other = mqtt_connect(run, "other")
    other.sendall(mqtt_packet(0x30, mqtt_text("topic") + f"message {n}".encode()))
    wanted = mqtt_packet(0x30, mqtt_text("topic") + f"message {n}".encode())
    try:
        expect(held.recv(len(wanted)), wanted, "what the subscriber got")
    except OSError as failure:
        raise Failed(f"the subscriber's connection: {failure}") from None
    other.close()


def fetch(run, path):
    """Over the connection that is held."""
    try:
        run.held.request("GET", path)
        answer = run.held.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as failure:
        raise Failed(f"the open connection: {failure!r}") from None


def hold_http(run, n):
    def connect():
        connection = http.client.HTTPConnection(HOST, run.port, timeout=LIMIT)
        connection.connect()
        # A client that connects anew by itself would hide a lost connection.
        connection.auto_open = 0
        return connection
    return run.session(n, connect)


def web_files(run, n):
    run.write(f"www/file{n}", f"content {n}")
    hold_http(run, n)
    for number in range(n + 1):
        expect(fetch(run, f"/file{number}"), (200, f"content {number}"), "the answer")


def web_files_anew(run, n):
    """For servers that close each connection."""
    run.write(f"www/file{n}", f"content {n}")
    run.held = None
    hold_http(run, n)
    expect(fetch(run, f"/file{n}"), (200, f"content {n}"), "the answer")


def web_counter(run, n):
    hold_http(run, n)
    status, text = fetch(run, "/count")
    expect((status, text.split()[0]), (200, str(n + 1)), "the counter")


def tinyproxy(run, n):
    connection = http.client.HTTPConnection(HOST, run.port, timeout=LIMIT)
    connection.request("GET", "http://tinyproxy.stats/", headers={"Host": "tinyproxy.stats"})
    page = connection.getresponse().read().decode()
    found = re.search(r"Total requests</td>\s*<td[^>]*>(\d+)<", page)
    if not found:
        raise Failed(f"its page of statistics has no count: {page[-200:]!r}")
    if n == 0:
        run.first_count = int(found[1])
    expect(int(found[1]) - run.first_count, n, "the number of requests since the first")


def echo(run, n, wrap=None):
    held = run.session(n, lambda: Lines(run.port, wrap=wrap))
    expect(held.ask(f"line {n}"), f"line {n}", "what came back on the open connection")
    expect(Lines(run.port, wrap=wrap).ask("anew"), "anew", "what came back on a new connection")


def echo_tls(run, n):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    echo(run, n, context.wrap_socket)


def dns_question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def dns(run, n):
    """Over UDP, and over a TCP connection: the address is from what it read at its start, which is not there any more."""
    question = dns_question("tried.test")
    wanted = bytes([10, 1, 2, 3])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(LIMIT)
        asking.sendto(question, (HOST, run.port))
        expect(wanted in asking.recv(512), True, "the address in the answer")
    with socket.create_connection((HOST, run.port), LIMIT) as asking:
        asking.sendall(struct.pack(">H", len(question)) + question)
        expect(wanted in asking.recv(512), True, "the address in the answer over TCP")
    if n == 0:
        (run.folder / "data").unlink(missing_ok=True)


def sshd(run, n):
    def connect():
        shell = run.client("ssh -F none -i {folder}/key -p {port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                           " -o LogLevel=ERROR root@127.0.0.1 exec bash --norc --noprofile")
        return shell
    # The variable is that of the session's shell.
    expect(run.session(n, connect).ask("n=$((n+1)); echo n is $n"), f"n is {n + 1 - run.held_since}", "the session's answer")
    expect(run.command("ssh -F none -i {folder}/key -p {port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                       " -o LogLevel=ERROR root@127.0.0.1 echo anew").strip(), "anew", "a new session's answer")


def rsync(run, n):
    run.write(f"www/file{n}", f"content {n}")
    run.command(f"rsync --ignore-times rsync://127.0.0.1:{{port}}/files/file{n} {{folder}}/got")
    expect((run.folder / "got").read_text(), f"content {n}", "the file that came")


def ftp(run, n):
    def connect():
        connection = ftplib.FTP()
        connection.connect(HOST, run.port, LIMIT)
        connection.login()
        connection.cwd("sub")
        return connection
    try:
        held = run.session(n, connect)
        expect(held.pwd().endswith("/sub"), True, "whether the open session is in its folder")
        lines = []
        held.retrlines("RETR file", lines.append)
    except (OSError, EOFError, ftplib.Error) as failure:
        raise Failed(f"the open session: {failure!r}") from None
    expect(lines, ["content"], "the file that came")


def git(run, n):
    run.command(f"git -C {{folder}}/repo.git update-ref refs/heads/b{n} " + run.commit)
    found = run.command("git ls-remote git://127.0.0.1:{port}/repo.git")
    expect(found.count("refs/heads/b"), n + 1, "the number of branches")


NOTEBOOK = """import asyncio, json, sys, urllib.request
from tornado.websocket import websocket_connect

async def execute(socket, code):
    message = {"header": {"msg_id": str(execute.count), "msg_type": "execute_request", "session": "tried", "username": "", "version": "5.3"},
               "parent_header": {}, "metadata": {}, "channel": "shell",
               "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}}
    execute.count += 1
    await socket.write_message(json.dumps(message))
    printed = ""
    while True:
        text = await socket.read_message()
        if text is None:
            sys.exit("the server has closed the connection")
        answer = json.loads(text)
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if answer["msg_type"] == "stream":
            printed += answer["content"]["text"]
        elif answer["msg_type"] == "error":
            printed += answer["content"]["evalue"]
        elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            return printed.strip()

async def main(address):
    request = urllib.request.Request(f"http://{address}/api/kernels", data=b"{}", headers={"Content-Type": "application/json"})
    kernel = json.load(urllib.request.urlopen(request))["id"]
    socket = await websocket_connect(f"ws://{address}/api/kernels/{kernel}/channels")
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        print(await execute(socket, line), flush=True)

execute.count = 0
asyncio.run(main(sys.argv[1]))
"""


def notebook(run, n):
    def connect():
        (run.folder / "client.py").write_text(NOTEBOOK)
        client = run.client("python3 {folder}/client.py 127.0.0.1:{port}")
        expect(client.ask("n = 0; heap = list(range(300000)); print('begun')"), "begun", "the kernel's answer")
        return client
    client = run.session(n, connect)
    expect(client.ask("n += 1; print(n, sum(heap))"), f"{n + 1 - run.held_since} 44999850000", "the kernel's answer")


def prometheus(run, n):
    """Its own samples, which it takes each second, become more: a restore has taken it back to those of the dump."""
    def count():
        hold_http(run, n)
        status, text = fetch(run, "/api/v1/query?query=count_over_time(up[1h])")
        found = json.loads(text)["data"]["result"] if status == 200 else []
        return int(found[0]["value"][1]) if found else 0
    before = await_that("its first sample", count)
    await_that("another sample", lambda: count() > before)


def celery(run, n):
    code = "import app; print(app.count.delay().get(timeout=20))"
    expect(run.command(f"python3 -c '{code}'").strip(), str(n + 1), "the counter of its worker")
