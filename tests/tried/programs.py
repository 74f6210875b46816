# SPDX-License-Identifier: Apache-2.0
"""The programs that are tried: for each its package, how it is started as root, and what its use proves."""
import dataclasses
import os
import re
import shlex
import subprocess
from typing import Callable

import clients
from ways import Counting, Failed, Fed, Multiplexer, Piped, Service, Typed, await_that, lives


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
    # Counting: the file with its steps, what a step looks like there, and how far their numbers are apart.
    log: str = "out"
    step: str = r"^step (\d+)\b.*\n"
    stride: int = 1
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


CELERY_APP = """from celery import Celery
app = Celery("app", broker="redis://127.0.0.1:{next}/0", backend="redis://127.0.0.1:{next}/1")
n = 0
@app.task
def count():
    global n
    n += 1
    return n
"""


def prepare_celery(run):
    run.write("app.py", CELERY_APP)
    run.client("redis-server --port {next} --bind 127.0.0.1 --dir {folder}")


def prepare_tomcat(run):
    run.command("tomcat10-instance-create -p {port} -c {next} {folder}/base")
    run.write("base/webapps/ROOT/WEB-INF/web.xml", '<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="5.0"><servlet><servlet-name>count'
              '</servlet-name><jsp-file>/count.jsp</jsp-file></servlet><servlet-mapping><servlet-name>count</servlet-name>'
              '<url-pattern>/count</url-pattern></servlet-mapping></web-app>')
    run.write("base/webapps/ROOT/count.jsp", "<%! int n; %><%= ++n %>")


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
    service("jupyter notebook", "jupyter-notebook",
            "jupyter-notebook --no-browser --allow-root --ip 127.0.0.1 --port {port} --NotebookApp.token= --NotebookApp.disable_check_xsrf=True",
            clients.notebook, "variables of a kernel, over a connection that stays open", "interpreter", also=("python3-tornado", "python3-ipykernel")),
    service("celery", "python3-celery", "python3 -m celery --workdir {folder} -A app worker -c 1 -l INFO", clients.celery, "a counter of its worker; its broker is outside",
            prepare=prepare_celery, ready=lambda run: "ready." in run.output(), also=("python3-redis", "redis-server")),
    service("tomcat", "tomcat10-user", "env CATALINA_BASE={folder}/base /usr/share/tomcat10/bin/catalina.sh run", clients.web_counter, COUNTS_ON,
            prepare=prepare_tomcat, also=("tomcat10-common", "openjdk-17-jre-headless")),
    service("prometheus", "prometheus", "prometheus --config.file={folder}/conf --storage.tsdb.path={folder}/data --web.listen-address=127.0.0.1:{port}",
            clients.prometheus, "its samples, over a connection that stays open", "database", prepare=write(
                "conf", "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: own\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n")),
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
    typed("gdb", "gdb", "gdb -q -nx", "(gdb)", 'printf "n is %d %d\\n", ++$n, $heap[2]', "n is {n} 3", ("set $n = 0", "set $heap = {1, 2, 3}")),
    typed("maxima", "maxima", "maxima --very-quiet", "", 'n: n + 1$ sconcat("n is ", n, " ", length(heap));', "n is {n} 30000",
          ("n: 0$ heap: makelist(i, i, 30000)$",)),
    piped("gp", "pari-gp", "gp -fq", 'if(type(N) == "t_POL", N = 0; heap = vector(300000)); N++; print("n is ", N, " ", #heap)', "n is {n} 300000"),
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


def use_echo(command):
    def use(run, n):
        run.enter(command + lines_to(n)[n])
        for text in lines_to(n):
            run.await_screen(text)
    return use


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
    full_screen("irssi", "irssi", "irssi --home={folder}/home", "[(status)]", use_echo("/echo "), "text in its window"),
    full_screen("weechat", "weechat-curses", "weechat -d {folder}/home", "WeeChat", use_echo("/print "), "text in its window"),
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


def numbered(n):
    return b"".join(b"%09d\n" % ((number * 7919 + n) % 1000003) for number in range(20000))


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
    fed("sort", "coreutils", "files", "sh -c 'exec sort -S 200K -T {folder} in >out'", numbered, check_with("cat out", lambda fed: b"".join(sorted(fed.splitlines(True))))),
    fed("a pipeline", "zstd", "files", "sh -c 'cat in | zstd -q -T2 | zstd -qdc | gzip | tee copy >out'", lambda n: noise(n, 200000),
        check_with("cmp copy out && gzip -dc out"), also=("gzip",)),
    fed("make and gcc", "gcc-12", "build", "make -j2 program", source, check_with("./program", lambda _: SUM), prepare=prepare_make, also=("make",)),
    fed("cmake, ninja and g++", "ninja-build", "build", "ninja -C build program", cxx_source, check_with("build/program", lambda _: SUM),
        prepare=prepare_ninja, also=("cmake", "g++")),
    fed("xz", "xz-utils", "build", "sh -c 'exec xz -T2 --block-size=100000 <in >out.xz'", lambda n: noise(n, 200000), check_with("xz -dc out.xz")),
]

# Computations.

def complete(printed, step):
    return [found.group() for found in re.finditer(step, printed, re.MULTILINE)]


def check_undisturbed(run, printed):
    """What it printed is what it prints when nobody disturbs it."""
    found = complete(printed, run.program.step)
    ran = subprocess.run(shlex.split(run.text(run.program.command)), cwd=run.folder, env={**run.environment, "STEPS": str(len(found))},
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    wanted = complete(ran.stdout, run.program.step)
    if found != wanted:
        wrong = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), (len(found), len(wanted)))
        raise Failed(f"not what it computes undisturbed: {wrong[0]!r} in place of {wrong[1]!r} {ran.stderr[-200:]}")


STEPS = """import itertools, os, sys, time
LAST = int(os.environ.get("STEPS", 0))
def steps():
    for n in itertools.count(1):
        yield n
        if n == LAST:
            return
        time.sleep(0.1)
"""

NUMPY = STEPS + """import numpy
a = numpy.arange(640000.).reshape(800, 800) % 251
b = a.T.copy()
for n in steps():
    a = (a @ b + n) % 251
    print("step", n, int(a.sum()), flush=True)
"""

TORCH = STEPS + """import torch
from torch.utils.data import DataLoader, Dataset
class Numbers(Dataset):
    def __len__(self):
        return 1000000
    def __getitem__(self, i):
        x = torch.rand(64, generator=torch.Generator().manual_seed(i))
        return x, x.sum()
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(64, 512), torch.nn.ReLU(), torch.nn.Linear(512, 1))
optimizer = torch.optim.Adam(model.parameters())
batches = iter(DataLoader(Numbers(), batch_size=64, num_workers=2))
for n in steps():
    x, y = next(batches)
    loss = torch.nn.functional.mse_loss(model(x).squeeze(), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print("step", n, f"{loss.item():.5f}", flush=True)
"""

FOREST = STEPS + """from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from joblib import Parallel, delayed
X, y = make_classification(2000, random_state=1)
def grown(seed):
    return RandomForestClassifier(5, random_state=seed).fit(X, y).predict(X).sum()
with Parallel(n_jobs=2) as workers:
    for n in steps():
        print("step", n, sum(workers(delayed(grown)(10 * n + k) for k in range(4))), flush=True)
"""

POOL = STEPS + """import multiprocessing
def squares(k):
    return sum(i * i for i in range(k, k + 10000))
if __name__ == "__main__":
    shared = multiprocessing.Value("l", 0)
    with multiprocessing.Pool(3) as pool:
        for n in steps():
            with shared.get_lock():
                shared.value += sum(pool.map(squares, range(n, n + 30)))
            print("step", n, shared.value, flush=True)
"""

EXECUTOR = STEPS + """import concurrent.futures, multiprocessing
def squares(k):
    return sum(i * i for i in range(k, k + 10000))
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as pool:
        for n in steps():
            print("step", n, sum(pool.map(squares, range(n, n + 20))), flush=True)
"""

DASK = STEPS + """import dask.array
for n in steps():
    x = (dask.array.arange(400000, chunks=50000) * n) % 1009
    print("step", n, int(x.sum().compute()), flush=True)
"""

MPI = STEPS + """from mpi4py import MPI
import numpy
world = MPI.COMM_WORLD
state = numpy.arange(200000.) * (world.rank + 1) % 251
for n in steps():
    other = world.sendrecv(state, dest=(world.rank + 1) % world.size, source=(world.rank - 1) % world.size)
    state = (state + other * n) % 251
    total = world.allreduce(int(state.sum()))
    if world.rank == 0:
        print("step", n, total, flush=True)
"""

PYPY = STEPS + """state = 1
for n in steps():
    for _ in range(1000000):
        state = (state * 6364136223846793005 + n) % 2**64
    print("step", n, state, flush=True)
"""

GO = """package main
import ("fmt"; "os"; "strconv"; "sync"; "time")
func main() {
    last, _ := strconv.Atoi(os.Getenv("STEPS"))
    state := make([]uint64, 8)
    for n := 1; ; n++ {
        var all sync.WaitGroup
        for k := range state {
            all.Add(1)
            go func(k int) {
                defer all.Done()
                for i := 0; i < 1000000; i++ { state[k] = state[k]*6364136223846793005 + uint64(n+k) }
            }(k)
        }
        all.Wait()
        fmt.Println("step", n, state)
        if n == last { return }
        time.Sleep(100 * time.Millisecond)
    }
}
"""

MONO = """using System; using System.Threading; using System.Threading.Tasks;
class Tried {
    static void Main() {
        int last; int.TryParse(Environment.GetEnvironmentVariable("STEPS"), out last);
        var state = new ulong[4];
        for (int n = 1; ; n++) {
            Parallel.For(0, 4, k => { for (int i = 0; i < 1000000; i++) state[k] = state[k] * 6364136223846793005 + (ulong)(n + k); });
            Console.WriteLine("step " + n + " " + string.Join(" ", state));
            if (n == last) return;
            Thread.Sleep(100);
        }
    }
}
"""

JAVA = """import java.util.stream.*;
public class Tried {
    public static void main(String[] arguments) throws Exception {
        String last = System.getenv("STEPS");
        long[] state = new long[8];
        for (int n = 1; ; n++) {
            int now = n;
            IntStream.range(0, 8).parallel().forEach(k -> { for (int i = 0; i < 1000000; i++) state[k] = state[k] * 6364136223846793005L + now + k; });
            System.out.println("step " + n + " " + LongStream.of(state).sum());
            if (last != null && n == Integer.parseInt(last)) return;
            Thread.sleep(100);
        }
    }
}
"""

WAL = STEPS + """import sqlite3
db = sqlite3.connect(f"db{LAST}", isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text)")
for n in steps():
    db.execute("BEGIN")
    db.executemany("INSERT INTO t VALUES (?, ?)", ((500 * n + k, "x" * 300) for k in range(500)))
    db.execute("COMMIT")
    print("step", n, *db.execute("SELECT count(*), sum(n) FROM t").fetchone(), *db.execute("PRAGMA quick_check").fetchone(), flush=True)
"""

HDF5 = STEPS + """import h5py, numpy
with h5py.File(f"data{LAST}.h5", "w") as file:
    data = file.create_dataset("data", (0, 1000), maxshape=(None, 1000), chunks=(10, 1000), compression="gzip")
    for n in steps():
        data.resize((n, 1000))
        data[n - 1] = numpy.arange(1000) * n
        file.flush()
        print("step", n, int(data[:].sum()), flush=True)
"""

R_FORKS = """library(parallel)
last <- as.integer(Sys.getenv("STEPS", "0"))
n <- 0L
repeat {
    n <- n + 1L
    cat("step", n, sum(unlist(mclapply(1:8, function(k) sum(as.numeric(1:(20000 * k)) %% n), mc.cores = 2))), "\\n")
    if (n == last) break
    Sys.sleep(0.1)
}
"""

WORKER_THREADS = """const { Worker, isMainThread, parentPort } = require('worker_threads');
const last = Number(process.env.STEPS || 0);
if (!isMainThread) {
    let state = 0n;
    parentPort.on('message', n => {
        for (let i = 0n; i < 20000n; i++) state = (state * 6364136223846793005n + i + BigInt(n)) % (1n << 64n);
        parentPort.postMessage(state);
    });
} else {
    const workers = Array.from({length: 3}, () => new Worker(__filename));
    const ask = (worker, n) => new Promise(done => { worker.once('message', done); worker.postMessage(n); });
    (async () => {
        for (let n = 1; ; n++) {
            console.log(`step ${n} ${(await Promise.all(workers.map((worker, k) => ask(worker, n + k)))).join(' ')}`);
            if (n === last) process.exit(0);
            await new Promise(done => setTimeout(done, 100));
        }
    })();
}
"""

PERL_FORKS = """use strict; $| = 1;
my $last = $ENV{STEPS} // 0;
for (my $n = 1; ; $n++) {
    my $sum = 0;
    for my $k (1 .. 3) {
        my $pid = open(my $child, '-|') // die;
        unless ($pid) { my $s = 0; $s = ($s * 31 + $_ * $n) % 1000003 for 1 .. 20000 * $k; print $s; exit }
        $sum += <$child>;
        close $child;
    }
    print "step $n $sum\\n";
    last if $n == $last;
    select undef, undef, undef, 0.1;
}
"""

RUST = """use std::sync::mpsc;
use std::{env, thread, time::Duration};
fn main() {
    let last: u64 = env::var("STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let (done, results) = mpsc::channel();
    let workers: Vec<_> = (0..3u64).map(|k| {
        let (ask, asked) = mpsc::channel::<u64>();
        let done = done.clone();
        thread::spawn(move || {
            let mut state = k;
            for n in asked {
                for i in 0..300000 { state = state.wrapping_mul(6364136223846793005).wrapping_add(i + n); }
                done.send(state).unwrap();
            }
        });
        ask
    }).collect();
    for n in 1.. {
        workers.iter().for_each(|ask| ask.send(n).unwrap());
        let sum = (0..3).map(|_| results.recv().unwrap()).fold(0u64, u64::wrapping_add);
        println!("step {} {}", n, sum);
        if n == last { return; }
        thread::sleep(Duration::from_millis(100));
    }
}
"""

VERILOG = """module tried;
    reg [31:0] n = 0, state = 1;
    integer i;
    always #1 begin
        for (i = 0; i < 60000; i = i + 1) state = state * 1664525 + n;
        n = n + 1;
        $display("step %0d %0d", n, state);
        $fflush;
    end
endmodule
"""

LAMMPS = """units lj
atom_style atomic
lattice fcc 0.8442
region box block 0 12 0 12 0 12
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 3.0 87287
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0 2.5
fix 1 all nve
thermo 20
thermo_modify flush yes
run 10000000
"""


def prepare_go(run):
    run.write("tried.go", GO)
    run.command("go build -o {folder}/tried {folder}/tried.go")


def prepare_rust(run):
    run.write("tried.rs", RUST)
    run.command("rustc -O -o {folder}/tried {folder}/tried.rs")


def prepare_verilog(run):
    run.write("tried.v", VERILOG)
    run.command("iverilog -o {folder}/tried {folder}/tried.v")


def prepare_mono(run):
    run.write("tried.cs", MONO)
    run.command("mcs -out:{folder}/tried.exe {folder}/tried.cs")


def prepare_java(run):
    run.write("Tried.java", JAVA)
    run.command("javac -d {folder} {folder}/Tried.java")


def prepare_gromacs(run):
    run.write("conf.mdp", "integrator = md\nnsteps = -1\ndt = 0.0005\ncutoff-scheme = Verlet\ncoulombtype = reaction-field\nnstlog = 20\n"
              "nstenergy = 20\ntcoupl = v-rescale\ntc-grps = System\ntau-t = 0.5\nref-t = 300\ngen-vel = yes\n")
    run.write("topol.top", '#include "oplsaa.ff/forcefield.itp"\n#include "oplsaa.ff/spc.itp"\n[ system ]\nwater\n[ molecules ]\n')
    run.command("gmx -quiet solvate -cs spc216.gro -box 3 3 3 -o {folder}/water.gro -p {folder}/topol.top")
    run.command("gmx -quiet grompp -f {folder}/conf.mdp -c {folder}/water.gro -p {folder}/topol.top -o {folder}/topol.tpr -maxwarn 3")


# What a machine without a system does: it counts on its serial line.
BOOT_SECTOR = """.code16
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    xor %ebx, %ebx
again:
    inc %ebx
    mov $text, %si
next:
    lodsb
    test %al, %al
    jz number
    call put
    jmp next
number:
    mov %ebx, %eax
    xor %cx, %cx
    mov $10, %edi
digit:
    xor %edx, %edx
    div %edi
    push %dx
    inc %cx
    test %eax, %eax
    jnz digit
shown:
    pop %ax
    add $'0', %al
    call put
    loop shown
    mov $'\\n', %al
    call put
    mov $0x86, %ah
    mov $2, %cx
    xor %dx, %dx
    int $0x15
    jmp again
put:
    mov $0x3f8, %dx
    out %al, %dx
    ret
text: .asciz "step "
    .org 510
    .word 0xaa55
"""


def prepare_qemu(run):
    run.write("boot.s", BOOT_SECTOR)
    run.command("as --32 -o {folder}/boot.o {folder}/boot.s")
    run.command("ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o {folder}/boot {folder}/boot.o")


BLENDER = """import itertools, sys, bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 2
scene.cycles.use_denoising = False
scene.render.resolution_x = scene.render.resolution_y = 64
for n in itertools.count(1):
    bpy.data.objects["Cube"].rotation_euler[2] = n / 10
    bpy.ops.render.render()
    print("step", n, flush=True)
"""

XTERM = """n=0
while sleep 0.2; do n=$((n + 1)); echo "step $n"; echo "step $n" >&3; done 3>>{folder}/steps
"""


def computed(name, package, command, proves="its steps, and what they come to", script=None, **more):
    def prepare(run):
        (run.folder / "script").write_text(script)
    return Program(name, "computation", package, Counting, command, proves, prepare=more.pop("prepare", prepare if script else None), **more)


COMPUTATIONS = [
    computed("numpy", "python3-numpy", "python3 script", script=NUMPY, check=check_undisturbed),
    computed("PyTorch", "python3-torch", "python3 script", script=TORCH, check=check_undisturbed),
    computed("scikit-learn, joblib", "python3-sklearn", "python3 script", script=FOREST, check=check_undisturbed),
    computed("multiprocessing", "python3-minimal", "python3 script", script=POOL, check=check_undisturbed),
    computed("ProcessPoolExecutor", "python3-minimal", "python3 script", script=EXECUTOR, check=check_undisturbed),
    computed("dask", "python3-dask", "python3 script", script=DASK, check=check_undisturbed, also=("python3-numpy",)),
    computed("mpi4py", "python3-mpi4py", "mpirun -n 2 --allow-run-as-root --oversubscribe python3 script", script=MPI, check=check_undisturbed,
             also=("openmpi-bin", "python3-numpy")),
    computed("pypy3", "pypy3", "pypy3 script", script=PYPY, check=check_undisturbed),
    computed("Go", "golang-go", "{folder}/tried", prepare=prepare_go, check=check_undisturbed),
    computed("Mono", "mono-runtime", "mono {folder}/tried.exe", prepare=prepare_mono, check=check_undisturbed, also=("mono-mcs",)),
    computed("java", "openjdk-17-jre-headless", "java -cp {folder} Tried", prepare=prepare_java, check=check_undisturbed,
             also=("openjdk-17-jdk-headless",)),
    computed("SQLite, WAL", "libsqlite3-0", "python3 script", "rows in its file", script=WAL, check=check_undisturbed),
    computed("HDF5", "python3-h5py", "python3 script", "what is in its file", script=HDF5, check=check_undisturbed),
    computed("R, forking", "r-base-core", "Rscript script", script=R_FORKS, check=check_undisturbed),
    computed("node, worker threads", "nodejs", "node script", script=WORKER_THREADS, check=check_undisturbed),
    computed("perl, forking", "perl", "perl script", script=PERL_FORKS, check=check_undisturbed),
    computed("Rust", "rustc", "{folder}/tried", prepare=prepare_rust, check=check_undisturbed, also=("gcc",)),
    computed("Icarus Verilog", "iverilog", "{folder}/tried", "steps of a simulated circuit", prepare=prepare_verilog),
    computed("GNU parallel", "parallel", "sh -c 'seq 1000000 | parallel -k -j3 \"sleep 0.1; echo step {}\"'", "its order of short jobs"),
    computed("xargs", "findutils", "sh -c 'seq 1000000 | xargs -I@ sh -c \"sleep 0.1; echo step @\"'", "its order of short jobs"),
    computed("lammps", "lammps", "lmp -in script", "its steps", script=LAMMPS, step=r"^\s+(\d+)\s+[-\d.]+.*\n", stride=20),
    computed("lammps, two ranks", "lammps", "mpirun -n 2 --allow-run-as-root --oversubscribe lmp -in script", "its steps", script=LAMMPS,
             step=r"^\s+(\d+)\s+[-\d.]+.*\n", stride=20, also=("openmpi-bin",)),
    computed("qemu", "qemu-system-x86", "qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 64 -display none -monitor none -serial file:{folder}/serial"
             " -drive file={folder}/boot,format=raw,if=floppy", "steps of its guest", prepare=prepare_qemu, log="serial", also=("binutils",)),
    computed("blender", "blender", "blender -b -P script", "its pictures", script=BLENDER),
    computed("xterm, Xvfb", "xterm", "xvfb-run -n {port} xterm -e sh {folder}/script", "steps in a window of an X server of its own", prepare=write("script", XTERM),
             log="steps", also=("xvfb", "xauth")),
    computed("gromacs", "gromacs", "gmx -quiet mdrun -nt 2 -s topol.tpr", "its steps", prepare=prepare_gromacs, log="md.log",
             step=r"^ {10,}Step {5,}Time\n\s+(\d+)\s.*\n", stride=20),
]

PROGRAMS = SERVICES + INTERPRETERS + SHELLS + EDITORS + JOBS + COMPUTATIONS
