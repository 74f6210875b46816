// SPDX-License-Identifier: Apache-2.0
#include "system/tmux.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "support/wait.hpp"

namespace cedana::testing {

Tmux::Tmux(const std::filesystem::path& folder, const std::filesystem::path& home)
    : socket_(folder / "tmux"), home_(home) {
    ask({"new-session", "-d", "-x", "100", "-y", "30", "PS1='ready> ' exec bash --norc --noprofile"});
    wait_for("ready>");
}

Tmux::~Tmux() {
    try {
        ask({"kill-server"});
    } catch (const std::exception&) {
        // It has ended by itself.
    }
}

pid_t Tmux::server() const { return std::stoi(ask({"display-message", "-p", "#{pid}"})); }

pid_t Tmux::pane() const { return std::stoi(ask({"display-message", "-p", "#{pane_pid}"})); }

void Tmux::type(const std::string& text) const { ask({"send-keys", "-l", text}); }

void Tmux::press(const std::string& key) const { ask({"send-keys", key}); }

void Tmux::run(const std::string& command_line) const {
    type("clear; " + command_line);
    press("Enter");
}

void Tmux::open_window(const std::string& command_line) const { ask({"new-window", command_line}); }

std::string Tmux::screen() const { return ask({"capture-pane", "-p"}); }

std::string Tmux::wait_for(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + k_wait_limit;
    std::string shown;
    while ((shown = screen()).find(text) == std::string::npos) {
        if (std::chrono::steady_clock::now() > deadline)
            throw Error(Fault::internal, fmt::format("waited in vain for '{}' on the screen:\n{}", text, shown));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return shown;
}

std::string Tmux::ask(std::vector<std::string> arguments) const {
    std::vector<std::string> argv = {"/usr/bin/tmux", "-S", socket_, "-f", "/dev/null"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Captured answer = run_captured(
        {.argv = std::move(argv),
         .env = std::vector<std::string>{"HOME=" + home_.string(), "LANG=C", "TERM=screen", "SHELL=/bin/sh",
                                         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
        k_wait_limit);
    if (!answer.status.success())
        throw Error(Fault::internal, fmt::format("tmux {}: {}", answer.status.text(), answer.err));
    return answer.out;
}

} // namespace cedana::testing
