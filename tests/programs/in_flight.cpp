// SPDX-License-Identifier: Apache-2.0
// A target one end of which no process has: it was sent through a pair of sockets (SCM_RIGHTS) and is not received yet.
// "before" was written to the other end. At SIGUSR1 it receives the end, reads what is there, writes "after" and reads
// that; a line of LOG says "ready" and then "right", or what is wrong. Usage: in_flight KIND LOG FIFO, KIND being
// pipe, fifo, stream, datagram or terminal.
#include <array>
#include <csignal>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "append_log.hpp"

namespace {

// What is written to the one is read from the other.
struct Ends {
    int read = -1;
    int write = -1;
};

Ends pair_of_sockets(int type) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, type, 0, pair.data()) != 0)
        std::exit(2);
    return {.read = pair[0], .write = pair[1]};
}

Ends make_ends(const std::string& kind, const char* fifo) {
    Ends ends;
    if (kind == "stream" || kind == "datagram")
        return pair_of_sockets(kind == "stream" ? SOCK_STREAM : SOCK_DGRAM);
    if (kind == "fifo") {
        if (::mkfifo(fifo, 0600) != 0)
            std::exit(2);
        ends.read = ::open(fifo, O_RDONLY | O_NONBLOCK);
        ends.write = ::open(fifo, O_WRONLY);
    } else if (kind == "terminal") {
        termios raw{};
        if (::openpty(&ends.read, &ends.write, nullptr, nullptr, nullptr) != 0 || ::tcgetattr(ends.write, &raw) != 0)
            std::exit(2);
        ::cfmakeraw(&raw);
        ::tcsetattr(ends.write, TCSANOW, &raw);
    } else if (std::array<int, 2> pipe{}; ::pipe(pipe.data()) == 0) {
        ends = {.read = pipe[0], .write = pipe[1]};
    }
    return ends;
}

struct Message {
    Message() {
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    char byte = 'x';
    iovec data{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
};

void put_in_flight(const Ends& way, int fd) {
    Message message;
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    if (::sendmsg(way.write, &message.header, 0) != 1)
        std::exit(2);
    ::close(fd);
}

int receive(const Ends& way) {
    Message message;
    int fd = -1;
    if (::recvmsg(way.read, &message.header, 0) == 1)
        if (const cmsghdr* rights = CMSG_FIRSTHDR(&message.header); rights != nullptr)
            std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

bool write_whole(int fd, const std::string& text) {
    return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Never waits: what is lost is not to be waited for.
bool has_now(int fd, const std::string& text) {
    std::string found(text.size() + 1, '\0');
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    const ssize_t size = ::read(fd, found.data(), found.size());
    return size >= 0 && found.substr(0, static_cast<std::size_t>(size)) == text;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4)
        return 2;
    const AppendLog log(argv[2]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    const Ends ends = make_ends(argv[1], argv[3]);
    if (ends.read < 0 || !write_whole(ends.write, "before"))
        return 2;
    const Ends way = pair_of_sockets(SOCK_STREAM);
    put_in_flight(way, ends.read);
    log.line("ready");
    int number = 0;
    ::sigwait(&signals, &number);
    const int end = receive(way);
    if (end < 0)
        log.broken("the end did not arrive");
    if (!has_now(end, "before"))
        log.broken("what was in it is lost");
    if (!write_whole(ends.write, "after") || !has_now(end, "after"))
        log.broken("the two ends do not belong together any more");
    log.line("right");
    while (true)
        ::pause();
}
