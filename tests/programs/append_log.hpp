// SPDX-License-Identifier: Apache-2.0
// How the target programs tell what they do: whole lines at the end of a file, so that a reader sees every step that
// was lost or done twice, whichever process or thread wrote it.
#pragma once

#include <cstdlib>
#include <ctime>
#include <string>

#include <fcntl.h>
#include <unistd.h>

class AppendLog {
  public:
    explicit AppendLog(const char* path) : fd_(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
        if (fd_ < 0)
            std::exit(2);
    }

    void line(const std::string& text) const {
        const std::string whole = text + "\n";
        if (::write(fd_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()))
            std::exit(2);
    }

    // A program that finds itself wrong says so and ends.
    [[noreturn]] void broken(const std::string& what) const {
        line("broken: " + what);
        std::exit(3);
    }

  private:
    int fd_;
};

inline void pause_for_a_millisecond() {
    timespec left{.tv_sec = 0, .tv_nsec = 1'000'000};
    while (::nanosleep(&left, &left) != 0) {}
}
