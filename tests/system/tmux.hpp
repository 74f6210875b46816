// SPDX-License-Identifier: Apache-2.0
// A tmux server of a test's own with one window and a shell in it: where people start programs, and look at them. What
// is on its screen is only known by asking again and again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::testing {

class Tmux {
  public:
    // `home`: $HOME in there. Throws Error.
    Tmux(const std::filesystem::path& folder, const std::filesystem::path& home);
    Tmux(const Tmux&) = delete;
    Tmux& operator=(const Tmux&) = delete;
    // Ends the server, and with it whoever has its terminals.
    ~Tmux();

    [[nodiscard]] pid_t server() const;
    // Of the program in the window.
    [[nodiscard]] pid_t pane() const;
    void type(const std::string& text) const;
    // "Enter", "Escape", "C-c"
    void press(const std::string& key) const;
    void run(const std::string& command_line) const;
    // Another window, with this program in place of a shell.
    void open_window(const std::string& command_line) const;

    [[nodiscard]] std::string screen() const;
    // Until the text is on the screen; the screen. Throws Error with what is there instead after k_wait_limit.
    std::string wait_for(const std::string& text) const;

  private:
    std::string ask(std::vector<std::string> arguments) const;

    std::filesystem::path socket_;
    std::filesystem::path home_;
};

} // namespace cedana::testing
