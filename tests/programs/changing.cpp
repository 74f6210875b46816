// SPDX-License-Identifier: Apache-2.0
// A target that changes all the time: each step it appends a number to LOG, and in turn starts or ends a child, opens
// or closes a file, makes or removes one, and gets or gives back memory. Usage: changing LOG
#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>

#include "append_log.hpp"

namespace {

constexpr std::size_t k_most = 4;
constexpr std::size_t k_mib = 1024UL * 1024;

class Children {
  public:
    void change() {
        if (pids_.size() < k_most) {
            const pid_t pid = ::fork();
            if (pid == 0)
                while (true)
                    ::pause();
            pids_.push_back(pid);
            return;
        }
        ::kill(pids_.front(), SIGKILL);
        ::waitpid(pids_.front(), nullptr, 0);
        pids_.erase(pids_.begin());
    }

  private:
    std::vector<pid_t> pids_;
};

class Files {
  public:
    explicit Files(std::string prefix) : prefix_(std::move(prefix)) {}
    void change() {
        const std::string name = prefix_ + std::to_string(++made_ % (2 * k_most));
        if (open_.size() == k_most) {
            ::close(open_.front());
            open_.erase(open_.begin());
        }
        const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || ::write(fd, name.data(), name.size()) < 0)
            std::exit(2);
        open_.push_back(fd);
        // Every other one stays without a name.
        if (made_ % 2 == 0)
            ::unlink(name.c_str());
    }

  private:
    std::string prefix_;
    std::uint64_t made_ = 0;
    std::vector<int> open_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const AppendLog log(argv[1]);
    Children children;
    Files files(std::string(argv[1]) + ".file-");
    std::array<std::vector<std::uint8_t>, k_most> memory;
    for (std::uint64_t number = 1;; ++number) {
        if (number % 32 == 0)
            children.change();
        if (number % 8 == 0)
            files.change();
        auto& block = memory[number % k_most];
        block = std::vector<std::uint8_t>(number % 3 * k_mib, static_cast<std::uint8_t>(number));
        log.line(std::to_string(number));
        pause_for_a_millisecond();
    }
}
