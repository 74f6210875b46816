// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/space.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/process/procfs.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "space_members.hpp"
#include "space_plans.hpp"

namespace cedana::job {

namespace {

// The first process of a space answers at once.
constexpr timeval k_answer_limit{.tv_sec = 10, .tv_usec = 0};
// Of one with the host's pids, until it has ended its tree.
constexpr std::chrono::seconds k_end_limit{5};

namespace fs = std::filesystem;

// In a job's place: the mark of its processes, if they have the pids of the host.
constexpr const char* k_mark_file = "mark";

std::string read_mark(const fs::path& place) {
    std::error_code ignored;
    return fs::exists(place / k_mark_file, ignored) ? std::string(trim(read_file(place / k_mark_file))) : "";
}

void forget_mark(const fs::path& place) {
    std::error_code ignored;
    fs::remove(place / k_mark_file, ignored);
}

pid_t peer_of(const UniqueFd& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        throw OsFailure().error("cannot ask who made the space of the job");
    return peer.pid;
}

} // namespace

int SpaceCommand::wait() {
    if (child_)
        return child_->wait().shell_code();
    std::int64_t code = 0;
    constexpr int k_killed = 128 + SIGKILL;
    return parse_number(read_all(outcome_.get(), "how a command in the space ended", 64), code) ? static_cast<int>(code)
                                                                                                : k_killed;
}

Space Space::make(const SpaceRequest& request) {
    const std::string mark = request.pids == SpacePids::of_host ? new_space_mark() : "";
    if (!mark.empty())
        replace_file(request.place / k_mark_file, mark + "\n");
    const Pipe log = make_pipe();
    Pipe ready = make_pipe();
    SpawnRequest role{.argv = {}, .fds = {{log.write_end.get(), STDERR_FILENO}}, .session = Session::own};
    const SpacePlan plan{.place = request.place.string(),
                         .numbers = request.numbers,
                         .lease_ms = request.lease.count(),
                         .has_terminal = request.terminal_of.has_value(),
                         .terminal_of = request.terminal_of.value_or(0),
                         .mark = mark,
                         .ready = roles::pass(role, ready.write_end)};
    ChildProcess space = roles::start_role(k_space_role, plan, std::move(role));
    ready.write_end.reset();
    char any = 0;
    ssize_t count = 0;
    do
        count = ::read(ready.read_end.get(), &any, 1);
    while (count < 0 && errno == EINTR);
    space.wait();
    if (count == 1)
        if (auto made = find(request.place))
            return std::move(*made);
    std::array<char, 4096> said{};
    ::fcntl(log.read_end.get(), F_SETFL, O_NONBLOCK);
    const ssize_t length = ::read(log.read_end.get(), said.data(), said.size());
    throw Error(Fault::environment, "cannot make the namespaces of the job")
        .cause(std::string(trim(std::string_view(said.data(), length > 0 ? static_cast<std::size_t>(length) : 0))))
        .hint(mark.empty() ? "where there can be no pid namespace, --no-pidns runs it with the pids of this host" : "");
}

std::optional<Space> Space::find(const std::filesystem::path& place) {
    Space space;
    space.mark_ = read_mark(place);
    space.place_ = place;
    try {
        space.socket_ = connect_unix(place / k_space_socket);
    } catch (const Error&) {
        if (!space.mark_.empty())
            end_members(space.mark_);
        forget_mark(place);
        return std::nullopt;
    }
    ::setsockopt(space.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &k_answer_limit, sizeof k_answer_limit);
    space.init_ = peer_of(space.socket_);
    auto pidfd = open_pidfd(space.init_);
    if (!pidfd)
        return std::nullopt;
    space.pidfd_ = std::move(*pidfd);
    space.take_ends();
    return space;
}

void Space::take_ends() {
    for (UniqueFd* end : {&output_, &error_, &near_output_, &near_error_, &terminal_, &near_terminal_}) {
        char any = 0;
        if (receive_with_fd(socket_.get(), std::span(&any, 1), *end, 0) != 1)
            throw OsFailure(Fault::environment).error("the space of the job does not answer");
    }
}

bool Space::read(SpaceWord& word) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0)
        return false;
    pending_.append(buffer.data(), static_cast<std::size_t>(count));
    hear_words(pending_, [&](const nlohmann::json& json) {
        word = {.root = json.at("root"),
                .program = json.at("program"),
                .failed = json.at("failed"),
                .fault = json.at("fault")};
        if (json.contains("ended"))
            word.ended = json.at("ended").get<ProgramEnd>();
    });
    return true;
}

void Space::send(const nlohmann::json& word) {
    const std::string line = word_line(word);
    std::string_view left = line;
    while (!left.empty()) {
        const ssize_t count = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        // It has ended: that shows where its words are read.
        if (count <= 0)
            return;
        left.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::vector<pid_t> Space::members() const {
    if (!mark_.empty())
        return pids_of_members(mark_);
    const Procfs procfs;
    std::vector<pid_t> pids = procfs.pids();
    const auto own = procfs.link(init_, "ns/pid");
    std::erase_if(pids, [&](pid_t pid) { return !own || procfs.link(pid, "ns/pid") != own; });
    return pids;
}

// Of the links of a process the one that it loses before it waits for the others of its pid namespace (kernel/exit.c,
// do_exit(): exit_task_namespaces(), and then exit_notify()).
bool Space::is_ending() const {
    std::error_code error;
    static_cast<void>(fs::read_symlink(fmt::format("/proc/{}/ns/mnt", init_), error));
    return static_cast<bool>(error) || ends_within(pidfd_, std::chrono::milliseconds(0));
}

void Space::start(const Program& program) {
    near_output_.reset();
    near_error_.reset();
    near_terminal_.reset();
    send({{"do", "start"}, {"program", program}});
}

void Space::begin(pid_t root, pid_t program) {
    near_output_.reset();
    near_error_.reset();
    near_terminal_.reset();
    send({{"do", "begin"}, {"root", root}, {"program", program}});
}

void Space::signal(int number) { send({{"do", "signal"}, {"number", number}}); }

void Space::renew() { send({{"do", "renew"}}); }

void Space::end() {
    if (!mark_.empty())
        send({{"do", "end"}});
    // Its pids are free for the next one when it has reaped all.
    if (mark_.empty() || !ends_within(pidfd_, k_end_limit))
        send_signal(pidfd_, SIGKILL);
    // The kernel ends all others of a pid namespace before it (kernel/pid_namespace.c, zap_pid_ns_processes()).
    static_cast<void>(ends_within(pidfd_, std::chrono::milliseconds(-1)));
    if (!mark_.empty())
        end_members(mark_);
    forget_mark(place_);
}

SpaceCommand Space::run(SpawnRequest request, Ends ends) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    if (ends == Ends::given) {
        request.fds.emplace_back(near_terminal_ ? near_terminal_.get() : null.get(), k_given_ends);
        request.fds.emplace_back(near_output_.get(), k_given_ends + 1);
        request.fds.emplace_back(near_error_.get(), k_given_ends + 2);
    }
    return mark_.empty() ? enter(request) : have_run(request);
}

SpaceCommand Space::enter(const SpawnRequest& request) const {
    const UniqueFd pids = open_file(fmt::format("/proc/{}/ns/pid", init_), O_RDONLY);
    const UniqueFd mounts = open_file(fmt::format("/proc/{}/ns/mnt", init_), O_RDONLY);
    if (ends_within(pidfd_, std::chrono::milliseconds(0)))
        throw Error(Fault::process_lost, "the namespaces of the job have ended");
    SpawnRequest role{.argv = {}, .fds = {}, .session = Session::own};
    EnterPlan plan{.argv = request.argv, .env = request.env.value_or(std::vector<std::string>{}), .cwd = request.cwd};
    for (const auto& [fd, number] : request.fds)
        plan.fds.emplace_back(roles::pass(role, fd), number);
    plan.pids = roles::pass(role, pids);
    plan.mounts = roles::pass(role, mounts);
    return SpaceCommand(roles::start_role(k_enter_role, plan, std::move(role)));
}

// Its first process starts the role. If that has ended, nobody holds the outcome.
SpaceCommand Space::have_run(const SpawnRequest& request) {
    Pipe outcome = make_pipe();
    int lent = 0;
    const auto lend = [&](int fd) {
        static_cast<void>(send_with_fd(socket_.get(), word_line({{"do", "take"}}), fd));
        return lent++;
    };
    EnterPlan plan{.argv = request.argv, .env = request.env.value_or(std::vector<std::string>{}), .cwd = request.cwd};
    for (const auto& [fd, number] : request.fds)
        plan.fds.emplace_back(lend(fd), number);
    plan.outcome = lend(outcome.write_end.get());
    send({{"do", "run"}, {"plan", plan}});
    return SpaceCommand(std::move(outcome.read_end));
}

} // namespace cedana::job
