// SPDX-License-Identifier: Apache-2.0
// A target that prepares itself when SIGUSR1 tells it to: it creates the file READY once it listens, and DONE once it
// has been told. Usage: prepares_on_signal READY DONE
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace {

// What the handler touches; a handler can only reach globals.
const char* done_path = nullptr;

void create(const char* path) { ::close(::open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }

void prepare(int) { create(done_path); }

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    done_path = argv[2];
    std::signal(SIGUSR1, prepare);
    create(argv[1]);
    while (true)
        ::pause();
}
