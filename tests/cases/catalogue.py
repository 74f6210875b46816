# SPDX-License-Identifier: Apache-2.0
"""The cases as data: what each is taken through, and what must come of it. CMake makes a test of each (`run --list`)."""
import socket
from dataclasses import dataclass, field

import circumstances as by
from trial import ComesBack, DumpRefused, RestoreRefused

# The first dump and restore of "twice" are those of "stop".
ALL = ("twice", "leave", "lazy")
MOST = ("stop", "leave")
BACK = ("stop", "lazy")
RAN_ON = ("leave", "lazy")
AGAIN = ("twice", "leave")
ONCE = ("stop",)
REFUSED = ("stop", "leave")


@dataclass
class Case:
    name: str
    comes: object = field(default_factory=ComesBack)
    modes: tuple = MOST
    # Of that name, if it is another one, and its arguments.
    program: str = None
    arguments: tuple = ()
    # In the child, before it becomes the program.
    enter: object = None
    # Contexts, entered with the trial: before it starts; once it is ready; between the dump and the restore.
    around: tuple = ()
    beside: tuple = ()
    meanwhile: tuple = ()
    # What the dump and the restore are to say.
    told: tuple = ()
    told_at_restore: tuple = ()
    # A dump that leaves it running cuts its calls short; if it ends of that the dump says so.
    cut_short: bool = False
    # What is not right yet. Such a case is taken only when it is named, and CTest does not take it.
    gap: str = None


CASES = {}


def case(name, comes=None, **more):
    more.setdefault("program", name.replace("-", "_"))
    CASES[name] = Case(name, comes or ComesBack(), **more)


def port_case(name, family, kind, number, taken_at, by_family=None):
    """A port that somebody else has by now."""
    kinds = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
    version = "6" if family == socket.AF_INET6 else "4"
    case(name, RestoreRefused(f"{kinds[kind].upper()} port {number}", r"process \d+ \(.*python|process \d+ \(run"), modes=ONCE,
         program="port_taken", arguments=(kinds[kind], version, str(number)), meanwhile=(by.port(by_family or family, kind, (taken_at, number)),))


def lock_case(name, kind, take):
    case(name, RestoreRefused(r"/lock", r"process \d+ \("), modes=ONCE, program="lock_taken", arguments=(kind,), meanwhile=(by.file_lock(take),))


# Memory
case("prot-none-300")
case("hugetlb-private", modes=ALL, around=(by.huge_pages(8),))
case("hugetlb-shared", modes=ONCE, program="hugetlb_shared", arguments=("anonymous",), around=(by.huge_pages(8),))
case("hugetlb-memfd", modes=ONCE, program="hugetlb_shared", arguments=("memfd",), around=(by.huge_pages(8),))
case("hugetlb-memfd-private", modes=ONCE, program="hugetlb_shared", arguments=("private",), around=(by.huge_pages(8),))
case("sparse-1t")
case("noreserve", modes=RAN_ON)
case("guard-region", modes=BACK)
case("memory-advice", modes=RAN_ON)
case("lock-on-fault", modes=BACK, told=("MLOCK_ONFAULT",))
case("memory-group-small", RestoreRefused("control group .*cedana-cases", "MiB free"), modes=ONCE, program="fills_memory", around=(by.memory_group,),
     meanwhile=(by.within_memory_group(80 << 20),))
case("memory-group-own", RestoreRefused("control group .*cedana-cases", "MiB free"), modes=ONCE, program="fills_memory",
     enter=by.enter_memory_group, around=(by.memory_group,), meanwhile=(by.smaller_memory_group(50 << 20),))
case("memory-group-shared", modes=ONCE, program="fills_memory", around=(by.memory_group,), meanwhile=(by.within_memory_group(180 << 20),))
case("mcl-future", modes=BACK, told=("MCL_FUTURE",))
case("memfd-size-sealed", program="memfd_sealed", arguments=("size",))
case("memfd-write-sealed", DumpRefused("sealed against writing"), modes=ONCE, program="memfd_sealed", arguments=("write",))
case("deleted-exe-lib")

# Threads and processes
case("affinity")
case("threads500", modes=BACK)
case("procs300", modes=ONCE)
case("settings", modes=ALL)
case("process-image")
case("cpu-time")
case("robust-mutex")
case("signals")
case("signal-limit", modes=ALL)
case("file-limit", modes=ALL)
case("sched-deadline", DumpRefused("SCHED_DEADLINE"), modes=ONCE)
case("pdeathsig", told_at_restore=("PR_SET_PDEATHSIG",))
case("cgroup-v1-memory", enter=by.enter_memory_group, around=(by.memory_group,))
case("cgroup-v1-gone", modes=ONCE, program="cgroup_v1_memory", enter=by.enter_memory_group, around=(by.memory_group,),
     meanwhile=(by.without_memory_group,))
case("mount-namespace")
case("mount-namespace-redirected", modes=AGAIN, program="mount_namespace", arguments=("redirected",))
case("zombie-thread-leader", DumpRefused("pthread_exit"), modes=ONCE)

for kind in "memory", "folders":
    case(f"sharing-{kind}", DumpRefused(r"in common with process \d+", "CLONE_"), modes=REFUSED, program="sharing", arguments=(kind,))
case("sharing-descriptors", program="sharing", arguments=("descriptors",))
case("end-signal", modes=ONCE, program="sharing", arguments=("end-signal",), told=("sends signal 10 when it ends",))
for kind, word in ("folders", "working folder"), ("descriptors", "table of descriptors"), ("network", r"\(net\)"), ("name", r"\(uts\)"):
    case(f"thread-{kind}", modes=ONCE, program="sharing", arguments=(f"thread-{kind}",), told=(word,))

# Calls that wait, and timers
case("poll-eintr", modes=ALL, cut_short=True)
case("waits", modes=ALL, cut_short=True)
case("waits-sockets", modes=ALL, cut_short=True)
case("waits-resumed", modes=BACK)
case("timerfd-periodic")
case("timers")

# Files and descriptors
case("sem-named", modes=AGAIN)
case("sem-named-beside", program="sem_named", beside=(by.another_waits("case_sem_named"),))
case("descriptors")
case("eventfd-semaphore", modes=ONCE, told=("EFD_SEMAPHORE",))
case("epoll-used-up", modes=ONCE, program="told_losses", arguments=("once",), told=("EPOLLONESHOT",))
case("status-of-8-bits", modes=ONCE, program="told_losses", arguments=("status",), told=("exit status 255",))
case("watch-once", modes=ONCE, program="told_losses", arguments=("watch-once",), told=("IN_ONESHOT",))
case("hung-up-terminal", modes=ALL)
case("dead-foreground", modes=AGAIN)
case("sent-lock", modes=ONCE, program="told_losses", arguments=("sent-lock",), told=("the lock on .*/locked",))
case("socket-in-root", modes=ONCE, program="told_losses", arguments=("socket-in-root",), told=("/tmp/cedana-case-in-root",))
case("exclusive-terminal", modes=AGAIN)
case("mapped-name", modes=ONCE, meanwhile=(by.changed_file("two\nlines"),))
for attribute, word in ("i", "cannot be changed"), ("a", "only be appended to"):
    case(f"unchangeable-{attribute}", RestoreRefused(r"/lock", word), modes=ONCE, program="lock_taken", arguments=("ofd",),
         meanwhile=(by.unchangeable_file("lock", attribute),))
case("mqueue", DumpRefused("POSIX message queue"), modes=REFUSED)
case("pidfd-outside", DumpRefused("pidfd of process 1 "), modes=ONCE)
case("proc-folder", modes=AGAIN)
case("proc-task-file", DumpRefused("of a thread open"), modes=ONCE)
case("pipes1100", DumpRefused("pipes", "1,?024"), modes=REFUSED)
case("pipe-in-flight")
case("epoll-parent-closed", DumpRefused("epoll", "closed"), modes=ONCE)
for kind in "perf-event", "userfaultfd", "landlock", "file-system", "bpf-program", "secret-memory", "alarm-clock", "fifo-place", "socket-place", "terminal-place", "long-path":
    case(f"descriptor-{kind}", DumpRefused("CRIU cannot dump"), modes=ONCE, program="descriptor", arguments=(kind,))

case("sent-files", modes=AGAIN)
for kind, word in (("sent-timer", "a timerfd"), ("sent-watch", "an inotify instance"), ("sent-connection", "a TCP connection"),
                   ("urgent-byte", "urgent byte"), ("urgent-unix-byte", "urgent byte"), ("adopted-session", "session"),
                   ("open-namespace", "a namespace open .uts"), ("covered-file", "another mount covers"), ("immutable-file", "cannot be written to"),
                   ("append-only-file", "only be appended to"), ("long-socket-name", "108 bytes"), ("renamed-socket", "by now"),
                   ("told-thread", "F_OWNER_TID"), ("named-namespace", "the namespace /"), ("watched-link", "symbolic link")):
    case(kind, DumpRefused(word), modes=ONCE, program="no_way_back", arguments=(kind,))

# Sockets
case("ip-options")
case("unix-sockets")
case("accepted-name", modes=ONCE, program="told_losses", arguments=("accepted",), told=("listens that connections",))
case("sender-unread", DumpRefused("SO_PASSCRED"), modes=ONCE)
case("tcp-backlog", DumpRefused("accept"), modes=ONCE, beside=(by.client_of(39882),))

# Not right yet
case("syscall-dispatch", gap="CRIU leaves PR_SET_SYSCALL_USER_DISPATCH out, and only a tracer sees it")

# Taken by somebody else by now
case("addr-gone", RestoreRefused("10.77.66.55"), modes=ONCE, around=(by.address("10.77.66.55/32"),), meanwhile=(by.without_address("10.77.66.55/32"),))
port_case("port-taken", socket.AF_INET, socket.SOCK_STREAM, 39883, "0.0.0.0")
port_case("udp-port-taken", socket.AF_INET, socket.SOCK_DGRAM, 39885, "0.0.0.0")
port_case("port-6-taken", socket.AF_INET6, socket.SOCK_STREAM, 39886, "::1")
port_case("udp-port-6-taken", socket.AF_INET6, socket.SOCK_DGRAM, 39887, "::")
port_case("port-6-taken-by-4", socket.AF_INET6, socket.SOCK_STREAM, 39888, "127.0.0.1", socket.AF_INET)
lock_case("posix-lock-taken", "posix", by.take_posix_lock)
lock_case("ofd-lock-taken", "ofd", by.take_ofd_lock)
case("abstract-name-taken", RestoreRefused("cedana-case-abstract", r"process \d+ \("), modes=ONCE, program="unix_name_taken",
     arguments=("abstract", "cedana-case-abstract"), meanwhile=(by.unix_server(lambda _: "\0cedana-case-abstract"),))
for kind in "flock", "posix", "ofd":
    case(f"{kind}-kept", modes=("leave",), program="lock_taken", arguments=(kind,))
lock_case("flock-taken", "flock", by.take_flock)
case("unix-path-live", RestoreRefused(r"/live\.sock", r"process \d+ \("), modes=BACK, program="unix_name_taken", arguments=("path", "/live.sock"),
     meanwhile=(by.unix_server(lambda trial: str(trial.folder / "work/live.sock")),))
