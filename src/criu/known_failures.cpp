// SPDX-License-Identifier: Apache-2.0
#include "known_failures.hpp"

#include "cedana/criu/environment.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace cedana::criu {

namespace {

struct FailureRow {
    std::string_view text;
    KnownFailure failure;
};

constexpr std::string_view k_close_first =
    "close it first, for instance in the program's handler of SIGUSR1 (client.signal_process_pre_dump)";
constexpr std::string_view k_no_ring =
    "switch io_uring off in the program (node.js: UV_USE_IO_URING=0, MariaDB: innodb_use_native_aio=OFF, PostgreSQL: "
    "io_method=worker)";
constexpr std::string_view k_other_checkpoint =
    "restore an older checkpoint; this one was damaged after it was made, or is not one of this tree";
constexpr std::string_view k_same_cpu = "restore on a host with the same kind of CPU, or take the risk with --any-cpu";

constexpr KnownFailure k_session_without_leader = {
    "one of its processes is in a session whose leader is not above it in the tree, since its parent has ended",
    "end that process before the dump, or dump the tree of its parent alone"};

constexpr KnownFailure k_no_iptables = {
    "CRIU could not block its TCP connections: there is no iptables",
    "install iptables, or a CRIU that was built with nftables (cedana-install-criu)"};

// The first row that fits counts.
constexpr auto k_errors = std::to_array<FailureRow>({
    // Sessions and terminals.
    {"is not a session leader",
     {"it was started from a shell, and its session leader is outside of the tree", "pass --criu-arg=--shell-job"}},
    {"Found dangling tty",
     {"it uses a terminal whose other end is outside of the tree", "pass --criu-arg=--shell-job"}},
    {"without correspond master peer",
     {"it uses a terminal whose master is outside of the tree", "pass --criu-arg=--shell-job"}},
    {"No CTL for TTY dump",
     {"a terminal is on its way through a unix socket of it (SCM_RIGHTS), and CRIU cannot dump that",
      "let the program receive it first, for instance in its handler of SIGUSR1 (client.signal_process_pre_dump)"}},
    {"Don't have tty to inherit session from",
     {"it needs a terminal, and standard input is none", "restore it from a terminal"}},
    {"with specified index",
     {"a pseudo-terminal of its own has a number that another one has here now",
      "close that terminal (ls /dev/pts), and try again"}},
    // compel sees another stop than that of its own breakpoint (compel/src/lib/infect.c).
    {"task interruption, aborting", {"a signal came to it while CRIU was at work in it", "try again"}},
    // Pids.
    {"Can't fork for",
     {"a pid of the tree is taken (by a live process, or by a zombie that was not reaped yet)",
      "end the process that has the pid, or wait until its parent has reaped it"}},
    {"do not match expected", {"a pid of the tree was taken during the restore", "try again"}},
    {"only be restored in a new pid namespace",
     {"it was dumped as pid 1 of a pid namespace", "restore it as pid 1 of a new one: unshare --pid --fork"}},
    {"outside of its pid namespace",
     {"its session was begun outside of its pid namespace", "start it with setsid inside of the namespace"}},
    {"Can't dump nested pid namespace",
     {"a part of the tree lives in another pid namespace than its root",
      "end what runs in that namespace first, or dump it alone"}},
    {"Can't find a session leader for", k_session_without_leader},
    {"Can't figure out which sid", k_session_without_leader},
    {"file owner pid",
     {"a file of it tells somebody by a signal (F_SETOWN) who is not there: a thread, or a process that has ended",
      "let the program name a process of its tree"}},
    {"Unable to send siginfo",
     {"it had more signals waiting than it may have (RLIMIT_SIGPENDING)",
      "raise that before the dump: prlimit --pid PID --sigpending=NUMBER:"}},
    {"Can't restore not-sent send queue data",
     {"a TCP connection of it had data that was not sent yet (its peer did not read), and nothing holds its packets "
      "back here: that takes tables of nftables that have an owner (Linux 5.12)",
      "restore it with its connections closed: --criu-arg=--tcp-close"}},
    // Files.
    {"has bad size",
     {"a file that the tree had open has another size now", "put the file back to its size at the dump"}},
    {"has bad mode", {"a file that the tree had open has another mode now", "chmod it back to the mode at the dump"}},
    {"has bad build-ID",
     {"a program or library is not the one that was dumped", "install the version that was there at the dump"}},
    {"Can't open file",
     {"a file that the tree had open is not there", "put the file back, or restore on a host that has it"}},
    {"Can't open exe link", {"the program is not there", "install the program that was dumped"}},
    {"Some file locks are hold", {"it holds file locks", "pass --criu-arg=--file-locks"}},
    {"Can't dump ghost file",
     {"it has a deleted file open that is larger than the limit",
      "pass --criu-arg=--ghost-limit and --criu-arg=SIZE, or let the program close the file"}},
    {"Can't create link remap",
     {"it has a file open whose name was removed while other names are left", "pass --criu-arg=--link-remap"}},
    {"Can't link remap to",
     {"a name that CRIU gives to a file that has lost its own (link_remap.N) is taken in its folder, mostly by one "
      "that "
      "waits for the restore of another checkpoint",
      "restore that one first, which takes its name away; remove the name if that checkpoint is not wanted any more"}},
    {"Can't lookup mount",
     {"it has a file open that lies outside of its mount namespace",
      "start it with all descriptors but 0, 1 and 2 closed, and those redirected inside of the namespace"}},
    {"on overmounted mounts",
     {"it has a file open on a mount that another one covers", "unmount what covers it, or close the file first"}},
    {"have a proper root mount",
     {"a mount of its mount namespace shows a part of a file system that is not mounted whole there",
      "name the mount: --criu-arg=--external --criu-arg=mnt[PATH]:NAME"}},
    {"unsupported id",
     {"a file system in its mount namespace is of a kind that CRIU cannot dump (FUSE, for example)",
      "unmount it there, or name it: --criu-arg=--external --criu-arg=mnt[PATH]:NAME"}},
    {"has unreachable sharing",
     {"a mount of its mount namespace is shared with one outside of it",
      "make it private there: nsenter --mount --target PID mount --make-rprivate / (what the host mounts later does "
      "not "
      "appear in it then)"}},
    {"Net namespace is required to dump tun",
     {"it has a network tunnel (/dev/net/tun) of the host open", k_close_first}},
    {"pmc_init: Can't allocate",
     {"it has reserved more addresses than this host has memory to note the pages of",
      "let the program reserve less (MariaDB: the lines [mysqld] and innodb_buffer_pool_size_max=1G in a file of its "
      "configuration), and start it anew; or dump it on Linux 6.7 or later"}},
    {"Fail to make dir /tmp/.criu",
     {"CRIU works among the mounts of the tree, and there it can neither read what it has noted in /run of the kernel "
      "nor write to /tmp",
      "give the unit a /tmp of its own (systemctl edit UNIT, the lines [Service] and PrivateTmp=yes), and restart it"}},
    // Memory.
    {"Can't handle non-regular mapping",
     {"it has mapped a device, which CRIU can dump only with a plug-in for it",
      "install the plug-in (cuda_plugin.so, amdgpu_plugin.so) in /usr/lib/criu, or let the program close the device"}},
    {"has uprobes vma",
     {"somebody traces it with uprobes (bpftrace, perf)", "end the tracing and start the program anew"}},
    {"live in IPC ns",
     {"it uses System V shared memory of the host", "start it in an ipc namespace of its own: unshare --ipc PROGRAM"}},
    {"remote mmap() failed: Cannot allocate memory",
     {"CRIU has no room for what it maps into it (RLIMIT_AS, or overcommit)",
      "let it have more: prlimit --pid PID --as=BYTES:"}},
    {"Can't create memfd in victim",
     {"it has all descriptors open that it may have", "let it have more: prlimit --pid PID --nofile=NUMBER:"}},
    {"Unable to reserve memory",
     {"it has reserved more addresses than CRIU can restore, as ThreadSanitizer and MemorySanitizer do",
      "start the program without what reserves it"}},
    {"Cannot apply seals on memfd",
     {"it had memory mapped shared that is sealed against writing, which CRIU cannot restore",
      "let the program map it privately (MAP_PRIVATE)"}},
    {"No entry for reg-file-ID",
     {"it was started from memory (memfd_create), which CRIU cannot restore", "start the program from a file"}},
    // Limits and scheduling.
    {"Can't chose service_fd_base",
     {"it has a descriptor open that is close to the limit of descriptors here",
      "restore with a higher hard limit (ulimit -Hn)"}},
    {"Inconsistent sched params",
     {"it is scheduled by SCHED_DEADLINE, which CRIU cannot restore",
      "give it another policy for the dump: chrt --other --pid 0 PID"}},
    {"BUG at criu/mount.c",
     {"it lives in a mount namespace of its own, and CRIU was given no root for it",
      "bind / to a folder in private and pass --criu-arg=--root=FOLDER"}},
    // Pipes, and what names processes.
    {"OOM storing pipe", {"it has more than 1,024 pipes open, which CRIU cannot dump", k_close_first}},
    {"packetized mode for pipes", {"it has a pipe in packet mode open (O_DIRECT)", k_close_first}},
    {"is not a part of process tree", {"it has a pidfd of a process open that is not part of its tree", k_close_first}},
    {"PIDFD_THREAD flag", {"it has a pidfd of a thread open", k_close_first}},
    {"Zombies with threads",
     {"the main thread of one of its processes has ended (pthread_exit) while others run",
      "let the main thread wait for the others (pthread_join)"}},
    {"Dump eventpoll",
     {"it waits by epoll for something that it has closed itself and that another process has open still",
      "let the program take it out of epoll (EPOLL_CTL_DEL) before it closes it"}},
    {"No NS ID with kid", {"it has a namespace open in which nobody of its tree lives", k_close_first}},
    {"Can't restore ticks/time for timerfd",
     {"a timerfd was on its way through a unix socket of it (SCM_RIGHTS)",
      "let the program receive it before the dump"}},
    {"Failed to read inotify events",
     {"an inotify instance was on its way through a unix socket of it (SCM_RIGHTS)",
      "let the program receive it before the dump"}},
    // Of kerndat, for itself.
    {"Can't create inotify",
     {"CRIU needs an inotify instance, and root has as many open as a user may have",
      "allow more: sysctl fs.inotify.max_user_instances=1024"}},
    // Sockets.
    {"Can't get socket filter len", {"a socket of it has a filter that is a BPF program", k_close_first}},
    {"Bad unix name len", {"it has a unix socket with a path of full length", "let the program use a shorter path"}},
    {"Unable too cut",
     {"the file of a unix socket of it was renamed", "rename it back, or let the program bind it by its whole path"}},
    {"Can't bind inet socket back",
     {"a TCP connection cannot come back: its address is not this host's",
      "give this host the address, or pass --criu-arg=--tcp-close: the program finds its connections closed"}},
    {"Can't bind inet socket",
     {"a port that it had is taken, or its address is not this host's",
      "look who has the port: ss -lntup; or give this host the address"}},
    {"Can't listen on a socket", {"a port that it listened at is taken", "look who has the port: ss -lntup"}},
    {"Can't connect inet socket back",
     {"a TCP connection of it is there already: the process that was dumped still has it, or it is not over yet",
      "end that process, or try again in a minute"}},
    {"Can't bind id", {"the path or name of a unix socket of it is taken", "look who has it: ss -lxp"}},
    {"Can not set posix lock", {"a lock on a file is held by another process", "look who holds it: lslocks"}},
    {"Can not set ofd lock", {"a lock on a file is held by another process", "look who holds it: lslocks"}},
    {"Can not set flock", {"a lock on a file is held by another process", "look who holds it: lslocks"}},
    {"Can't set lease",
     {"another process has a file open on which it had a lease", "look who has it open: fuser -v PATH"}},
    {"The socket has data to read",
     {"it has not read what is in its netlink socket, and CRIU cannot dump that", k_close_first}},
    {"has more than 32 groups", {"it listens to more groups of netlink than CRIU can dump", k_close_first}},
    {"Connected TCP socket", {"it has an established TCP connection", "pass --criu-arg=--tcp-established"}},
    {"In-flight connection",
     {"a connection to it is just being made", "try again, or pass --criu-arg=--skip-in-flight"}},
    {"Need to set the --tcp-close options", {"it was dumped with --tcp-close", "pass --criu-arg=--tcp-close"}},
    {"Locking network failed", k_no_iptables},
    {"Iptables configuration failed", k_no_iptables},
    {"Can't dump half of stream unix connection",
     {"it is connected to a unix socket of a process outside of the tree", k_close_first}},
    {"Can't dump name-less external socket",
     {"it is connected to a unix socket without a name, of a process outside of the tree", k_close_first}},
    {"with unreachable peer",
     {"it is connected to a unix socket without a name, of a process outside of the tree", k_close_first}},
    {"External socket", {"it has a unix socket whose peer is outside of the tree", "pass --criu-arg=--ext-unix-sk"}},
    {"on an in-flight socket",
     {"a connection to its unix socket holds data and was not accepted yet", "try again once the program accepts"}},
    {"closed in-flight socket",
     {"a connection to its unix socket was closed before it was accepted", "try again once the program accepts"}},
    {"Dangling connection", {"the other end of one of its unix connections is gone", k_close_first}},
    {"corked dgram socket",
     {"it has a corked UDP socket", "let the program send what it has collected and switch UDP_CORK off"}},
    {"Unsupported proto",
     {"it has a socket of a protocol that CRIU cannot dump (262 is multipath TCP)",
      "for Go programs: start it with GODEBUG=multipathtcp=0; else let the program close the socket first"}},
    {"Unknown socket collected", {"it has a socket of an address family that CRIU cannot dump", k_close_first}},
    // Kinds that CRIU does not know.
    {"io_uring", {"it has an io_uring instance open, which CRIU cannot dump", k_no_ring}},
    {"send_fds failed", {"CRIU could not take over its open files: one of them is an io_uring instance", k_no_ring}},
    {"of that type", {"it has something open of a kind that CRIU cannot dump", k_close_first}},
    {"Unknown shit", {"it has mapped something of a kind that CRIU cannot dump", k_close_first}},
    // Stopping it.
    {"is within dumped tree",
     {"cedana was started by the process that is to be dumped", "start cedana from another shell"}},
    {"Timeout reached",
     {"it did not stop in time: it is stuck in the kernel, or waits in a vfork for a child that has not started",
      "look for state D in ps; try again, or pass --criu-arg=--timeout=60"}},
    {"Unable to freeze cgroup",
     {"its cgroup could not be frozen in time", "try again, or pass --criu-arg=--timeout=60"}},
    {"Unseizable non-zombie",
     {"it cannot be stopped: another program traces it, or it is stuck in the kernel",
      "end the debugger or strace that is attached to it", true}},
    {"with a pending SIGTRAP",
     {"it has blocked a SIGTRAP that was sent to it",
      "let the program take the signal, or ignore it (unblock SIGTRAP)"}},
    {"Can't get rlimit",
     {"it runs as another user, and this host does not give root CAP_SYS_RESOURCE",
      "run the program as root, or use a host that grants CAP_SYS_RESOURCE"}},
    // Namespaces.
    {"Can't dump nested time namespace",
     {"a part of the tree lives in a time namespace of its own", "start the whole tree in one time namespace"}},
    {"Can't dump nested",
     {"a part of the tree lives in another namespace than its root",
      "end what runs in that namespace first, or dump it alone"}},
    {"Can't restore sub-task in NS",
     {"a part of the tree lived in a mount or network namespace of its own, and its root in that of the host",
      "dump what lives in that namespace alone"}},
    {"belong to the target user namespace",
     {"its namespaces belong to another user namespace", "start it without a user namespace"}},
    {"Unable to open the proc file system: Operation not permitted",
     {"it lived in a user namespace of its own, into which CRIU cannot bring it back",
      "start it without a user namespace (unshare --user, a rootless container)"}},
    // CPU, kernel, CRIU itself.
    {"CPU xsave size mismatch", {"this CPU is not the one that it was dumped on", k_same_cpu}},
    {"CPU xfeatures has unsupported bits", {"this CPU lacks features that the tree uses", k_same_cpu}},
    {"FPU feature required by image", {"this CPU lacks features that the tree uses", k_same_cpu}},
    {"kernel lacks get_rseq_conf",
     {"the kernel is too old for a program that uses rseq",
      "start the program with GLIBC_TUNABLES=glibc.pthread.rseq=0, or use Linux 5.13 or later"}},
    {"killed by signal 11",
     {"a process crashed while it was brought back: the kernel, the CPU or CRIU is not like at the dump",
      "restore where it was dumped, with the same CRIU"}},
    {"Can't get 1:16 opt",
     {"this CRIU is too old for the kernel: it cannot dump sockets on Linux 6.16 and later", k_install_criu}},
    {"Unexpected rt vDSO area bounds", {"this CRIU is too old for the kernel", k_install_criu}},
    // Damaged images.
    {"Reached EOF unexpectedly", {"an image ended too early", k_other_checkpoint}},
    {"Unexpected EOF", {"an image is missing or ended too early", k_other_checkpoint}},
    {"Magic doesn't match", {"an image is damaged", k_other_checkpoint}},
});

constexpr auto k_remarks = std::to_array<FailureRow>({
    {"(No such process)", {"the process has ended", "look for it: cedana client find NAME"}},
    {"Unable to interrupt task",
     {"it cannot be stopped: another program traces it", "end the debugger or strace that is attached to it", true}},
    {"can't interrupt task",
     {"it cannot be stopped: another program traces it", "end the debugger or strace that is attached to it", true}},
    {"CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE", {"CRIU lacks privileges", "run cedana with sudo"}},
    {"Running as non-root requires", {"CRIU lacks privileges", "run cedana with sudo"}},
});

const KnownFailure* find_in(std::span<const FailureRow> rows, std::string_view text) {
    const auto row = std::ranges::find_if(
        rows, [&](const FailureRow& one) { return text.find(one.text) != std::string_view::npos; });
    return row == rows.end() ? nullptr : &row->failure;
}

} // namespace

const KnownFailure* find_known_error(std::string_view text) { return find_in(k_errors, text); }

const KnownFailure* find_known_remark(std::string_view line) { return find_in(k_remarks, line); }

} // namespace cedana::criu
