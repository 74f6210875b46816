// SPDX-License-Identifier: Apache-2.0
// A target that prepares itself when SIGUSR1 tells it to: it creates the file READY once it listens, and DONE once it
// has been told. With FOLDER it forks before that, and creates the file FOLDER/PID.child for the child, which ends with
// it. Usage: prepares_on_signal READY DONE [FOLDER]
#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

// What the handler touches; a handler can only reach globals.
const char* done_path = nullptr;
std::string folder;

void create(const char* path) { ::close(::open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }

void prepare(int) {
    if (!folder.empty()) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (true)
                ::pause();
        }
        create((folder + "/" + std::to_string(child) + ".child").c_str());
    }
    create(done_path);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4)
        return 2;
    done_path = argv[2];
    if (argc == 4)
        folder = argv[3];
    std::signal(SIGUSR1, prepare);
    create(argv[1]);
    while (true)
        ::pause();
}
