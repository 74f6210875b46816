// SPDX-License-Identifier: Apache-2.0
#include "system/terminal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/procfs.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {

namespace {

UniqueFd open_terminal() {
    UniqueFd keyboard(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!keyboard || ::grantpt(keyboard.get()) != 0 || ::unlockpt(keyboard.get()) != 0)
        throw OsFailure().error("cannot open a pseudo-terminal");
    return keyboard;
}

ChildProcess start(const std::vector<std::string>& arguments, const RunOptions& options, By by,
                   const UniqueFd& keyboard) {
    std::array<char, 64> name{};
    ::ptsname_r(keyboard.get(), name.data(), name.size());
    const UniqueFd screen = open_file(name.data(), O_RDWR | O_NOCTTY);
    // setsid(1) stays the same process.
    std::vector<std::string> argv = {"/usr/bin/setsid", "--ctty"};
    for (const std::string& word : split(command_by(by, options), ' '))
        argv.push_back(word);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return ChildProcess::spawn({.argv = std::move(argv),
                                .fds = {{screen.get(), 0}, {screen.get(), 1}, {screen.get(), 2}},
                                .cwd = options.cwd,
                                .env = std::vector<std::string>{"HOME=" + options.home.string(), "TERM=dumb"}});
}

// Until everybody has closed the other side (EIO), or there is nothing now.
std::string what_is_shown(const UniqueFd& keyboard) {
    std::string shown;
    std::array<char, 4096> part;
    ::fcntl(keyboard.get(), F_SETFL, O_NONBLOCK);
    for (ssize_t count = 0; (count = ::read(keyboard.get(), part.data(), part.size())) > 0;)
        shown.append(part.data(), static_cast<std::size_t>(count));
    return shown;
}

} // namespace

std::string name_of(By by) { return by == By::root ? "root" : "sudo"; }

void require_sudo_with_own_terminals() {
    require_program("/usr/bin/sudo", "sudo");
    if (::testing::Test::IsSkipped() || ::testing::Test::HasFatalFailure())
        return;
    const Captured told = run_captured({.argv = {"/usr/bin/sudo", "-n", "-l"}}, k_wait_limit);
    if (!told.status.success() || told.out.find("use_pty") == std::string::npos)
        cannot_run("sudo gives no command a terminal of its own: put \"Defaults use_pty\" into /etc/sudoers");
}

std::string command_by(By by, const RunOptions& options, const std::string& settings) {
    const std::string cedana = cedana_executable().string();
    if (by == By::root)
        return settings.empty() ? cedana : settings + " " + cedana;
    // sudo's root has another home, where nothing is to be made.
    const auto config = options.home / "config.json";
    write_text(config, "{}\n");
    return "/usr/bin/sudo -n CEDANA_CONFIG=" + config.string() + " " + (settings.empty() ? "" : settings + " ") +
           cedana;
}

CedanaOnTerminal::CedanaOnTerminal(const std::vector<std::string>& arguments, const RunOptions& options, By by)
    : keyboard_(open_terminal()), limit_(options.limit), by_(by), child_(start(arguments, options, by, keyboard_)) {}

pid_t CedanaOnTerminal::pid() const {
    const auto program = cedana_executable();
    const Procfs procfs;
    const auto deadline = std::chrono::steady_clock::now() + limit_;
    // Nothing tells when a process that is not one's own child starts a program.
    while (is_running(child_.pid()) && std::chrono::steady_clock::now() < deadline) {
        // From sudo down: cedana has children of its own soon.
        for (std::optional<pid_t> pid = child_.pid(); pid;) {
            if (procfs.executable(*pid) == program)
                return *pid;
            const auto children = procfs.children(*pid);
            pid = children && !children->empty() ? std::optional(children->front()) : std::nullopt;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw Error(Fault::internal, "cedana was not started on the terminal");
}

void CedanaOnTerminal::press_ctrl_c() const { write_all(keyboard_.get(), "\x03", "the terminal"); }

void CedanaOnTerminal::type(const std::string& keys) const { write_all(keyboard_.get(), keys, "the terminal"); }

void CedanaOnTerminal::resize(unsigned short rows, unsigned short columns) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(keyboard_.get(), TIOCSWINSZ, &size);
}

bool CedanaOnTerminal::takes_lines() const {
    termios settings{};
    return ::tcgetattr(keyboard_.get(), &settings) == 0 && (settings.c_lflag & ICANON) != 0;
}

void CedanaOnTerminal::wait_until_shown(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + limit_;
    while ((shown_ += what_is_shown(keyboard_)).find(text) == std::string::npos) {
        pollfd entry{.fd = keyboard_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, 100) < 0 || std::chrono::steady_clock::now() >= deadline)
            throw Error(Fault::internal, "the terminal does not show " + text);
    }
}

CedanaRun CedanaOnTerminal::wait() {
    const auto status = child_.wait_for(limit_);
    if (!status)
        throw Error(Fault::internal, "cedana on a terminal did not end");
    return {.exit_code = status->code().value_or(-1), .out = shown_ + what_is_shown(keyboard_), .err = {}};
}

} // namespace cedana::testing
