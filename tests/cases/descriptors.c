// SPDX-License-Identifier: Apache-2.0
// What is set of descriptors of many kinds.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "case.h"

enum { PIPE_SIZE = 256 << 10 };

static int pipe_ends[2];
static int async_pipe[2];
static int counter;
static int waiting;
static int signals;
static int nameless;
static int by_path;
static int removed_fifo;
static int removed_folder;
static int appended;

static void set_up_pipes(void) {
    SET_UP(pipe2(pipe_ends, O_NONBLOCK) == 0 && fcntl(pipe_ends[1], F_SETPIPE_SZ, PIPE_SIZE) == PIPE_SIZE);
    SET_UP(pipe(async_pipe) == 0 && fcntl(async_pipe[0], F_SETOWN, getpid()) == 0);
    SET_UP(fcntl(async_pipe[0], F_SETSIG, SIGRTMIN + 4) == 0 && fcntl(async_pipe[0], F_SETFL, O_ASYNC) == 0);
    SET_UP(mkfifo("fifo", 0600) == 0);
    removed_fifo = open("fifo", O_RDWR);
    SET_UP(removed_fifo >= 0 && write(removed_fifo, "f", 1) == 1 && unlink("fifo") == 0);
}

static void look_at_pipes(void) {
    char byte = 0;
    LOOK(fcntl(pipe_ends[0], F_GETPIPE_SZ) == PIPE_SIZE, "the pipe has room for %d", fcntl(pipe_ends[0], F_GETPIPE_SZ));
    LOOK((fcntl(pipe_ends[0], F_GETFL) & O_NONBLOCK) != 0, "the pipe waits");
    LOOK(fcntl(async_pipe[0], F_GETOWN) == getpid(), "F_SETOWN: %d", fcntl(async_pipe[0], F_GETOWN));
    LOOK(fcntl(async_pipe[0], F_GETSIG) == SIGRTMIN + 4, "F_SETSIG: %d", fcntl(async_pipe[0], F_GETSIG));
    LOOK((fcntl(async_pipe[0], F_GETFL) & O_ASYNC) != 0, "O_ASYNC");
    LOOK(read(removed_fifo, &byte, 1) == 1 && byte == 'f', "the removed FIFO");
}

static void set_up_events(void) {
    sigset_t set;
    struct epoll_event once = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 0x123456789abcdefULL};
    struct epoll_event event;
    counter = eventfd(3, EFD_NONBLOCK);
    waiting = epoll_create1(0);
    SET_UP(epoll_ctl(waiting, EPOLL_CTL_ADD, counter, &once) == 0 && epoll_wait(waiting, &event, 1, 0) == 1);
    once.data.u64 = 77;
    once.events = EPOLLIN | EPOLLET;
    SET_UP(epoll_ctl(waiting, EPOLL_CTL_ADD, pipe_ends[0], &once) == 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_NONBLOCK);
    SET_UP(signals >= 0 && kill(getpid(), SIGUSR1) == 0);
}

static void look_at_events(void) {
    uint64_t value = 0;
    struct epoll_event event = {0};
    struct signalfd_siginfo info = {0};
    LOOK(epoll_wait(waiting, &event, 1, 0) == 0, "what epoll had told once is told again");
    LOOK(write(pipe_ends[1], "x", 1) == 1 && epoll_wait(waiting, &event, 1, LIMIT_SECONDS * 1000) == 1 &&
             event.data.u64 == 77,
         "epoll: %llx", (unsigned long long)event.data.u64);
    LOOK(read(counter, &value, sizeof value) == sizeof value && value == 3, "the eventfd gives %llu",
         (unsigned long long)value);
    LOOK(read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1, "the signalfd");
}

static void set_up_files(void) {
    nameless = open(".", O_RDWR | O_TMPFILE, 0600);
    SET_UP(nameless >= 0 && write(nameless, "nameless", 8) == 8);
    close(new_file("named"));
    by_path = open("named", O_PATH);
    appended = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    SET_UP(by_path >= 0 && appended >= 0 && write(appended, "12", 2) == 2);
    SET_UP(mkdir("gone", 0700) == 0);
    removed_folder = open("gone", O_RDONLY | O_DIRECTORY);
    SET_UP(removed_folder >= 0 && chdir("gone") == 0 && rmdir("../gone") == 0);
}

static void look_at_files(void) {
    char bytes[8] = "";
    char path[256] = "";
    struct stat info;
    LOOK(pread(nameless, bytes, 8, 0) == 8 && memcmp(bytes, "nameless", 8) == 0, "the file without a name");
    LOOK((fcntl(by_path, F_GETFL) & O_PATH) != 0 && fstat(by_path, &info) == 0, "O_PATH");
    LOOK(write(appended, "3", 1) == 1 && lseek(appended, 0, SEEK_END) == 3, "O_APPEND");
    LOOK(fstat(removed_folder, &info) == 0 && S_ISDIR(info.st_mode) && info.st_nlink == 0,
         "the removed folder has a name");
    LOOK(getcwd(path, sizeof path) == NULL && errno == ENOENT, "the present folder is %s", path);
}

int main(void) {
    set_up_pipes();
    set_up_events();
    set_up_files();
    ready();
    await_go();
    look_at_pipes();
    look_at_events();
    look_at_files();
    pass_if_right();
}
