// SPDX-License-Identifier: Apache-2.0
// Preloaded into cedana by tests: the memory of a lazy restore comes slowly, until the file is there that
// HELD_FILL_UNTIL names: of each few runs of pages that are put in place (UFFDIO_COPY) one waits for it, and not for
// ever, since all threads that fill may be held while the restore itself needs a page. Single pages, which somebody
// waits for, never do.
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <linux/ioctl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace {

constexpr unsigned k_one_of = 2;
// The memory of a test has more than a hundred runs: the file has a minute to come in.
constexpr int k_most_ms = 1000;

std::atomic<unsigned> placed = 0;

void await_file(const std::filesystem::path& file) {
    const int news = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ::inotify_add_watch(news, file.parent_path().c_str(), IN_CREATE | IN_MOVED_TO);
    std::array<char, 4096> events{};
    pollfd ready{.fd = news, .events = POLLIN, .revents = 0};
    while (::access(file.c_str(), F_OK) != 0 && ::poll(&ready, 1, k_most_ms) != 0)
        while (::read(news, events.data(), events.size()) > 0) {}
    ::close(news);
}

void hold(const uffdio_copy& copy) {
    const char* const file = std::getenv("HELD_FILL_UNTIL");
    if (file != nullptr && copy.len > static_cast<unsigned long>(::getpagesize()) && ++placed % k_one_of == 0)
        await_file(file);
}

// As it stands in the environment.
std::string setting(const char* name) {
    const char* const value = std::getenv(name);
    return std::string(name) + "=" + (value != nullptr ? value : "");
}

} // namespace

extern "C" int execvpe(const char* file, char* const argv[], char* const environment[]) noexcept {
    using Exec = int (*)(const char*, char* const*, char* const*);
    const auto next = reinterpret_cast<Exec>(::dlsym(RTLD_NEXT, "execvpe"));
    if (argv[0] == nullptr || argv[1] == nullptr || std::strcmp(argv[1], "--role") != 0)
        return next(file, argv, environment);
    std::string preload = setting("LD_PRELOAD");
    std::string until = setting("HELD_FILL_UNTIL");
    std::vector<char*> more = {preload.data(), until.data()};
    for (; *environment != nullptr; ++environment)
        more.push_back(*environment);
    more.push_back(nullptr);
    return next(file, argv, more.data());
}

// Calls are made through this one in whatever way the kernel's headers declare them.
extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    using Ioctl = int (*)(int, unsigned long, ...);
    static const auto next = reinterpret_cast<Ioctl>(::dlsym(RTLD_NEXT, "ioctl"));
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (request == UFFDIO_COPY)
        hold(*static_cast<const uffdio_copy*>(argument));
    return next(fd, request, argument);
}
