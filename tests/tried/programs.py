# SPDX-License-Identifier: Apache-2.0
"""The programs that are tried: for each its package, how it is started as root, and what its use proves."""
import dataclasses
import os
import subprocess
from typing import Callable

import clients
from ways import Failed, Fed, Multiplexer, Piped, Service, Typed, await_that, lives


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    kind: str
    package: str
    way: type
    command: str
    # What each use shows to be there.
    proves: str
    prepare: Callable = None
    use: Callable = None
    # Typed: the text on the screen that says it has begun. Service: in place of a connection to its port.
    ready: object = None
    setup: tuple = ()
    line: Callable = None
    answer: Callable = None
    piece: Callable = None
    check: Callable = None
    server_pid: Callable = None
    environment: dict = dataclasses.field(default_factory=dict)
    # Clients and other packages that the trial needs.
    also: tuple = ()
    # Whether a checkpoint takes it back to the state of the dump: not what a FIFO gave it meanwhile.
    goes_back: bool = True


# Services.

def with_files(name=None, text=None):
    def prepare(run):
        run.write("www/first", "first")
        if name:
            run.write(name, text)
    return prepare


def write(name, text):
    return lambda run: run.write(name, text)


def prepare_mariadb(run):
    run.command("mariadb-install-db --no-defaults --datadir={folder}/data --user=root --skip-test-db"
                " --auth-root-authentication-method=normal")


def prepare_slapd(run):
    (run.folder / "db").mkdir()
    run.write("conf", "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
              "database mdb\nsuffix dc=tried\nrootdn cn=admin,dc=tried\nrootpw secret\ndirectory {folder}/db\n")


def prepare_named(run):
    run.write("data", "$TTL 60\n@ SOA ns root 1 60 60 60 60\n@ NS ns\n@ A 10.1.2.3\nns A 127.0.0.1\n")
    run.write("conf", 'options { directory "{folder}"; listen-on port {port} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;'
              ' session-keyfile none; recursion no; dnssec-validation no; };\ncontrols { };\n'
              'zone "tried.test" { type primary; file "data"; };\n')


def prepare_sshd(run):
    run.command("ssh-keygen -q -t ed25519 -N '' -f {folder}/key")
    (run.folder / "key.pub").rename(run.folder / "authorized")
    os.makedirs("/run/sshd", exist_ok=True)
    run.write("conf", "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/key\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n"
              "UsePAM no\nStrictModes no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n")


def prepare_ftp(run):
    run.write("ftp/sub/file", "content\n")
    (run.folder / "empty").mkdir()
    run.write("conf", "listen=YES\nlisten_ipv6=NO\nlisten_port={port}\nlisten_address=127.0.0.1\nbackground=NO\nanonymous_enable=YES\n"
              "anon_root={folder}/ftp\nrun_as_launching_user=YES\nsecure_chroot_dir={folder}/empty\npasv_address=127.0.0.1\n")


def prepare_git(run):
    run.command("git init -q --bare {folder}/repo.git")
    tree = run.command("git -C {folder}/repo.git mktree").strip()
    run.commit = run.command("git -C {folder}/repo.git -c user.name=n -c user.email=e commit-tree -m first " + tree).strip()


def prepare_stunnel(run):
    run.command("openssl req -x509 -newkey rsa:2048 -nodes -keyout {folder}/pem -out {folder}/cert -days 9 -subj /CN=tried")
    (run.folder / "pem").write_text((run.folder / "pem").read_text() + (run.folder / "cert").read_text())
    run.write("conf", "foreground = yes\npid =\n[echo]\naccept = 127.0.0.1:{port}\ncert = {folder}/pem\nexec = /bin/cat\nexecArgs = cat\n")


NODE_SERVER = """const heap = Array.from({length: 300000}, (_, i) => ({i}));
let n = 0;
require('http').createServer((_, answer) => answer.end(`${++n} ${heap[299999].i}`)).listen({port}, '127.0.0.1');
"""

GUNICORN_APP = """n = 0
def app(environ, start):
    global n
    n += 1
    start('200 OK', [('Content-Length', str(len(str(n))))])
    return [str(n).encode()]
"""

HAPROXY = """global
    stats socket {folder}/stats
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
frontend web
    bind 127.0.0.1:{port}
    stick-table type ip size 100 store gpc0,http_req_cnt
    http-request track-sc0 src
    http-request return status 200 content-type text/plain lf-string "%[src_http_req_cnt]"
"""

NGINX = """user root;
worker_processes 2;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events { worker_connections 64; }
http {
    access_log {folder}/access.log;
    keepalive_timeout 600;
    server { listen 127.0.0.1:{port}; root {folder}/www; }
}
"""


def service(name, package, command, use, proves, kind="server", **more):
    return Program(name, kind, package, Service, command, proves, use=use, **more)


COUNTS_ON = "a counter in its memory, over a connection that stays open"
FILES = "answers over a connection that stays open"

SERVICES = [
    service("redis", "redis-server", "redis-server --port {port} --bind 127.0.0.1 --dir {folder} --appendonly yes", clients.redis,
            "counter in the database that the open connection selected", "database"),
    service("memcached", "memcached", "memcached -u root -l 127.0.0.1 -p {port}", clients.memcached, COUNTS_ON, "database"),
    service("mariadb", "mariadb-server",
            "mariadbd --no-defaults --user=root --datadir={folder}/data --socket={folder}/socket --port={port} --bind-address=127.0.0.1"
            " --pid-file={folder}/pid --innodb-use-native-aio=0",
            clients.mariadb, "rows, and variable and temporary table of an open session", "database", prepare=prepare_mariadb,
            also=("mariadb-client",)),
    service("slapd", "slapd", "/usr/sbin/slapd -d 0 -h ldap://127.0.0.1:{port} -f {folder}/conf", clients.slapd, "entries", "database",
            prepare=prepare_slapd, also=("ldap-utils",)),
    service("etcd", "etcd-server",
            "etcd --data-dir {folder}/data --listen-client-urls http://127.0.0.1:{port} --advertise-client-urls http://127.0.0.1:{port}"
            " --listen-peer-urls http://127.0.0.1:{next} --initial-advertise-peer-urls http://127.0.0.1:{next}"
            " --initial-cluster default=http://127.0.0.1:{next}",
            clients.etcd, "keys, over a connection that stays open", "database"),
    service("beanstalkd", "beanstalkd", "beanstalkd -l 127.0.0.1 -p {port} -b {folder}", clients.beanstalkd,
            "the open connection's reserved job, jobs in a queue", "database"),
    service("mosquitto", "mosquitto", "mosquitto -c {folder}/conf", clients.mosquitto, "a subscription that stays open", prepare=write(
        "conf", "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n")),
    service("nginx", "nginx", "nginx -c {folder}/conf", clients.web_files, FILES, prepare=with_files("conf", NGINX)),
    service("lighttpd", "lighttpd", "lighttpd -D -f {folder}/conf", clients.web_files, FILES, prepare=with_files(
        "conf", 'server.document-root = "{folder}/www"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        'server.max-keep-alive-idle = 600\nserver.max-keep-alive-requests = 1000\n')),
    service("haproxy", "haproxy", "haproxy -W -db -f {folder}/conf", clients.web_counter, COUNTS_ON, prepare=write("conf", HAPROXY)),
    service("caddy", "caddy", "caddy run --config {folder}/Caddyfile", clients.web_files, FILES, prepare=with_files(
        "Caddyfile", "{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:{port} {\n root * {folder}/www\n file_server\n}\n")),
    service("tinyproxy", "tinyproxy-bin", "tinyproxy -d -c {folder}/conf", clients.tinyproxy, "its count of requests", prepare=write(
        "conf", 'Port {port}\nListen 127.0.0.1\nTimeout 600\nStatHost "tinyproxy.stats"\nAllow 127.0.0.1\nMaxClients 9\n'
        'DefaultErrorFile "/usr/share/tinyproxy/default.html"\nStatFile "/usr/share/tinyproxy/stats.html"\n')),
    service("dnsmasq", "dnsmasq-base",
            "dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --addn-hosts={folder}/data --port={port}"
            " --listen-address=127.0.0.1 --bind-interfaces --user=root --group=root --pid-file={folder}/pid",
            clients.dns, "an address of a file that is gone", prepare=write("data", "10.1.2.3 tried.test\n")),
    service("named", "bind9", "named -g -u root -c {folder}/conf", clients.dns, "an address of a file that is gone", prepare=prepare_named,
            ready=lambda run: "all zones loaded" in run.output()),
    service("unbound", "unbound", "unbound -d -c {folder}/data", clients.dns, "an address of a file that is gone", prepare=write(
        "data", 'server:\n interface: 127.0.0.1@{port}\n username: ""\n chroot: ""\n pidfile: ""\n directory: {folder}\n do-daemonize: no\n'
        ' use-syslog: no\n module-config: "iterator"\n local-zone: tried.test static\n local-data: "tried.test. A 10.1.2.3"\n')),
    service("sshd", "openssh-server", "/usr/sbin/sshd -D -e -f {folder}/conf", clients.sshd, "a variable of an open session's shell",
            prepare=prepare_sshd, also=("openssh-client",)),
    service("vsftpd", "vsftpd", "vsftpd {folder}/conf", clients.ftp, "an open session's folder", prepare=prepare_ftp),
    service("rsync", "rsync", "rsync --daemon --no-detach --config={folder}/conf --port={port} --address=127.0.0.1", clients.rsync,
            "sends files", prepare=with_files(
                "conf", "use chroot = no\nuid = root\ngid = root\n[files]\npath = {folder}/www\n")),
    service("git daemon", "git", "git daemon --reuseaddr --listen=127.0.0.1 --port={port} --base-path={folder} --export-all {folder}",
            clients.git, "lists branches", prepare=prepare_git),
    service("rclone", "rclone", "rclone serve http {folder}/www --addr 127.0.0.1:{port} --config {folder}/conf --dir-cache-time 0s", clients.web_files, FILES,
            prepare=with_files("conf", "")),
    service("stunnel", "stunnel4", "stunnel4 {folder}/conf", clients.echo_tls, "a TLS connection that stays open", prepare=prepare_stunnel,
            also=("openssl",)),
    service("socat", "socat", "socat TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr EXEC:cat", clients.echo, "a connection that stays open"),
    service("gunicorn", "gunicorn", "gunicorn --bind 127.0.0.1:{port} --worker-class gthread --keep-alive 600 app:app", clients.web_counter,
            COUNTS_ON, prepare=write("app.py", GUNICORN_APP)),
    service("http.server", "python3-minimal", "python3 -m http.server {port} --bind 127.0.0.1 --directory {folder}/www", clients.web_files_anew,
            "answers", prepare=with_files()),
    service("node", "nodejs", "node {folder}/server.js", clients.web_counter, COUNTS_ON, "interpreter", prepare=write("server.js", NODE_SERVER)),
]


# Interpreters: a counter and a heap that are used on.

def typed(name, package, command, ready, line, answer, setup=(), kind="interpreter", proves="its variables", **more):
    return Program(name, kind, package, Typed, command, proves, ready=ready, setup=setup, line=lambda n: line,
                   answer=lambda n: answer.replace("{n}", str(n + 1)), **more)


def piped(name, package, command, line, answer):
    return Program(name, "interpreter", package, Piped, command, "its variables", line=lambda n: line,
                   answer=lambda n: answer.replace("{n}", str(n + 1)))


PYTHON_SETUP = ("n = 0", "heap = list(range(300000))")
PYTHON_LINE = 'n += 1; print("n", "is", n, sum(heap))'

INTERPRETERS = [
    typed("python3", "python3-minimal", "python3 -q", ">>>", PYTHON_LINE, "n is {n} 44999850000", PYTHON_SETUP),
    typed("ipython3", "ipython3", "ipython3 --no-banner", "In [1]:", PYTHON_LINE, "n is {n} 44999850000", PYTHON_SETUP),
    typed("irb", "ruby", "irb -f", "irb(main)", 'n += 1; puts "n is #{n} #{heap.sum}"', "n is {n} 44999850000",
          ("n = 0", "heap = (0...300000).to_a; 0")),
    typed("perl -d", "perl", "perl -de 0", "DB<1>", 'p "n is ", ++$n, " ", scalar(@heap)', "n is {n} 300000", ("@heap = (1..300000)",)),
    piped("perl", "perl", "perl -ne '$| = 1; eval; print $@ if $@'",
          '@heap = (1 .. 300000) unless @heap; print "n is ", ++$n, " ", scalar(@heap), "\\n";', "n is {n} 300000"),
    piped("php", "php-cli", "php -r 'while (($line = fgets(STDIN)) !== false) eval($line);'",
          '$n = ($n ?? 0) + 1; $heap ??= range(1, 300000); echo "n is $n ", array_sum($heap), "\\n";', "n is {n} 45000150000"),
    typed("lua", "lua5.4", "lua5.4", ">", 'n = n + 1 print("n is " .. n .. " " .. #heap)', "n is {n} 300000",
          ("n = 0", "heap = {} for i = 1, 300000 do heap[i] = {i} end")),
    typed("guile", "guile-3.0", "guile -q", "scheme@", "(begin (set! n (+ n 1)) (display (list 'n 'is n (length heap))))",
          "(n is {n} 300000)", ("(define n 0)", "(define heap (iota 300000))")),
    typed("R", "r-base-core", "R --no-save --quiet", ">", 'n <- n + 1; cat("n", "is", n, length(heap), "\\n")', "n is {n} 300000",
          ("n <- 0", "heap <- as.list(1:300000)")),
    typed("octave", "octave", "octave-cli --norc --quiet", "octave:1>", 'n += 1; printf("n is %d %d\\n", n, sum(heap));',
          "n is {n} 45000150000", ("n = 0;", "heap = 1:300000;"), environment={"OPENBLAS_NUM_THREADS": "2"}),
    typed("jshell", "openjdk-17-jdk-headless", "/usr/lib/jvm/java-17-openjdk-amd64/bin/jshell", "jshell>",
          'n++; System.out.println("n is " + n + " " + heap.length);', "n is {n} 300000", ("int n = 0;", "var heap = new Integer[300000];")),
    typed("erl", "erlang-base", "erl", "1>", 'put(n, get(n) + 1), io:format("n is ~p ~p~n", [get(n), length(get(heap))]).',
          "n is {n} 300000", ("put(n, 0), put(heap, lists:seq(1, 300000)), ok.",)),
    typed("tclsh", "tcl", "tclsh", "%", 'puts "n is [incr n] [llength $heap]"', "n is {n} 300000",
          ("set n 0", "set heap [lrepeat 300000 x]; list")),
    piped("sbcl", "sbcl", "sbcl --noinform --no-userinit",
          '(progn (defvar n 0) (defvar heap (make-list 300000)) (format t "~%n is ~d ~d~%" (incf n) (length heap)) (finish-output))',
          "n is {n} 300000"),
    typed("ocaml", "ocaml-interp", "ocaml -noinit", "#", 'incr n; Printf.printf "n is %d %d\\n%!" !n (List.length heap);;',
          "n is {n} 300000", ("let n = ref 0;;", "let heap = List.init 300000 (fun i -> i);;")),
    typed("swipl", "swi-prolog-nox", "swipl -q", "?-",
          'nb_getval(n, N), M is N + 1, nb_setval(n, M), nb_getval(heap, H), length(H, L), format("n is ~w ~w~n", [M, L]).',
          "n is {n} 300000", ("nb_setval(n, 0), numlist(1, 300000, L), nb_setval(heap, L).",)),
    piped("gawk", "gawk", """gawk '{ seen[NR] = $1; print "n is", NR, length(seen); fflush() }'""", "line", "n is {n} {n}"),
    typed("bc", "bc", "bc -q", "", "n += 1; n * 1000003", "", ("n = 0",)),
    typed("gnuplot", "gnuplot-nox", "gnuplot", "gnuplot>", 'n = n + 1; print sprintf("n is %d %d", n, |heap|)', "n is {n} 3",
          ("n = 0", "array heap[3]")),
    typed("sqlite3", "sqlite3", "sqlite3 {folder}/db", "sqlite>", "INSERT INTO t VALUES (1); SELECT 'n ' || 'is ' || count(*) FROM t;",
          "n is {n}", ("CREATE TABLE kept (n);", "BEGIN;", "CREATE TEMP TABLE t (n);"), "database", "temporary table in an open transaction"),
]
INTERPRETERS = [dataclasses.replace(program, answer=lambda n: str((n + 1) * 1000003)) if program.name == "bc" else program
                for program in INTERPRETERS]


# Shells.

SHELL_LINE = "n=$((n+1)); kill -0 $job && echo n is $n"


def shell(name, package, command, ready, setup=("n=0", "sleep 100000 & job=$!"), line=SHELL_LINE):
    return typed(name, package, command, ready, line, "n is {n}", setup, "shell", "a variable, a job in the background")


def script(name, package, command):
    """Without a terminal, reading its commands as they come."""
    line = "n=$((n+1)); [ $n -gt 1 ] || { sleep 100000 & job=$!; }; kill -0 $job && echo n is $n"
    return dataclasses.replace(piped(name, package, command, line, "n is {n}"), kind="shell", proves="a variable, a job in the background")


def use_tmux_server(run, n):
    run.command("tmux -S {folder}/socket -f /dev/null send-keys 'n=$((n+1)); echo n is $n' Enter")
    await_that(f"'n is {n + 1}' in its window",
               lambda: f"n is {n + 1}" in run.command("tmux -S {folder}/socket -f /dev/null capture-pane -p") or not lives(run.pid))


def tmux_server_pid(run):
    return int(run.command("tmux -S {folder}/socket display-message -p '#{pid}'"))


def use_screen(run, n):
    # In what is stuffed screen itself would replace variables.
    run.write("step", f"n=$((n+1)); echo n is $n >{{folder}}/said{n}\n")
    run.command("screen -S tried -p 0 -X stuff '. {folder}/step\r'")
    said = run.folder / f"said{n}"
    await_that(f"'n is {n + 1}' from its window", lambda: said.exists() and said.read_text() == f"n is {n + 1}\n")
    said.unlink()


def screen_pid(run):
    for name in os.listdir(run.folder / "screens"):
        return int(name.split(".")[0])
    return None


def prepare_screen(run):
    (run.folder / "screens").mkdir(mode=0o700)
    run.environment["SCREENDIR"] = str(run.folder / "screens")


SHELLS = [
    shell("bash", "bash", "PS1='in''> ' bash --norc --noprofile", "in>"),
    script("dash", "dash", "dash"),
    script("mksh", "mksh", "mksh"),
    shell("dash, interactive", "dash", "PS1='in''> ' dash", "in>"),
    shell("zsh", "zsh", "PS1='in''> ' zsh -f", "in>"),
    shell("fish", "fish", "fish --no-config", "@", ("set n 0", "sleep 100000 &", "set job $last_pid"),
          "set n (math $n + 1); kill -0 $job && echo n is $n"),
    Program("tmux", "shell", "tmux", Multiplexer,
            "tmux -S {folder}/socket -f /dev/null new-session -d -x 80 -y 24 'exec bash --norc --noprofile'",
            "the server with a shell in its window", use=use_tmux_server, server_pid=tmux_server_pid, environment={"TERM": "screen"}),
    Program("screen", "shell", "screen", Multiplexer, "screen -dmS tried bash --norc --noprofile", "the server with a shell in its window",
            prepare=prepare_screen, use=use_screen, server_pid=screen_pid, environment={"TERM": "vt100"}),
]


# Editors and what else draws on the whole screen.

def lines_to(n):
    return [f"line-{number}-of-text" for number in range(n + 1)]


def saved_copy(run, n, save):
    """A copy written from the buffer, which stays unsaved itself."""
    copy = run.folder / f"copy{n}"
    copy.unlink(missing_ok=True)
    save(str(copy))
    wanted = lines_to(n)
    await_that("the copy", lambda: copy.exists() and copy.read_text().endswith(f"{wanted[-1]}\n"))
    clients.expect([line for line in copy.read_text().splitlines() if line], wanted, "the text in the copy")


def use_vim(run, n):
    run.press("Escape")
    run.type("Go" + lines_to(n)[n])
    run.press("Escape")
    saved_copy(run, n, lambda copy: run.enter(f":w! {copy}"))


def use_emacs(run, n):
    run.press("M->")
    run.enter(lines_to(n)[n])
    run.await_screen(lines_to(n)[n])


def use_emacs_server(run, n):
    form = f'(with-current-buffer (get-buffer-create "draft") (insert "{lines_to(n)[n]}\\n") (buffer-string))'
    text = run.command(f"emacsclient -s {{folder}}/server --eval '{form}'")
    # Whether the ends of lines are written as such depends on the version.
    clients.expect(text.strip().replace("\\n", "\n"), '"' + "".join(f"{line}\n" for line in lines_to(n)) + '"', "the text in its buffer")


def use_on_screen(draw_anew):
    def use(run, n):
        run.press(draw_anew)
        run.enter(lines_to(n)[n])
        for text in lines_to(n):
            run.await_screen(text)
    return use


def use_mc(run, n):
    run.press("F7")
    run.await_screen("Create a new Directory")
    run.enter(f"made{n}")
    made = run.folder / f"made{n}"
    await_that("the folder", made.is_dir)
    made.rmdir()


def use_less(run, n):
    if n == 0:
        run.type("1234g")
        run.await_screen("line 1234 ")
        run.type("ma")
    run.type(f"{3000 + 50 * n}g")
    run.await_screen(f"line {3000 + 50 * n} ")
    # The mark is what less remembers.
    run.type("'a")
    run.await_screen("line 1234 ")


def use_htop(run, n):
    if n == 0:
        run.press("F4")
        run.await_screen("Filter:")
        run.enter("bash --norc")

    run.press("C-l")
    run.await_screen("bash --norc")

    def uptime():
        shown = run.screen()
        return shown.split("Uptime:")[1].splitlines()[0] if "Uptime:" in shown else None
    before = await_that("its screen", uptime)
    await_that("another time on its screen", lambda: uptime() not in (None, before))


def full_screen(name, package, command, ready, use, proves="unsaved text", prepare=None):
    return Program(name, "editor", package, Typed, command, proves, ready=ready, use=use, prepare=prepare, environment={"EDITOR": "false"})


EDITORS = [
    full_screen("vim", "vim", "vim -u NONE -N text", "~", use_vim),
    full_screen("neovim", "neovim", "nvim -u NONE text", "~", use_vim),
    full_screen("nano", "nano", "nano --ignorercfiles text", "GNU nano", use_on_screen("C-l")),
    Program("emacs --daemon", "editor", "emacs-nox", Service, "emacs -Q --fg-daemon={folder}/server", "text in a buffer, for emacsclient",
            use=use_emacs_server, ready=lambda run: (run.folder / "server").exists()),
    full_screen("emacs -nw", "emacs-nox", "emacs -nw -Q text", "U:---", use_emacs),
    full_screen("mc", "mc", "mc --nomouse {folder} {folder}", "Quit", use_mc, "its panels, and the shell inside of it"),
    full_screen("less", "less", "less book", "line 1 ", use_less, "a mark in the text", prepare=lambda run: run.write(
        "book", "".join(f"line {number} of the book\n" for number in range(1, 5001)))),
    full_screen("htop", "htop", "htop -d 5", "Uptime:", use_htop, "its filter, and it goes on drawing"),
]


# Jobs, fed piece by piece.

def noise(n, size):
    """The same at each run, and not to be compressed to nothing."""
    state, found = n + 1, bytearray()
    for _ in range(size // 4):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        found += state.to_bytes(4, "little")
    return bytes(found)


def check_equal(found, wanted, what):
    if found != wanted:
        raise Failed(f"{what}: {len(found)} bytes that are not the {len(wanted)} that belong there")


def check_with(command, wanted=lambda fed: fed):
    """What a command makes of the result."""
    def check(run, fed):
        ran = subprocess.run(run.text(command), shell=True, cwd=run.folder, env=run.environment, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, check=False, timeout=60)
        if ran.returncode:
            raise Failed(f"its result cannot be read: {ran.stderr.decode(errors='replace')[-300:]} {run.output()[-300:]}")
        check_equal(ran.stdout, wanted(fed), "its result")
    return check


def frames(n):
    return b"".join(noise(100 * n + number, 6144) for number in range(40))


def picture(n):
    header = b"P6\n256 250\n255\n" if n == 0 else b""
    return header + noise(n, 256 * 50 * 3)


def pixels(fed):
    return fed.split(b"\n", 3)[3]


def negated(fed):
    return bytes(255 - byte for byte in pixels(fed))


def flipped(fed):
    data, row = pixels(fed), 256 * 3
    return b"".join(data[at:at + row] for at in range(len(data) - row, -1, -row))


def backwards(fed):
    return b"".join(fed[at:at + 4] for at in range(len(fed) - 4, -1, -4))


def source(n):
    functions = "".join(f'{"static " if number else ""}int f{n}_{number}(int x) {{ return x * {number} + {n}; }}\n' for number in range(400))
    if n < Fed.PIECES - 1:
        return functions.encode()
    total = " + ".join(f"f{piece}_0(1)" for piece in range(Fed.PIECES))
    return (functions + f'extern int printf(const char*, ...);\nint main() {{ printf("%d\\n", {total}); return 0; }}\n').encode()


SUM = str(sum(range(Fed.PIECES))).encode() + b"\n"


def fed(name, package, kind, command, piece, check, proves="its result, made of input before and after", **more):
    return Program(name, kind, package, Fed, command, proves, piece=piece, check=check, goes_back=False, **more)


def prepare_make(run):
    run.write("Makefile", "program: big.o small.o\n\tgcc -o $@ $^\nbig.o:\n\tgcc -x c -w -c -o $@ in\nsmall.o:\n\techo 'int unused;' | gcc -x c -c -o $@ -\n")


def prepare_ninja(run):
    run.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(tried CXX)\n"
              "add_custom_command(OUTPUT big.o COMMAND g++ -x c++ -w -c -o big.o {folder}/in)\n"
              "file(WRITE ${CMAKE_BINARY_DIR}/small.cpp \"int unused;\")\n"
              "add_executable(program small.cpp big.o)\nset_source_files_properties(big.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)\n")
    run.command("cmake -G Ninja -S {folder} -B {folder}/build")


def cxx_source(n):
    return source(n).replace(b"extern int printf", b'extern "C" int printf')


RAW_SOUND = "-t raw -r 44100 -e signed -b 16 -c 2"

JOBS = [
    fed("ffmpeg", "ffmpeg", "multimedia", "ffmpeg -v error -nostdin -f rawvideo -pix_fmt yuv420p -s 64x64 -i in -c:v libx264 -qp 0 out.mkv", frames,
        check_with("ffmpeg -v error -nostdin -i out.mkv -f rawvideo -pix_fmt yuv420p -")),
    fed("sox", "sox", "multimedia", f"sox {RAW_SOUND} in {RAW_SOUND} out.raw reverse", lambda n: noise(n, 200000),
        check_with("cat out.raw", backwards)),
    fed("imagemagick", "imagemagick-6.q16", "multimedia", "convert-im6.q16 ppm:in -negate -depth 8 rgb:out.rgb", picture, check_with("cat out.rgb", negated)),
    fed("graphicsmagick", "graphicsmagick", "multimedia", "sh -c 'exec gm convert ppm:- -flip -depth 8 rgb:out.rgb <in'", picture,
        check_with("cat out.rgb", flipped)),
    fed("make and gcc", "gcc-12", "build", "make -j2 program", source, check_with("./program", lambda _: SUM), prepare=prepare_make, also=("make",)),
    fed("cmake, ninja and g++", "ninja-build", "build", "ninja -C build program", cxx_source, check_with("build/program", lambda _: SUM),
        prepare=prepare_ninja, also=("cmake", "g++")),
    fed("xz", "xz-utils", "build", "sh -c 'exec xz -T2 --block-size=100000 <in >out.xz'", lambda n: noise(n, 200000), check_with("xz -dc out.xz")),
]

PROGRAMS = SERVICES + INTERPRETERS + SHELLS + EDITORS + JOBS
