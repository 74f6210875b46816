// SPDX-License-Identifier: Apache-2.0
// A target with a TCP connection and THREADS threads: each number goes to the peer at PORT of this host, which sends it
// back, and is then appended to LOG. Every other thread counts in a variable of its own. A connection that the peer or
// a restore has closed is made anew, and LOG says "reconnected"; any other error of it ends the program. With `removed`
// it keeps a file open whose name it has removed, and which has another one beside LOG: CRIU makes a link to that.
// Usage: connected LOG PORT THREADS MIB [removed]
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "append_log.hpp"
#include "known_memory.hpp"

namespace {

class Peer {
  public:
    Peer(const AppendLog& log, std::uint16_t port) : log_(log), port_(port) { connect(); }

    void exchange(std::uint64_t number) {
        while (!try_exchange(number)) {
            ::close(fd_);
            log_.line("reconnected");
            connect();
        }
    }

  private:
    void connect() {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            log_.broken(std::string("cannot connect: ") + std::strerror(errno));
    }

    // False when the connection is closed.
    bool try_exchange(std::uint64_t number) {
        std::uint64_t answer = 0;
        const ssize_t sent = ::send(fd_, &number, sizeof number, MSG_NOSIGNAL);
        const ssize_t received = sent < 0 ? sent : ::recv(fd_, &answer, sizeof answer, MSG_WAITALL);
        if (received == sizeof answer && answer == number)
            return true;
        const int err = received < 0 ? errno : 0;
        if (received >= 0 && received < static_cast<ssize_t>(sizeof answer))
            return false;
        if (err == ECONNRESET || err == EPIPE || err == ENOTCONN)
            return false;
        log_.broken("the peer sent " + std::to_string(answer) + ": " + std::strerror(err));
    }

    const AppendLog& log_;
    std::uint16_t port_;
    int fd_ = -1;
};

thread_local std::uint64_t own_count = 0;

[[noreturn]] void count(const AppendLog& log) {
    for (std::uint64_t expected = 1;; ++expected) {
        if (++own_count != expected)
            log.broken("a thread has lost its variable");
        pause_for_a_millisecond();
    }
}

void keep_file_without_its_name(const std::string& log) {
    const std::string folder = log.substr(0, log.rfind('/') + 1);
    const int fd = ::open((folder + "removed").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::link((folder + "removed").c_str(), (folder + "kept").c_str()) != 0 ||
        ::unlink((folder + "removed").c_str()) != 0)
        std::exit(2);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5)
        return 2;
    const AppendLog log(argv[1]);
    if (argc > 5)
        keep_file_without_its_name(argv[1]);
    std::vector<std::uint64_t> words(std::stoul(argv[4]) * 1024 * 1024 / sizeof(std::uint64_t));
    const KnownMemory memory(words, 1);
    std::vector<std::thread> threads;
    for (int thread = 1; thread < std::stoi(argv[3]); ++thread)
        threads.emplace_back([&log] { count(log); });
    Peer peer(log, static_cast<std::uint16_t>(std::stoi(argv[2])));
    constexpr std::size_t k_part = 4096;
    std::size_t checked = 0;
    for (std::uint64_t number = 1;; ++number) {
        peer.exchange(number);
        if (!memory.is_right(checked, k_part))
            log.broken("the memory at word " + std::to_string(checked));
        checked = checked + k_part < memory.size() ? checked + k_part : 0;
        log.line(std::to_string(number));
        pause_for_a_millisecond();
    }
}
