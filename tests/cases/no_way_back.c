// SPDX-License-Identifier: Apache-2.0
// Has something that CRIU cannot dump, or could never bring back. Argument: what.
#include <arpa/inet.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "case.h"
#include "send_away.h"

// Through a pair of sockets that stays.
static void leave_on_its_way(int fd) {
    int pair[2];
    SET_UP(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    send_away(pair[0], fd);
}

static void send_timer(void) { leave_on_its_way(timerfd_create(CLOCK_MONOTONIC, 0)); }

static void send_watch(void) { leave_on_its_way(inotify_init()); }

static int connection[2];

static void connect_here(void) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    SET_UP(bind(listener, (void*)&here, size) == 0 && listen(listener, 1) == 0);
    SET_UP(getsockname(listener, (void*)&here, &size) == 0);
    connection[0] = socket(AF_INET, SOCK_STREAM, 0);
    SET_UP(connect(connection[0], (void*)&here, size) == 0);
    connection[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void send_connection(void) {
    connect_here();
    leave_on_its_way(connection[1]);
}

static void hold_urgent_byte(void) {
    const int on = 1;
    connect_here();
    SET_UP(setsockopt(connection[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
    SET_UP(write(connection[0], "ab", 2) == 2 && send(connection[0], "!", 1, MSG_OOB) == 1);
}

static void hold_urgent_byte_of_unix(void) {
    SET_UP(socketpair(AF_UNIX, SOCK_STREAM, 0, connection) == 0 && write(connection[0], "ab", 2) == 2);
    if (send(connection[0], "!", 1, MSG_OOB) != 1)
        UNFIT("the kernel has no urgent bytes of unix sockets");
}

// What a subreaper below the first process has adopted is in a session that nobody above it leads.
static void adopt_session(void) {
    int told[2];
    char byte = 0;
    SET_UP(pipe(told) == 0);
    const pid_t reaper = fork();
    if (reaper == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        const pid_t leader = fork();
        if (leader == 0) {
            setsid();
            if (fork() == 0) {
                while (getppid() == getsid(0))
                    sched_yield();
                write(told[1], "x", 1);
                pause();
            }
            _exit(0);
        }
        waitpid(leader, NULL, 0);
        pause();
    }
    SET_UP(read(told[0], &byte, 1) == 1);
}

static void open_namespace(void) {
    int ready_pipe[2];
    char byte = 0;
    char path[64];
    SET_UP(pipe(ready_pipe) == 0);
    const pid_t child = fork();
    if (child == 0) {
        SET_UP(unshare(CLONE_NEWUTS) == 0 && write(ready_pipe[1], "x", 1) == 1);
        pause();
    }
    SET_UP(read(ready_pipe[0], &byte, 1) == 1);
    snprintf(path, sizeof path, "/proc/%d/ns/uts", child);
    SET_UP(open(path, O_RDONLY) >= 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void watch_link(void) {
    SET_UP(symlink("nowhere", "link") == 0);
    SET_UP(inotify_add_watch(inotify_init(), "link", IN_ATTRIB | IN_DONT_FOLLOW) >= 0);
}

static void open_named_namespace(void) {
    close(new_file("named"));
    SET_UP(mount("/proc/self/ns/uts", "named", "", MS_BIND, NULL) == 0 && open("named", O_RDONLY) >= 0);
}

static void take_name_away(void) { umount2("named", MNT_DETACH); }

static void cover_file(void) {
    SET_UP(mkdir("covered", 0700) == 0);
    new_file("covered/file");
    // Gone with the folder of the trial only if it is taken away again.
    SET_UP(mount("none", "covered", "tmpfs", 0, "size=64k") == 0);
}

static void uncover_file(void) { umount2("covered", MNT_DETACH); }

static int immutable_file;

static void set_flag(int flag) {
    int flags = 0;
    ioctl(immutable_file, FS_IOC_GETFLAGS, &flags);
    flags = flag != 0 ? flags | flag : flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
    if (ioctl(immutable_file, FS_IOC_SETFLAGS, &flags) != 0)
        UNFIT("the file system has no such attributes");
}

static void make_immutable(void) {
    immutable_file = new_file("immutable");
    set_flag(FS_IMMUTABLE_FL);
}

static void make_append_only(void) {
    immutable_file = new_file("appended");
    set_flag(FS_APPEND_FL);
}

static void make_mutable(void) { set_flag(0); }

static void bind_long_name(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memset(name.sun_path, 'p', sizeof name.sun_path);
    SET_UP(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void*)&name, sizeof name) == 0);
}

static void rename_socket(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "before"};
    SET_UP(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void*)&name, sizeof name) == 0 && rename("before", "after") == 0);
}

static void* tell_thread(void* told) {
    int ends[2];
    const struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = own_tid()};
    SET_UP(pipe(ends) == 0 && fcntl(ends[0], F_SETOWN_EX, &owner) == 0);
    pthread_barrier_wait(told);
    while (true)
        pause();
}

static void name_thread(void) {
    static pthread_barrier_t told;
    pthread_t thread;
    pthread_barrier_init(&told, NULL, 2);
    SET_UP(pthread_create(&thread, NULL, tell_thread, &told) == 0);
    pthread_barrier_wait(&told);
}

static const struct {
    const char* name;
    void (*set_up)(void);
    void (*take_away)(void);
} kinds[] = {
    {"sent-timer", send_timer, NULL},
    {"sent-watch", send_watch, NULL},
    {"sent-connection", send_connection, NULL},
    {"urgent-byte", hold_urgent_byte, NULL},
    {"urgent-unix-byte", hold_urgent_byte_of_unix, NULL},
    {"adopted-session", adopt_session, NULL},
    {"open-namespace", open_namespace, NULL},
    {"named-namespace", open_named_namespace, take_name_away},
    {"watched-link", watch_link, NULL},
    {"covered-file", cover_file, uncover_file},
    {"immutable-file", make_immutable, make_mutable},
    {"append-only-file", make_append_only, make_mutable},
    {"long-socket-name", bind_long_name, NULL},
    {"renamed-socket", rename_socket, NULL},
    {"told-thread", name_thread, NULL},
};

int main(int count, char** arguments) {
    SET_UP(count == 2);
    for (size_t i = 0; i < COUNT(kinds); ++i) {
        if (strcmp(kinds[i].name, arguments[1]) != 0)
            continue;
        kinds[i].set_up();
        ready();
        await_go();
        if (kinds[i].take_away != NULL)
            kinds[i].take_away();
        pass();
    }
    FAIL("no such kind");
}
