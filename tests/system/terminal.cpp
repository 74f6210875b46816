// SPDX-License-Identifier: Apache-2.0
#include "system/terminal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

UniqueFd open_terminal() {
    UniqueFd keyboard(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!keyboard || ::grantpt(keyboard.get()) != 0 || ::unlockpt(keyboard.get()) != 0)
        throw OsFailure().error("cannot open a pseudo-terminal");
    return keyboard;
}

ChildProcess start(const std::vector<std::string>& arguments, const RunOptions& options, const UniqueFd& keyboard) {
    std::array<char, 64> name{};
    ::ptsname_r(keyboard.get(), name.data(), name.size());
    const UniqueFd screen = open_file(name.data(), O_RDWR | O_NOCTTY);
    // setsid(1) stays the same process.
    std::vector<std::string> argv = {"/usr/bin/setsid", "--ctty", cedana_executable()};
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

CedanaOnTerminal::CedanaOnTerminal(const std::vector<std::string>& arguments, const RunOptions& options)
    : keyboard_(open_terminal()), limit_(options.limit), child_(start(arguments, options, keyboard_)) {}

void CedanaOnTerminal::press_ctrl_c() const { write_all(keyboard_.get(), "\x03", "the terminal"); }

CedanaRun CedanaOnTerminal::wait() {
    const auto status = child_.wait_for(limit_);
    if (!status)
        throw Error(Fault::internal, "cedana on a terminal did not end");
    return {.exit_code = status->code().value_or(-1), .out = what_is_shown(keyboard_), .err = {}};
}

} // namespace cedana::testing
