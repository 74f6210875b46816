// SPDX-License-Identifier: Apache-2.0
// The first process of a space.
#include "cedana/base/error.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/kernel_time.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/job/reaper.hpp"
#include "cedana/job/space.hpp"
#include "cedana/process/next_pids.hpp"
#include "cedana/roles/terminal.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "space_members.hpp"
#include "space_plans.hpp"

namespace cedana::job {

namespace {

namespace fs = std::filesystem;
using Millis = std::chrono::milliseconds;

// The time in which the host was suspended counts (clock_gettime(2), CLOCK_BOOTTIME).
Millis since_boot() { return std::chrono::duration_cast<Millis>(time_of_clock(CLOCK_BOOTTIME)); }

void insist(bool done, const std::string& what) {
    if (!done)
        throw OsFailure(Fault::environment).error("{}", what);
}

// What cedana leaves in the space stays in the place of the job, so that its next restore finds it. The reaper lies on
// a file system of its own, from which a program may be started: /run is not always one.
// With the pids of the host it has the host's /proc too.
void make_mounts(const fs::path& place, const std::string& mark) {
    insist(!mark.empty() || ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0,
           "cannot mount /proc");
    const fs::path inside = place / "inside";
    make_private_folder(inside, Fault::environment);
    insist(::mount(inside.c_str(), "/run/cedana", nullptr, MS_BIND, nullptr) == 0, "cannot mount /run/cedana");
    make_private_folder(k_reaper_folder, Fault::environment);
    const char* source = mark.empty() ? "cedana-job" : mark.c_str();
    insist(::mount(source, k_reaper_folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0700") == 0,
           "cannot mount a place for the root of the tree");
    const UniqueFd file = open_file(k_reaper, O_WRONLY | O_CREAT | O_EXCL, 0755);
    write_all(file.get(), reaper_program(), k_reaper);
}

ProgramEnd end_of(const siginfo_t& child) {
    return child.si_code == CLD_EXITED ? ProgramEnd{.code = child.si_status} : ProgramEnd{.signal = child.si_status};
}

// Both ends are held for as long as the space lives: neither the end of a supervisor nor a program that closes its
// terminal hangs it up.
struct Terminal {
    UniqueFd master = {};
    UniqueFd slave = {};
};

Terminal make_terminal(uid_t user) {
    Terminal terminal{.master = roles::open_master_beside({})};
    terminal.slave = UniqueFd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    constexpr gid_t k_as_it_is = static_cast<gid_t>(-1);
    insist(terminal.slave && ::fchown(terminal.slave.get(), user, k_as_it_is) == 0, "cannot make a terminal");
    return terminal;
}

class JobInit {
  public:
    explicit JobInit(const SpacePlan& plan) : lease_(plan.lease_ms), renewed_(since_boot()), mark_(plan.mark) {
        insist(mark_.empty() || ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) == 0, "cannot become a subreaper");
        insist(::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0,
               "cannot make a mount namespace");
        const fs::path socket = fs::path(plan.place) / k_space_socket;
        std::error_code ignored;
        fs::remove(socket, ignored);
        listener_ = listen_unix(socket);
        if (plan.has_terminal)
            terminal_ = make_terminal(plan.terminal_of);
        make_mounts(plan.place, mark_);
        if (mark_.empty())
            write_last_pid(last_before_free(plan.numbers, read_pid_max(), k_own_numbers).value_or(read_last_pid()));
        children_ = watch_signals(std::array{SIGCHLD});
        loop_.watch(children_.get(), POLLIN, [this](short) { reap(); });
        loop_.watch(listener_.get(), POLLIN, [this](short) { accept_one(); });
    }

    // Returns when the tree may live no longer.
    void serve() {
        while (!is_to_end_) {
            const Millis left = time_left();
            if (left <= Millis(0) && !freeze_or_end())
                return;
            loop_.run_once(std::max(left, Millis(1)));
        }
    }

    // What no end of a pid namespace ends. Returns when all is reaped: what descends from it is left to it in the end.
    void end_all() const {
        if (mark_.empty())
            return;
        siginfo_t child{};
        do {
            signal_members(mark_, SIGKILL);
            for (const pid_t pid : children_of(::getpid()))
                ::kill(pid, SIGKILL);
        } while (::waitid(P_ALL, 0, &child, WEXITED) == 0);
    }

  private:
    [[nodiscard]] Millis time_left() const {
        const Millis passed = since_boot() - renewed_;
        if (lease_.count() == 0)
            return socket_ ? Millis(60'000) : Millis(k_orphan_limit) - passed;
        return (frozen_ ? lease_ : lease_ / 2) - passed;
    }

    // False: it ends.
    bool freeze_or_end() {
        if (lease_.count() == 0 || frozen_ || word_.root == 0 || word_.ended)
            return false;
        frozen_ = true;
        signal_all(SIGSTOP);
        return true;
    }

    void signal_all(int number) const {
        if (mark_.empty())
            ::kill(-1, number);
        else
            signal_members(mark_, number);
    }

    void renew() {
        renewed_ = since_boot();
        if (std::exchange(frozen_, false))
            signal_all(SIGCONT);
    }

    void reap() {
        signalfd_siginfo info{};
        while (::read(children_.get(), &info, sizeof info) == sizeof info) {}
        siginfo_t child{};
        while (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG) == 0 && child.si_pid != 0) {
            if (child.si_pid == word_.root)
                word_.ended = end_of(child);
            else if (word_.root == 0)
                unclaimed_.insert_or_assign(child.si_pid, end_of(child));
            child.si_pid = 0;
        }
        if (word_.ended)
            tell();
    }

    void accept_one() {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket)
            return;
        if (socket_)
            loop_.unwatch(socket_.get());
        socket_ = std::move(socket);
        pending_.clear();
        taken_.clear();
        if (lease_.count() == 0)
            renewed_ = since_boot();
        for (const UniqueFd* end :
             {&out_.read_end, &err_.read_end, &out_.write_end, &err_.write_end, &terminal_.master, &terminal_.slave})
            if (send_with_fd(socket_.get(), *end ? "+" : "-", end->get()) != 1)
                return drop();
        tell();
        if (socket_)
            loop_.watch(socket_.get(), POLLIN, [this](short) { hear(); });
    }

    void drop() {
        loop_.unwatch(socket_.get());
        socket_.reset();
        if (lease_.count() == 0)
            renewed_ = since_boot();
    }

    void tell() {
        if (!socket_)
            return;
        nlohmann::json json = {
            {"root", word_.root}, {"program", word_.program}, {"failed", word_.failed}, {"fault", word_.fault}};
        if (word_.ended)
            json["ended"] = *word_.ended;
        const std::string line = word_line(json);
        if (send_with_fd(socket_.get(), line, -1) != static_cast<ssize_t>(line.size()))
            drop();
    }

    void hear() {
        std::array<char, 65536> buffer;
        UniqueFd taken;
        const ssize_t count = receive_with_fd(socket_.get(), buffer, taken, 0);
        if (count <= 0)
            return drop();
        if (taken)
            taken_.push_back(std::move(taken));
        pending_.append(buffer.data(), static_cast<std::size_t>(count));
        hear_words(pending_, [this](const nlohmann::json& word) { obey(word); });
    }

    void obey(const nlohmann::json& word) {
        const std::string what = word.at("do");
        if (what == "renew")
            renew();
        else if (what == "signal" && program_)
            send_signal(program_, word.at("number"));
        else if (what == "begin")
            begin(word.at("root"), word.at("program"));
        else if (what == "start")
            start(word.at("program").get<Program>());
        else if (what == "run")
            run(word.at("plan").get<EnterPlan>());
        else if (what == "end")
            is_to_end_ = true;
    }

    // Its descriptors are places among those that were taken. Who waits for the outcome sees that nobody holds it.
    void run(EnterPlan plan) {
        try {
            SpawnRequest request{.argv = {}, .session = Session::own};
            for (auto& [fd, number] : plan.fds)
                fd = roles::pass(request, taken_.at(static_cast<std::size_t>(fd)));
            plan.outcome = roles::pass(request, taken_.at(static_cast<std::size_t>(plan.outcome)));
            roles::start_role(k_enter_role, plan, std::move(request)).detach();
        } catch (const Error&) {}
        taken_.clear();
    }

    void begin(pid_t root, pid_t program) {
        word_.root = root;
        word_.program = program;
        if (auto pidfd = open_pidfd(program))
            program_ = std::move(*pidfd);
        out_.write_end.reset();
        err_.write_end.reset();
        // It may have ended before it was known.
        if (const auto end = unclaimed_.find(root); end != unclaimed_.end())
            word_.ended = end->second;
        unclaimed_.clear();
        tell();
    }

    void start(const Program& program) {
        Pipe outcome = make_pipe();
        SpawnRequest request{.argv = {}, .session = Session::own};
        const std::array<int, 3> others = {-1, out_.write_end.get(), err_.write_end.get()};
        for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            if (const auto at = static_cast<std::size_t>(number); program.on_terminal[at] || others[at] >= 0)
                request.fds.emplace_back(program.on_terminal[at] ? terminal_.slave.get() : others[at], number);
        const StarterPlan plan{.program = program, .outcome = roles::pass(request, outcome.write_end)};
        ChildProcess starter = roles::start_role(k_starter_role, plan, std::move(request));
        outcome.write_end.reset();
        const pid_t root = starter.pid();
        starter.detach();
        const std::string said = read_all(outcome.read_end.get(), "what the start of a program said", 1U << 20U);
        std::int64_t pid = 0;
        if (parse_number(said, pid))
            return begin(root, static_cast<pid_t>(pid));
        const std::size_t space = said.find(' ');
        std::int64_t fault = 0;
        word_.fault = parse_number(said.substr(0, space), fault) ? static_cast<int>(fault) : 1;
        word_.failed = space == std::string::npos ? "the program could not be started" : said.substr(space + 1);
        tell();
    }

    Millis lease_;
    Millis renewed_;
    bool frozen_ = false;
    bool is_to_end_ = false;
    // Of a space that has the pids of its host.
    std::string mark_;
    Pipe out_ = make_pipe();
    Pipe err_ = make_pipe();
    Terminal terminal_;
    UniqueFd listener_;
    UniqueFd children_;
    UniqueFd socket_;
    UniqueFd program_;
    std::string pending_;
    SpaceWord word_;
    // Descriptors for the next command that is run in here.
    std::vector<UniqueFd> taken_;
    // Children that ended before it was known which one is the root.
    std::map<pid_t, ProgramEnd> unclaimed_;
    EventLoop loop_;
};

} // namespace

int run_job(const nlohmann::json& json) {
    const auto plan = json.get<SpacePlan>();
    UniqueFd ready(plan.ready);
    JobInit init(plan);
    const char any = 0;
    if (::write(ready.get(), &any, 1) != 1)
        return roles::k_role_failed;
    ready.reset();
    roles::close_log();
    init.serve();
    init.end_all();
    return 0;
}

} // namespace cedana::job
